//! A watched folder as it is written: a path alone, or a table that also says what becomes of removed files' sessions.

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Folder {
    pub path: PathBuf,
    pub on_removed: OnRemoved,
}

/// What becomes of the sessions of a file that is removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum OnRemoved {
    #[default]
    Keep,
    /// They are deleted, unless another file tells of them.
    Delete,
}

impl TryFrom<String> for OnRemoved {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "keep" => Ok(Self::Keep),
            "delete" => Ok(Self::Delete),
            _ => Err(format!("\"{text}\" is not what can become of sessions; use \"keep\" or \"delete\"")),
        }
    }
}

impl From<PathBuf> for Folder {
    fn from(path: PathBuf) -> Self {
        Self { path, on_removed: OnRemoved::default() }
    }
}

impl Serialize for Folder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.on_removed == OnRemoved::default() {
            return self.path.serialize(serializer);
        }
        let mut table = serializer.serialize_struct("Folder", 2)?;
        table.serialize_field("path", &self.path)?;
        table.serialize_field("on_removed", &self.on_removed)?;
        table.end()
    }
}

impl<'de> Deserialize<'de> for Folder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            path: PathBuf,
            #[serde(default)]
            on_removed: OnRemoved,
        }

        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Folder;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a path, or a table with a path")
            }

            fn visit_str<E>(self, path: &str) -> Result<Folder, E> {
                Ok(PathBuf::from(path).into())
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Folder, A::Error> {
                let Table { path, on_removed } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Folder { path, on_removed })
            }
        }
        deserializer.deserialize_any(Either)
    }
}
