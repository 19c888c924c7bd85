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
    /// What becomes of a file whose sessions are all delivered.
    pub on_done: Afterwards,
    /// What becomes of a file that is rejected.
    pub on_rejected: Afterwards,
    /// IANA name for the local times of its files.
    pub timezone: Option<String>,
    /// What only its files tell is not sent.
    pub skip: bool,
    /// How its new files are noticed.
    pub watch: Watching,
    /// A file, by its path below the folder, without which the folder counts as away: its disk is not mounted.
    pub sentinel: Option<PathBuf>,
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

/// How new files of a folder are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Watching {
    /// By events, and by polling where events do not tell everything.
    #[default]
    Auto,
    /// By events, and the scans of every folder.
    Events,
    /// By scans that come often.
    Polling,
}

impl TryFrom<String> for Watching {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "events" => Ok(Self::Events),
            "polling" => Ok(Self::Polling),
            _ => Err(format!("\"{text}\" is no way to watch; use \"auto\", \"events\" or \"polling\"")),
        }
    }
}

/// What becomes of a file that is done with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub enum Afterwards {
    /// It stays where it is.
    #[default]
    Leave,
    /// It is moved into a folder for such files, inside the watched one.
    Move,
}

impl TryFrom<String> for Afterwards {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "leave" => Ok(Self::Leave),
            "move" => Ok(Self::Move),
            _ => Err(format!("\"{text}\" is not what can become of files; use \"leave\" or \"move\"")),
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
        let Self { path, on_removed, on_done, on_rejected, timezone, skip, watch, sentinel } = self;
        if *self == Self::from(path.clone()) {
            return path.serialize(serializer);
        }
        let mut table = serializer.serialize_struct("Folder", 8)?;
        table.serialize_field("path", path)?;
        table.serialize_field("on_removed", on_removed)?;
        table.serialize_field("on_done", on_done)?;
        table.serialize_field("on_rejected", on_rejected)?;
        if let Some(timezone) = timezone {
            table.serialize_field("timezone", timezone)?;
        }
        table.serialize_field("skip", skip)?;
        table.serialize_field("watch", watch)?;
        if let Some(sentinel) = sentinel {
            table.serialize_field("sentinel", sentinel)?;
        }
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
            #[serde(default)]
            on_done: Afterwards,
            #[serde(default)]
            on_rejected: Afterwards,
            timezone: Option<String>,
            #[serde(default)]
            skip: bool,
            #[serde(default)]
            watch: Watching,
            sentinel: Option<PathBuf>,
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
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                let Table { path, on_removed, on_done, on_rejected, timezone, skip, watch, sentinel } = table;
                Ok(Folder { path, on_removed, on_done, on_rejected, timezone, skip, watch, sentinel })
            }
        }
        deserializer.deserialize_any(Either)
    }
}
