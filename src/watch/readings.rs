//! How long files took to be read: one that somebody closes again and again is read for a quarter of the time at most.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A reading that is over sooner may come as often as it likes.
const SHORT: Duration = Duration::from_millis(50);

/// How long a file is left alone, in times of what it took.
const REST: u32 = 3;

/// One file is read at a time.
#[derive(Debug, Default)]
pub struct Readings {
    began: Duration,
    is_new: bool,
    /// See [`Readings::of_new`].
    of_new: Duration,
    /// Until when each file is left alone that took its time.
    rests: HashMap<PathBuf, Duration>,
}

impl Readings {
    pub fn begin(&mut self, now: Duration, is_new: bool) {
        (self.began, self.is_new) = (now, is_new);
    }

    pub fn end(&mut self, path: &Path, now: Duration) {
        let took = now.saturating_sub(self.began);
        if self.is_new {
            self.of_new += took;
        }
        if took >= SHORT {
            self.rests.retain(|_, until| *until > now);
            self.rests.insert(path.to_path_buf(), now + took.saturating_mul(REST));
        }
    }

    /// How long files have taken in all that were read because of what had happened to them: nobody reads them at each scan.
    pub fn of_new(&self) -> Duration {
        self.of_new
    }

    /// When a file may be read that has changed by now.
    pub fn next(&self, path: &Path, now: Duration) -> Duration {
        self.rests.get(path).copied().unwrap_or_default().max(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_comes_less_often() {
        let (mut readings, seconds) = (Readings::default(), Duration::from_secs);
        let [large, small] = ["/w/large", "/w/small"].map(Path::new);
        readings.begin(seconds(10), true);
        readings.end(large, seconds(12));
        readings.begin(seconds(12), true);
        readings.end(small, seconds(12) + SHORT / 2);
        assert_eq!([12, 17, 18, 30].map(|now| readings.next(large, seconds(now))), [18, 18, 18, 30].map(seconds));
        assert_eq!(readings.next(small, seconds(13)), seconds(13));
        // What is over is not kept.
        readings.begin(seconds(40), false);
        readings.end(small, seconds(41));
        assert_eq!((readings.rests.len(), readings.of_new()), (1, seconds(2) + SHORT / 2));
    }
}
