//! How long an account's folders were watched, in all runs together: a clock that goes wrong, or is set, changes nothing of it.

use jiff::SignedDuration;
use rustix::time::{ClockId, clock_gettime};

/// Goes on from where it was written down last. What passed since then does not count, nor what passes while nobody runs.
#[derive(Debug)]
pub struct Clock {
    before: SignedDuration,
    began: SignedDuration,
}

impl Clock {
    pub fn from(before: SignedDuration) -> Self {
        Self { before, began: since_boot() }
    }

    pub fn now(&self) -> SignedDuration {
        self.before.saturating_add(since_boot().saturating_sub(self.began))
    }
}

/// Nobody can set it, and it goes on while the machine is asleep.
fn since_boot() -> SignedDuration {
    let time = clock_gettime(ClockId::Boottime);
    SignedDuration::new(time.tv_sec, i32::try_from(time.tv_nsec).unwrap_or_default())
}
