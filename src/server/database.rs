//! The server's sessions in SQLite: one writer that groups commits, and readers that never wait for it.

use super::User;
use super::validate::Query;
use crate::session::Session;
use crate::sqlite::{self, Error, OpenError, Schema, Writer};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params, params_from_iter};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

const SCHEMA: Schema = Schema {
    application_id: 0x6666_7376,
    migrations: &[include_str!("migrations/0001-initial.sql")],
    remedy: "it may be the only copy of your sessions, so it is left as it is: restore a backup",
};

/// Sessions one answer may hold, as in Google's API; a larger window is an error, not a silent cut.
pub const LARGEST_LIST: usize = 10_000;

/// Without a window, sessions modified in the last 30 days are listed.
const DEFAULT_SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How far past the end of the window a listed session may end.
const END_SLACK_MS: i64 = 86_400_000;

/// The database and who may use it; cheap to clone.
#[derive(Clone)]
pub struct Database {
    writer: Writer,
    readers: Arc<Readers>,
    /// User rows by the SHA-256 of their token, so that comparing takes the same time for every wrong one.
    users: Arc<HashMap<[u8; 32], i64>>,
}

/// Why a list could not be given.
pub enum ListError {
    TooMany,
    Failed(Error),
}

impl Database {
    pub fn open(path: &Path, users: &[User]) -> Result<Self, OpenError> {
        let connection = sqlite::open(path, &SCHEMA)?;
        let known =
            rows_of(&connection, users).map_err(|source| OpenError::Sqlite { path: path.to_path_buf(), source })?;
        let (writer, _thread) = Writer::spawn(connection, "server-store")
            .map_err(|source| OpenError::Io { path: path.to_path_buf(), source })?;
        let readers = Arc::new(Readers { path: path.to_path_buf(), idle: Mutex::default() });
        Ok(Self { writer, readers, users: Arc::new(known) })
    }

    /// The user whose token this is.
    pub fn user(&self, token: &str) -> Option<i64> {
        self.users.get(&hash(token)).copied()
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
                    "INSERT INTO session (user_id, id, start_ms, end_ms, modified_ms, type, body)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                     ON CONFLICT DO UPDATE SET start_ms = ?3, end_ms = ?4, modified_ms = ?5, type = ?6, body = ?7,
                         deleted = 0",
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
        };
        self.writer.call(write).await.map(|_| body)
    }

    /// Deletes a session; false if there was none.
    pub async fn delete(&self, user: i64, id: String, now: Timestamp) -> Result<bool, Error> {
        let write = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "UPDATE session SET deleted = 1, modified_ms = ?3 WHERE user_id = ?1 AND id = ?2 AND NOT deleted",
                )?
                .execute(params![user, id, now.as_millisecond()])
        };
        self.writer.call(write).await.map(|changed| changed > 0)
    }

    /// The sessions that a request asks for, as the JSON of a list response, by their end.
    pub async fn list(&self, user: i64, query: Query, now: Timestamp) -> Result<String, ListError> {
        let readers = Arc::clone(&self.readers);
        let read = move || readers.with(|connection| select(connection, user, &query, now));
        match tokio::task::spawn_blocking(read).await {
            Ok(Ok(Some(list))) => Ok(list),
            Ok(Ok(None)) => Err(ListError::TooMany),
            Ok(Err(error)) => Err(ListError::Failed(error)),
            Err(_) => Err(ListError::Failed(Error::Closed)),
        }
    }
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// Two users with the same token, if there are any: one would get the other's sessions.
pub fn same_token(users: &[User]) -> Option<(&str, &str)> {
    let mut names = HashMap::new();
    users.iter().find_map(|user| {
        let earlier = names.insert(hash(user.token.expose_secret()), user.name.as_str())?;
        Some((earlier, user.name.as_str()))
    })
}

fn rows_of(connection: &Connection, users: &[User]) -> rusqlite::Result<HashMap<[u8; 32], i64>> {
    let mut rows = HashMap::new();
    for user in users {
        connection.execute("INSERT INTO user (name) VALUES (?1) ON CONFLICT DO NOTHING", [&user.name])?;
        let row = connection.query_row("SELECT id FROM user WHERE name = ?1", [&user.name], |row| row.get(0))?;
        rows.insert(hash(user.token.expose_secret()), row);
    }
    Ok(rows)
}

/// `None` if there are more than one answer may hold.
fn select(connection: &Connection, user: i64, query: &Query, now: Timestamp) -> rusqlite::Result<Option<String>> {
    let window = query.start_ms.is_some() || query.end_ms.is_some();
    let types = vec!["?"; query.activity_types.len()].join(",");
    let of_types = if types.is_empty() { String::new() } else { format!(" AND type IN ({types})") };
    let sql = if window {
        format!(
            "SELECT body FROM session WHERE user_id = ? AND NOT deleted
             AND end_ms > ? AND end_ms <= ? AND start_ms < ?{of_types} ORDER BY end_ms, id LIMIT {}",
            LARGEST_LIST + 1
        )
    } else {
        format!(
            "SELECT body FROM session WHERE user_id = ? AND NOT deleted
             AND modified_ms >= ?{of_types} ORDER BY modified_ms, id LIMIT {}",
            LARGEST_LIST + 1
        )
    };
    let mut values = vec![user];
    if window {
        let start = query.start_ms.unwrap_or(i64::MIN);
        let end = query.end_ms.unwrap_or(i64::MAX);
        values.extend([start, end.saturating_add(END_SLACK_MS), end]);
    } else {
        values.push(now.saturating_sub(DEFAULT_SPAN).unwrap_or(Timestamp::MIN).as_millisecond());
    }
    values.extend(&query.activity_types);
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    let mut list = String::new();
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += 1;
        if count > LARGEST_LIST {
            return Ok(None);
        }
        list.push_str(if count == 1 { "{\"session\":[" } else { "," });
        list.push_str(row.get_ref(0)?.as_str()?);
    }
    list.push_str(if count == 0 { "{}" } else { "]}" });
    Ok(Some(list))
}

/// Connections that only read, kept for the next request.
struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
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
