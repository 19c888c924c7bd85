//! Accounts, and where each of them delivers to.

use super::sessions;
use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// An account's row and the row of its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: i64,
    pub destination: i64,
}

/// Finds or makes an account and points it at its destination of today. What another destination refused, or asked us to
/// come back with, says nothing of this one.
pub fn ensure(connection: &Connection, name: &str, destination: &str) -> rusqlite::Result<Account> {
    let sql = "INSERT INTO destination (identity) VALUES (?1) ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute([destination])?;
    let mut query = connection.prepare_cached("SELECT id FROM destination WHERE identity = ?1")?;
    let destination = query.query_row([destination], |row| row.get(0))?;
    let mut query = connection.prepare_cached("SELECT destination_id FROM account WHERE name = ?1")?;
    let before: Option<Option<i64>> = query.query_row([name], |row| row.get(0)).optional()?;
    let mut upsert = connection.prepare_cached(
        "INSERT INTO account (name, destination_id, wary) VALUES (?1, ?2, 1)
         ON CONFLICT (name) DO UPDATE SET destination_id = ?2, wary = 1, reconciled_ms = NULL, comparison = NULL,
             rest_until_ms = NULL, halt_since_ms = NULL, spent_day = NULL, feed = NULL, history_ms = NULL, repaired = 0,
             repaired_before = 0, refused_ms = 0
         WHERE destination_id IS NOT ?2",
    )?;
    let changed = upsert.execute(params![name, destination])?;
    let mut query = connection.prepare_cached("SELECT id FROM account WHERE name = ?1")?;
    let id = query.query_row([name], |row| row.get(0))?;
    let account = Account { id, destination };
    if changed > 0 {
        sessions::recall_ids(connection, account)?;
        // What was to be put once more at the other destination was not: it waits, or was refused.
        connection.execute(
            "UPDATE remote SET restored = 0
             WHERE destination_id = ?2
                 AND session_row IN (SELECT session_row FROM outbox
                     WHERE account_id = ?1 AND (state = 'queued' OR attempts > 0))",
            params![id, before.flatten()],
        )?;
        connection.execute("DELETE FROM outbox WHERE account_id = ?1", [id])?;
    }
    Ok(account)
}

/// An account that was there before.
pub fn find(connection: &Connection, name: &str) -> rusqlite::Result<Option<Account>> {
    connection
        .query_row(
            "SELECT id, destination_id FROM account WHERE name = ?1 AND destination_id IS NOT NULL",
            [name],
            |row| Ok(Account { id: row.get(0)?, destination: row.get(1)? }),
        )
        .optional()
}

/// When the account's sessions were last compared with the server's.
pub fn reconciled_at(connection: &Connection, account: Account) -> rusqlite::Result<Option<Timestamp>> {
    let mut query = connection.prepare_cached("SELECT reconciled_ms FROM account WHERE id = ?1")?;
    let millis: Option<Option<i64>> = query.query_row([account.id], |row| row.get(0)).optional()?;
    Ok(millis.flatten().and_then(|millis| Timestamp::from_millisecond(millis).ok()))
}

/// What a comparison with the server came to, in sessions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Comparison {
    pub compared: usize,
    pub missing: usize,
    pub deleted: usize,
    pub edited: usize,
    /// Of these, left for a person, as they are too many.
    pub left: usize,
}

pub fn set_reconciled(
    connection: &Connection,
    account: Account,
    at: Timestamp,
    result: Comparison,
) -> rusqlite::Result<()> {
    let result =
        serde_json::to_string(&result).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut update =
        connection.prepare_cached("UPDATE account SET reconciled_ms = ?2, comparison = ?3 WHERE id = ?1")?;
    update.execute(params![account.id, at.as_millisecond(), result]).map(drop)
}

/// A person has settled so many of the differences that the last comparison left.
pub fn settle_left(connection: &Connection, account: Account, settled: usize) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE account SET comparison = json_set(comparison, '$.left', max(0, comparison ->> '$.left' - ?2))
         WHERE id = ?1 AND comparison IS NOT NULL",
    )?;
    update.execute(params![account.id, settled]).map(drop)
}

/// The requests of a day, of which there may be a limited number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub day: Date,
    pub requests: u64,
}

pub fn spent(connection: &Connection, account: Account) -> rusqlite::Result<Option<Spent>> {
    let mut query = connection.prepare_cached("SELECT spent_day, spent FROM account WHERE id = ?1")?;
    query.query_row([account.id], |row| spent_of(row, 0))
}

/// What is in the column of the day and the one behind it.
pub(super) fn spent_of(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Spent>> {
    let (day, requests): (Option<String>, u64) = (row.get(column)?, row.get(column + 1)?);
    Ok(day.and_then(|day| day.parse().ok()).map(|day| Spent { day, requests }))
}

/// Several write it down, and not always in order.
pub fn set_spent(connection: &Connection, account: Account, spent: Spent) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE account SET spent_day = ?2, spent = ?3 WHERE id = ?1 AND (spent_day IS NOT ?2 OR spent < ?3)",
    )?;
    update.execute(params![account.id, spent.day.to_string(), spent.requests]).map(drop)
}

/// Whether what is queued is compared with the destination before it is sent.
pub fn is_wary(connection: &Connection, account: Account) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT wary FROM account WHERE id = ?1")?.query_row([account.id], |row| row.get(0))
}

/// Whoever compares is about, and will be until then: see [`super::run::awake_until`].
pub fn set_awake(connection: &Connection, account: Account, until: Timestamp) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE account SET awake_until_ms = ?2 WHERE id = ?1")?
        .execute(params![account.id, until.as_millisecond()])?;
    Ok(())
}

/// Makes an account wary, with what it has queued, or lets it be. Each start does so, as this may be an old memory that was
/// put back: what it had queued, and what the first look at the folders adds, may be on the server already, or older than
/// what is there. Where nothing is queued nothing is asked.
pub fn set_wary(connection: &Connection, account: Account, wary: bool) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE account SET wary = ?2 WHERE id = ?1")?.execute(params![account.id, wary])?;
    if wary {
        connection.prepare_cached("UPDATE outbox SET checked = 0 WHERE account_id = ?1")?.execute([account.id])?;
    }
    Ok(())
}

/// The same for what is queued from now on.
pub fn be_wary(connection: &Connection, account: Account) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET wary = 1 WHERE id = ?1 AND NOT wary")?;
    update.execute([account.id]).map(drop)
}

/// Something new is known of what the destination has.
pub fn count_delivery(connection: &Connection, account: Account) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE account SET deliveries = deliveries + 1 WHERE id = ?1")?.execute([account.id])?;
    Ok(())
}

/// How many deliveries were recorded, for [`super::mirror`].
pub fn deliveries(connection: &Connection, account: Account) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT deliveries FROM account WHERE id = ?1")?.query_row([account.id], |row| row.get(0))
}

/// Continues the destination's list of changes.
pub fn feed(connection: &Connection, account: Account) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached("SELECT feed FROM account WHERE id = ?1")?.query_row([account.id], |row| row.get(0))
}

pub fn set_feed(connection: &Connection, account: Account, feed: Option<&str>) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET feed = ?2 WHERE id = ?1 AND feed IS NOT ?2")?;
    update.execute(params![account.id, feed]).map(drop)
}

/// How far the slow comparison of the whole history has come.
pub fn history(connection: &Connection, account: Account) -> rusqlite::Result<Option<Timestamp>> {
    let mut query = connection.prepare_cached("SELECT history_ms FROM account WHERE id = ?1")?;
    let millis: Option<i64> = query.query_row([account.id], |row| row.get(0))?;
    Ok(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
}

pub fn set_history(connection: &Connection, account: Account, at: Option<Timestamp>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE account SET history_ms = ?2 WHERE id = ?1")?
        .execute(params![account.id, at.map(Timestamp::as_millisecond)])?;
    Ok(())
}

/// Counts how long a destination has refused its lists; returns how long that is in all.
pub fn count_refusal(connection: &Connection, account: Account, passed: Duration) -> rusqlite::Result<Duration> {
    let passed = i64::try_from(passed.as_millis()).unwrap_or(i64::MAX);
    let mut update = connection.prepare_cached(
        "UPDATE account SET refused_ms = min(refused_ms, ?3) + ?2 WHERE id = ?1 RETURNING refused_ms",
    )?;
    let values = params![account.id, passed.min(i64::MAX / 2), i64::MAX / 2];
    let refused: u64 = update.query_row(values, |row| row.get(0))?;
    Ok(Duration::from_millis(refused))
}

/// It gave one.
pub fn forget_refusal(connection: &Connection, account: Account) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET refused_ms = 0 WHERE id = ?1 AND refused_ms > 0")?;
    update.execute([account.id]).map(drop)
}

/// Counts differences that were settled and nobody was asked, for [`repairs`].
pub fn count_repairs(connection: &Connection, account: Account, differences: usize) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET repaired = repaired + ?2 WHERE id = ?1")?;
    update.execute(params![account.id, differences]).map(drop)
}

/// How many there were since the whole history was last found to be in order, or a person was asked.
pub fn repairs(connection: &Connection, account: Account) -> rusqlite::Result<usize> {
    connection.prepare_cached("SELECT repaired FROM account WHERE id = ?1")?.query_row([account.id], |row| row.get(0))
}

/// The whole history was compared. If nothing differed meanwhile, what was repaired before that was all.
pub fn end_cycle(connection: &Connection, account: Account) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached(
        "UPDATE account SET repaired = iif(repaired = repaired_before, 0, repaired),
             repaired_before = iif(repaired = repaired_before, 0, repaired)
         WHERE id = ?1 AND repaired > 0",
    )?;
    update.execute([account.id]).map(drop)
}

/// A person has answered for all that differs.
pub fn forget_repairs(connection: &Connection, account: Account) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE account SET repaired = 0, repaired_before = 0 WHERE id = ?1 AND repaired > 0")?
        .execute([account.id])
        .map(drop)
}

/// A fingerprint of the rules by which the account's sessions were made.
pub fn rules(connection: &Connection, account: Account) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached("SELECT rules FROM account WHERE id = ?1")?.query_row([account.id], |row| row.get(0))
}

pub fn set_rules(connection: &Connection, account: Account, fingerprint: &str) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET rules = ?2 WHERE id = ?1")?;
    update.execute(params![account.id, fingerprint]).map(drop)
}
