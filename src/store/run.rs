//! Notices that this memory is not the one that was used last, and until when somebody is awake.

use crate::crash;
use crate::owner;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// After so long without a comparison, much may have happened elsewhere.
const LONG_SLEEP: SignedDuration = SignedDuration::from_hours(24);

/// The token of the last run, as the database has it, and as it lies beside the database. A copy that was put back has an
/// older one.
#[derive(Debug, PartialEq)]
pub struct Tokens {
    inside: Option<String>,
    beside: Option<String>,
}

impl Tokens {
    pub fn read(connection: &Connection, state_dir: &Path) -> rusqlite::Result<Self> {
        let inside = connection.query_row("SELECT token FROM run", [], |row| row.get(0)).optional()?;
        // What cannot be read is as good as none.
        let beside = std::fs::read_to_string(file(state_dir)).ok();
        Ok(Self { inside, beside })
    }

    /// Whether the database is not the one that was used last.
    pub fn differ(&self) -> bool {
        self.inside != self.beside
    }
}

/// Begins a run: first in the database, then, when that is durable, beside it with [`publish`]. Whatever stops in between
/// looks like a restored backup, and costs a look at the server.
pub fn begin(connection: &Connection, token: &str) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM run", [])?;
    connection.execute("INSERT INTO run (token) VALUES (?1)", [token])?;
    Ok(())
}

pub fn publish(state_dir: &Path, token: &str) -> io::Result<()> {
    let (path, draft) = (file(state_dir), state_dir.join("run.draft"));
    owner::create_anew(&draft)?.write_all(token.as_bytes())?;
    crash::point("start.drafted");
    std::fs::rename(draft, path)
}

/// Whether a run was ever begun with this state directory, whatever became of the database.
pub fn was_any(state_dir: &Path) -> bool {
    file(state_dir).exists()
}

fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("run")
}

/// When whoever compares next, after a pause, is surely about, unless the machine or the process is asleep.
pub fn awake_until(now: Timestamp, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    now.saturating_add(LONG_SLEEP.max(pause.saturating_mul(2))).unwrap_or(Timestamp::MAX)
}
