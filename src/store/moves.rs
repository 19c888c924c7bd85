//! Files that are done with and may be moved, and where they went.

use super::files::Stamp;
use super::{Account, absent};
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Where a folder's done and rejected files go: into folders of each month in these.
pub fn places(folder: &Path) -> [PathBuf; 2] {
    ["done", "rejected"].map(|name| folder.join(name))
}

/// Where a file of a done folder lay, as far as its name tells: it may have been moved by a memory before this one. Folders
/// inside the watched one are forgotten in its name, and a number may have been added.
pub fn origin(path: &Path) -> Option<PathBuf> {
    let month = path.parent()?;
    let is_month = |name: &[u8]| match name {
        [year @ .., b'-', a, b] => year.len() >= 4 && year.iter().chain([a, b]).all(u8::is_ascii_digit),
        _ => false,
    };
    let place = month.parent().filter(|_| is_month(month.file_name().unwrap_or_default().as_bytes()))?;
    let folder = place.parent().filter(|folder| places(folder)[0] == place)?;
    let (stem, ending) = (path.file_stem()?.as_bytes(), path.extension());
    let numbered = stem.strip_suffix(b")").and_then(|stem| {
        let digits = stem.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        stem[..stem.len() - digits].strip_suffix(b" (").filter(|_| digits > 0)
    });
    let mut name = OsString::from_vec(numbered.unwrap_or(stem).to_vec());
    if let Some(ending) = ending {
        name.push(".");
        name.push(ending);
    }
    Some(folder.join(name))
}

/// Which files of a folder are moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Those whose sessions are all delivered.
    pub done: bool,
    pub rejected: bool,
}

impl Wanted {
    pub fn any(self) -> bool {
        self.done || self.rejected
    }
}

/// A file that nothing more is expected of, as it was when it was judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Ready {
    pub file: i64,
    pub path: PathBuf,
    pub stamp: Stamp,
    /// Else it is done.
    pub rejected: bool,
}

/// The files of a folder that may be moved, by path, as far as they come after one and lie outside of the places that they
/// are moved to. The next call goes on after the last of them; with fewer than `limit` there are no more.
pub fn ready(
    connection: &Connection,
    account: Account,
    folder: &Path,
    places: &[&Path],
    wanted: Wanted,
    after: &Path,
    limit: usize,
) -> rusqlite::Result<Vec<Ready>> {
    // The first path that comes after it.
    let next = [after.as_os_str().as_bytes(), b"\0"].concat();
    let mut ready = Vec::new();
    for (from, to) in outside(folder, places) {
        let from = from.max(next.clone());
        let left = limit.saturating_sub(ready.len());
        if from < to && left > 0 {
            ready.extend(between(connection, account, (&from, &to), wanted, left)?);
        }
    }
    Ok(ready)
}

/// One of these files, if it is one.
pub fn is_ready(
    connection: &Connection,
    account: Account,
    folder: &Path,
    wanted: Wanted,
    path: &Path,
) -> rusqlite::Result<Option<Ready>> {
    let [done, rejected] = places(folder);
    let from = path.as_os_str().as_bytes().to_vec();
    let is_outside = outside(folder, &[&done, &rejected]).iter().any(|(first, end)| (first..end).contains(&&from));
    if !wanted.any() || !is_outside {
        return Ok(None);
    }
    let to = [&from[..], b"\0"].concat();
    Ok(between(connection, account, (&from, &to), wanted, 1)?.pop())
}

/// What lies below a folder, and in none of these places in it: spans of paths, each up to its end and without it.
fn outside(folder: &Path, places: &[&Path]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let [_, mut from, end] = absent::range(folder);
    let mut spans = Vec::new();
    let mut places: Vec<_> = places.iter().map(|place| absent::range(place)).collect();
    places.sort();
    for [_, first, last] in places {
        spans.push((std::mem::replace(&mut from, last), first));
    }
    spans.push((from, end));
    spans
}

/// What the rules skip or a person discarded is not expected to be delivered, but something has to be.
fn between(
    connection: &Connection,
    account: Account,
    (from, to): (&[u8], &[u8]),
    wanted: Wanted,
    limit: usize,
) -> rusqlite::Result<Vec<Ready>> {
    let mut query = connection.prepare_cached(
        "SELECT id, path, size, mtime_ns, inode, ctime_ns, verdict = 'rejected' FROM file
         WHERE account_id = ?1 AND path >= ?2 AND path < ?3 AND iif(verdict = 'rejected', ?4,
             ?5 AND verdict IN ('queued', 'known')
             AND EXISTS (
                 SELECT 1 FROM record JOIN remote ON remote.session_row = record.session_row
                 WHERE file_id = file.id AND destination_id = ?6 AND standing != 'discarded')
             AND NOT EXISTS (
                 SELECT 1 FROM record JOIN session ON session.id = record.session_row
                 WHERE file_id = file.id AND (
                     EXISTS (SELECT 1 FROM outbox WHERE outbox.session_row = session.id)
                     OR skipped IS NULL AND NOT EXISTS (
                         SELECT 1 FROM remote WHERE remote.session_row = session.id AND destination_id = ?6))))
         ORDER BY path LIMIT ?7",
    )?;
    let values = params![account.id, from, to, wanted.rejected, wanted.done, account.destination, limit];
    let ready = |row: &Row<'_>| {
        Ok(Ready {
            file: row.get(0)?,
            path: PathBuf::from(OsString::from_vec(row.get(1)?)),
            stamp: Stamp { size: row.get(2)?, mtime_ns: row.get(3)?, inode: row.get(4)?, ctime_ns: row.get(5)? },
            rejected: row.get(6)?,
        })
    };
    query.query_map(values, ready)?.collect()
}

/// Whether all that one file tells of, another one tells of too.
pub fn tells_no_more(connection: &Connection, file: i64, than: i64) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached(
        "SELECT 1 FROM record WHERE file_id = ?1
         AND session_row NOT IN (SELECT session_row FROM record WHERE file_id = ?2)",
    )?;
    Ok(!query.exists([file, than])?)
}

/// Writes down that a file has another path now, unless it was judged anew meanwhile. A rename is a change, and some file
/// systems number the file anew.
pub fn set_path(connection: &Connection, file: &Ready, path: &Path, now: Stamp) -> rusqlite::Result<()> {
    let sql = "UPDATE file SET moved_from = path, path = ?2, inode = ?3, ctime_ns = ?4, gone_ms = NULL, doubted = 0
               WHERE id = ?1 AND size = ?5 AND mtime_ns = ?6 AND inode = ?7 AND ctime_ns = ?8";
    let Ready { file, stamp, .. } = file;
    let path = path.as_os_str().as_bytes();
    let (inode, ctime_ns) = (now.inode, now.ctime_ns);
    let values = params![file, path, inode, ctime_ns, stamp.size, stamp.mtime_ns, stamp.inode, stamp.ctime_ns];
    connection.prepare_cached(sql)?.execute(values).map(drop)
}

/// The last of the files in the places of a folder that has a name.
pub fn find(
    connection: &Connection,
    account: Account,
    folder: &Path,
    name: &OsStr,
) -> rusqlite::Result<Option<PathBuf>> {
    let mut query = connection.prepare_cached(
        "SELECT path FROM file
         WHERE account_id = ?1 AND path >= ?2 AND path < ?3 AND substr(path, -length(?4)) = ?4
         ORDER BY path DESC LIMIT 1",
    )?;
    let end = [b"/", name.as_bytes()].concat();
    for place in places(folder) {
        let [_, from, to] = absent::range(&place);
        let path = query.query_row(params![account.id, from, to, end], |row| row.get(0)).optional()?;
        if let Some(path) = path {
            return Ok(Some(PathBuf::from(OsString::from_vec(path))));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_done_folders_tell_where_files_lay() {
        for (path, expected) in [
            ("/w/done/2026-11/a.gpx", Some("/w/a.gpx")),
            ("/w/done/2026-11/a (2).gpx", Some("/w/a.gpx")),
            ("/w/done/2026-11/a b (13)", Some("/w/a b")),
            ("/w/done/2026-11/a ().gpx", Some("/w/a ().gpx")),
            ("/w/done/2026-11/a(2).gpx", Some("/w/a(2).gpx")),
            ("/w/done/a.gpx", None),
            ("/w/done/2026-11/deeper/a.gpx", None),
            ("/w/rejected/2026-11/a.gpx", None),
            ("/w/2026-11/a.gpx", None),
            ("a.gpx", None),
        ] {
            assert_eq!(origin(Path::new(path)).as_deref(), expected.map(Path::new), "{path}");
        }
    }

    #[test]
    fn what_lies_outside_of_places() {
        let spans = outside(Path::new("/w/"), &[Path::new("/w/rejected"), Path::new("/w/done")]);
        let is_outside = |path: &str| spans.iter().any(|(from, to)| (&from[..]..&to[..]).contains(&path.as_bytes()));
        for path in ["/w/a", "/w/done", "/w/done0", "/w/done.fit", "/w/d/x", "/w/rejected0", "/w/z/done/x"] {
            assert!(is_outside(path), "{path}");
        }
        for path in ["/w", "/w0", "/v/a", "/w/done/x", "/w/done/2026-11/x", "/w/rejected/x"] {
            assert!(!is_outside(path), "{path}");
        }
    }
}
