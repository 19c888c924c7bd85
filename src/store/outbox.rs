//! The difference between what should be on the server and what is known to be there: what waits to be sent, and what
//! waits for a person.

use super::sessions::SessionRow;
use super::{Account, accounts, attempts};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::HashSet;

/// A session whose next attempt is due.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    pub row: SessionRow,
    pub session_id: String,
    pub revision: i64,
    /// The session in its wire form; nothing if it is not to be there any more.
    pub body: Option<String>,
    pub attempts: u32,
}

/// Which sessions go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// Those of the oldest workouts.
    Oldest,
    Newest,
    /// Those with the fewest attempts, from anywhere in the queue: a probe had better not always be the same session, nor one
    /// of those that stand beside it.
    LeastTried,
}

/// What the outbox holds that is due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fetched {
    pub due: Vec<Due>,
    /// There may be more.
    pub more: bool,
    /// When the first of the others is due.
    pub next: Option<Timestamp>,
}

/// What becomes of a session after an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// The destination has this revision; a hash of its own account of it, empty after a deletion.
    Delivered(Vec<u8>),
    Retry {
        next: Timestamp,
        reason: String,
    },
    /// A person has to look at it.
    Park {
        reason: String,
    },
}

/// Queues a session whose content is new; what an older revision went through does not count against it. One that somebody
/// deleted at the destination stays deleted, and one that the rules skip is not put there.
pub fn queue(connection: &Connection, account: Account, row: SessionRow, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO outbox (session_row, account_id, start_ms, state, due_ms, checked)
             SELECT session.id, ?2, start_ms, 'queued', ?3, NOT wary AND coalesce(awake_until_ms, ?3) >= ?3
             FROM session JOIN account ON account.id = ?2
             WHERE session.id = ?1 AND NOT (wanted AND EXISTS (
                 SELECT 1 FROM remote WHERE session_row = ?1 AND destination_id = ?4 AND standing = 'deleted'))
                 AND (skipped IS NULL OR EXISTS (
                     SELECT 1 FROM remote WHERE session_row = ?1 AND destination_id = ?4))
             ON CONFLICT (session_row) DO UPDATE SET state = 'queued', attempts = 0, due_ms = ?3, reason = NULL,
                 first_fail_ms = NULL, last_fail_ms = NULL, start_ms = excluded.start_ms",
        )?
        .execute(params![row, account.id, now.as_millisecond(), account.destination])?;
    Ok(())
}

/// Takes a session that the rules skip out of the queue, unless the destination has it already: there it stays, and its
/// revisions go there too. Returns whether it is not to be sent.
pub fn withdraw(connection: &Connection, account: Account, row: SessionRow) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM session WHERE id = ?1 AND skipped IS NOT NULL AND NOT EXISTS (
                   SELECT 1 FROM remote WHERE session_row = ?1 AND destination_id = ?2)";
    let is_skipped = connection.prepare_cached(sql)?.exists(params![row, account.destination])?;
    if is_skipped {
        connection.prepare_cached("DELETE FROM outbox WHERE session_row = ?1")?.execute([row])?;
    }
    Ok(is_skipped)
}

/// Whether the destination has had a session, whatever became of it there.
pub fn is_there(connection: &Connection, account: Account, row: SessionRow) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM remote WHERE session_row = ?1 AND destination_id = ?2";
    connection.prepare_cached(sql)?.exists(params![row, account.destination])
}

/// Whether somebody deleted a session at the destination.
pub fn is_deleted_there(connection: &Connection, account: Account, row: SessionRow) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM remote WHERE session_row = ?1 AND destination_id = ?2 AND standing = 'deleted'";
    connection.prepare_cached(sql)?.exists(params![row, account.destination])
}

/// Queues whatever is not known to be at the account's destination, or is there and not wanted any more. Changes nothing
/// that waits already.
pub fn queue_difference(connection: &Connection, account: Account, now: Timestamp) -> rusqlite::Result<usize> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO outbox (session_row, account_id, start_ms, state, due_ms, checked)
         SELECT session.id, account_id, start_ms, 'queued', ?3, NOT wary FROM session JOIN account ON account.id = ?1
         WHERE account_id = ?1 AND iif(wanted,
             NOT EXISTS (SELECT 1 FROM remote WHERE session_row = session.id AND destination_id = ?2
                 AND (remote.revision >= session.revision OR standing = 'deleted'))
             AND (skipped IS NULL OR EXISTS (
                 SELECT 1 FROM remote WHERE session_row = session.id AND destination_id = ?2)),
             EXISTS (SELECT 1 FROM remote WHERE session_row = session.id AND destination_id = ?2
                 AND remote.revision < session.revision AND standing != 'deleted'))
         ON CONFLICT DO NOTHING",
    )?;
    insert.execute(params![account.id, account.destination, now.as_millisecond()])
}

/// One of so many that are fetched is the one that waits for longest, whichever goes first.
const TURN_OF_THE_PATIENT: usize = 8;

/// The index alone tells which, as there may be many that wait, and rarely one that was put off.
const CORRECT: &str = "UPDATE outbox SET due_ms = ?2 WHERE session_row IN (
    SELECT session_row FROM outbox WHERE account_id = ?1 AND state = 'queued' AND due_ms > ?2
    AND (attempts = 0 OR last_fail_ms > ?2 OR due_ms > ?3))";

/// Makes due what a clock that went ahead has put off: what is due later than `latest`, or was not tried and is due later
/// than now, or failed later than now. Whatever else waits does so for a pause that began before now.
fn correct(connection: &Connection, account: Account, now: Timestamp, latest: Timestamp) -> rusqlite::Result<()> {
    connection.prepare_cached(CORRECT)?.execute(params![account.id, now.as_millisecond(), latest.as_millisecond()])?;
    Ok(())
}

/// Sessions whose time has come, at most `limit`. None is due later than `latest`, unless the clock was wrong when it was
/// queued.
pub fn fetch(
    connection: &Connection,
    account: Account,
    now: Timestamp,
    latest: Timestamp,
    limit: usize,
    first: First,
) -> rusqlite::Result<Fetched> {
    correct(connection, account, now, latest)?;
    let order = match first {
        First::Oldest => "outbox.start_ms",
        First::Newest => "outbox.start_ms DESC",
        // As good as by chance, and the same each time.
        First::LeastTried => "attempts, (outbox.session_row * 2654435761) & 4294967295",
    };
    let mut fetched = due(connection, account, now, limit, order)?;
    let more = fetched.len() == limit;
    if more {
        let patient = due(connection, account, now, limit.div_ceil(TURN_OF_THE_PATIENT), "due_ms")?;
        let known: HashSet<SessionRow> = fetched.iter().map(|due| due.row).collect();
        fetched.extend(patient.into_iter().filter(|due| !known.contains(&due.row)));
    }
    let mut query = connection.prepare_cached(
        "SELECT min(due_ms) FROM outbox WHERE account_id = ?1 AND state = 'queued' AND checked AND due_ms > ?2",
    )?;
    let next: Option<i64> = query.query_row(params![account.id, now.as_millisecond()], |row| row.get(0))?;
    let next = next.map(|millis| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MIN));
    Ok(Fetched { due: fetched, more, next })
}

fn due(
    connection: &Connection,
    account: Account,
    now: Timestamp,
    limit: usize,
    order: &str,
) -> rusqlite::Result<Vec<Due>> {
    // The index by start yields them in order and can stop at the limit; the planner would rather sort all that are due.
    let index = if order.starts_with("outbox.start_ms") { "INDEXED BY outbox_by_start" } else { "" };
    let mut query = connection.prepare_cached(&format!(
        "SELECT session.id, session_id, revision, iif(wanted, body, NULL), attempts
         FROM outbox {index} JOIN session ON session.id = session_row
         WHERE outbox.account_id = ?1 AND state = 'queued' AND checked AND due_ms <= ?2
         ORDER BY {order} LIMIT ?3",
    ))?;
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

/// As of when something is due that was tried: whatever becomes of the clock, no later than it failed.
const AT_ONCE: &str = "min(coalesce(last_fail_ms, ?2), ?2)";

/// Makes everything due that waits for its time.
pub fn hasten(connection: &Connection, account: Account, now: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached(&format!(
            "UPDATE outbox SET due_ms = {AT_ONCE} WHERE account_id = ?1 AND state = 'queued' AND due_ms > ?2"
        ))?
        .execute(params![account.id, now.as_millisecond()])?;
    Ok(())
}

/// Writes down what became of an attempt. A newer revision in the outbox is not concerned, and keeps its turn.
pub fn record(
    connection: &Connection,
    account: Account,
    due: &Due,
    verdict: &Verdict,
    now: Timestamp,
) -> rusqlite::Result<()> {
    attempts::add(connection, due, verdict, now)?;
    match verdict {
        Verdict::Delivered(echo) => delivered(connection, account, due, echo, now),
        Verdict::Retry { next, reason } => set_failed(connection, due, "queued", *next, reason, now),
        Verdict::Park { reason } => set_failed(connection, due, "parked", now, reason, now),
    }
}

/// Notes that the server has this revision, or nothing any more. The session leaves the outbox unless it has a newer
/// one by now.
fn delivered(
    connection: &Connection,
    account: Account,
    due: &Due,
    echo: &[u8],
    now: Timestamp,
) -> rusqlite::Result<()> {
    accounts::count_delivery(connection, account)?;
    if due.body.is_some() {
        connection
            .prepare_cached(
                "INSERT INTO remote (session_row, destination_id, revision, echo, delivered_ms, seq)
                 SELECT ?1, ?2, ?3, ?4, ?5, deliveries FROM account WHERE id = ?6
                 ON CONFLICT DO UPDATE SET revision = ?3, echo = ?4, delivered_ms = ?5, standing = 'ours', seq = excluded.seq",
            )?
            .execute(params![due.row, account.destination, due.revision, echo, now.as_millisecond(), account.id])?;
    } else {
        connection
            .prepare_cached("DELETE FROM remote WHERE session_row = ?1 AND destination_id = ?2")?
            .execute(params![due.row, account.destination])?;
    }
    connection
        .prepare_cached(
            "DELETE FROM outbox WHERE session_row = ?1
             AND (SELECT revision FROM session WHERE id = ?1) = ?2",
        )?
        .execute(params![due.row, due.revision])?;
    Ok(())
}

/// What was compared may be sent.
pub fn check(connection: &Connection, row: SessionRow) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE outbox SET checked = 1 WHERE session_row = ?1")?.execute([row]).map(drop)
}

/// The same for all, where nothing can be compared.
pub fn check_all(connection: &Connection, account: Account) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE outbox SET checked = 1 WHERE account_id = ?1")?;
    update.execute([account.id]).map(drop)
}

/// How many of these sessions wait to be compared before they are sent.
pub fn count_unchecked(connection: &Connection, rows: impl Iterator<Item = SessionRow>) -> rusqlite::Result<usize> {
    let mut query = connection.prepare_cached("SELECT 1 FROM outbox WHERE session_row = ?1 AND NOT checked")?;
    let mut count = 0;
    for row in rows {
        count += usize::from(query.exists([row])?);
    }
    Ok(count)
}

/// Sets a session aside that was delivered and did not stay.
pub fn park_delivered(
    connection: &Connection,
    account: Account,
    row: SessionRow,
    reason: &str,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO outbox (session_row, account_id, start_ms, state, due_ms, reason, first_fail_ms, last_fail_ms)
             SELECT id, ?2, start_ms, 'parked', ?3, ?4, ?3, ?3 FROM session WHERE id = ?1
             ON CONFLICT DO UPDATE SET state = 'parked', reason = ?4, last_fail_ms = ?3",
        )?
        .execute(params![row, account.id, now.as_millisecond(), reason])?;
    Ok(())
}

/// Brings parked sessions back into the queue.
pub fn unpark(connection: &Connection, rows: &[SessionRow], due: Timestamp) -> rusqlite::Result<()> {
    let sql = format!("UPDATE outbox SET state = 'queued', due_ms = {AT_ONCE} WHERE session_row = ?1");
    let mut update = connection.prepare_cached(&sql)?;
    rows.iter().try_for_each(|row| update.execute(params![row, due.as_millisecond()]).map(drop))
}

/// Whoever has reset the attempts meanwhile wants another one, whatever became of this.
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
             WHERE session_row = ?1 AND (SELECT revision FROM session WHERE id = ?1) = ?2 AND attempts = ?8",
        )?
        .execute(params![
            due.row,
            due.revision,
            state,
            due.attempts.saturating_add(1),
            next.as_millisecond(),
            reason,
            now.as_millisecond(),
            due.attempts,
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

#[cfg(test)]
mod tests;
