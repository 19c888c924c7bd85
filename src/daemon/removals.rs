//! Files that a scan misses where removed files lose their sessions: whether that is believed, and what follows.

mod clock;
mod grace;
mod looks;
mod renamed;
mod strays;
mod survey;

use super::folders::Owner;
use super::ground::Ground;
use crate::config::{OnRemoved, WatchSettings};
use crate::crash;
use crate::events;
use crate::intake;
use crate::store::absent::Which;
use crate::store::{Error, absent, disks, mirror};
use crate::watch::{Pulse, Scanned};
use grace::Grace;
use jiff::{SignedDuration, Timestamp};
pub use looks::Looks;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use survey::{Absence, Survey, Trouble, survey};

/// Files forgotten in one transaction; others want to write, too.
const GROUP: usize = 200;

pub struct Removals {
    limits: Limits,
    /// Whether the folder's removed files lose their sessions.
    is_deleting: bool,
    looks: Arc<Looks>,
    grace: Grace,
    /// Whether somebody was told that files are doubted, until none is.
    is_told: bool,
    /// Scans in a row that missed files while others, here or in folders that were not looked through yet, are not read.
    early: u32,
}

/// A file that is never at rest does not put the consequences off for ever.
const MOST_EARLY: u32 = 4;

#[derive(Clone, Copy, Debug)]
struct Limits {
    most: usize,
    share: f64,
}

/// Why it is not believed that files were removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Doubt {
    Empty,
    Another,
    Many,
    Moved,
    BelowEmpty,
    Earlier,
}

impl Doubt {
    fn reason(self) -> &'static str {
        match self {
            Self::Empty => "the folder is empty",
            Self::Another => "it is not the folder that it was; is it another disk?",
            Self::Many => "they are too many at once; see watch.removed_most and watch.removed_share",
            Self::Moved => "the disk that they were on is not there, or another one is",
            Self::BelowEmpty => "the folder that they were in is empty; was a disk mounted there?",
            Self::Earlier => "they were missed together with too much else",
        }
    }
}

impl Removals {
    pub fn new(settings: &WatchSettings, on_removed: OnRemoved, looks: Arc<Looks>) -> Self {
        let grace = SignedDuration::try_from(settings.removed_grace.get()).unwrap_or(SignedDuration::MAX);
        let most = usize::try_from(settings.removed_most).unwrap_or(usize::MAX);
        let limits = Limits { most, share: settings.removed_share };
        Self {
            limits,
            is_deleting: on_removed == OnRemoved::Delete,
            grace: Grace::new(grace, Arc::clone(&looks)),
            looks,
            is_told: false,
            early: 0,
        }
    }

    /// Draws the consequences of a scan. `before` is where the folder's files were when that was done the last time, and
    /// `now` where the scan found them, which is written down together with them. Whether there were any: of what could not
    /// be seen nothing is known.
    pub fn scanned(
        &mut self,
        folder: &Path,
        scan: Scanned,
        (before, now): (&Ground, &Ground),
        owner: &Owner,
        known: &Connection,
        pulse: &Pulse,
    ) -> Result<bool, Error> {
        self.looks.scanned(folder, scan, before.root);
        strays::look(owner, &self.looks);
        // That something could not be read was told already.
        if !scan.is_root || scan.barred > 0 || now.root.is_none() {
            return Ok(false);
        }
        let (person, route) = owner;
        if !self.is_deleting {
            if scan.files > 0 && !before.is_another(now) {
                self.tidy(folder, scan, owner, known, pulse)?;
            }
            return settle(owner, folder, Vec::new(), (before, now));
        }
        // What was read until now is to be known: a file may have been renamed.
        route.store.call_blocking(|_| Ok(()))?;
        let Some(which) = which(known, owner, folder, scan, pulse)? else { return Ok(false) };
        let has_moved = |path: &Path| before.has_moved(path, now);
        // What is in another folder says nothing where this one may not be what it was.
        let is_same = scan.settled > 0 && !before.is_another(now);
        let counts = |path: &Path| path.starts_with(folder) || is_same && self.looks.contains(path);
        let mut survey = match survey(known, person.account, folder, which, has_moved, counts, pulse) {
            Ok(survey) => survey,
            Err(Trouble::Store(error)) => return Err(error.into()),
            Err(Trouble::Io) => return Ok(false),
        };
        if !survey.missed.is_empty() {
            let files: Vec<i64> = survey.missed.iter().map(|missed| missed.file).collect();
            survey.lost = absent::sessions_of(known, &files)?;
            survey.sessions = mirror::count(known, person.account)?;
        }
        let doubt = doubt(scan, before.is_another(now), &survey, self.limits);
        let may_be_renamed = matches!(doubt, None | Some(Doubt::Many | Doubt::BelowEmpty));
        let is_unread = scan.fresh > 0 || may_be_renamed && self.looks.is_any_unseen();
        let is_missed = !survey.missed.is_empty() || !survey.below_empty.is_empty() || doubt == Some(Doubt::Many);
        let is_early = is_unread && is_missed;
        self.early = if is_early { self.early + 1 } else { 0 };
        if self.is_early().is_some() {
            // Perhaps they only have other names now: the next scan knows what was new until then.
            return Ok(false);
        }
        self.tell(folder, &person.name, &survey, doubt);
        let Survey { missed, moved, below_empty, told_elsewhere, back, .. } = survey;
        find_again(owner, back)?;
        let mut doubted = [moved, below_empty].concat();
        if doubt.is_some_and(|doubt| matches!(doubt, Doubt::Empty | Doubt::Another | Doubt::Many)) {
            doubted.extend(missed.iter().map(|missed| missed.file));
            if doubt == Some(Doubt::Many) {
                self.grace.believe(owner, told_elsewhere, None)?;
            }
            return settle(owner, folder, doubted, (before, now));
        }
        settle(owner, folder, doubted, (before, now))?;
        self.grace.is_running = !missed.is_empty();
        self.grace.believe(owner, told_elsewhere, None)?;
        self.grace.believe(owner, missed, Some(folder))?;
        Ok(true)
    }

    /// The folder is not watched any more.
    pub fn stop(&self, owner: &Owner) {
        self.grace.stop(owner);
    }

    /// Whether the last scan came too early to conclude anything from it, and how many in a row.
    pub fn is_early(&self) -> Option<u32> {
        (1..=MOST_EARLY).contains(&self.early).then_some(self.early)
    }

    /// Whether another folder is waited for, and after how many scans in a row.
    pub fn waits(&self) -> Option<u32> {
        (self.grace.waits > 0).then_some(self.grace.waits)
    }

    /// What does not happen as long as a part of the folder cannot be read.
    pub fn remark(&self) -> &'static str {
        if self.is_deleting { "; until it can, removed files keep their sessions" } else { "" }
    }

    /// Where removed files keep their sessions: notes which are absent, and forgets those of which others tell the same.
    fn tidy(
        &self,
        folder: &Path,
        scan: Scanned,
        owner: &Owner,
        known: &Connection,
        pulse: &Pulse,
    ) -> Result<(), Error> {
        let (person, route) = owner;
        route.store.call_blocking(|_| Ok(()))?;
        let Some(which) = which(known, owner, folder, scan, pulse)? else { return Ok(()) };
        let now = Timestamp::now();
        let until = now.saturating_sub(self.grace.time).unwrap_or(Timestamp::MIN);
        let counts = |path: &Path| self.looks.contains(path);
        let absence = match survey::absence(known, person.account, folder, which, until, counts, pulse) {
            Ok(absence) => absence,
            Err(Trouble::Store(error)) => return Err(error.into()),
            Err(Trouble::Io) => return Ok(()),
        };
        let Absence { gone, back, over } = absence;
        if !gone.is_empty() {
            route.store.call_blocking(move |connection| absent::set_absent(connection, &gone, now))?;
        }
        find_again(owner, back)?;
        for group in over.chunks(GROUP) {
            let (writer, group) = (person.clone(), group.to_vec());
            route.store.call_blocking(move |connection| {
                group.iter().try_for_each(|file| intake::forget_if_nothing_changes(connection, &writer, *file, now))
            })?;
        }
        Ok(())
    }

    /// Each time that more files are doubted; and once that some were earlier, before we started.
    fn tell(&mut self, folder: &Path, account: &str, survey: &Survey, doubt: Option<Doubt>) {
        if let Some(doubt) = doubt
            && (doubt != Doubt::Earlier || !self.is_told)
        {
            events::folder_doubted(account, folder, survey.fresh() + survey.doubted, doubt.reason());
        }
        self.is_told = doubt.is_some();
    }
}

/// Which files are to be looked for one by one, unless nothing can be said of them: as a rule a scan has met all that should
/// be there, and those that were away.
fn which(
    known: &Connection,
    owner: &Owner,
    folder: &Path,
    scan: Scanned,
    pulse: &Pulse,
) -> Result<Option<Which>, Error> {
    if scan.fresh > 0 {
        return Ok(Some(Which::All));
    }
    let back = match survey::back(known, owner.0.account, folder, pulse) {
        Ok(back) => back,
        Err(Trouble::Store(error)) => return Err(error.into()),
        Err(Trouble::Io) => return Ok(None),
    };
    let is_lacking = absent::is_lacking(known, owner.0.account, folder, scan.files.saturating_sub(back))?;
    Ok(Some(if is_lacking { Which::All } else { Which::Away }))
}

/// Leaves it to a person to say that files are gone, and writes down where the folder's files are, both or neither: the
/// next scan would take another disk for the one that it knows.
fn settle(owner: &Owner, folder: &Path, doubted: Vec<i64>, (before, now): (&Ground, &Ground)) -> Result<bool, Error> {
    let (person, route) = owner;
    if !doubted.is_empty() || before != now {
        let (account, folder, now) = (person.account, folder.to_path_buf(), now.clone());
        route.store.call_blocking(move |connection| {
            absent::doubt(connection, &doubted)?;
            disks::set(connection, account, &folder, (now.root, &now.disks))
        })?;
        crash::point("removals.settled");
    }
    Ok(true)
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

/// Whether the absence of files is not what it looks like. Pure. `is_another` may be wrong, as the numbers of a folder change
/// with each boot or mount of some file systems; then a person is asked in vain.
fn doubt(scan: Scanned, is_another: bool, survey: &Survey, limits: Limits) -> Option<Doubt> {
    let fresh = survey.fresh();
    if fresh == 0 {
        (survey.doubted > 0).then_some(Doubt::Earlier)
    } else if scan.files == 0 {
        Some(Doubt::Empty)
    } else if is_another || scan.settled == 0 {
        Some(Doubt::Another)
    } else if fresh > limits.most && is_more(fresh, limits.share, survey.known)
        || survey.lost > limits.most && is_more(survey.lost, limits.share, survey.sessions)
    {
        Some(Doubt::Many)
    } else if !survey.moved.is_empty() {
        Some(Doubt::Moved)
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

#[cfg(test)]
mod tests {
    use super::survey::Missed;
    use super::*;

    #[test]
    fn what_goes_together_is_doubted() {
        let limits = Limits { most: 2, share: 0.2 };
        let healthy = Scanned { is_root: true, files: 10, candidates: 1, settled: 9, ..Scanned::default() };
        let survey = |known, missed, below_empty, doubted| Survey {
            known,
            missed: (0..missed).map(|file| Missed { file, since: None }).collect(),
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
            (healthy, Survey { lost: 9, sessions: 15, ..survey(15, 1, 0, 0) }, Some(Doubt::Many)),
            (healthy, Survey { lost: 9, sessions: 90, ..survey(15, 1, 0, 0) }, None),
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
