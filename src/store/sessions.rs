//! What should be on the server: sessions and the records they are merged from.

use super::Account;
use crate::merge::Candidate;
use crate::session::Session;
use crate::workout::{ActivityType, Key, Workout};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

/// The row of a session.
pub type SessionRow = i64;

/// The sessions that a record may belong to: those with its key, those that start within the range, and those that this
/// file told of before.
pub fn candidates(
    connection: &Connection,
    account: Account,
    record: &Workout,
    range: (Timestamp, Timestamp),
    file: i64,
) -> rusqlite::Result<Vec<(SessionRow, Candidate)>> {
    // The plus keeps the planner from walking through all of the account's sessions instead of the few ids.
    let mut query = connection.prepare_cached(
        "SELECT id, start_ms, end_ms, type,
             EXISTS (SELECT 1 FROM record WHERE file_id = ?4 AND session_row = session.id),
             coalesce((SELECT min(coalesce(json_extract(workout, '$.source.salvaged'), 0)) FROM record
                 WHERE session_row = session.id), 0)
         FROM session
         WHERE +account_id = ?1 AND id IN (
             SELECT id FROM session WHERE account_id = ?1 AND start_ms BETWEEN ?2 AND ?3
             UNION SELECT session_row FROM record WHERE file_id = ?4
             UNION SELECT session_row FROM record WHERE vendor = ?5 AND vendor_key = ?6)",
    )?;
    let (vendor, key) = record.key.as_ref().map(|key| (&key.vendor, &key.id)).unzip();
    let (from, to) = (range.0.as_millisecond(), range.1.as_millisecond());
    let rows = query.query_map(params![account.id, from, to, file, vendor, key], |row| {
        let id: SessionRow = row.get(0)?;
        let candidate = Candidate {
            start: timestamp(row, 1)?,
            end: timestamp(row, 2)?,
            activity_type: ActivityType::new(row.get(3)?).unwrap_or(ActivityType::OTHER),
            keys: keys(connection, id)?,
            from_same_file: row.get(4)?,
            salvaged: row.get(5)?,
        };
        Ok((id, candidate))
    })?;
    rows.collect()
}

fn keys(connection: &Connection, session: SessionRow) -> rusqlite::Result<Vec<Key>> {
    let mut query = connection
        .prepare_cached("SELECT vendor, vendor_key FROM record WHERE session_row = ?1 AND vendor_key IS NOT NULL")?;
    query.query_map([session], |row| Ok(Key { vendor: row.get(0)?, id: row.get(1)? }))?.collect()
}

/// Whether the account has a session of this id.
pub fn has_id(connection: &Connection, account: Account, id: &str) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached("SELECT 1 FROM session WHERE account_id = ?1 AND session_id = ?2")?;
    query.exists(params![account.id, id])
}

/// The id under which a session is known to the server.
pub fn id_of(connection: &Connection, session: SessionRow) -> rusqlite::Result<String> {
    connection.prepare_cached("SELECT session_id FROM session WHERE id = ?1")?.query_row([session], |row| row.get(0))
}

/// Makes an empty session, at revision 0; [`revise`] gives it its content.
pub fn create(connection: &Connection, account: Account, id: &str) -> rusqlite::Result<SessionRow> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO session (account_id, session_id, revision, body, start_ms, end_ms, type)
         VALUES (?1, ?2, 0, '', 0, 0, 0) RETURNING id",
    )?;
    insert.query_row(params![account.id, id], |row| row.get(0))
}

/// Gives a session the id under which the destination has it.
pub fn rename(connection: &Connection, row: SessionRow, session: &Session) -> rusqlite::Result<()> {
    let body = serde_json::to_string(session).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection
        .prepare_cached("UPDATE session SET session_id = ?2, body = ?3 WHERE id = ?1")?
        .execute(params![row, session.id, body])?;
    Ok(())
}

/// Gives a session its content; returns the new revision if that is a change. One that was not wanted any more is wanted
/// again.
pub fn revise(
    connection: &Connection,
    row: SessionRow,
    session: &Session,
    now: Timestamp,
) -> rusqlite::Result<Option<i64>> {
    let body = serde_json::to_string(session).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut update = connection.prepare_cached(
        "UPDATE session SET revision = revision + 1, body = ?2, start_ms = ?3, end_ms = ?4, type = ?5, revised_ms = ?6,
             wanted = 1
         WHERE id = ?1 AND (body IS NOT ?2 OR NOT wanted) RETURNING revision",
    )?;
    let Session { start_time_millis: start, end_time_millis: end, activity_type, .. } = session;
    let values = params![row, body, start, end, activity_type, now.as_millisecond()];
    let mut rows = update.query(values)?;
    rows.next()?.map(|row| row.get(0)).transpose()
}

/// Says that a session is not to be on the server any more if no file tells of it; true if that is so now.
pub fn dismiss(connection: &Connection, row: SessionRow) -> rusqlite::Result<bool> {
    let mut update = connection.prepare_cached(
        "UPDATE session SET revision = revision + 1, wanted = 0
         WHERE id = ?1 AND wanted AND NOT EXISTS (SELECT 1 FROM record WHERE session_row = ?1)",
    )?;
    Ok(update.execute([row])? > 0)
}

/// The sessions of which a file tells.
pub fn of_file(connection: &Connection, file: i64) -> rusqlite::Result<Vec<SessionRow>> {
    let mut query = connection.prepare_cached("SELECT DISTINCT session_row FROM record WHERE file_id = ?1")?;
    query.query_map([file], |row| row.get(0))?.collect()
}

/// Forgets what a file told, before its new content is written down. Sessions stay: a past file justifies them too.
pub fn forget_records(connection: &Connection, file: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM record WHERE file_id = ?1")?.execute([file])?;
    Ok(())
}

pub fn add_record(connection: &Connection, file: i64, session: SessionRow, workout: &Workout) -> rusqlite::Result<()> {
    let json = serde_json::to_string(workout).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let (vendor, key) = workout.key.as_ref().map(|key| (&key.vendor, &key.id)).unzip();
    connection
        .prepare_cached(
            "INSERT INTO record (file_id, session_row, vendor, vendor_key, workout) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![file, session, vendor, key, json])?;
    Ok(())
}

/// All that the files say of one session.
pub fn records(connection: &Connection, session: SessionRow) -> rusqlite::Result<Vec<Workout>> {
    let mut query = connection.prepare_cached("SELECT workout FROM record WHERE session_row = ?1")?;
    let workout = |row: &Row<'_>| {
        serde_json::from_str(row.get_ref(0)?.as_str()?)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, error.into()))
    };
    query.query_map([session], workout)?.collect()
}

fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(column)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, error.into()))
}
