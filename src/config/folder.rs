//! A watched folder as it is written: a path alone, or a table that also says what is special about it.

use super::declare::{Kind, Setting, settings, words};
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::path::PathBuf;

settings! {
    /// A watched folder. What serde makes is for the table; the path alone is added below.
    #[serde(remote = "Self")]
    pub struct Folder like "folders = [
  \"/srv/workouts\",
  { path = \"/mnt/nas/workouts\", sentinel = \".here\", on_done = \"move\" },
]" {
        /// Where it is. It may be a link itself; links below it are not followed.
        path: PathBuf, like("\"/srv/workouts\"");

        /// What becomes of the sessions of a file that is removed, also before this was set. See `watch.removed_grace` and what
        /// follows it.
        on_removed: OnRemoved;

        /// What becomes of a file whose workouts are all delivered. Moved, it goes to `done/2026-12` (the month of the move)
        /// inside the folder, and is a file of the folder as before; nothing is replaced. Workouts that your rules skip keep
        /// no file back, unless it has no others.
        on_done: Afterwards;

        /// What becomes of a file that cannot be read. Moved, it goes to `rejected/2026-12`.
        on_rejected: Afterwards;

        /// For the local times in its files.
        timezone: Option<String>, unit("time zone"), like("\"America/New_York\"");

        /// Workouts that only its files tell of are remembered, but not sent.
        skip: bool;

        /// How its new files are noticed.
        watch: Watching;

        /// A file, by its path below the folder, without which the folder counts as away: its disk is not mounted.
        sentinel: Option<PathBuf>, like("\".here\"");
    }
}

words! {
    /// What becomes of the sessions of a file that is removed.
    pub enum OnRemoved = Keep {
        /// they stay
        Keep = "keep",
        /// they are deleted, unless another file tells of them
        Delete = "delete",
    }

    /// How new files of a folder are noticed.
    pub enum Watching = Auto {
        /// by events, and by polling where events do not tell everything, as on network shares
        Auto = "auto",
        /// by events, and the scans of every folder
        Events = "events",
        /// by scans that come often
        Polling = "polling",
    }

    /// What becomes of a file that is done with.
    pub enum Afterwards = Leave {
        /// it stays where it is
        Leave = "leave",
        /// it is moved into a folder for such files, inside the watched one
        Move = "move",
    }
}

impl Setting for Vec<Folder> {
    const KIND: Kind = Kind::Tables(Folder::TABLE);
}

impl From<PathBuf> for Folder {
    fn from(path: PathBuf) -> Self {
        Self { path, ..Self::default() }
    }
}

impl Serialize for Folder {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::from(self.path.clone()) {
            return self.path.serialize(serializer);
        }
        Self::serialize(self, serializer)
    }
}

impl<'de> Deserialize<'de> for Folder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
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
                // The one that serde made, for tables.
                Folder::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
