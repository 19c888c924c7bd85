//! What is remembered of one file, one folder or one session besides what lists show: for telling its story.

use super::files::{self, Stamp, Verdict};
use super::sessions::SessionRow;
use super::{Account, absent};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use std::path::Path;

/// The accounts that are remembered, also those that the settings do not know any more.
pub fn accounts(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    connection.prepare_cached("SELECT name FROM account ORDER BY name")?.query_map([], |row| row.get(0))?.collect()
}

/// A file as it was when it was judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged {
    pub row: i64,
    pub stamp: Stamp,
    pub reader_version: i64,
}

/// The file that was judged at a path.
pub fn judged(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<Option<Judged>> {
    let Some(row) = files::row(connection, account, path)? else { return Ok(None) };
    let mut query =
        connection.prepare_cached("SELECT size, mtime_ns, inode, ctime_ns, reader_version FROM file WHERE id = ?1")?;
    let judged = query.query_row([row], |columns| {
        let (size, mtime_ns, inode, ctime_ns) = (columns.get(0)?, columns.get(1)?, columns.get(2)?, columns.get(3)?);
        let stamp = Stamp { size, mtime_ns, inode, ctime_ns };
        Ok(Judged { row, stamp, reader_version: columns.get(4)? })
    })?;
    Ok(Some(judged))
}

/// How many files below a path have each verdict.
pub fn verdicts_below(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<Vec<(Verdict, u64)>> {
    let [_, from, to] = absent::range(path);
    let mut query = connection.prepare_cached(
        "SELECT verdict, count(*) FROM file WHERE account_id = ?1 AND path > ?2 AND path < ?3 GROUP BY verdict",
    )?;
    let rows = query.query_map(params![account.id, from, to], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
    let counts: Vec<(String, u64)> = rows.collect::<rusqlite::Result<_>>()?;
    let of = |verdict: Verdict| counts.iter().find(|(name, _)| name == verdict.as_str()).map(|(_, count)| *count);
    Ok(Verdict::ALL.into_iter().filter_map(|verdict| Some((verdict, of(verdict)?))).collect())
}

/// The rows of the first files below a path that have a verdict.
pub fn files_below(
    connection: &Connection,
    account: Account,
    path: &Path,
    verdict: Verdict,
    most: usize,
) -> rusqlite::Result<Vec<i64>> {
    let [_, from, to] = absent::range(path);
    let mut query = connection.prepare_cached(
        "SELECT id FROM file WHERE account_id = ?1 AND path > ?2 AND path < ?3 AND verdict = ?4 ORDER BY path LIMIT ?5",
    )?;
    query.query_map(params![account.id, from, to, verdict.as_str(), most], |row| row.get(0))?.collect()
}

/// The session of this id.
pub fn session(connection: &Connection, account: Account, id: &str) -> rusqlite::Result<Option<SessionRow>> {
    let mut query = connection.prepare_cached("SELECT id FROM session WHERE account_id = ?1 AND session_id = ?2")?;
    query.query_row(params![account.id, id], |row| row.get(0)).optional()
}

/// What is known of a session at its account's destination.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remote {
    pub destination: String,
    pub revision: i64,
    /// When it was delivered, or found or decided to be so.
    pub since: Option<Timestamp>,
    /// ours, theirs (edited there), deleted (there) or discarded
    pub standing: String,
}

pub fn remote(connection: &Connection, account: Account, session: SessionRow) -> rusqlite::Result<Option<Remote>> {
    let mut query = connection.prepare_cached(
        "SELECT identity, revision, delivered_ms, standing FROM remote JOIN destination ON destination.id = destination_id
         WHERE session_row = ?1 AND destination_id = ?2",
    )?;
    let remote = query.query_row(params![session, account.destination], |row| {
        let (since, standing) = (instant(row.get(2)?), row.get(3)?);
        Ok(Remote { destination: row.get(0)?, revision: row.get(1)?, since, standing })
    });
    remote.optional()
}

/// What waits to be sent of a session, or for a person.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waits {
    /// queued or parked
    pub state: String,
    /// put or delete
    pub request: String,
    /// Of this revision.
    pub attempts: u32,
    /// What the server said the last time.
    pub reason: Option<String>,
    pub first_failure: Option<Timestamp>,
    pub last_failure: Option<Timestamp>,
    /// Nothing if it is parked.
    pub next_attempt: Option<Timestamp>,
    /// It is compared with the server before it is sent.
    pub compared_first: bool,
    /// Before this nothing of the account is sent, as the server asked for it.
    pub rest_until: Option<Timestamp>,
}

pub fn waits(connection: &Connection, session: SessionRow) -> rusqlite::Result<Option<Waits>> {
    let mut query = connection.prepare_cached(
        "SELECT state, iif(wanted, 'put', 'delete'), attempts, reason, first_fail_ms, last_fail_ms,
             iif(state = 'queued', due_ms, NULL), NOT checked, rest_until_ms
         FROM outbox JOIN session ON session.id = session_row JOIN account ON account.id = outbox.account_id
         WHERE session_row = ?1",
    )?;
    let waits = query.query_row([session], |row| {
        Ok(Waits {
            state: row.get(0)?,
            request: row.get(1)?,
            attempts: row.get(2)?,
            reason: row.get(3)?,
            first_failure: instant(row.get(4)?),
            last_failure: instant(row.get(5)?),
            next_attempt: instant(row.get(6)?),
            compared_first: row.get(7)?,
            rest_until: instant(row.get(8)?),
        })
    });
    waits.optional()
}

fn instant(millis: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis?).ok()
}
