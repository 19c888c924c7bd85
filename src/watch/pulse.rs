//! What a watcher looks at, and since when, for others to see: where a share does not answer it looks for ever.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Whoever looks at one thing for longer is waiting, and not working.
const LONG: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, Default)]
pub struct Pulse(Arc<Mutex<Beat>>);

#[derive(Debug, Default)]
struct Beat {
    at: Option<(Instant, PathBuf)>,
    is_reading: bool,
    waited: Duration,
}

impl Pulse {
    /// It begins to look at something.
    pub fn at(&self, path: &Path) {
        self.beat(Some(path));
    }

    /// It begins to read a file, which may take its time.
    pub fn reads(&self, path: &Path) {
        self.beat(Some(path));
        self.lock().is_reading = true;
    }

    /// Whether what it looks at is read as a whole.
    pub fn is_reading(&self) -> bool {
        self.lock().is_reading
    }

    /// It waits for something to happen.
    pub fn rest(&self) {
        self.beat(None);
    }

    /// What it looks at, and for how long, unless it rests.
    pub fn busy(&self) -> Option<(Duration, PathBuf)> {
        self.lock().at.as_ref().map(|(since, path)| (since.elapsed(), path.clone()))
    }

    /// For how long it was not answered in all, until it began to look at what it looks at.
    pub fn waited(&self) -> Duration {
        self.lock().waited
    }

    fn beat(&self, path: Option<&Path>) {
        let mut beat = self.lock();
        let now = Instant::now();
        let before = beat.at.take().map(|(since, _)| now.duration_since(since));
        let is_waiting = !std::mem::take(&mut beat.is_reading);
        beat.waited += before.filter(|pause| is_waiting && *pause >= LONG).unwrap_or_default();
        beat.at = path.map(|path| (now, path.to_path_buf()));
    }

    fn lock(&self) -> MutexGuard<'_, Beat> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
