//! The difference between what should be on the server and what is known to be there: what waits to be sent, and what
//! waits for a person.

use super::Account;
use super::sessions::SessionRow;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

/// A session whose next attempt is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub row: SessionRow,
    pub session_id: String,
    pub revision: i64,
    /// The session in its wire form.
    pub body: String,
    pub attempts: u32,
}

/// Queues a session whose content is new; what an older revision went through does not count against it.
pub fn queue(connection: &Connection, account: Account, row: SessionRow, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO outbox (session_row, account_id, start_ms, state, due_ms)
             SELECT id, ?2, start_ms, 'queued', ?3 FROM session WHERE id = ?1
             ON CONFLICT (session_row) DO UPDATE SET state = 'queued', attempts = 0, due_ms = ?3, reason = NULL,
                 first_fail_ms = NULL, last_fail_ms = NULL, start_ms = excluded.start_ms",
        )?
        .execute(params![row, account.id, now.as_millisecond()])?;
    Ok(())
}

/// Queues whatever is not known to be at the account's destination. Changes nothing that waits already.
pub fn queue_difference(connection: &Connection, account: Account, now: Timestamp) -> rusqlite::Result<usize> {
    connection.execute(
        "INSERT INTO outbox (session_row, account_id, start_ms, state, due_ms)
         SELECT id, account_id, start_ms, 'queued', ?3 FROM session
         WHERE account_id = ?1 AND NOT EXISTS (
             SELECT 1 FROM remote WHERE session_row = session.id AND destination_id = ?2 AND revision >= session.revision)
         ON CONFLICT DO NOTHING",
        params![account.id, account.destination, now.as_millisecond()],
    )
}

/// Sessions whose time has come, oldest workout first.
pub fn due(connection: &Connection, account: Account, now: Timestamp, limit: usize) -> rusqlite::Result<Vec<Due>> {
    // The index by start yields them in order and can stop at the limit; the planner would rather sort all that are due.
    let mut query = connection.prepare_cached(
        "SELECT session.id, session_id, revision, body, attempts
         FROM outbox INDEXED BY outbox_by_start JOIN session ON session.id = session_row
         WHERE outbox.account_id = ?1 AND state = 'queued' AND due_ms <= ?2
         ORDER BY outbox.start_ms LIMIT ?3",
    )?;
    let values = params![account.id, now.as_millisecond(), limit];
    query
        .query_map(values, |row| {
            Ok(Due {
                row: row.get(0)?,
                session_id: row.get(1)?,
                revision: row.get(2)?,
                body: row.get(3)?,
                attempts: row.get(4)?,
            })
        })?
        .collect()
}

/// When the next session is due, if any waits. What is due after `latest` was queued by a clock that went ahead: it is
/// due now.
pub fn next_due(
    connection: &Connection,
    account: Account,
    now: Timestamp,
    latest: Timestamp,
) -> rusqlite::Result<Option<Timestamp>> {
    connection
        .prepare_cached("UPDATE outbox SET due_ms = ?2 WHERE account_id = ?1 AND state = 'queued' AND due_ms > ?3")?
        .execute(params![account.id, now.as_millisecond(), latest.as_millisecond()])?;
    let mut query =
        connection.prepare_cached("SELECT min(due_ms) FROM outbox WHERE account_id = ?1 AND state = 'queued'")?;
    let millis: Option<i64> = query.query_row([account.id], |row| row.get(0))?;
    Ok(millis.map(|millis| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MIN)))
}

/// Notes that the server has this revision. The session leaves the outbox unless it has a newer one by now.
pub fn delivered(
    connection: &Connection,
    account: Account,
    due: &Due,
    echo: &[u8],
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO remote (session_row, destination_id, revision, echo, delivered_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT DO UPDATE SET revision = ?3, echo = ?4, delivered_ms = ?5",
        )?
        .execute(params![due.row, account.destination, due.revision, echo, now.as_millisecond()])?;
    connection
        .prepare_cached(
            "DELETE FROM outbox WHERE session_row = ?1
             AND (SELECT revision FROM session WHERE id = ?1) = ?2",
        )?
        .execute(params![due.row, due.revision])?;
    Ok(())
}

/// Notes a failed attempt and when the next one is due. A newer revision in the outbox has not failed and keeps its turn.
pub fn failed(
    connection: &Connection,
    due: &Due,
    next: Timestamp,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    set_failed(connection, due, "queued", next, reason, now)
}

/// Sets a session aside until a person or a newer revision brings it back.
pub fn park(connection: &Connection, due: &Due, reason: &str, now: Timestamp) -> rusqlite::Result<()> {
    set_failed(connection, due, "parked", now, reason, now)
}

/// Brings parked sessions back into the queue.
pub fn unpark(connection: &Connection, rows: &[SessionRow], due: Timestamp) -> rusqlite::Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE outbox SET state = 'queued', due_ms = ?2 WHERE session_row = ?1")?;
    rows.iter().try_for_each(|row| update.execute(params![row, due.as_millisecond()]).map(drop))
}

fn set_failed(
    connection: &Connection,
    due: &Due,
    state: &str,
    next: Timestamp,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE outbox SET state = ?3, attempts = ?4, due_ms = ?5, reason = ?6, last_fail_ms = ?7,
                 first_fail_ms = coalesce(first_fail_ms, ?7)
             WHERE session_row = ?1 AND (SELECT revision FROM session WHERE id = ?1) = ?2",
        )?
        .execute(params![
            due.row,
            due.revision,
            state,
            due.attempts.saturating_add(1),
            next.as_millisecond(),
            reason,
            now.as_millisecond()
        ])?;
    Ok(())
}

/// How many sessions wait, and how many are parked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Counts {
    pub queued: u64,
    pub parked: u64,
}

pub fn counts(connection: &Connection, account: i64) -> rusqlite::Result<Counts> {
    let mut query = connection.prepare_cached("SELECT count(*) FROM outbox WHERE account_id = ?1 AND state = ?2")?;
    let mut count = |state: &str| query.query_row(params![account, state], |row| row.get(0));
    Ok(Counts { queued: count("queued")?, parked: count("parked")? })
}

/// Where a session stands, for whoever waits for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    Delivered,
    /// With the time of the next attempt, and why the last one failed, if there was one.
    Queued {
        due: Timestamp,
        reason: Option<String>,
    },
    Parked {
        reason: String,
    },
}

pub fn standing(connection: &Connection, row: SessionRow) -> rusqlite::Result<Standing> {
    let mut query = connection.prepare_cached("SELECT state, due_ms, reason FROM outbox WHERE session_row = ?1")?;
    let found = query
        .query_row([row], |row| {
            let (state, due, reason): (String, i64, Option<String>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            let due = Timestamp::from_millisecond(due).unwrap_or(Timestamp::MIN);
            Ok(match state.as_str() {
                "parked" => Standing::Parked { reason: reason.unwrap_or_default() },
                _ => Standing::Queued { due, reason },
            })
        })
        .optional()?;
    Ok(found.unwrap_or(Standing::Delivered))
}
