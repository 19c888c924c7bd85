//! Every file that was looked at, and its verdict.

use super::absent::{self, IS_AWAY};
use super::{Account, moves};
use crate::workout::Format;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use serde::{Deserialize, Serialize};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What tells that a file has not changed, without opening it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Stamp {
    pub size: i64,
    pub mtime_ns: i64,
    pub inode: i64,
    /// When anything of it was last changed, its owner or a name of it too: the one time that nobody can set. 0 if that was
    /// not noted.
    #[serde(default)]
    pub ctime_ns: i64,
}

impl Stamp {
    pub fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.size().cast_signed(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino().cast_signed(),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// Whether a file that had this stamp has changed, if it has that one now.
    pub fn has_changed(self, now: Self) -> bool {
        Self { ctime_ns: if self.ctime_ns == 0 { 0 } else { now.ctime_ns }, ..now } != self
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(rest)
}

/// What became of a file; the counts of these add up to the number of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// At least one of its sessions is new or changed, and queued.
    Queued,
    /// All its sessions were known and the same.
    Known,
    /// Valid, holds no workout.
    NoSession,
    /// Damaged; a later copy may mend it.
    Rejected,
    /// Not complete, or not believed yet.
    Waiting,
    /// Not a file for us.
    Ignored,
}

impl Verdict {
    pub const ALL: [Self; 6] =
        [Self::Queued, Self::Known, Self::NoSession, Self::Rejected, Self::Waiting, Self::Ignored];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Known => "known",
            Self::NoSession => "no-session",
            Self::Rejected => "rejected",
            Self::Waiting => "waiting",
            Self::Ignored => "ignored",
        }
    }

    /// The verdict of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.as_str() == name)
    }

    /// Whether the reader understood the file, so that a later reader has nothing to add.
    fn was_accepted(self) -> bool {
        matches!(self, Self::Queued | Self::Known)
    }

    /// Whether there is nothing to learn from an unchanged file that a reader of this version has judged so.
    fn holds(self, version: i64, reader_version: i64) -> bool {
        self != Self::Waiting && (self.was_accepted() || version >= reader_version)
    }
}

/// A judged file, as it is written down.
#[derive(Clone, Debug)]
pub struct Judged<'a> {
    pub path: &'a Path,
    pub stamp: Stamp,
    pub format: Option<Format>,
    pub verdict: Verdict,
    pub reason: Option<&'a str>,
}

/// The last verdict on a path and its reason, if the file is still the one that was judged and there is nothing new to learn from it.
pub fn settled(
    connection: &Connection,
    account: Account,
    path: &Path,
    stamp: Stamp,
    reader_version: i64,
) -> rusqlite::Result<Option<(Verdict, Option<String>)>> {
    let mut query = connection.prepare_cached(
        "SELECT verdict, reader_version, reason FROM file
         WHERE account_id = ?1 AND path = ?2 AND size = ?3 AND mtime_ns = ?4 AND inode = ?5 AND ctime_ns IN (0, ?6)",
    )?;
    let Stamp { size, mtime_ns, inode, ctime_ns } = stamp;
    let values = params![account.id, path.as_os_str().as_bytes(), size, mtime_ns, inode, ctime_ns];
    let found = query
        .query_row(values, |row| Ok((Verdict::parse(row.get_ref(0)?.as_str()?), row.get::<_, i64>(1)?, row.get(2)?)))
        .optional()?;
    Ok(match found {
        Some((Some(verdict), version, reason)) if verdict.holds(version, reader_version) => Some((verdict, reason)),
        _ => None,
    })
}

/// Hands the paths below a folder that have a verdict which holds to `each`, and the stamps for which it does, but for those
/// that were away, or whose time of change was not noted.
pub fn settled_below(
    connection: &Connection,
    account: Account,
    folder: &Path,
    reader_version: i64,
    mut each: impl FnMut(&[u8], Stamp),
) -> rusqlite::Result<()> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT path, size, mtime_ns, inode, ctime_ns, verdict, reader_version FROM file
         WHERE account_id = ?1 AND path > ?2 AND path < ?3 AND ctime_ns <> 0 AND NOT {IS_AWAY}",
    ))?;
    let [_, from, to] = absent::range(folder);
    let mut rows = query.query(params![account.id, from, to])?;
    while let Some(row) = rows.next()? {
        let verdict = Verdict::parse(row.get_ref(5)?.as_str()?);
        let version = row.get(6)?;
        if verdict.is_some_and(|verdict| verdict.holds(version, reader_version)) {
            let stamp = Stamp { size: row.get(1)?, mtime_ns: row.get(2)?, inode: row.get(3)?, ctime_ns: row.get(4)? };
            each(row.get_ref(0)?.as_blob()?, stamp);
        }
    }
    Ok(())
}

/// Whether this very file has a verdict, whether or not that still holds. Events do not tell of links to it elsewhere, so
/// that its time of change says nothing here, nor does its inode, which some file systems number anew at any time.
pub fn was_seen(connection: &Connection, account: Account, path: &Path, stamp: Stamp) -> rusqlite::Result<bool> {
    let mut query = connection
        .prepare_cached("SELECT 1 FROM file WHERE account_id = ?1 AND path = ?2 AND size = ?3 AND mtime_ns = ?4")?;
    query.exists(params![account.id, path.as_os_str().as_bytes(), stamp.size, stamp.mtime_ns])
}

/// Whether a file tells of sessions that wait to be sent, or for a person.
pub fn has_undelivered(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached(
        "SELECT 1 FROM file JOIN record ON file_id = file.id JOIN outbox ON outbox.session_row = record.session_row
         WHERE file.account_id = ?1 AND path = ?2",
    )?;
    query.exists(params![account.id, path.as_os_str().as_bytes()])
}

/// The row of a path that was judged before.
pub fn row(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<Option<i64>> {
    let mut query = connection.prepare_cached("SELECT id FROM file WHERE account_id = ?1 AND path = ?2")?;
    query.query_row(params![account.id, path.as_os_str().as_bytes()], |row| row.get(0)).optional()
}

/// The row of a file that told of sessions when it had this path and size, whatever its times were. Not all file systems
/// keep the number of its inode.
pub fn in_place(connection: &Connection, account: Account, path: &Path, stamp: Stamp) -> rusqlite::Result<Option<i64>> {
    let mut query = connection.prepare_cached(
        "SELECT id FROM file WHERE account_id = ?1 AND path = ?2 AND size = ?3
             AND EXISTS (SELECT 1 FROM record WHERE file_id = file.id)",
    )?;
    let values = params![account.id, path.as_os_str().as_bytes(), stamp.size];
    query.query_row(values, |row| row.get(0)).optional()
}

/// Whether the same file has this verdict, for this reason, already.
pub fn was_judged(connection: &Connection, account: Account, judged: &Judged<'_>) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached(
        "SELECT 1 FROM file WHERE account_id = ?1 AND path = ?2 AND size = ?3 AND mtime_ns = ?4 AND inode = ?5
             AND verdict = ?6 AND reason IS ?7",
    )?;
    let Judged { path, stamp, verdict, reason, .. } = judged;
    let path = path.as_os_str().as_bytes();
    query.exists(params![account.id, path, stamp.size, stamp.mtime_ns, stamp.inode, verdict.as_str(), reason])
}

/// Whether a path had this verdict, for a reason that differs in numbers alone, whatever the file was then.
pub fn is_judged_alike(connection: &Connection, account: Account, judged: &Judged<'_>) -> rusqlite::Result<bool> {
    let mut query =
        connection.prepare_cached("SELECT reason FROM file WHERE account_id = ?1 AND path = ?2 AND verdict = ?3")?;
    let Judged { path, verdict, reason, .. } = judged;
    let before: Option<Option<String>> = query
        .query_row(params![account.id, path.as_os_str().as_bytes(), verdict.as_str()], |row| row.get(0))
        .optional()?;
    let gist = |reason: &str| reason.replace(|letter: char| letter.is_ascii_digit(), "");
    Ok(before.is_some_and(|before| before.as_deref().map(gist) == reason.map(gist)))
}

/// Whether nothing new was in a path when it was last read, whatever the file was then.
pub fn was_known(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM file WHERE account_id = ?1 AND path = ?2 AND verdict = ?3";
    let path = path.as_os_str().as_bytes();
    connection.prepare_cached(sql)?.exists(params![account.id, path, Verdict::Known.as_str()])
}

/// Whether a file was gone when somebody last looked.
pub fn is_missed(connection: &Connection, account: Account, path: &Path) -> rusqlite::Result<bool> {
    let sql = "SELECT 1 FROM file WHERE account_id = ?1 AND path = ?2 AND gone_ms IS NOT NULL";
    connection.prepare_cached(sql)?.exists(params![account.id, path.as_os_str().as_bytes()])
}

/// Writes a verdict down and returns the file's row.
pub fn judge(
    connection: &Connection,
    account: Account,
    judged: &Judged<'_>,
    reader_version: i64,
    now: Timestamp,
) -> rusqlite::Result<i64> {
    let mut upsert = connection.prepare_cached(
        "INSERT INTO file (account_id, path, size, mtime_ns, inode, format, verdict, reason, reader_version, judged_ms,
             ctime_ns, moved_from)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
         ON CONFLICT (account_id, path) DO UPDATE SET size = ?3, mtime_ns = ?4, inode = ?5, format = ?6, verdict = ?7,
             reason = ?8, reader_version = ?9, judged_ms = ?10, gone_ms = NULL, doubted = 0, absent_ms = NULL,
             stray = 0, ctime_ns = ?11
         RETURNING id",
    )?;
    let Judged { path, stamp, format, verdict, reason } = judged;
    let origin = moves::origin(path);
    let values = params![
        account.id,
        path.as_os_str().as_bytes(),
        stamp.size,
        stamp.mtime_ns,
        stamp.inode,
        format.map(Format::as_str),
        verdict.as_str(),
        reason,
        reader_version,
        now.as_millisecond(),
        stamp.ctime_ns,
        origin.as_ref().map(|origin| origin.as_os_str().as_bytes()),
    ];
    upsert.query_row(values, |row| row.get(0))
}
