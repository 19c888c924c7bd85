//! How a scan that nobody waits for leaves the disk to others: it rests for as long as it has worked. That is so on any disk
//! and on shares, where a low priority of the system's own means nothing.

use std::time::Duration;

/// It works for so long at a time.
const WORK: Duration = Duration::from_millis(50);

/// Nor does it rest for longer.
const LONGEST: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// When its last rest ends, or ended.
    rests_until: Duration,
    is_hurried: bool,
    rested: Duration,
}

impl Pace {
    pub fn new(now: Duration) -> Self {
        Self { rests_until: now, is_hurried: false, rested: Duration::ZERO }
    }

    /// Whether it is to rest, perhaps from now on.
    pub fn rests(&mut self, now: Duration) -> bool {
        let worked = now.saturating_sub(self.rests_until);
        if worked >= WORK && !self.is_hurried {
            let rest = worked.min(LONGEST);
            self.rests_until = now + rest;
            self.rested += rest;
        }
        self.next_work(now).is_some()
    }

    /// When its rest is over, if it rests.
    pub fn next_work(&self, now: Duration) -> Option<Duration> {
        Some(self.rests_until).filter(|until| *until > now && !self.is_hurried)
    }

    /// Somebody waits for it from now on.
    pub fn hurry(&mut self) {
        self.is_hurried = true;
    }

    /// For how long it has rested in all.
    pub fn rested(&self) -> Duration {
        self.rested
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_works_for_half_of_the_time_unless_somebody_waits() {
        let millis = Duration::from_millis;
        let mut pace = Pace::new(millis(1000));
        let rests = [1000, 1049, 1060, 1119, 1120, 1169, 1170].map(|now| pace.rests(millis(now)));
        assert_eq!(rests, [false, false, true, true, false, false, true]);
        assert_eq!((pace.next_work(millis(1171)), pace.rested()), (Some(millis(1220)), millis(110)));
        // One look may take as long as it likes.
        assert!(pace.rests(millis(60_000)));
        assert_eq!(pace.next_work(millis(60_000)), Some(millis(61_000)));
        pace.hurry();
        assert!(!pace.rests(millis(60_001)) && !pace.rests(millis(99_999)));
        assert_eq!(pace.next_work(millis(60_001)), None);
    }
}
