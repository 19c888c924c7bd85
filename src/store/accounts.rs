//! Accounts, and where each of them delivers to.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

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
        "INSERT INTO account (name, destination_id) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET destination_id = ?2, reconciled_ms = NULL WHERE destination_id IS NOT ?2",
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

pub fn set_reconciled(connection: &Connection, account: Account, at: Timestamp) -> rusqlite::Result<()> {
    let values = params![account.id, at.as_millisecond()];
    connection.execute("UPDATE account SET reconciled_ms = ?2 WHERE id = ?1", values)?;
    Ok(())
}
