//! Whether the disks of our databases have room: while one has little, nothing new is taken in, and what is queued goes out.

use crate::config::{Config, Size};
use crate::events;
use rustix::fs::statvfs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often to look while there is little room. While there is enough, only whoever takes something in looks.
const PAUSE: Duration = Duration::from_secs(5);

/// Of a small disk no more than this part of it is asked to be free.
const LARGEST_PART: u64 = 10;

/// What is free on the disk of a place, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Free {
    free: u64,
    total: u64,
}

/// A disk that has little room.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Low {
    #[serde(serialize_with = "as_text")]
    pub path: PathBuf,
    pub free: u64,
    /// Below this nothing is taken in any more.
    pub limit: u64,
    /// From this on it is taken in again: what little becomes free would be gone at once.
    pub enough: u64,
}

/// The places of our databases; without any, there is always room.
#[derive(Debug, Default)]
pub struct Room {
    limit: u64,
    places: Vec<PathBuf>,
    low: Mutex<Option<Low>>,
    changed: Condvar,
}

impl Room {
    pub fn new(config: &Config) -> Self {
        let places = places(config);
        Self { limit: config.settings.disk.pause_below.get(), places, ..Self::default() }
    }

    /// Which disk has little room, if one has; the log is told when that changes.
    pub fn lacking(&self) -> Option<Low> {
        self.look(&mut self.low())
    }

    /// Waits while there is little room, unless it is stopped.
    pub fn wait(&self, is_stopped: impl Fn() -> bool) {
        let mut low = self.low();
        while self.look(&mut low).is_some() && !is_stopped() {
            // Whoever panicked with it ended the process.
            low = self.changed.wait_timeout(low, PAUSE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Those who wait see whether they are stopped.
    pub fn wake(&self) {
        // Who has looked, and does not wait yet, would not hear it.
        drop(self.low());
        self.changed.notify_all();
    }

    fn low(&self) -> MutexGuard<'_, Option<Low>> {
        self.low.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn look(&self, before: &mut Option<Low>) -> Option<Low> {
        let was_low = before.is_some();
        let now = self.places.iter().find_map(|place| low(place, self.limit, was_low));
        match (&before, &now) {
            (None, Some(low)) => events::disk_low(&low.path, low.free, low.limit),
            (Some(low), None) => {
                let free = free(&low.path).map_or(0, |free| free.free);
                events::disk_ok(&low.path, free, low.limit);
            }
            _ => {}
        }
        before.clone_from(&now);
        now
    }
}

/// Which disk has little room, or not enough to go on if it had little, for whoever only looks.
pub fn look(config: &Config) -> Option<Low> {
    let limit = config.settings.disk.pause_below.get();
    places(config).iter().find_map(|place| low(place, limit, true))
}

/// Where our databases are, or will be.
pub fn places(config: &Config) -> Vec<PathBuf> {
    let server = config.embeds_server().then(|| config.state_dir.join("server"));
    std::iter::once(config.state_dir.clone()).chain(server).collect()
}

/// In words, with what helps.
pub fn words(low: &Low) -> String {
    let Low { path, free, limit, enough } = low;
    let [free, limit, enough] = [free, limit, enough].map(|bytes| Size::bytes(*bytes));
    format!(
        "{free} are free at {}: below {limit} new files wait, until {enough} are free (disk.pause_below)",
        path.display()
    )
}

fn as_text<S: serde::Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

/// Of what cannot be looked at nothing is known.
fn low(place: &Path, limit: u64, was_low: bool) -> Option<Low> {
    judge(place, free(place).ok()?, limit, was_low)
}

/// Whether that is little. Pure.
fn judge(place: &Path, Free { free, total }: Free, limit: u64, was_low: bool) -> Option<Low> {
    let limit = limit.min(total / LARGEST_PART);
    let enough = limit.saturating_add(limit / 4);
    let is_low = free < if was_low { enough } else { limit };
    is_low.then(|| Low { path: place.to_path_buf(), free, limit, enough })
}

/// Of a place that is not there yet, its disk is that of what it will be made in.
fn free(place: &Path) -> io::Result<Free> {
    let mut place = place;
    loop {
        match (statvfs(place), place.parent()) {
            (Ok(disk), _) => {
                // What is kept back for root is not ours.
                let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
                return Ok(Free { free: bytes(disk.f_bavail), total: bytes(disk.f_blocks) });
            }
            (Err(rustix::io::Errno::NOENT), Some(parent)) => place = parent,
            (Err(error), _) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_ends_later_than_it_began() {
        let is_low = |free, total, was_low| judge(Path::new("/d"), Free { free, total }, 64, was_low).is_some();
        assert!(is_low(63, 1000, false) && !is_low(64, 1000, false));
        assert!(is_low(79, 1000, true) && !is_low(80, 1000, true));
        // Of a small disk, a tenth.
        assert!(is_low(9, 100, false) && !is_low(10, 100, false) && !is_low(12, 100, true));
        assert!(judge(Path::new("/d"), Free { free: 0, total: 1000 }, 0, true).is_none());
    }

    #[test]
    fn a_place_that_is_not_there_yet_is_on_the_disk_of_what_it_will_be_in() {
        let Free { free, total } = free(Path::new("/none/such/place")).unwrap();
        assert!(free > 0 && total >= free);
        assert_eq!(Room::default().lacking(), None, "without a place there is always room");
    }
}
