//! Accounts, and where each of them delivers to.

use jiff::Timestamp;
use jiff::civil::Date;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};

/// An account's row and the row of its destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: i64,
    pub destination: i64,
}

/// Finds or makes an account and points it at its destination of today. What another destination refused, or asked us to
/// come back with, says nothing of this one.
pub fn ensure(connection: &Connection, name: &str, destination: &str) -> rusqlite::Result<Account> {
    connection.execute("INSERT INTO destination (identity) VALUES (?1) ON CONFLICT DO NOTHING", [destination])?;
    let destination =
        connection.query_row("SELECT id FROM destination WHERE identity = ?1", [destination], |row| row.get(0))?;
    let changed = connection.execute(
        "INSERT INTO account (name, destination_id, wary) VALUES (?1, ?2, 1)
         ON CONFLICT (name) DO UPDATE SET destination_id = ?2, wary = 1, reconciled_ms = NULL, comparison = NULL,
             rest_until_ms = NULL, spent_day = NULL, feed = NULL, history_ms = NULL
         WHERE destination_id IS NOT ?2",
        params![name, destination],
    )?;
    let id = connection.query_row("SELECT id FROM account WHERE name = ?1", [name], |row| row.get(0))?;
    if changed > 0 {
        connection.execute("DELETE FROM outbox WHERE account_id = ?1", [id])?;
    }
    Ok(Account { id, destination })
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
    let millis: Option<Option<i64>> = connection
        .query_row("SELECT reconciled_ms FROM account WHERE id = ?1", [account.id], |row| row.get(0))
        .optional()?;
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
    let values = params![account.id, at.as_millisecond(), result];
    connection.execute("UPDATE account SET reconciled_ms = ?2, comparison = ?3 WHERE id = ?1", values)?;
    Ok(())
}

/// Before when nothing is to be sent, as the server asked for it.
pub fn rest_until(connection: &Connection, account: Account) -> rusqlite::Result<Option<Timestamp>> {
    let mut query = connection.prepare_cached("SELECT rest_until_ms FROM account WHERE id = ?1")?;
    let millis: Option<i64> = query.query_row([account.id], |row| row.get(0))?;
    Ok(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
}

pub fn set_rest_until(connection: &Connection, account: Account, until: Option<Timestamp>) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE account SET rest_until_ms = ?2 WHERE id = ?1")?
        .execute(params![account.id, until.map(Timestamp::as_millisecond)])?;
    Ok(())
}

/// The requests of a day, of which there may be a limited number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    pub day: Date,
    pub requests: u64,
}

pub fn spent(connection: &Connection, account: Account) -> rusqlite::Result<Option<Spent>> {
    let mut query = connection.prepare_cached("SELECT spent_day, spent FROM account WHERE id = ?1")?;
    query.query_row([account.id], |row| {
        let day: Option<String> = row.get(0)?;
        let requests = row.get(1)?;
        Ok(day.and_then(|day| day.parse().ok()).map(|day| Spent { day, requests }))
    })
}

pub fn set_spent(connection: &Connection, account: Account, spent: Spent) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE account SET spent_day = ?2, spent = ?3 WHERE id = ?1")?.execute(params![
        account.id,
        spent.day.to_string(),
        spent.requests
    ])?;
    Ok(())
}

/// Whether what is queued is compared with the destination before it is sent.
pub fn is_wary(connection: &Connection, account: Account) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT wary FROM account WHERE id = ?1")?.query_row([account.id], |row| row.get(0))
}

/// Makes an account wary, with what it has queued, or lets it be.
pub fn set_wary(connection: &Connection, account: Account, wary: bool) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE account SET wary = ?2 WHERE id = ?1")?.execute(params![account.id, wary])?;
    if wary {
        connection.prepare_cached("UPDATE outbox SET checked = 0 WHERE account_id = ?1")?.execute([account.id])?;
    }
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

/// A fingerprint of the rules by which the account's sessions were made.
pub fn rules(connection: &Connection, account: Account) -> rusqlite::Result<Option<String>> {
    connection.prepare_cached("SELECT rules FROM account WHERE id = ?1")?.query_row([account.id], |row| row.get(0))
}

pub fn set_rules(connection: &Connection, account: Account, fingerprint: &str) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET rules = ?2 WHERE id = ?1")?;
    update.execute(params![account.id, fingerprint]).map(drop)
}
