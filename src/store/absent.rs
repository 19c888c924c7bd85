//! Files that are not where they were: since when, whether that is believed, and the end of what they told.

use super::Account;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::HashSet;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A file that tells of sessions.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub file: i64,
    pub path: PathBuf,
    pub missed: bool,
    /// How long the account's folders had been watched when it was missed, if it is, and if somebody counted then.
    pub since: Option<SignedDuration>,
    /// It was missed with so much else that only a person can say that it is gone.
    pub doubted: bool,
    /// Since when it is not there, where nothing follows from that.
    pub absent: Option<Timestamp>,
}

/// Which files are looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    All,
    /// Those of which it is known that they are not where they were.
    Away,
}

pub(super) const IS_AWAY: &str = "(gone_ms IS NOT NULL OR doubted OR absent_ms IS NOT NULL)";

/// Hands the files at or below a path that tell of sessions to `each`, by path.
pub fn below<E: From<rusqlite::Error>>(
    connection: &Connection,
    account: Account,
    path: &Path,
    which: Which,
    mut each: impl FnMut(Told) -> Result<(), E>,
) -> Result<(), E> {
    let [path, from, to] = range(path);
    let mut query = connection.prepare_cached(&format!(
        "SELECT id, path, gone_ms IS NOT NULL, iif(gone_ms IS NULL, NULL, gone_watched_ms), doubted, absent_ms FROM file
         WHERE account_id = ?1 AND path >= ?2 AND path < ?4 AND (path = ?2 OR path > ?3) AND (?5 OR {IS_AWAY})
             AND EXISTS (SELECT 1 FROM record WHERE file_id = file.id)
         ORDER BY path",
    ))?;
    let mut rows = query.query(params![account.id, path, from, to, which == Which::All])?;
    while let Some(row) = rows.next()? {
        let absent: Option<i64> = row.get(5)?;
        each(Told {
            file: row.get(0)?,
            path: PathBuf::from(OsString::from_vec(row.get(1)?)),
            missed: row.get(2)?,
            since: row.get::<_, Option<i64>>(3)?.map(SignedDuration::from_millis),
            doubted: row.get(4)?,
            absent: absent.and_then(|millis| Timestamp::from_millisecond(millis).ok()),
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

/// How long the account's folders were watched, as far as that was written down.
pub fn watched(connection: &Connection, account: Account) -> rusqlite::Result<SignedDuration> {
    let mut query = connection.prepare_cached("SELECT watched_ms FROM account WHERE id = ?1")?;
    query.query_row([account.id], |row| row.get(0).map(SignedDuration::from_millis))
}

pub fn set_watched(connection: &Connection, account: Account, watched: SignedDuration) -> rusqlite::Result<()> {
    let mut update = connection.prepare_cached("UPDATE account SET watched_ms = max(watched_ms, ?2) WHERE id = ?1")?;
    update.execute(params![account.id, millis(watched)]).map(drop)
}

/// Notes that files are missed now, after the account's folders were watched for so long; returns their paths.
pub fn miss(
    connection: &Connection,
    account: Account,
    files: &[i64],
    (now, watched): (Timestamp, SignedDuration),
) -> rusqlite::Result<Vec<PathBuf>> {
    // Nothing is missed later than what was counted.
    set_watched(connection, account, watched)?;
    let sql = "UPDATE file SET gone_ms = ?2, gone_watched_ms = ?3, doubted = 0 WHERE id = ?1 RETURNING path";
    let mut update = connection.prepare_cached(sql)?;
    let mut miss = |file| update.query_row(params![file, now.as_millisecond(), millis(watched)], path);
    files.iter().map(&mut miss).collect()
}

fn millis(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
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
    let others = "UPDATE file SET doubted = 0, absent_ms = NULL WHERE id = ?1 AND (doubted OR absent_ms IS NOT NULL)";
    let mut others = connection.prepare_cached(others)?;
    let mut paths = Vec::new();
    for file in files {
        paths.extend(believed.query_row([file], path).optional()?);
        others.execute([file])?;
    }
    Ok(paths)
}

/// Whether other files, of those that count, tell of every session that a file tells of.
pub fn is_told_elsewhere(connection: &Connection, file: i64, counts: impl Fn(&Path) -> bool) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached(
        "SELECT DISTINCT mine.session_row, path FROM record AS mine
             LEFT JOIN record AS other ON other.session_row = mine.session_row AND other.file_id <> mine.file_id
             LEFT JOIN file ON file.id = other.file_id
         WHERE mine.file_id = ?1",
    )?;
    let (mut mine, mut told) = (HashSet::new(), HashSet::new());
    let mut rows = query.query([file])?;
    while let Some(row) = rows.next()? {
        let session: i64 = row.get(0)?;
        mine.insert(session);
        let other: Option<Vec<u8>> = row.get(1)?;
        let other = other.map(|path| PathBuf::from(OsString::from_vec(path)));
        if !told.contains(&session) && other.is_some_and(|other| counts(&other)) {
            told.insert(session);
        }
    }
    Ok(!mine.is_empty() && mine == told)
}

/// Whether more files at or below a path should be there than were found, whatever came of them; those do not count that
/// were away.
pub fn is_lacking(connection: &Connection, account: Account, path: &Path, found: u64) -> rusqlite::Result<bool> {
    let [path, from, to] = range(path);
    let mut query = connection.prepare_cached(&format!(
        "SELECT count(*) FROM file
         WHERE account_id = ?1 AND path >= ?2 AND path < ?4 AND (path = ?2 OR path > ?3) AND NOT {IS_AWAY}",
    ))?;
    let known: u64 = query.query_row(params![account.id, path, from, to], |row| row.get(0))?;
    Ok(known > found)
}

/// How many files at or below a path tell of sessions.
pub fn telling(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<usize> {
    let [path, from, to] = range(path);
    let mut query = connection.prepare_cached(
        "SELECT count(*) FROM file
         WHERE account_id = ?1 AND path >= ?2 AND path < ?4 AND (path = ?2 OR path > ?3)
             AND EXISTS (SELECT 1 FROM record WHERE file_id = file.id)",
    )?;
    query.query_row(params![account.id, path, from, to], |row| row.get(0))
}

/// Since when each of these is absent by now: those that were so already keep their time. Nobody is asked about them any more.
pub fn set_absent(connection: &Connection, files: &[i64], now: Timestamp) -> rusqlite::Result<()> {
    let sql = "UPDATE file SET absent_ms = min(coalesce(absent_ms, ?2), ?2), gone_ms = NULL, doubted = 0 WHERE id = ?1";
    let mut update = connection.prepare_cached(sql)?;
    files.iter().try_for_each(|file| update.execute(params![file, now.as_millisecond()]).map(drop))
}

/// Whether a file is still missed: it may have come back since somebody looked.
pub fn is_missed(connection: &Connection, file: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM file WHERE id = ?1 AND gone_ms IS NOT NULL")?.exists([file])
}

/// How many sessions nobody but these files tells of, as far as others are where they were.
pub fn sessions_of(connection: &Connection, files: &[i64]) -> rusqlite::Result<usize> {
    let files = files.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let mut query = connection.prepare_cached(
        "WITH these AS MATERIALIZED (SELECT value FROM json_each(?1))
         SELECT count(DISTINCT session_row) FROM record AS ours WHERE file_id IN these AND NOT EXISTS (
             SELECT 1 FROM record JOIN file ON file.id = file_id
             WHERE session_row = ours.session_row AND file_id NOT IN these
                 AND gone_ms IS NULL AND absent_ms IS NULL AND NOT doubted)",
    )?;
    query.query_row([format!("[{files}]")], |row| row.get(0))
}

/// Which of these missed files may only have another name now: one waits that has their size, as it cannot be read or is not
/// believed yet.
pub fn perhaps_unread(connection: &Connection, account: Account, files: &[i64]) -> rusqlite::Result<HashSet<i64>> {
    let files = files.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
    let mut query = connection.prepare_cached(&format!(
        "WITH these AS MATERIALIZED (SELECT value FROM json_each(?1))
         SELECT id FROM file WHERE id IN these AND size IN (
             SELECT size FROM file WHERE account_id = ?2 AND verdict = 'waiting' AND id NOT IN these AND NOT {IS_AWAY})",
    ))?;
    query.query_map(params![format!("[{files}]"), account.id], |row| row.get(0))?.collect()
}

/// Removes a file's row, after its records: should it come back, it is read again. Returns its path.
pub fn forget(connection: &Connection, file: i64) -> rusqlite::Result<PathBuf> {
    connection.prepare_cached("DELETE FROM file WHERE id = ?1 RETURNING path")?.query_row([file], path)
}

/// A file that tells of no session, and when it was judged.
#[derive(Clone, Debug)]
pub struct Judged {
    file: i64,
    at: i64,
    pub path: PathBuf,
}

/// The files at or below a path that people are told of and that never told of a session.
pub fn without_session(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<Vec<Judged>> {
    let [path, from, to] = range(path);
    let mut query = connection.prepare_cached(
        "SELECT id, judged_ms, path FROM file
         WHERE account_id = ?1 AND path >= ?2 AND path < ?4 AND (path = ?2 OR path > ?3)
             AND verdict IN ('rejected', 'waiting', 'ignored', 'no-session')
             AND NOT EXISTS (SELECT 1 FROM record WHERE file_id = file.id)",
    )?;
    let judged = |row: &Row<'_>| {
        Ok(Judged { file: row.get(0)?, at: row.get(1)?, path: PathBuf::from(OsString::from_vec(row.get(2)?)) })
    };
    query.query_map(params![account.id, path, from, to], judged)?.collect()
}

/// Removes the rows of files, but for those that were judged again since.
pub fn forget_as_judged(connection: &Connection, files: &[Judged]) -> rusqlite::Result<()> {
    let sql = "DELETE FROM file WHERE id = ?1 AND judged_ms = ?2";
    let mut delete = connection.prepare_cached(sql)?;
    files.iter().try_for_each(|Judged { file, at, .. }| delete.execute([file, at]).map(drop))
}

/// A file of a folder that is not watched any more.
#[derive(Clone, Debug)]
pub struct Stray {
    pub file: i64,
    pub path: PathBuf,
    /// Whether it tells of a session.
    pub tells: bool,
}

/// Notes which files were in a folder that is not watched any more.
pub fn set_stray(connection: &Connection, account: Account, folder: &Path) -> rusqlite::Result<()> {
    let [path, from, to] = range(folder);
    let mut update = connection.prepare_cached(
        "UPDATE file SET stray = 1
         WHERE account_id = ?1 AND path >= ?2 AND path < ?4 AND (path = ?2 OR path > ?3)",
    )?;
    update.execute(params![account.id, path, from, to]).map(drop)
}

/// Those at or below a watched folder are not strays, whatever was left out.
pub fn set_watched_again(connection: &Connection, account: Account, folder: &Path) -> rusqlite::Result<()> {
    let [path, from, to] = range(folder);
    let mut update = connection.prepare_cached(
        "UPDATE file INDEXED BY file_stray SET stray = 0
         WHERE stray AND account_id = ?1 AND path >= ?2 AND path < ?4 AND (path = ?2 OR path > ?3)",
    )?;
    update.execute(params![account.id, path, from, to]).map(drop)
}

pub fn strays(connection: &Connection, account: Account) -> rusqlite::Result<Vec<Stray>> {
    let mut query = connection.prepare_cached(
        "SELECT id, path, EXISTS (SELECT 1 FROM record WHERE file_id = file.id) FROM file WHERE account_id = ?1 AND stray",
    )?;
    let stray = |row: &Row<'_>| {
        Ok(Stray { file: row.get(0)?, path: PathBuf::from(OsString::from_vec(row.get(1)?)), tells: row.get(2)? })
    };
    query.query_map([account.id], stray)?.collect()
}

/// Whether it is one still: somebody may have imported it since.
pub fn is_stray(connection: &Connection, file: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM file WHERE id = ?1 AND stray")?.exists([file])
}

/// How many of an account's files are missed, how many of those wait for a person, and how many are not there any more where
/// nothing follows from that; and how many are of folders that are not watched any more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missed {
    pub missed_files: u64,
    pub doubted_files: u64,
    pub absent_files: u64,
    pub stray_files: u64,
}

pub fn counts(connection: &Connection, account: i64) -> rusqlite::Result<Missed> {
    let sql = "SELECT count(gone_ms), coalesce(sum(doubted), 0), count(iif(gone_ms IS NULL AND NOT doubted, 1, NULL)) FROM file
               WHERE account_id = ?1 AND (gone_ms IS NOT NULL OR doubted OR absent_ms IS NOT NULL)";
    let missed = connection.prepare_cached(sql)?.query_row([account], |row| {
        let (gone, doubted): (u64, u64) = (row.get(0)?, row.get(1)?);
        let absent_files = row.get(2)?;
        Ok(Missed { missed_files: gone.saturating_add(doubted), doubted_files: doubted, absent_files, stray_files: 0 })
    })?;
    let sql = "SELECT count(*) FROM file WHERE account_id = ?1 AND stray";
    let stray_files = connection.prepare_cached(sql)?.query_row([account], |row| row.get(0))?;
    Ok(Missed { stray_files, ..missed })
}
