//! All SQL of the daemon's memory, `outbox.db`: what was seen, what should be on the server, and what is known to be there.
//!
//! Functions that take a connection run inside one transaction of the writer, so that what belongs together is written
//! together: that a file was seen, and that its sessions are queued.

pub mod absent;
pub mod accounts;
pub mod attempts;
pub mod disks;
pub mod files;
pub mod folders;
pub mod halts;
pub mod listing;
pub mod members;
pub mod mirror;
pub mod moves;
pub mod outbox;
pub mod records;
pub mod run;
pub mod sessions;
pub mod story;
pub mod superseded;
pub mod waiting;

use crate::events;
use crate::sqlite::{self, OpenError, Schema, Writer};
use jiff::Timestamp;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

pub use crate::sqlite::Error;
pub use accounts::Account;
pub use files::{Stamp, Verdict};

const SCHEMA: Schema = Schema {
    application_id: 0x6666_6f62,
    migrations: &[
        include_str!("store/migrations/0001-initial.sql"),
        include_str!("store/migrations/0002-desired-state.sql"),
        include_str!("store/migrations/0003-removed-files.sql"),
        include_str!("store/migrations/0004-comparison.sql"),
        include_str!("store/migrations/0005-rules.sql"),
        include_str!("store/migrations/0006-said.sql"),
        include_str!("store/migrations/0007-last-words.sql"),
        include_str!("store/migrations/0008-awake.sql"),
        include_str!("store/migrations/0009-folders.sql"),
        include_str!("store/migrations/0010-aliases.sql"),
        include_str!("store/migrations/0011-standstill.sql"),
        include_str!("store/migrations/0012-disks.sql"),
        include_str!("store/migrations/0013-changed.sql"),
        include_str!("store/migrations/0014-moved.sql"),
        include_str!("store/migrations/0015-watched.sql"),
    ],
    remedy: "fitferry sets it aside when it runs, and makes a new one from folders and server",
    stray: "move it away, and fitferry makes a new one from folders and server",
};

/// The daemon's memory; cheap to clone.
#[derive(Clone)]
pub struct Store {
    writer: Writer,
    path: PathBuf,
}

impl Store {
    /// Opens or creates the store; a damaged one is set aside, and a new one made. Nobody else may have it open to write.
    /// The thread ends once the store is closed, or when its last clone is gone.
    pub fn open(state_dir: &Path) -> Result<(Self, JoinHandle<()>), OpenError> {
        let path = file(state_dir);
        let connection = match connect(state_dir) {
            Err(OpenError::Damaged { what, .. }) => {
                set_aside(&path, &what)?;
                connect(state_dir)?
            }
            // Where a run was begun it was a database; elsewhere it is nothing that we know of.
            Err(OpenError::NoDatabase { .. }) if run::was_any(state_dir) => {
                set_aside(&path, "its beginning is not that of a database")?;
                connect(state_dir)?
            }
            connection => connection?,
        };
        let (writer, thread) =
            Writer::spawn(connection, "store").map_err(|source| OpenError::Io { path: path.clone(), source })?;
        Ok((Self { writer, path }, thread))
    }

    /// See [`Writer::close`].
    pub fn close(&self) {
        self.writer.close();
    }

    /// See [`Writer::damage`].
    pub async fn damage(&self) -> String {
        self.writer.damage().await
    }

    /// See [`Writer::suspect`].
    pub fn suspect(&self, error: &Error) {
        self.writer.suspect(error);
    }

    /// Sets the database aside if it turned out to be damaged; nobody may have it open any more. Whether it was so.
    pub fn give_up(&self) -> Result<bool, OpenError> {
        match self.writer.known_damage() {
            Some(what) => set_aside(&self.path, &what).map(|()| true),
            None => Ok(false),
        }
    }

    /// See [`Writer::call`].
    pub async fn call<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.call(write).await
    }

    /// See [`Writer::call_blocking`].
    pub fn call_blocking<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer.call_blocking(write)
    }

    /// See [`Writer::submit`].
    pub fn submit<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        done: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) {
        self.writer.submit(write, done);
    }

    /// A connection that only reads, for a thread of its own.
    pub fn reader(&self) -> Result<Connection, OpenError> {
        let failed = || OpenError::NoDatabase { path: self.path.clone(), stray: SCHEMA.stray };
        sqlite::open_to_read(&self.path, &SCHEMA)?.ok_or_else(failed)
    }
}

fn set_aside(path: &Path, what: &str) -> Result<(), OpenError> {
    let aside = sqlite::set_aside(path, Timestamp::now())
        .map_err(|source| OpenError::Aside { path: path.to_path_buf(), source })?;
    events::store_set_aside(path, &aside, what);
    Ok(())
}

/// The connection that a store writes through, opened or created, without its thread.
pub fn connect(state_dir: &Path) -> Result<Connection, OpenError> {
    sqlite::open(&file(state_dir), &SCHEMA)
}

/// Opens the memory of another process, or of none that runs, for looking at; `None` if nothing was remembered yet.
pub fn open_to_read(state_dir: &Path) -> Result<Option<Connection>, OpenError> {
    sqlite::open_to_read(&file(state_dir), &SCHEMA)
}

/// The same, if it can be without writing anything beside it.
pub fn open_untouched(state_dir: &Path) -> Result<Option<Connection>, OpenError> {
    sqlite::open_untouched(&file(state_dir), &SCHEMA)
}

/// Does something only to see what would come of it.
pub fn undone<T>(
    connection: &Connection,
    what: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    connection.execute_batch("SAVEPOINT undone")?;
    let result = what(connection);
    connection.execute_batch("ROLLBACK TO undone; RELEASE undone")?;
    result
}

fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("outbox.db")
}
