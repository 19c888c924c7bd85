//! The server's sessions in SQLite: one writer that groups commits, and readers that never wait for it.

use super::budget::{Budget, Share};
use super::horizon;
use super::list::{self, Refusal};
use super::query::Query;
use super::users::{self, Known, User};
use crate::config::WindowRule;
use crate::crash;
use crate::events;
use crate::session::Session;
use crate::sqlite::{self, Error, Health, Log, OpenError, Schema, Writer};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

const SCHEMA: Schema = Schema {
    application_id: 0x6666_7376,
    migrations: &[
        include_str!("migrations/0001-initial.sql"),
        include_str!("migrations/0002-changes.sql"),
        include_str!("migrations/0003-eras.sql"),
        include_str!("migrations/0004-horizon.sql"),
    ],
    remedy: "it may be the only copy of your sessions, so it is left as it is: restore a backup",
    stray: "it may be the only copy of your sessions, so it is left as it is: restore a backup",
};

const LOG: Log =
    Log { fails: |work, error| events::server_store_failed(work, error), works: events::server_store_works };

const DAY: Duration = Duration::from_secs(86_400);

/// Opens the database for a command that hands out tokens; a running server may have it open too.
pub fn open(path: &Path) -> Result<Connection, OpenError> {
    sqlite::open(path, &SCHEMA)
}

/// Opens the database for looking at; `None` if there is none.
pub fn open_to_read(path: &Path) -> Result<Option<Connection>, OpenError> {
    sqlite::open_to_read(path, &SCHEMA)
}

/// The same, if it can be without writing anything beside it.
pub fn open_untouched(path: &Path) -> Result<Option<Connection>, OpenError> {
    sqlite::open_untouched(path, &SCHEMA)
}

/// The database and who may use it; cheap to clone.
#[derive(Clone)]
pub struct Database {
    writer: Writer,
    readers: Arc<Readers>,
    writing: Arc<Health>,
    budget: Budget,
    configured: Arc<Known>,
    rule: WindowRule,
}

/// The JSON of a list response, and the memory that is set aside for it if it is long.
pub struct List {
    pub json: String,
    pub share: Option<Share>,
}

impl Database {
    /// Opens or creates the database. The thread ends once the last clone is gone.
    pub fn open(path: &Path, configured: &[User], rule: WindowRule) -> Result<(Self, JoinHandle<()>), OpenError> {
        let connection = open(path)?;
        let configured = users::know(&connection, configured)
            .map_err(|source| OpenError::Sqlite { path: path.to_path_buf(), source })?;
        let (writer, thread) = Writer::spawn(connection, "server-store")
            .map_err(|source| OpenError::Io { path: path.to_path_buf(), source })?;
        let readers = Readers { path: path.to_path_buf(), idle: Mutex::default(), health: Health::new("reading", LOG) };
        let writing = Arc::new(Health::new("writing", LOG));
        let (readers, configured) = (Arc::new(readers), Arc::new(configured));
        Ok((Self { writer, readers, writing, budget: Budget::new(), configured, rule }, thread))
    }

    /// Fails unless the writing thread answers, and the database can be read.
    pub async fn check(&self) -> Result<(), Error> {
        self.writer.call(|_| Ok(())).await?;
        self.read(|connection| connection.query_row("SELECT 1", [], |_| Ok(()))).await
    }

    /// The user whose token this is. Given tokens are looked up each time, so that one that is taken back is of no use.
    pub async fn user(&self, token: &str) -> Result<Option<i64>, Error> {
        let hash = users::hash(token);
        match self.configured.get(&hash) {
            Some(user) => Ok(Some(*user)),
            None => self.read(move |connection| users::find(connection, &hash)).await,
        }
    }

    /// Inserts or replaces a session and returns it as it is now, once that is durable.
    pub async fn put(&self, user: i64, mut session: Session, now: Timestamp) -> Result<String, Error> {
        let modified = now.as_millisecond();
        session.modified_time_millis = Some(modified);
        let body = serde_json::to_string(&session).map_err(|error| Error::Failed(error.to_string()))?;
        let stored = body.clone();
        let write = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "INSERT INTO session (user_id, id, start_ms, end_ms, modified_ms, type, body, change)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7,
                         (SELECT coalesce(max(change), 0) + 1 FROM session WHERE user_id = ?1))
                     ON CONFLICT (user_id, id) DO UPDATE SET start_ms = ?3, end_ms = ?4, modified_ms = ?5, type = ?6,
                         body = ?7, deleted = 0, change = excluded.change",
                )?
                .execute(params![
                    user,
                    session.id,
                    session.start_time_millis,
                    session.end_time_millis,
                    modified,
                    session.activity_type,
                    stored
                ])
                .inspect(|_| crash::point("server.putting"))
        };
        self.writing.note(self.writer.call(write).await).map(|_| body)
    }

    /// Deletes a session; false if there was none.
    pub async fn delete(&self, user: i64, id: String, now: Timestamp) -> Result<bool, Error> {
        let write = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "UPDATE session SET deleted = 1, modified_ms = ?3,
                         body = json_set(body, '$.modifiedTimeMillis', CAST(?3 AS TEXT)),
                         change = (SELECT max(change) + 1 FROM session WHERE user_id = ?1)
                     WHERE user_id = ?1 AND id = ?2 AND NOT deleted",
                )?
                .execute(params![user, id, now.as_millisecond()])
                .inspect(|_| crash::point("server.deleting"))
        };
        match self.writer.call(write).await {
            // Nothing was written, which also goes on a disk that is full.
            Ok(0) => Ok(false),
            outcome => self.writing.note(outcome).map(|_| true),
        }
    }

    /// Forgets what is too old, now and once a day, in many small transactions. Never ends.
    pub async fn look_after(self) {
        loop {
            let advance = |connection: &Connection| horizon::advance(connection, Timestamp::now());
            // Tomorrow is another day. What is wrong shows where more depends on it.
            while self.writer.call(advance).await.is_ok_and(|is_done| !is_done) {}
            tokio::time::sleep(DAY).await;
        }
    }

    /// The sessions that a request asks for. A list that turns out to be long waits for memory, and is read again.
    pub async fn list(&self, user: i64, query: Query, now: Timestamp) -> Result<Result<List, Refusal>, Error> {
        match self.list_with(None, user, query.clone(), now).await? {
            Err(Refusal::Long) => {
                let share = self.budget.share(list::longest(&query)).await;
                self.list_with(share, user, query, now).await
            }
            outcome => Ok(outcome),
        }
    }

    /// The share goes with the reading, which goes on when whoever asked has gone.
    async fn list_with(
        &self,
        mut share: Option<Share>,
        user: i64,
        query: Query,
        now: Timestamp,
    ) -> Result<Result<List, Refusal>, Error> {
        let rule = self.rule;
        self.read(move |connection| {
            let read = list::read(connection, user, &query, rule, now, share.as_ref())?;
            Ok(read.map(|json| {
                if let Some(share) = &mut share {
                    share.read(&json);
                }
                List { json, share }
            }))
        })
        .await
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let readers = Arc::clone(&self.readers);
        tokio::task::spawn_blocking(move || readers.health.note(readers.with(read))).await.unwrap_or(Err(Error::Closed))
    }
}

/// Connections that only read, kept for the next request.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
    health: Health,
}

impl Readers {
    const MOST_IDLE: usize = 4;

    fn with<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => match sqlite::open_to_read(&self.path, &SCHEMA) {
                Ok(Some(connection)) => connection,
                Ok(None) => return Err(Error::Failed("the database is gone".to_owned())),
                Err(error @ OpenError::Damaged { .. }) => return Err(Error::Damaged(error.to_string())),
                Err(error) => return Err(Error::Failed(error.to_string())),
            },
        };
        let result = read(&connection).map_err(Error::from);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if result.is_ok() && idle.len() < Self::MOST_IDLE {
            idle.push(connection);
        }
        result
    }
}
