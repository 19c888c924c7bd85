//! The watched folders: how each is watched, and which one it was when it was last looked through.

use super::listing::as_text;
use super::{Account, absent, disks};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::Serialize;
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// What an earlier run knew of a folder.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Remembered {
    /// When events last did not tell of a file.
    pub missed: Option<Timestamp>,
    /// Its device and inode.
    pub identity: Option<(u64, u64)>,
}

/// A folder as people are shown it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FolderStatus {
    #[serde(serialize_with = "as_text")]
    pub folder: PathBuf,
    /// "events", "polling", "away" or "stuck".
    pub mode: String,
    pub reason: Option<String>,
    /// What people should look after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub troubles: Vec<String>,
}

/// What people should look after in a folder, in words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Troubles {
    /// A part of it cannot be read.
    pub barred: Option<String>,
    /// Files that are done with cannot be moved.
    pub unmoved: Option<String>,
}

pub fn remembered(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<Remembered> {
    let mut query =
        connection.prepare_cached("SELECT missed_ms, device, inode FROM folder WHERE account_id = ?1 AND path = ?2")?;
    let found = query.query_row(params![account.id, path.as_os_str().as_bytes()], |row| {
        let number = |index| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(index)?.map(i64::cast_unsigned));
        let missed: Option<i64> = row.get(0)?;
        let missed = missed.and_then(|millis| Timestamp::from_millisecond(millis).ok());
        Ok(Remembered { missed, identity: number(1)?.zip(number(2)?) })
    });
    Ok(found.optional()?.unwrap_or_default())
}

/// How a folder is watched now; `missed` when events did not tell of a file.
pub fn set_mode(
    connection: &Connection,
    account: Account,
    path: &Path,
    (mode, reason, missed): (&str, Option<&str>, Option<Timestamp>),
) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO folder (account_id, path, mode, reason, missed_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT DO UPDATE SET mode = ?3, reason = ?4, missed_ms = ?5
             WHERE (mode, reason, missed_ms) IS NOT (?3, ?4, ?5)",
    )?;
    upsert.execute(params![
        account.id,
        path.as_os_str().as_bytes(),
        mode,
        reason,
        missed.map(Timestamp::as_millisecond)
    ])?;
    Ok(())
}

/// A folder that cannot be read now, and why. How it is watched comes when it is back.
pub fn set_away(connection: &Connection, account: Account, path: &Path, reason: &str) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO folder (account_id, path, mode, reason) VALUES (?1, ?2, 'away', ?3)
         ON CONFLICT DO UPDATE SET mode = 'away', reason = ?3",
    )?;
    upsert.execute(params![account.id, path.as_os_str().as_bytes(), reason])?;
    Ok(())
}

/// A folder that does not answer, in words, or answers again.
pub fn set_stuck(connection: &Connection, account: Account, path: &Path, stuck: Option<&str>) -> rusqlite::Result<()> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO folder (account_id, path, mode, stuck) VALUES (?1, ?2, 'away', ?3)
         ON CONFLICT DO UPDATE SET stuck = ?3",
    )?;
    upsert.execute(params![account.id, path.as_os_str().as_bytes(), stuck])?;
    Ok(())
}

/// Instead of what was noted before.
pub fn set_troubles(
    connection: &Connection,
    account: Account,
    path: &Path,
    Troubles { barred, unmoved }: &Troubles,
) -> rusqlite::Result<()> {
    let mut update =
        connection.prepare_cached("UPDATE folder SET closed = ?3, unmoved = ?4 WHERE account_id = ?1 AND path = ?2")?;
    update.execute(params![account.id, path.as_os_str().as_bytes(), barred, unmoved])?;
    Ok(())
}

/// Why files that are done with cannot be moved.
pub fn trouble_with_moving(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<Option<String>> {
    let mut query = connection.prepare_cached("SELECT unmoved FROM folder WHERE account_id = ?1 AND path = ?2")?;
    let unmoved = query.query_row(params![account.id, path.as_os_str().as_bytes()], |row| row.get(0)).optional()?;
    Ok(unmoved.flatten())
}

/// At a start: forgets what is not watched any more, and what was the matter with the others.
pub fn keep(connection: &Connection, account: Account, paths: &[PathBuf]) -> rusqlite::Result<()> {
    let sql = "UPDATE folder SET stuck = NULL, closed = NULL, unmoved = NULL
               WHERE account_id = ?1 AND coalesce(stuck, closed, unmoved) IS NOT NULL";
    connection.execute(sql, [account.id])?;
    for known in of_account(connection, account.id)? {
        if !paths.contains(&known.folder) {
            let path = known.folder.as_os_str().as_bytes();
            connection.execute("DELETE FROM folder WHERE account_id = ?1 AND path = ?2", params![account.id, path])?;
            disks::forget(connection, account, &known.folder)?;
            absent::set_stray(connection, account, &known.folder)?;
        }
    }
    paths.iter().try_for_each(|path| absent::set_watched_again(connection, account, path))
}

/// All that are known of an account, by path.
pub fn of_account(connection: &Connection, account: i64) -> rusqlite::Result<Vec<FolderStatus>> {
    let mut query =
        connection.prepare_cached("SELECT path, iif(stuck IS NULL, mode, 'stuck'), coalesce(stuck, reason), closed, unmoved FROM folder WHERE account_id = ?1 ORDER BY path")?;
    let rows = query.query_map([account], |row| {
        let path: Vec<u8> = row.get(0)?;
        let troubles: [Option<String>; 2] = [row.get(3)?, row.get(4)?];
        let troubles = troubles.into_iter().flatten().collect();
        Ok(FolderStatus { folder: OsString::from_vec(path).into(), mode: row.get(1)?, reason: row.get(2)?, troubles })
    })?;
    rows.collect()
}
