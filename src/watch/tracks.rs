//! The files that have to be looked at again, by path and by time.

use super::settle::{Rules, Track};
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub struct Tracks {
    rules: Rules,
    files: HashMap<PathBuf, Track>,
    /// When each is due, as time since the beginning.
    schedule: BTreeSet<(Duration, PathBuf)>,
}

impl Tracks {
    pub fn new(rules: Rules) -> Self {
        Self { rules, files: HashMap::new(), schedule: BTreeSet::new() }
    }

    pub fn get(&self, path: &Path) -> Option<&Track> {
        self.files.get(path)
    }

    /// Tracks a file, instead of what was known of it.
    pub fn insert(&mut self, path: PathBuf, track: Track) {
        self.remove(&path);
        self.schedule.insert((track.due(&self.rules), path.clone()));
        self.files.insert(path, track);
    }

    pub fn remove(&mut self, path: &Path) -> Option<Track> {
        let track = self.files.remove(path)?;
        self.schedule.remove(&(track.due(&self.rules), path.to_path_buf()));
        Some(track)
    }

    /// Takes out the first file whose time has come.
    pub fn take_due(&mut self, now: Duration) -> Option<(PathBuf, Track)> {
        let (_, path) = self.schedule.first().filter(|(due, _)| *due <= now)?;
        let path = path.clone();
        let track = self.remove(&path)?;
        Some((path, track))
    }

    /// When the next one is due.
    pub fn next_due(&self) -> Option<Duration> {
        self.schedule.first().map(|(due, _)| *due)
    }
}
