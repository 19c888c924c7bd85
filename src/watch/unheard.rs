//! Files that a scan found and no event had told of: whether one comes late, or the folder's events do not tell everything.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An event takes no longer than this, unless the machine is out of breath.
const LATE: Duration = Duration::from_secs(5);

/// One is enough to know; more are noted only until that is decided.
const MOST: usize = 64;

#[derive(Default)]
pub struct Unheard(HashMap<PathBuf, Duration>);

impl Unheard {
    /// A scan found this new file.
    pub fn found(&mut self, path: &Path, now: Duration) {
        if self.0.len() < MOST {
            self.0.entry(path.to_path_buf()).or_insert(now + LATE);
        }
    }

    /// Something was told of this path, or of the folder with this path.
    pub fn told(&mut self, path: &Path) {
        if !self.0.is_empty() {
            self.0.retain(|unheard, _| !unheard.starts_with(path));
        }
    }

    /// Nothing is known any more of what was told: events were lost, or the folder is listened to anew.
    pub fn forget(&mut self) {
        self.0.clear();
    }

    /// A file of which nobody told in time.
    pub fn take_due(&mut self, now: Duration) -> Option<PathBuf> {
        let due = self.0.iter().filter(|(_, due)| **due <= now).map(|(path, _)| path);
        let path = due.min()?.clone();
        self.0.remove(&path);
        Some(path)
    }

    pub fn next_due(&self) -> Option<Duration> {
        self.0.values().min().copied()
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
}
