//! What should be on the server: one session for each workout.

use super::Account;
use crate::session::Session;
use crate::workout::Workout;
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, params};

/// The row of a session.
pub type SessionRow = i64;

/// Whether a session of the account, but not this one, has this id, at whatever destination.
pub fn has_id(connection: &Connection, account: Account, id: &str, but: Option<SessionRow>) -> rusqlite::Result<bool> {
    // In this order, or the planner walks through all of the account's sessions.
    let mut query = connection.prepare_cached(
        "SELECT 1 FROM session WHERE account_id = ?1 AND session_id = ?2 AND id IS NOT ?3
         UNION ALL
         SELECT 1 FROM alias CROSS JOIN session ON session.id = session_row
         WHERE alias.session_id = ?2 AND account_id = ?1 AND session.id IS NOT ?3",
    )?;
    query.exists(params![account.id, id, but])
}

/// The id under which a session is known to the server.
pub fn id_of(connection: &Connection, session: SessionRow) -> rusqlite::Result<String> {
    connection.prepare_cached("SELECT session_id FROM session WHERE id = ?1")?.query_row([session], |row| row.get(0))
}

/// Makes a session for a workout, at revision 0; [`revise`] gives it its content. `suspect` may be the same in another
/// time zone.
pub fn create(
    connection: &Connection,
    account: Account,
    id: &str,
    workout: &Workout,
    suspect: Option<SessionRow>,
) -> rusqlite::Result<SessionRow> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO session (account_id, session_id, revision, body, start_ms, end_ms, type, suspect)
         VALUES (?1, ?2, 0, '', ?3, ?4, ?5, ?6) RETURNING id",
    )?;
    let (start, end) = (workout.start.as_millisecond(), workout.end.as_millisecond());
    let values = params![account.id, id, start, end, workout.activity_type.number(), suspect];
    insert.query_row(values, |row| row.get(0))
}

/// Gives a session the id under which the account's destination has it. Others keep it under the id that they know.
pub fn rename(connection: &Connection, account: Account, row: SessionRow, session: &Session) -> rusqlite::Result<()> {
    let body = serde_json::to_string(session).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    connection
        .prepare_cached(
            "INSERT INTO alias (session_row, destination_id, session_id)
             SELECT session.id, remote.destination_id, session_id FROM session JOIN remote ON session_row = session.id
             WHERE session.id = ?1 AND remote.destination_id != ?2
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![row, account.destination])?;
    connection
        .prepare_cached(
            "INSERT INTO alias (session_row, destination_id, session_id) VALUES (?1, ?2, ?3)
             ON CONFLICT DO UPDATE SET session_id = ?3",
        )?
        .execute(params![row, account.destination, session.id])?;
    connection
        .prepare_cached("UPDATE session SET session_id = ?2, body = ?3 WHERE id = ?1")?
        .execute(params![row, session.id, body])?;
    Ok(())
}

/// Gives sessions the ids under which the account's destination has them, after another one had them under others.
pub fn recall_ids(connection: &Connection, account: Account) -> rusqlite::Result<()> {
    let mut query = connection.prepare(
        "SELECT session.id, body, alias.session_id FROM alias JOIN session ON session.id = session_row
         WHERE account_id = ?1 AND destination_id = ?2 AND alias.session_id != session.session_id",
    )?;
    let mut rows = query.query(params![account.id, account.destination])?;
    let mut renamed = Vec::new();
    while let Some(row) = rows.next()? {
        let session: Session = serde_json::from_str(row.get_ref(1)?.as_str()?)
            .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, Type::Text, error.into()))?;
        renamed.push((row.get(0)?, Session { id: row.get(2)?, ..session }));
    }
    renamed.iter().try_for_each(|(row, session)| rename(connection, account, *row, session))
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
             wanted = 1, said = substr(?7 || said, 1, 256)
         WHERE id = ?1 AND (body IS NOT ?2 OR NOT wanted) RETURNING revision",
    )?;
    let Session { start_time_millis: start, end_time_millis: end, activity_type, .. } = session;
    let values = params![row, body, start, end, activity_type, now.as_millisecond(), session.words_hash()];
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

/// Notes why a session is not to be sent, or that nothing speaks against it any more; true if that is news.
pub fn set_skipped(connection: &Connection, row: SessionRow, reason: Option<&str>) -> rusqlite::Result<bool> {
    let mut update =
        connection.prepare_cached("UPDATE session SET skipped = ?2 WHERE id = ?1 AND skipped IS NOT ?2")?;
    Ok(update.execute(params![row, reason])? > 0)
}

/// How many of the workouts that a file tells of are not sent by the rules, and why the first of them is not.
pub fn skipped_of_file(connection: &Connection, file: i64) -> rusqlite::Result<(usize, Option<String>)> {
    let mut query = connection.prepare_cached(
        "SELECT count(DISTINCT session.id), min(skipped) FROM record JOIN session ON session.id = session_row
         WHERE file_id = ?1 AND skipped IS NOT NULL",
    )?;
    query.query_row([file], |row| Ok((row.get(0)?, row.get(1)?)))
}

/// Some of an account's sessions, in the order of their rows.
pub fn after(
    connection: &Connection,
    account: Account,
    row: SessionRow,
    limit: usize,
) -> rusqlite::Result<Vec<SessionRow>> {
    let mut query =
        connection.prepare_cached("SELECT id FROM session WHERE +account_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3")?;
    query.query_map(params![account.id, row, limit], |row| row.get(0))?.collect()
}
