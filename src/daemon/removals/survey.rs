//! A look at the known files of a folder where removed files lose their sessions: which are there, and which are missed.

use crate::store::absent::Which;
use crate::store::{Account, absent};
use crate::watch::{Pulse, is_there, names};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use std::io;
use std::path::Path;

/// What a look at the known files of a folder found.
#[derive(Debug, Default)]
pub struct Survey {
    /// Files that tell of sessions, if some of them are missed.
    pub known: usize,
    pub back: Vec<i64>,
    pub missed: Vec<Missed>,
    /// Missed as well, but the disk that they were on is not there, or another one may cover them.
    pub moved: Vec<i64>,
    /// Missed as well, but the folder that they were in is there and empty: a disk may have been mounted on it.
    pub below_empty: Vec<i64>,
    /// Missed as well, but other files tell of all that they told: perhaps they only have other names now.
    pub told_elsewhere: Vec<Missed>,
    /// Those that wait for a person already.
    pub doubted: usize,
    /// Sessions of which only missed files tell, and how many the account has in all.
    pub lost: usize,
    pub sessions: usize,
}

/// A file, and how long the folders had been watched when it was missed, if that is no news.
#[derive(Clone, Copy, Debug)]
pub struct Missed {
    pub file: i64,
    pub since: Option<SignedDuration>,
}

impl Survey {
    /// Those of which nobody knew, or only for the time of grace.
    pub fn fresh(&self) -> usize {
        self.missed.len() + self.moved.len() + self.below_empty.len()
    }
}

/// Why nothing can be said of a folder's files.
pub enum Trouble {
    Store(rusqlite::Error),
    /// It went away, or a part of it cannot be read.
    Io,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

/// Looks for known files of a folder, without opening any. `has_moved` says whether the disk of a path is not what
/// it was, and `counts` whether a file that is there speaks for one that is not.
pub fn survey(
    connection: &Connection,
    account: Account,
    folder: &Path,
    which: Which,
    has_moved: impl Fn(&Path) -> bool,
    counts: impl Fn(&Path) -> bool,
    pulse: &Pulse,
) -> Result<Survey, Trouble> {
    let mut survey = Survey::default();
    absent::below(connection, account, folder, which, |told| {
        pulse.at(&told.path);
        let was_away = told.missed || told.doubted || told.absent.is_some();
        match (is_there(&told.path).map_err(|_| Trouble::Io)?, was_away) {
            (true, true) => survey.back.push(told.file),
            (true, false) => {}
            (false, _) if !told.doubted && has_moved(&told.path) => survey.moved.push(told.file),
            // Whatever else is missed: no session is at stake.
            (false, _) if is_told_elsewhere(connection, told.file, &counts)? => {
                survey.told_elsewhere.push(Missed { file: told.file, since: told.since });
            }
            (false, _) if told.doubted => survey.doubted += 1,
            (false, _) if is_below_empty(&told.path, folder).map_err(|_| Trouble::Io)? => {
                survey.below_empty.push(told.file);
            }
            (false, _) => survey.missed.push(Missed { file: told.file, since: told.since }),
        }
        Ok::<(), Trouble>(())
    })?;
    if !survey.missed.is_empty() {
        let files: Vec<i64> = survey.missed.iter().map(|missed| missed.file).collect();
        let unread = absent::perhaps_unread(connection, account, &files)?;
        survey.missed.retain(|missed| !unread.contains(&missed.file));
    }
    if survey.fresh() > 0 {
        survey.known = absent::telling(connection, account, folder)?;
    }
    Ok(survey)
}

/// How many known files of a folder that were away are there again.
pub fn back(connection: &Connection, account: Account, folder: &Path, pulse: &Pulse) -> Result<u64, Trouble> {
    let mut back = 0;
    absent::below(connection, account, folder, Which::Away, |told| {
        pulse.at(&told.path);
        back += u64::from(is_there(&told.path).map_err(|_| Trouble::Io)?);
        Ok::<(), Trouble>(())
    })?;
    Ok(back)
}

fn is_told_elsewhere(connection: &Connection, file: i64, counts: impl Fn(&Path) -> bool) -> rusqlite::Result<bool> {
    absent::is_told_elsewhere(connection, file, |path| counts(path) && is_there(path).unwrap_or_default())
}

/// What a look at a folder found where nothing follows for sessions.
#[derive(Debug, Default)]
pub struct Absence {
    /// Not there, and not known to be so.
    pub gone: Vec<i64>,
    /// Known to be away, and there again.
    pub back: Vec<i64>,
    /// Absent for so long that their rows can go, as other files tell of all that they told.
    pub over: Vec<i64>,
}

/// Looks which known files are absent, without opening any. Those that went before `until` may be over.
pub fn absence(
    connection: &Connection,
    account: Account,
    folder: &Path,
    which: Which,
    until: Timestamp,
    counts: impl Fn(&Path) -> bool,
    pulse: &Pulse,
) -> Result<Absence, Trouble> {
    let mut absence = Absence::default();
    absent::below(connection, account, folder, which, |told| {
        pulse.at(&told.path);
        // As long as removed files lost their sessions here.
        let was_missed = told.missed || told.doubted;
        match (is_there(&told.path).map_err(|_| Trouble::Io)?, told.absent) {
            (true, absent) if was_missed || absent.is_some() => absence.back.push(told.file),
            (true, _) => {}
            (false, absent) if was_missed || absent.is_none() => absence.gone.push(told.file),
            (false, Some(since)) if since > until => {}
            (false, Some(_)) if is_told_elsewhere(connection, told.file, &counts)? => absence.over.push(told.file),
            (false, _) => {}
        }
        Ok::<(), Trouble>(())
    })?;
    Ok(absence)
}

/// Whether the nearest folder on the way to a missed file that is still there, inside the watched one, has nothing in it but
/// what is not for us.
fn is_below_empty(path: &Path, folder: &Path) -> io::Result<bool> {
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != folder && parent.starts_with(folder)) {
        if is_there(parent)? {
            for entry in std::fs::read_dir(parent)? {
                if names::ignored(Path::new(&entry?.file_name())).is_none() {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
    }
    Ok(false)
}
