//! A watched folder as it is written: a path alone, or a table that also says what is special about it.

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
    /// IANA name for the local times of its files.
    pub timezone: Option<String>,
    /// What only its files tell is not sent.
    pub skip: bool,
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
        Self { path, ..Self::default() }
    }
}

impl Serialize for Folder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { path, on_removed, timezone, skip } = self;
        if *self == Self::from(path.clone()) {
            return path.serialize(serializer);
        }
        let mut table = serializer.serialize_struct("Folder", 4)?;
        table.serialize_field("path", path)?;
        table.serialize_field("on_removed", on_removed)?;
        if let Some(timezone) = timezone {
            table.serialize_field("timezone", timezone)?;
        }
        table.serialize_field("skip", skip)?;
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
            timezone: Option<String>,
            #[serde(default)]
            skip: bool,
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
                let Table { path, on_removed, timezone, skip } = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Folder { path, on_removed, timezone, skip })
            }
        }
        deserializer.deserialize_any(Either)
    }
}
