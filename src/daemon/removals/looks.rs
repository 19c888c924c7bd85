//! When each folder of an account was looked through: a file that is missed in one may have been moved to another.

use super::MOST_EARLY;
use super::clock::Clock;
use crate::watch::{Identity, Scanned};
use jiff::SignedDuration;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the threads of an account's folders tell each other.
#[derive(Debug)]
pub struct Looks {
    pub clock: Clock,
    folders: Mutex<BTreeMap<PathBuf, Look>>,
    /// When files of folders that are not watched any more are looked for again.
    strays: Mutex<SignedDuration>,
}

/// Nobody hears when they go.
const STRAYS_EVERY: SignedDuration = SignedDuration::from_hours(24);

#[derive(Clone, Copy, Debug, Default)]
struct Look {
    /// When its last scan ended, or the run began: the next one begins later.
    ended: SignedDuration,
    /// All that was in it at this time is known.
    seen: Option<SignedDuration>,
    /// Scans in a row that found files which are not read yet.
    early: u32,
    /// Which folder it was when it last held files.
    identity: Option<Identity>,
}

impl Looks {
    /// Of folders that were watched for so long in earlier runs.
    pub fn new(folders: &[PathBuf], before: SignedDuration) -> Self {
        let look = Look { ended: before, ..Look::default() };
        let folders = folders.iter().map(|folder| (folder.clone(), look)).collect();
        Self { clock: Clock::from(before), folders: Mutex::new(folders), strays: Mutex::new(before) }
    }

    /// One was looked through; `before` is which folder it was then, as far as an earlier run knew.
    pub fn scanned(&self, folder: &Path, scan: Scanned, before: Option<Identity>) {
        let now = self.clock.now();
        if let Some(look) = self.folders().get_mut(folder) {
            *look = look.after(scan, before, now);
        }
    }

    /// A folder, other than this one, of which it is not known what was in it at some time or later.
    pub fn unseen_since(&self, folder: &Path, then: SignedDuration) -> Option<PathBuf> {
        let folders = self.folders();
        let mut others = folders.iter().filter(|(other, _)| *other != folder);
        others.find(|(_, look)| look.seen.is_none_or(|seen| seen < then)).map(|(other, _)| other.clone())
    }

    /// Whether it is not known of some folder what was in it at any time of this run.
    pub fn is_any_unseen(&self) -> bool {
        self.folders().values().any(|look| look.seen.is_none())
    }

    /// Whether a path is in one of the folders.
    pub fn contains(&self, path: &Path) -> bool {
        self.folders().keys().any(|folder| path.starts_with(folder))
    }

    /// Whether files of other folders are to be looked for now: not before all that is in the watched ones is known.
    pub fn begin_with_strays(&self) -> bool {
        let mut due = self.strays.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = self.clock.now() >= *due && !self.is_any_unseen();
        if is_due {
            // Not while somebody does.
            *due = SignedDuration::MAX;
        }
        is_due
    }

    pub fn end_with_strays(&self) {
        let next = self.clock.now().saturating_add(STRAYS_EVERY);
        *self.strays.lock().unwrap_or_else(PoisonError::into_inner) = next;
    }

    fn folders(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Look>> {
        // Whoever panicked with it ended the process.
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Look {
    /// After a scan that ended just now. Pure.
    fn after(self, scan: Scanned, before: Option<Identity>, now: SignedDuration) -> Self {
        if !scan.is_root {
            return self;
        }
        let identity = self.identity.or(before);
        // An empty folder of other numbers is where a disk was mounted.
        let is_there = scan.files > 0 || identity.is_none() || identity == scan.identity;
        let is_whole = scan.barred == 0 && scan.identity.is_some() && is_there;
        let early = if scan.fresh > 0 { self.early + 1 } else { 0 };
        let is_read = early == 0 || early > MOST_EARLY;
        Self {
            ended: now,
            seen: if is_whole && is_read { Some(self.ended) } else { self.seen },
            early,
            identity: if scan.files > 0 { scan.identity } else { identity },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_seen_as_it_was_when_a_scan_began_that_left_nothing_out() {
        let at = SignedDuration::from_secs;
        let whole = Scanned { is_root: true, files: 5, settled: 5, identity: Some((1, 2)), ..Scanned::default() };
        let fresh = Scanned { fresh: 1, ..whole };
        let other = Scanned { identity: Some((1, 3)), ..whole };
        let empty = |scan| Scanned { files: 0, settled: 0, ..scan };
        for (what, before, scans, expected) in [
            ("none", None, vec![], None),
            ("the first", None, vec![whole], Some(at(100))),
            ("the next", None, vec![whole, whole], Some(at(110))),
            ("one inside", None, vec![whole, Scanned { is_root: false, ..whole }], Some(at(100))),
            ("not all of it", None, vec![whole, Scanned { barred: 1, ..whole }], Some(at(100))),
            ("one that went away", None, vec![Scanned { identity: None, ..whole }], None),
            ("something new", None, vec![fresh, fresh], None),
            ("something new, read since", None, vec![fresh, whole], Some(at(110))),
            ("always something new", None, vec![fresh; 5], Some(at(140))),
            ("an inbox", None, vec![whole, empty(whole)], Some(at(110))),
            ("an empty folder from the beginning", None, vec![empty(whole)], Some(at(100))),
            ("a disk that is not mounted any more", None, vec![whole, empty(other), empty(other)], Some(at(100))),
            ("a disk that is not mounted", Some((1, 2)), vec![empty(other), empty(other)], None),
            ("another disk", Some((1, 2)), vec![other], Some(at(100))),
        ] {
            let mut look = Look { ended: at(100), ..Look::default() };
            for (now, scan) in (110..).step_by(10).zip(scans) {
                look = look.after(scan, before, at(now));
            }
            assert_eq!(look.seen, expected, "{what}");
        }
    }

    #[test]
    fn every_other_folder_counts() {
        let at = SignedDuration::from_secs;
        let paths = ["/w", "/x", "/y"].map(PathBuf::from);
        let looks = Looks::new(&paths, at(100));
        let scan = Scanned { is_root: true, files: 5, identity: Some((1, 2)), ..Scanned::default() };
        let unseen = |then| looks.unseen_since(&paths[0], at(then));
        assert_eq!(unseen(100), Some(paths[1].clone()));
        looks.scanned(&paths[1], scan, None);
        assert_eq!(unseen(100), Some(paths[2].clone()));
        looks.scanned(&paths[2], scan, None);
        assert_eq!((unseen(100), unseen(101)), (None, Some(paths[1].clone())));
        assert!(looks.contains("/w/a.fit".as_ref()) && !looks.contains("/w-2/a.fit".as_ref()));
    }
}
