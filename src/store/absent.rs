//! Files that are not where they were: since when, whether that is believed, and the end of what they told.

use super::Account;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A file that tells of sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub file: i64,
    pub path: PathBuf,
    /// Since when it is missed.
    pub gone: Option<Timestamp>,
    /// It was missed with so much else that only a person can say that it is gone.
    pub doubted: bool,
}

/// Hands every file at or below a path that tells of sessions to `each`, by path.
pub fn below<E: From<rusqlite::Error>>(
    connection: &Connection,
    account: Account,
    path: &Path,
    mut each: impl FnMut(Told) -> Result<(), E>,
) -> Result<(), E> {
    let [path, from, to] = range(path);
    let mut query = connection.prepare_cached(
        "SELECT id, path, gone_ms, doubted FROM file
         WHERE account_id = ?1 AND path >= ?2 AND path < ?4 AND (path = ?2 OR path > ?3)
             AND EXISTS (SELECT 1 FROM record WHERE file_id = file.id)
         ORDER BY path",
    )?;
    let mut rows = query.query(params![account.id, path, from, to])?;
    while let Some(row) = rows.next()? {
        let gone: Option<i64> = row.get(2)?;
        each(Told {
            file: row.get(0)?,
            path: PathBuf::from(OsString::from_vec(row.get(1)?)),
            gone: gone.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
            doubted: row.get(3)?,
        })?;
    }
    Ok(())
}

/// A path, and what everything below it lies between: the slash, and the character that follows it.
pub(super) fn range(path: &Path) -> [Vec<u8>; 3] {
    let bytes = path.as_os_str().as_bytes();
    let bytes = bytes.strip_suffix(b"/").unwrap_or(bytes);
    [bytes.to_vec(), [bytes, b"/"].concat(), [bytes, b"0"].concat()]
}

/// Notes since when files are missed; returns their paths.
pub fn miss(connection: &Connection, files: &[i64], now: Timestamp) -> rusqlite::Result<Vec<PathBuf>> {
    let sql = "UPDATE file SET gone_ms = ?2, doubted = 0 WHERE id = ?1 RETURNING path";
    let mut update = connection.prepare_cached(sql)?;
    files.iter().map(|file| update.query_row(params![file, now.as_millisecond()], path)).collect()
}

fn path(row: &Row<'_>) -> rusqlite::Result<PathBuf> {
    Ok(PathBuf::from(OsString::from_vec(row.get(0)?)))
}

/// Leaves it to a person to say that files are gone.
pub fn doubt(connection: &Connection, files: &[i64]) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE file SET gone_ms = NULL, doubted = 1 WHERE id = ?1")?;
    files.iter().try_for_each(|file| update.execute([file]).map(drop))
}

/// Notes that files are there again; returns the paths of those that were believed to be gone.
pub fn find_again(connection: &Connection, files: &[i64]) -> rusqlite::Result<Vec<PathBuf>> {
    let believed = "UPDATE file SET gone_ms = NULL WHERE id = ?1 AND gone_ms IS NOT NULL RETURNING path";
    let mut believed = connection.prepare_cached(believed)?;
    let mut doubted = connection.prepare_cached("UPDATE file SET doubted = 0 WHERE id = ?1 AND doubted")?;
    let mut paths = Vec::new();
    for file in files {
        paths.extend(believed.query_row([file], path).optional()?);
        doubted.execute([file])?;
    }
    Ok(paths)
}

/// Whether a file is still missed: it may have come back since somebody looked.
pub fn is_missed(connection: &Connection, file: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM file WHERE id = ?1 AND gone_ms IS NOT NULL")?.exists([file])
}

/// Removes a file's row, after its records: should it come back, it is read again. Returns its path.
pub fn forget(connection: &Connection, file: i64) -> rusqlite::Result<PathBuf> {
    connection.prepare_cached("DELETE FROM file WHERE id = ?1 RETURNING path")?.query_row([file], path)
}

/// How many of an account's files are missed, and how many of those wait for a person.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missed {
    pub missed_files: u64,
    pub doubted_files: u64,
}

pub fn counts(connection: &Connection, account: i64) -> rusqlite::Result<Missed> {
    let sql = "SELECT count(gone_ms), coalesce(sum(doubted), 0) FROM file
               WHERE account_id = ?1 AND (gone_ms IS NOT NULL OR doubted)";
    connection.prepare_cached(sql)?.query_row([account], |row| {
        let (gone, doubted): (u64, u64) = (row.get(0)?, row.get(1)?);
        Ok(Missed { missed_files: gone.saturating_add(doubted), doubted_files: doubted })
    })
}
