//! Why nothing of an account is sent: what its destination asked for, and what it refuses as a whole.

use super::Account;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;

/// The destination asked to be left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rest {
    /// When that was written down.
    pub since: Timestamp,
    pub until: Timestamp,
    /// In its own words.
    pub reason: String,
}

pub fn rest(connection: &Connection, account: Account) -> rusqlite::Result<Option<Rest>> {
    let mut query =
        connection.prepare_cached("SELECT rest_since_ms, rest_until_ms, rest_reason FROM account WHERE id = ?1")?;
    query.query_row([account.id], |row| rest_of(row, 0))
}

fn rest_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Rest>> {
    let (since, until) = (instant(row.get(column)?), instant(row.get(column + 1)?));
    let reason: Option<String> = row.get(column + 2)?;
    Ok(until.map(|until| Rest { since: since.unwrap_or(until), until, reason: reason.unwrap_or_default() }))
}

pub fn set_rest(connection: &Connection, account: Account, rest: Option<&Rest>) -> rusqlite::Result<()> {
    let (since, until) = (rest.map(|rest| rest.since), rest.map(|rest| rest.until));
    connection
        .prepare_cached("UPDATE account SET rest_since_ms = ?2, rest_until_ms = ?3, rest_reason = ?4 WHERE id = ?1")?
        .execute(params![
            account.id,
            since.map(Timestamp::as_millisecond),
            until.map(Timestamp::as_millisecond),
            rest.map(|rest| &rest.reason)
        ])?;
    Ok(())
}

/// Nothing is sent, for longer than a moment, as people are told it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Halted {
    pub since: Timestamp,
    /// When it is tried again.
    pub until: Timestamp,
    /// Whether everything is refused; otherwise it only pauses.
    pub stopped: bool,
    /// Whether it is for want of a good login.
    pub credentials: bool,
    pub reason: String,
}

/// Notes that an account is halted, or goes on being so for longer.
pub fn set(connection: &Connection, account: Account, halted: &Halted) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE account SET halt_since_ms = coalesce(halt_since_ms, ?2), halt_until_ms = ?3, halt_stopped = ?4,
                 halt_credentials = ?5, halt_reason = ?6 WHERE id = ?1",
        )?
        .execute(params![
            account.id,
            halted.since.as_millisecond(),
            halted.until.as_millisecond(),
            halted.stopped,
            halted.credentials,
            halted.reason,
        ])?;
    Ok(())
}

/// The account goes on, or a new run begins and finds out by itself.
pub fn end(connection: &Connection, account: Account) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE account SET halt_since_ms = NULL WHERE id = ?1")?.execute([account.id])?;
    Ok(())
}

/// All that is known of why an account may stand still.
#[derive(Clone, Debug, Default)]
pub struct Standstill {
    halt: Option<Halted>,
    rest: Option<Halted>,
}

impl Standstill {
    /// Why it stands still at that time, if it does. Only somebody who runs can say that a stop goes on beyond its time.
    pub fn at(self, now: Timestamp, is_running: bool) -> Option<Halted> {
        let halt = self.halt.filter(|halt| is_running && halt.stopped || halt.until > now);
        halt.or_else(|| self.rest.filter(|rest| rest.until > now))
    }
}

pub fn of_account(connection: &Connection, account: i64) -> rusqlite::Result<Standstill> {
    let mut query = connection.prepare_cached(
        "SELECT rest_since_ms, rest_until_ms, rest_reason, halt_since_ms, halt_until_ms, halt_stopped, halt_credentials,
             halt_reason FROM account WHERE id = ?1",
    )?;
    query.query_row([account], |row| {
        let halt = match (instant(row.get(3)?), instant(row.get(4)?)) {
            (Some(since), Some(until)) => {
                let (stopped, credentials, reason) = (row.get(5)?, row.get(6)?, row.get(7)?);
                Some(Halted { since, until, stopped, credentials, reason })
            }
            _ => None,
        };
        let rest = rest_of(row, 0)?.map(|Rest { since, until, reason }| Halted {
            since,
            until,
            stopped: false,
            credentials: false,
            reason,
        });
        Ok(Standstill { halt, rest })
    })
}

fn instant(millis: Option<i64>) -> Option<Timestamp> {
    millis.and_then(|millis| Timestamp::from_millisecond(millis).ok())
}
