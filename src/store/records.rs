//! What each file says of each workout; a session is merged from its records.

use super::Account;
use super::sessions::SessionRow;
use crate::merge::{self, Candidate, KnownKey, Rule};
use crate::rules;
use crate::workout::{ActivityType, Key, Workout};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The row of a record.
pub type RecordRow = i64;

/// A record, and the file that it is from.
#[derive(Clone, Debug)]
pub struct Told {
    pub row: RecordRow,
    pub workout: Workout,
    pub file: PathBuf,
    /// By which rule it belongs to its session, as [`Rule`] is called; records of older versions do not say.
    pub rule: Option<String>,
}

/// Hands every record of a file to `each`, as it is stored.
pub fn of_file(
    connection: &Connection,
    file: i64,
    mut each: impl FnMut(RecordRow, SessionRow, &str),
) -> rusqlite::Result<()> {
    let mut query = connection.prepare_cached("SELECT id, session_row, workout FROM record WHERE file_id = ?1")?;
    let mut rows = query.query([file])?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get(1)?, row.get_ref(2)?.as_str()?);
    }
    Ok(())
}

/// All that the files say of one session.
pub fn of_session(connection: &Connection, session: SessionRow) -> rusqlite::Result<Vec<Told>> {
    let mut query = connection.prepare_cached(
        "SELECT record.id, workout, path, rule, said_ns, coalesce(moved_from, path)
         FROM record JOIN file ON file.id = file_id WHERE session_row = ?1",
    )?;
    let told = |row: &Row<'_>| {
        let file = PathBuf::from(OsString::from_vec(row.get(2)?));
        let mut workout = workout(row, 1)?;
        (workout.source.said_ns, workout.source.origin) = (row.get(4)?, row.get(5)?);
        Ok(Told { row: row.get(0)?, workout, file, rule: row.get(3)? })
    };
    query.query_map([session], told)?.collect()
}

/// Records of former versions of a file, at most: those that were moved from its path.
const MOST_FORMER: usize = 200;

/// What other versions of a file told, the latest first: those that lay where it lies, or lay before it was moved, and were
/// moved, and the one that lies there now.
pub fn of_former_versions(connection: &Connection, file: i64) -> rusqlite::Result<Vec<(RecordRow, SessionRow)>> {
    let mut query = connection.prepare_cached(
        "SELECT record.id, session_row FROM record WHERE file_id != ?1 AND file_id IN (
             SELECT moved.id FROM file AS here JOIN file AS moved
                 ON moved.moved_from = coalesce(here.moved_from, here.path) AND moved.account_id = here.account_id
                 WHERE here.id = ?1
             UNION SELECT lying.id FROM file AS lying
                 WHERE lying.account_id = (SELECT account_id FROM file WHERE id = ?1)
                     AND lying.path = (SELECT moved_from FROM file WHERE id = ?1))
         ORDER BY record.id DESC LIMIT ?2",
    )?;
    query.query_map(params![file, MOST_FORMER], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

/// One record.
pub fn get(connection: &Connection, record: RecordRow) -> rusqlite::Result<Workout> {
    connection.prepare_cached("SELECT workout FROM record WHERE id = ?1")?.query_row([record], |row| workout(row, 0))
}

fn workout(row: &Row<'_>, column: usize) -> rusqlite::Result<Workout> {
    serde_json::from_str(row.get_ref(column)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into()))
}

/// As a record is stored.
pub fn stored(workout: &Workout) -> rusqlite::Result<String> {
    serde_json::to_string(workout).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

pub fn add(
    connection: &Connection,
    file: i64,
    session: SessionRow,
    workout: &Workout,
    rule: Rule,
) -> rusqlite::Result<()> {
    let (vendor, key) = workout.key.as_ref().map(|key| (&key.vendor, &key.id)).unzip();
    let (alias_vendor, alias) = workout.alias.as_ref().map(|key| (&key.vendor, &key.id)).unzip();
    let unknown_sport = workout.source.unknown_sport.then(|| rules::word_of(workout)).flatten();
    let mut insert = connection.prepare_cached(
        "INSERT INTO record (file_id, session_row, vendor, vendor_key, alias_vendor, alias_key, unknown_sport, rule, workout,
             said_ns)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, (SELECT mtime_ns FROM file WHERE id = ?1))",
    )?;
    let json = stored(workout)?;
    insert.execute(params![file, session, vendor, key, alias_vendor, alias, unknown_sport, rule.as_str(), json])?;
    Ok(())
}

/// Whether another record of the session says exactly this, and none by the same vendor anything else: then the last word
/// is the same.
pub fn is_told(connection: &Connection, session: SessionRow, workout: &Workout) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached(
        "SELECT 1 FROM record WHERE session_row = ?1 AND workout = ?2
         AND NOT EXISTS (SELECT 1 FROM record WHERE session_row = ?1 AND vendor = ?3 AND workout <> ?2)",
    )?;
    query.exists(params![session, stored(workout)?, workout.key.as_ref().map(|key| &key.vendor)])
}

/// Whether any record of the session says exactly this.
pub fn has_told(connection: &Connection, session: SessionRow, workout: &Workout) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached("SELECT 1 FROM record WHERE session_row = ?1 AND workout = ?2")?;
    query.exists(params![session, stored(workout)?])
}

/// Corrects what a record says; its keys and its sport are the same.
pub fn rewrite(connection: &Connection, record: RecordRow, workout: &Workout) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE record SET workout = ?2 WHERE id = ?1")?;
    update.execute(params![record, stored(workout)?]).map(drop)
}

/// Forgets single records. Sessions stay: a past file justifies them too.
pub fn forget(connection: &Connection, records: impl Iterator<Item = RecordRow>) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM record WHERE id = ?1")?;
    let mut records = records;
    records.try_for_each(|record| delete.execute([record]).map(drop))
}

/// Forgets all that a file told.
pub fn forget_all(connection: &Connection, file: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM record WHERE file_id = ?1")?.execute([file])?;
    Ok(())
}

/// How often each vendor's word for a sport stands in an account's records that the built-in maps do not know.
pub fn unknown_sports(connection: &Connection, account: i64) -> rusqlite::Result<Vec<(String, u64)>> {
    let mut query = connection.prepare_cached(
        "SELECT unknown_sport, count(*) FROM record JOIN session ON session.id = session_row
         WHERE unknown_sport IS NOT NULL AND account_id = ?1 GROUP BY unknown_sport ORDER BY 2 DESC, 1",
    )?;
    query.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
}

const CANDIDATE: &str = "id, start_ms, end_ms, type,
    coalesce((SELECT min(coalesce(json_extract(workout, '$.source.salvaged'), 0)) FROM record
        WHERE session_row = session.id), 0)";

/// The sessions that a record may belong to: those with one of its keys, and those that start near it.
pub fn candidates(
    connection: &Connection,
    account: Account,
    record: &Workout,
) -> rusqlite::Result<Vec<(SessionRow, Candidate)>> {
    let (from, to) = merge::search_range(record);
    // The plus keeps the planner from walking through all of the account's sessions instead of the few ids.
    let mut query = connection.prepare_cached(&format!(
        "SELECT {CANDIDATE} FROM session
         WHERE +account_id = ?1 AND id IN (
             SELECT id FROM session WHERE account_id = ?1 AND start_ms BETWEEN ?2 AND ?3
             UNION SELECT session_row FROM record WHERE vendor = ?4 AND vendor_key = ?5
             UNION SELECT session_row FROM record WHERE alias_vendor = ?4 AND alias_key = ?5
             UNION SELECT session_row FROM record WHERE vendor = ?6 AND vendor_key = ?7
             UNION SELECT session_row FROM record WHERE alias_vendor = ?6 AND alias_key = ?7)",
    ))?;
    let (vendor, key) = record.key.as_ref().map(|key| (&key.vendor, &key.id)).unzip();
    let (alias_vendor, alias) = record.alias.as_ref().map(|key| (&key.vendor, &key.id)).unzip();
    let (from, to) = (from.as_millisecond(), to.as_millisecond());
    let rows = query
        .query_map(params![account.id, from, to, vendor, key, alias_vendor, alias], |row| candidate(connection, row))?;
    rows.collect()
}

/// One session as a candidate.
pub fn as_candidate(connection: &Connection, session: SessionRow) -> rusqlite::Result<Candidate> {
    let mut query = connection.prepare_cached(&format!("SELECT {CANDIDATE} FROM session WHERE id = ?1"))?;
    query.query_row([session], |row| candidate(connection, row)).map(|(_, candidate)| candidate)
}

/// Sessions within so many are looked at for suspects; nobody trains as often in two days.
const MOST_SUSPECTS: i64 = 500;

/// The sessions that may be a workout in another time zone.
pub fn suspects(
    connection: &Connection,
    account: Account,
    record: &Workout,
) -> rusqlite::Result<Vec<(SessionRow, Candidate)>> {
    let (from, to) = merge::suspect_range(record);
    let mut query = connection.prepare_cached(&format!(
        "SELECT {CANDIDATE} FROM (SELECT id, start_ms, end_ms, type FROM session
             WHERE account_id = ?1 AND start_ms BETWEEN ?2 AND ?3 LIMIT ?5) AS session
         WHERE (start_ms / 1000 - ?4) % 1800 = 0 AND start_ms / 1000 != ?4",
    ))?;
    let (from, to) = (from.as_millisecond(), to.as_millisecond());
    let values = params![account.id, from, to, record.start.as_second(), MOST_SUSPECTS];
    query.query_map(values, |row| candidate(connection, row))?.collect()
}

fn candidate(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<(SessionRow, Candidate)> {
    let id: SessionRow = row.get(0)?;
    let candidate = Candidate {
        start: timestamp(row, 1)?,
        end: timestamp(row, 2)?,
        activity_type: ActivityType::new(row.get(3)?).unwrap_or(ActivityType::OTHER),
        keys: keys(connection, id)?,
        from_same_file: false,
        salvaged: row.get(4)?,
    };
    Ok((id, candidate))
}

fn keys(connection: &Connection, session: SessionRow) -> rusqlite::Result<Vec<KnownKey>> {
    let mut query = connection.prepare_cached(
        "SELECT vendor, vendor_key, alias_vendor, alias_key, json_extract(workout, '$.source.assumedZone') IS NOT NULL
         FROM record WHERE session_row = ?1 AND (vendor_key IS NOT NULL OR alias_key IS NOT NULL)",
    )?;
    let mut rows = query.query([session])?;
    let mut keys = Vec::new();
    while let Some(row) = rows.next()? {
        for column in [0, 2] {
            let (vendor, id): (Option<String>, Option<String>) = (row.get(column)?, row.get(column + 1)?);
            if let (Some(vendor), Some(id)) = (vendor, id) {
                keys.push(KnownKey { key: Key { vendor, id }, is_printed: row.get(4)? });
            }
        }
    }
    Ok(keys)
}

fn timestamp(row: &Row<'_>, column: usize) -> rusqlite::Result<Timestamp> {
    Timestamp::from_millisecond(row.get(column)?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(column, Type::Integer, error.into()))
}
