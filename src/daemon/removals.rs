//! Files that a scan misses where removed files lose their sessions: whether that is believed, and what follows.

use super::folders::Owner;
use crate::config::WatchSettings;
use crate::crash;
use crate::events;
use crate::intake;
use crate::store::absent;
use crate::store::{Account, Error};
use crate::watch::{Identity, Scanned, is_there};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use std::collections::HashMap;
use std::io;
use std::path::Path;

/// Files forgotten in one transaction; others want to write, too.
const GROUP: usize = 200;

pub struct Removals {
    limits: Limits,
    /// Which folders' removed files lose their sessions.
    deleting: Vec<bool>,
    /// What each folder was at its last scan.
    seen: HashMap<usize, Identity>,
    /// What was told of a folder, until it is as it should be.
    told: HashMap<usize, Doubt>,
}

#[derive(Clone, Copy, Debug)]
struct Limits {
    grace: SignedDuration,
    most: usize,
    share: f64,
}

/// What a look at the known files of a folder found.
#[derive(Debug, Default)]
struct Survey {
    /// Files that tell of sessions.
    known: usize,
    back: Vec<i64>,
    missed: Vec<Missed>,
    /// Missed as well, but the folder that they were in is there and empty: a disk may have been mounted on it.
    below_empty: Vec<i64>,
    /// Those that wait for a person already.
    doubted: usize,
}

/// A file, and since when it is missed if that is no news.
#[derive(Clone, Copy, Debug)]
struct Missed {
    file: i64,
    gone: Option<Timestamp>,
}

/// Why it is not believed that files were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    Empty,
    Another,
    Many,
    BelowEmpty,
    Earlier,
}

impl Doubt {
    fn reason(self) -> &'static str {
        match self {
            Self::Empty => "the folder is empty",
            Self::Another => "it is not the folder that it was; is it another disk?",
            Self::Many => "they are too many at once; see watch.removed_most and watch.removed_share",
            Self::BelowEmpty => "the folder that they were in is empty; was a disk mounted there?",
            Self::Earlier => "they were missed together with too much else",
        }
    }
}

impl Removals {
    pub fn new(settings: &WatchSettings, deleting: Vec<bool>) -> Self {
        let grace = SignedDuration::try_from(settings.removed_grace.get()).unwrap_or(SignedDuration::MAX);
        let most = usize::try_from(settings.removed_most).unwrap_or(usize::MAX);
        let limits = Limits { grace, most, share: settings.removed_share };
        Self { limits, deleting, seen: HashMap::new(), told: HashMap::new() }
    }

    /// Draws the consequences of a scan.
    pub fn scanned(
        &mut self,
        index: usize,
        folder: &Path,
        scan: Scanned,
        owner: &Owner,
        known: &Connection,
    ) -> Result<(), Error> {
        // Of what could not be read nothing is known, and that was told already.
        if !self.deleting[index] || !scan.is_root || scan.closed > 0 {
            return Ok(());
        }
        let (person, route) = owner;
        // What was read until now is to be known: a file may have been renamed.
        route.store.call_blocking(|_| Ok(()))?;
        let survey = match survey(known, person.account, folder) {
            Ok(survey) => survey,
            Err(Trouble::Store(error)) => return Err(error.into()),
            // The folder went away since, or a part of it cannot be read.
            Err(Trouble::Io) => return Ok(()),
        };
        let before = scan.identity.and_then(|identity| self.seen.insert(index, identity));
        let is_another = before.is_some_and(|before| Some(before) != scan.identity);
        let doubt = doubt(scan, is_another, &survey, self.limits);
        self.tell(index, folder, &person.name, &survey, doubt);
        let Survey { missed, below_empty, back, .. } = survey;
        find_again(owner, back)?;
        if doubt.is_some_and(|doubt| matches!(doubt, Doubt::Empty | Doubt::Another | Doubt::Many)) {
            let files: Vec<i64> = missed.iter().map(|missed| missed.file).chain(below_empty).collect();
            return match files.is_empty() {
                true => Ok(()),
                false => route.store.call_blocking(move |c| absent::doubt(c, &files)),
            };
        }
        if !below_empty.is_empty() {
            route.store.call_blocking(move |c| absent::doubt(c, &below_empty))?;
        }
        self.believe(owner, missed)
    }

    /// Once, until the reason is another one or there is none.
    fn tell(&mut self, index: usize, folder: &Path, account: &str, survey: &Survey, doubt: Option<Doubt>) {
        let Some(doubt) = doubt else {
            self.told.remove(&index);
            return;
        };
        // That it happened earlier is no news to who has been told when it did.
        let is_news = match self.told.get(&index) {
            Some(told) => *told != doubt && doubt != Doubt::Earlier,
            None => true,
        };
        if is_news {
            let missed = survey.missed.len() + survey.below_empty.len() + survey.doubted;
            events::folder_doubted(account, folder, missed, doubt.reason());
            self.told.insert(index, doubt);
        }
    }

    /// Notes since when files are missed, and forgets those whose time is over.
    fn believe(&self, owner: &Owner, missed: Vec<Missed>) -> Result<(), Error> {
        let (person, route) = owner;
        let (now, grace) = (Timestamp::now(), self.limits.grace);
        // A time in the future is that of a clock that was wrong.
        let is_noted = |missed: &Missed| missed.gone.is_some_and(|gone| gone <= now);
        let (noted, new): (Vec<_>, Vec<_>) = missed.into_iter().partition(is_noted);
        if !new.is_empty() {
            let files: Vec<i64> = new.iter().map(|missed| missed.file).collect();
            let paths = route.store.call_blocking(move |c| absent::miss(c, &files, now))?;
            crash::point("removals.missed");
            let seconds = u64::try_from(grace.as_secs()).unwrap_or_default();
            paths.iter().for_each(|path| events::file_missed(&person.name, path, seconds));
        }
        let is_due = |missed: &Missed| missed.gone.is_some_and(|gone| now.duration_since(gone) >= grace);
        let due: Vec<i64> = noted.into_iter().filter(is_due).map(|missed| missed.file).collect();
        due.chunks(GROUP).try_for_each(|group| forget(owner, group.to_vec(), now))
    }
}

fn find_again(owner: &Owner, back: Vec<i64>) -> Result<(), Error> {
    let (person, route) = owner;
    if back.is_empty() {
        return Ok(());
    }
    let paths = route.store.call_blocking(move |c| absent::find_again(c, &back))?;
    paths.iter().for_each(|path| events::file_back(&person.name, path));
    Ok(())
}

fn forget(owner: &Owner, files: Vec<i64>, now: Timestamp) -> Result<(), Error> {
    let (person, route) = owner;
    let writer = person.clone();
    let forgotten = route.store.call_blocking(move |connection| {
        let mut forgotten = Vec::with_capacity(files.len());
        for file in files {
            if absent::is_missed(connection, file)? {
                forgotten.push(intake::forget(connection, &writer, file, now)?);
            }
        }
        Ok(forgotten)
    })?;
    crash::point("removals.forgotten");
    route.bell.ring();
    forgotten.iter().for_each(|file| events::file_forgotten(&person.name, &file.path, file.deleted));
    Ok(())
}

/// Whether the absence of files is not what it looks like. Pure.
fn doubt(scan: Scanned, is_another: bool, survey: &Survey, limits: Limits) -> Option<Doubt> {
    let fresh = survey.missed.len() + survey.below_empty.len();
    if fresh == 0 {
        (survey.doubted > 0).then_some(Doubt::Earlier)
    } else if scan.files == 0 {
        Some(Doubt::Empty)
    } else if is_another || scan.settled == 0 {
        Some(Doubt::Another)
    } else if fresh > limits.most && is_more(fresh, limits.share, survey.known) {
        Some(Doubt::Many)
    } else if !survey.below_empty.is_empty() {
        Some(Doubt::BelowEmpty)
    } else {
        (survey.doubted > 0).then_some(Doubt::Earlier)
    }
}

fn is_more(part: usize, share: f64, whole: usize) -> bool {
    let number = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
    number(part) > share * number(whole)
}

enum Trouble {
    Store(rusqlite::Error),
    Io,
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error)
    }
}

/// Looks for every known file of a folder, without opening any.
fn survey(connection: &Connection, account: Account, folder: &Path) -> Result<Survey, Trouble> {
    let mut survey = Survey::default();
    absent::below(connection, account, folder, |told| {
        survey.known += 1;
        match (is_there(&told.path).map_err(|_| Trouble::Io)?, told.gone.is_some() || told.doubted) {
            (true, true) => survey.back.push(told.file),
            (true, false) => {}
            (false, _) if told.doubted => survey.doubted += 1,
            (false, _) if is_below_empty(&told.path, folder).map_err(|_| Trouble::Io)? => {
                survey.below_empty.push(told.file);
            }
            (false, _) => survey.missed.push(Missed { file: told.file, gone: told.gone }),
        }
        Ok::<(), Trouble>(())
    })?;
    Ok(survey)
}

/// Whether the nearest folder on the way to a missed file that is still there, inside the watched one, is empty.
fn is_below_empty(path: &Path, folder: &Path) -> io::Result<bool> {
    for parent in path.ancestors().skip(1).take_while(|parent| *parent != folder && parent.starts_with(folder)) {
        if is_there(parent)? {
            return Ok(std::fs::read_dir(parent)?.next().is_none());
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_together_is_doubted() {
        let limits = Limits { grace: SignedDuration::ZERO, most: 2, share: 0.2 };
        let healthy = Scanned { is_root: true, files: 10, candidates: 1, settled: 9, ..Scanned::default() };
        let survey = |known, missed, below_empty, doubted| Survey {
            known,
            missed: (0..missed).map(|file| Missed { file, gone: None }).collect(),
            below_empty: (0..below_empty).collect(),
            doubted,
            ..Survey::default()
        };
        for (scan, survey, expected) in [
            (healthy, survey(10, 0, 0, 0), None),
            (healthy, survey(10, 2, 0, 0), None),
            (healthy, survey(10, 3, 0, 0), Some(Doubt::Many)),
            (healthy, survey(15, 3, 0, 0), None),
            (healthy, survey(15, 2, 2, 0), Some(Doubt::Many)),
            (healthy, survey(15, 1, 1, 0), Some(Doubt::BelowEmpty)),
            (healthy, survey(15, 1, 0, 9), Some(Doubt::Earlier)),
            (Scanned { files: 0, settled: 0, ..healthy }, survey(1, 1, 0, 0), Some(Doubt::Empty)),
            (Scanned { settled: 0, ..healthy }, survey(10, 1, 0, 0), Some(Doubt::Another)),
            (Scanned { files: 0, settled: 0, ..healthy }, survey(0, 0, 0, 0), None),
        ] {
            assert_eq!(doubt(scan, false, &survey, limits), expected, "{scan:?} {survey:?}");
        }
        assert_eq!(doubt(healthy, true, &survey(10, 1, 0, 0), limits), Some(Doubt::Another));
        assert_eq!(doubt(healthy, true, &survey(10, 0, 0, 0), limits), None);
    }
}
