//! Files that a scan found and no event had told of: whether one comes late, or the folder's events do not tell everything.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An event takes no longer than this, unless the machine is out of breath.
const LATE: Duration = Duration::from_secs(5);

/// One is enough to know; more are noted only until that is decided.
const MOST: usize = 64;

#[derive(Default)]
pub struct Unheard {
    files: HashMap<PathBuf, Duration>,
    /// New folders, and when they were told of: what came into them before anybody listened there is found by their own scans,
    /// or by a whole one that comes sooner.
    folders: HashMap<PathBuf, Duration>,
}

impl Unheard {
    /// A scan found this new file.
    pub fn found(&mut self, path: &Path, now: Duration) {
        if self.files.len() < MOST && !path.ancestors().any(|folder| self.folders.contains_key(folder)) {
            self.files.entry(path.to_path_buf()).or_insert(now + LATE);
        }
    }

    /// Something was told of this path, or of the folder with this path.
    pub fn told(&mut self, path: &Path) {
        if !self.files.is_empty() {
            self.files.retain(|unheard, _| !unheard.starts_with(path));
        }
    }

    /// A new folder was told of, which is scanned itself.
    pub fn told_of_new(&mut self, folder: PathBuf, now: Duration) {
        self.folders.insert(folder, now);
    }

    /// A whole scan has ended, which found everything that was there at that time, of which nobody can be told late any more.
    pub fn looked(&mut self, then: Duration) {
        self.folders.retain(|_, told| *told + LATE > then);
    }

    /// Nothing is known any more of what was told: events were lost, or the folder is listened to anew.
    pub fn forget(&mut self) {
        self.files.clear();
    }

    /// A file of which nobody told in time.
    pub fn take_due(&mut self, now: Duration) -> Option<PathBuf> {
        let due = self.files.iter().filter(|(_, due)| **due <= now).map(|(path, _)| path);
        let path = due.min()?.clone();
        self.files.remove(&path);
        Some(path)
    }

    pub fn next_due(&self) -> Option<Duration> {
        self.files.values().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_told_of_in_time_is_missed() {
        let (seconds, path) = (Duration::from_secs, |name: &str| Path::new("/w").join(name));
        let mut unheard = Unheard::default();
        for name in ["a", "b", "new/c"] {
            unheard.found(&path(name), seconds(10));
        }
        unheard.found(&path("d"), seconds(11));
        unheard.told(&path("a"));
        unheard.told(&path("new"));
        assert_eq!((unheard.take_due(seconds(14)), unheard.next_due()), (None, Some(seconds(15))));
        assert_eq!(unheard.take_due(seconds(15)), Some(path("b")));
        assert_eq!(unheard.next_due(), Some(seconds(16)));
        unheard.forget();
        assert_eq!(unheard.take_due(seconds(99)), None);
    }

    #[test]
    fn what_came_with_a_new_folder_is_not_missed() {
        let seconds = Duration::from_secs;
        let inside = Path::new("/w/new/deep/a");
        let mut unheard = Unheard::default();
        unheard.told_of_new("/w/new".into(), seconds(10));
        unheard.found(inside, seconds(11));
        unheard.looked(seconds(14));
        unheard.found(inside, seconds(14));
        assert_eq!(unheard.next_due(), None);
        // It is listened to by now.
        unheard.looked(seconds(15));
        unheard.found(inside, seconds(20));
        assert_eq!(unheard.next_due(), Some(seconds(25)));
    }
}
