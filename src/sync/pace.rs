//! How fast an account may ask its destination: a token bucket, a budget for each day, and a number of requests at once
//! that gives way when the server struggles. Pure: time comes in.

use super::Now;
use crate::config::Limits;
use crate::store::accounts::Spent;
use jiff::Timestamp;
use std::time::Duration;

/// What is missing may be less than a nanosecond's worth, and whoever waits for nothing is never woken.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// The clock may be set while we wait for midnight, so it is looked at this often.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Why nothing is asked until midnight.
pub const EXHAUSTED: &str = "the requests of the day are used up (delivery.daily)";

pub struct Pace {
    limits: Limits,
    /// Requests that may be made now; refilled as time passes.
    tokens: f64,
    filled: Duration,
    spent: Option<Spent>,
}

impl Pace {
    /// Begins with a full bucket.
    pub fn new(limits: Limits, spent: Option<Spent>, now: Now) -> Self {
        Self { tokens: limits.burst, limits, filled: now.steady, spent }
    }

    /// Takes leave to make one request, or tells how long to wait until the next may be made.
    pub fn take(&mut self, now: Now) -> Result<(), Duration> {
        if let Some(left) = self.exhausted(now) {
            return Err(left.min(LONGEST_WAIT));
        }
        let spent = self.today(now.wall);
        if let Some(rate) = self.limits.rate {
            let passed = now.steady.saturating_sub(self.filled).as_secs_f64();
            self.filled = now.steady;
            self.tokens = (self.tokens + passed * rate).min(self.limits.burst);
            if self.tokens < 1.0 {
                return Err(Duration::from_secs_f64((1.0 - self.tokens) / rate).max(SHORTEST_WAIT));
            }
            self.tokens -= 1.0;
        }
        self.spent = Some(Spent { requests: spent.requests + 1, ..spent });
        Ok(())
    }

    /// How long it is until midnight, if no request is left of today's.
    pub fn exhausted(&self, now: Now) -> Option<Duration> {
        let spent = self.today(now.wall);
        let daily = self.limits.daily.filter(|daily| spent.requests >= *daily);
        daily.map(|_| self.until_midnight(now.wall, spent.day))
    }

    /// What is to be remembered over a restart, if there is a budget.
    pub fn spent(&self) -> Option<Spent> {
        self.limits.daily.and(self.spent)
    }

    fn today(&self, wall: Timestamp) -> Spent {
        let day = wall.to_zoned(self.limits.zone.clone()).date();
        self.spent.filter(|spent| spent.day == day).unwrap_or(Spent { day, requests: 0 })
    }

    fn until_midnight(&self, wall: Timestamp, day: jiff::civil::Date) -> Duration {
        let next = day.tomorrow().and_then(|next| next.to_zoned(self.limits.zone.clone()));
        let left = next.map(|next| next.timestamp().duration_since(wall));
        // At the end of the calendar any time will do.
        left.ok().and_then(|left| Duration::try_from(left).ok()).unwrap_or(Duration::from_secs(3600))
    }
}

/// How many requests may be under way: halved when the server struggles, and grown again by one for each round of
/// successes.
#[derive(Debug)]
pub struct Lanes {
    most: f64,
    open: f64,
}

impl Lanes {
    pub fn new(most: usize) -> Self {
        // Settings bound it far below where this would lose anything.
        let most = f64::from(u32::try_from(most.max(1)).unwrap_or(u32::MAX));
        Self { most, open: most }
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and the settings' bound")]
    pub fn open(&self) -> usize {
        self.open as usize
    }

    pub fn succeeded(&mut self) {
        self.open = (self.open + 1.0 / self.open).min(self.most);
    }

    pub fn struggled(&mut self) {
        self.open = (self.open / 2.0).max(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use proptest::prelude::*;

    fn at(seconds: f64) -> Now {
        let steady = Duration::from_secs_f64(seconds);
        let wall: Timestamp = "2026-11-22T23:00:00Z".parse().unwrap();
        Now { wall: wall + steady, steady }
    }

    fn limits(rate: Option<f64>, burst: f64, daily: Option<u64>) -> Limits {
        Limits { concurrency: 16, rate, burst, daily, zone: TimeZone::UTC }
    }

    proptest! {
        /// However one asks, no span of time sees more than the burst and its share.
        #[test]
        fn never_faster_than_the_setting(rate in 0.1..50.0_f64, burst in 1.0..20.0_f64, steps in prop::collection::vec(0.0..2.0_f64, 1..200)) {
            let mut pace = Pace::new(limits(Some(rate), burst, None), None, at(0.0));
            let mut time = 0.0;
            let mut taken: Vec<f64> = Vec::new();
            for step in steps {
                time += step;
                if pace.take(at(time)).is_ok() {
                    taken.push(time);
                }
            }
            for (index, from) in taken.iter().enumerate() {
                let mut count = 0.0;
                for to in &taken[index..] {
                    count += 1.0;
                    prop_assert!(count <= burst + rate * (to - from) + 1e-6);
                }
            }
        }

        /// Whoever waits as long as told may go.
        #[test]
        fn the_wait_is_long_enough(rate in 0.1..50.0_f64, asks in 1..50_usize) {
            let mut pace = Pace::new(limits(Some(rate), 2.0, None), None, at(0.0));
            let mut time = 0.0;
            for _ in 0..asks {
                if let Err(wait) = pace.take(at(time)) {
                    time += wait.as_secs_f64() + 1e-6;
                    prop_assert!(pace.take(at(time)).is_ok());
                }
            }
        }
    }

    #[test]
    fn a_budget_ends_at_midnight() {
        let mut pace = Pace::new(limits(None, 1.0, Some(3)), None, at(0.0));
        (0..3).for_each(|_| assert_eq!(pace.take(at(0.0)), Ok(())));
        assert_eq!(pace.exhausted(at(0.0)), Some(Duration::from_secs(3600)));
        assert_eq!(pace.take(at(0.0)), Err(LONGEST_WAIT), "the clock may be set meanwhile");
        let spent = pace.spent();
        let mut restarted = Pace::new(limits(None, 1.0, Some(3)), spent, at(1.0));
        assert_eq!(restarted.take(at(3590.0)), Err(Duration::from_secs(10)));
        assert_eq!(restarted.take(at(3600.0)), Ok(()));
        assert_eq!(restarted.spent().map(|spent| spent.requests), Some(1));
    }

    #[test]
    fn lanes_halve_and_grow_again() {
        let mut lanes = Lanes::new(16);
        assert_eq!(lanes.open(), 16);
        (0..10).for_each(|_| lanes.struggled());
        assert_eq!(lanes.open(), 1);
        let mut successes = 0;
        while lanes.open() < 16 {
            lanes.succeeded();
            successes += 1;
        }
        assert!((100..200).contains(&successes), "{successes}");
    }
}
