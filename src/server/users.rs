//! Who may use the server: the configured accounts, whose tokens are in files, and those who were given a token.

use super::era;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// One person's way in: whoever has the token is that user.
pub struct User {
    pub name: String,
    pub token: SecretString,
}

/// User rows by the SHA-256 of their token, so that comparing takes the same time for every wrong one.
pub type Known = HashMap<[u8; 32], i64>;

pub fn hash(token: &str) -> [u8; 32] {
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

/// Makes sure that the configured users exist, and begins an era of everybody's changes.
pub fn know(connection: &Connection, users: &[User]) -> rusqlite::Result<Known> {
    let known = users.iter().map(|user| Ok((hash(user.token.expose_secret()), row_of(connection, &user.name)?)));
    let known = known.collect::<rusqlite::Result<_>>()?;
    era::begin(connection)?;
    Ok(known)
}

/// The user to whom a token was given.
pub fn find(connection: &Connection, hash: &[u8; 32]) -> rusqlite::Result<Option<i64>> {
    let mut query = connection.prepare_cached("SELECT user_id FROM token WHERE hash = ?1")?;
    query.query_row([hash], |row| row.get(0)).optional()
}

/// Gives a user a token, besides those that he has; makes the user if there is none of this name.
pub fn add(connection: &Connection, user: &User, now: Timestamp) -> rusqlite::Result<()> {
    let row = row_of(connection, &user.name)?;
    // The first of a new user, before he can write.
    era::begin(connection)?;
    let values = params![hash(user.token.expose_secret()), row, now.as_millisecond()];
    connection.execute("INSERT INTO token (hash, user_id, created_ms) VALUES (?1, ?2, ?3)", values)?;
    Ok(())
}

/// Takes all given tokens of a user back and returns how many there were. The sessions stay.
pub fn remove(connection: &Connection, name: &str) -> rusqlite::Result<usize> {
    connection.execute("DELETE FROM token WHERE user_id = (SELECT id FROM user WHERE name = ?1)", [name])
}

/// A user and what he has.
#[derive(Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserStatus {
    pub name: String,
    pub sessions: u64,
    /// When each of his tokens was given; the token in a configured account's file is not among them.
    pub tokens: Vec<Timestamp>,
}

pub fn list(connection: &Connection) -> rusqlite::Result<Vec<UserStatus>> {
    let mut users = connection.prepare(
        "SELECT id, name, (SELECT count(*) FROM session WHERE user_id = user.id AND NOT deleted) FROM user ORDER BY name",
    )?;
    let mut tokens = connection.prepare("SELECT created_ms FROM token WHERE user_id = ?1 ORDER BY created_ms")?;
    let rows = users.query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get(1)?, row.get(2)?)))?;
    rows.map(|row| {
        let (id, name, sessions) = row?;
        let given = tokens.query_map([id], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()?;
        let tokens = given.into_iter().filter_map(|millis| Timestamp::from_millisecond(millis).ok()).collect();
        Ok(UserStatus { name, sessions, tokens })
    })
    .collect()
}

fn row_of(connection: &Connection, name: &str) -> rusqlite::Result<i64> {
    connection.execute("INSERT INTO user (name) VALUES (?1) ON CONFLICT DO NOTHING", [name])?;
    connection.query_row("SELECT id FROM user WHERE name = ?1", [name], |row| row.get(0))
}
