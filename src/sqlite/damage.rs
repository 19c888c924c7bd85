//! Damage to a database: found before anything is written to it, and moved out of the way where it can be made again.

use jiff::Timestamp;
use rusqlite::Connection;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// The files of a database, by what follows its name, in the order in which they are moved: a database without its log
/// could be taken for a whole one, while a log without its database is noticed.
const PARTS: [&str; 4] = ["", "-journal", "-wal", "-shm"];

/// How a database was left by whoever had it last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// There is none.
    Nothing,
    /// Closed, or never written to.
    Closed,
    /// By somebody who was killed, or who still has it: not all of its log is in it.
    Open,
    /// Only its log is there. SQLite would take that for a new database, and throw the log away.
    OnlyLog,
}

pub fn left(path: &Path) -> io::Result<Left> {
    let size = |part| match fs::metadata(part_of(path, part)) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    Ok(match (size("")?, size("-wal")?.unwrap_or(0)) {
        (None, 0) => Left::Nothing,
        (Some(_), 0) => Left::Closed,
        (None | Some(0), _) => Left::OnlyLog,
        (Some(_), _) => Left::Open,
    })
}

/// Whether somebody may have it open, or had it when they were killed: until then both of these files are beside it.
pub fn is_in_use(path: &Path) -> bool {
    ["-wal", "-shm"].iter().all(|part| part_of(path, part).exists())
}

/// The log that belongs to a database.
pub fn log_of(path: &Path) -> PathBuf {
    part_of(path, "-wal")
}

/// What is wrong with the pages of a database, if anything is. Reads all of it.
pub fn flaw(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    // Of several lines the last one says what it is.
    Ok((verdict != "ok").then(|| verdict.lines().last().unwrap_or_default().to_owned()))
}

/// Renames a database with all that belongs to it, durably and over nothing, and returns its new name. Nobody may have it
/// open.
pub fn set_aside(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let aside = free_name(path, now)?;
    let dir = File::open(path.parent().unwrap_or(Path::new("/")))?;
    for part in PARTS {
        match fs::rename(part_of(path, part), part_of(&aside, part)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed.and_then(|()| dir.sync_all())?,
        }
    }
    Ok(aside)
}

/// The first of `outbox.db.damaged-20261124T232300Z`, `…-2`, `…-3` that nothing has.
fn free_name(path: &Path, now: Timestamp) -> io::Result<PathBuf> {
    let time = now.strftime("%Y%m%dT%H%M%SZ");
    for number in 1_u64.. {
        let again = if number == 1 { String::new() } else { format!("-{number}") };
        let name = part_of(path, &format!(".damaged-{time}{again}"));
        if !PARTS.iter().any(|part| fs::symlink_metadata(part_of(&name, part)).is_ok()) {
            return Ok(name);
        }
    }
    Err(io::Error::other("no name is left"))
}

fn part_of(path: &Path, part: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(part);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn set_aside_with_its_log_and_over_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let now: Timestamp = "2026-11-24T23:23:00Z".parse().unwrap();
        let mut names = Vec::new();
        for content in ["first", "second", "third"] {
            fs::write(&path, content).unwrap();
            fs::write(part_of(&path, "-wal"), format!("log of the {content}")).unwrap();
            let aside = set_aside(&path, now).unwrap();
            assert_eq!(left(&path).unwrap(), Left::Nothing);
            names.push((aside, content));
        }
        assert!(names[0].0.ends_with("a.db.damaged-20261124T232300Z"), "{names:?}");
        for (aside, content) in names {
            assert_eq!(fs::read_to_string(&aside).unwrap(), content);
            assert_eq!(fs::read_to_string(part_of(&aside, "-wal")).unwrap(), format!("log of the {content}"));
        }
    }

    #[test]
    fn how_it_was_left() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.db");
        let log = part_of(&path, "-wal");
        assert_eq!(left(&path).unwrap(), Left::Nothing);
        fs::write(&log, "log").unwrap();
        assert_eq!(left(&path).unwrap(), Left::OnlyLog);
        fs::write(&path, "").unwrap();
        assert_eq!(left(&path).unwrap(), Left::OnlyLog);
        fs::write(&path, "pages").unwrap();
        assert_eq!(left(&path).unwrap(), Left::Open);
        fs::write(&log, "").unwrap();
        assert_eq!(left(&path).unwrap(), Left::Closed);
    }
}
