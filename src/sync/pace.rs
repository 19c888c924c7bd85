//! How fast an account may ask its destination: a token bucket, a budget for each day, and a number of requests at once
//! that gives way when the server struggles. Pure: time comes in.

use super::Now;
use crate::config::Limits;
use crate::destination::Failure;
use crate::store::accounts::Spent;
use crate::store::halts::Rest;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;
use std::time::Duration;

/// What is missing may be less than a nanosecond's worth, and whoever waits for nothing is never woken.
const SHORTEST_WAIT: Duration = Duration::from_millis(1);

/// The clock may be set while we wait for midnight, so it is looked at this often.
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// A pause that is at least this long is remembered, and told.
pub const TELL_PAUSE: Duration = Duration::from_secs(60);

/// Nothing asks for longer than this; it is the clock that was wrong.
const LONGEST_REST: Duration = Duration::from_secs(25 * 3600);

/// Why nothing is asked until midnight.
pub const EXHAUSTED: &str = "the requests of the day are used up (delivery.daily)";

pub struct Pace {
    limits: Limits,
    /// Requests that may be made now; refilled as time passes.
    tokens: f64,
    filled: Duration,
    spent: Option<Spent>,
    /// Until when the destination wants to be left alone, and in which words it said so.
    rest: Option<(Duration, String)>,
    /// The last day on which somebody was refused for want of a budget, and the last of which that was told.
    refused: Option<Date>,
    told: Option<Date>,
}

/// The budget of a day that is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct UsedUp {
    /// All of the day's.
    pub requests: u64,
    /// The next midnight.
    pub until: Timestamp,
}

impl Pace {
    /// Begins with a full bucket, and with what the destination asked for before, as far as that is not over.
    pub fn new(limits: Limits, spent: Option<Spent>, rest: Option<Rest>, now: Now) -> Self {
        let rest = rest.and_then(|Rest { since, until, reason }| {
            // A clock that was set back does not make it longer than it was.
            let left = until.duration_since(now.wall).min(until.duration_since(since));
            let left = Duration::try_from(left).ok()?.min(LONGEST_REST);
            Some((now.steady.saturating_add(left), reason))
        });
        Self { tokens: limits.burst, limits, filled: now.steady, spent, rest, refused: None, told: None }
    }

    /// The destination wants to be left alone for so long, whatever it is asked. Returns what is to be remembered over a
    /// restart, if that is for longer than a moment.
    pub fn leave_alone(&mut self, pause: Duration, reason: &str, now: Now) -> Option<Rest> {
        let until = now.steady.saturating_add(pause.min(LONGEST_REST));
        // It may have asked for more before.
        if self.rest.as_ref().is_none_or(|(rest, _)| *rest < until) {
            self.rest = Some((until, reason.to_owned()));
        }
        let (left, reason) = self.resting(now).filter(|(left, _)| *left >= TELL_PAUSE)?;
        let until = now.wall.saturating_add(left).unwrap_or(Timestamp::MAX);
        Some(Rest { since: now.wall, until, reason: reason.to_owned() })
    }

    /// How long the destination still wants to be left alone, and why.
    pub fn resting(&self, now: Now) -> Option<(Duration, &str)> {
        let (until, reason) = self.rest.as_ref()?;
        let left = until.checked_sub(now.steady).filter(|left| !left.is_zero())?;
        Some((left, reason))
    }

    /// What becomes of a request while that is for longer than a moment.
    pub fn refusal(&self, now: Now) -> Option<Failure> {
        let (left, reason) = self.resting(now).filter(|(left, _)| *left >= TELL_PAUSE)?;
        Some(Failure::Retry { after: Some(left), of_server: true, reason: reason.to_owned() })
    }

    /// Somebody wants it to be asked all the same.
    pub fn disturb(&mut self) {
        self.rest = None;
    }

    /// Takes leave to make one request, or tells how long to wait until the next may be made.
    pub fn take(&mut self, now: Now) -> Result<(), Duration> {
        if let Some((left, _)) = self.resting(now) {
            return Err(left);
        }
        if let Some(left) = self.exhausted(now) {
            self.refused = Some(self.today(now.wall).day);
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

    /// The budget of today, if none of it is left.
    pub fn used_up(&self, now: Now) -> Option<UsedUp> {
        let left = self.exhausted(now)?;
        let until = now.wall.saturating_add(left).unwrap_or(Timestamp::MAX);
        Some(UsedUp { requests: self.today(now.wall).requests, until })
    }

    /// The same, if somebody waits for the next one.
    pub fn awaited(&self, now: Now) -> Option<UsedUp> {
        self.used_up(now).filter(|_| self.refused == Some(self.today(now.wall).day))
    }

    /// The same once for each day.
    pub fn news(&mut self, now: Now) -> Option<UsedUp> {
        let used_up = self.awaited(now).filter(|_| self.told != self.refused)?;
        self.told = self.refused;
        Some(used_up)
    }

    /// What is to be remembered over a restart, if there is a budget.
    pub fn spent(&self) -> Option<Spent> {
        self.limits.daily.and(self.spent)
    }

    fn today(&self, wall: Timestamp) -> Spent {
        let day = wall.to_zoned(self.limits.zone.clone()).date();
        self.spent.filter(|spent| spent.day == day).unwrap_or(Spent { day, requests: 0 })
    }

    fn until_midnight(&self, wall: Timestamp, day: Date) -> Duration {
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
            let mut pace = Pace::new(limits(Some(rate), burst, None), None, None, at(0.0));
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
            let mut pace = Pace::new(limits(Some(rate), 2.0, None), None, None, at(0.0));
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
        let mut pace = Pace::new(limits(None, 1.0, Some(3)), None, None, at(0.0));
        (0..3).for_each(|_| assert_eq!(pace.take(at(0.0)), Ok(())));
        assert_eq!(pace.exhausted(at(0.0)), Some(Duration::from_secs(3600)));
        assert_eq!(pace.take(at(0.0)), Err(LONGEST_WAIT), "the clock may be set meanwhile");
        let used_up = UsedUp { requests: 3, until: "2026-11-23T00:00:00Z".parse().unwrap() };
        assert_eq!([pace.news(at(1.0)), pace.news(at(2.0))], [Some(used_up), None], "told once");
        assert_eq!(pace.awaited(at(2.0)), Some(used_up));
        let spent = pace.spent();
        let mut restarted = Pace::new(limits(None, 1.0, Some(3)), spent, None, at(1.0));
        assert_eq!((restarted.used_up(at(1.0)), restarted.awaited(at(1.0))), (Some(used_up), None));
        assert_eq!(restarted.news(at(1.0)), None, "nobody waits");
        assert_eq!(restarted.take(at(3590.0)), Err(Duration::from_secs(10)));
        assert_eq!(restarted.news(at(3590.0)), Some(used_up));
        assert_eq!(restarted.take(at(3600.0)), Ok(()));
        assert_eq!((restarted.awaited(at(3600.0)), restarted.news(at(3600.0))), (None, None));
        assert_eq!(restarted.spent().map(|spent| spent.requests), Some(1));
    }

    /// What the destination asked for holds for whoever asks, and outlasts a restart, but not a clock that was wrong.
    #[test]
    fn a_rest_is_kept_and_remembered_within_reason() {
        let unlimited = || limits(None, 1.0, None);
        let mut pace = Pace::new(unlimited(), None, None, at(0.0));
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        assert_eq!(pace.leave_alone(Duration::from_secs(30), "a moment", at(0.0)), None);
        assert_eq!(pace.take(at(10.0)), Err(Duration::from_secs(20)));
        let rest = pace.leave_alone(minutes(10), "busy", at(10.0)).unwrap();
        assert_eq!((rest.since, rest.until, rest.reason.as_str()), (at(10.0).wall, at(610.0).wall, "busy"));
        let again = pace.leave_alone(minutes(2), "later", at(20.0)).unwrap();
        assert_eq!((again.until, again.reason.as_str()), (rest.until, "busy"), "the longest counts");
        assert_eq!((pace.take(at(609.0)), pace.take(at(610.0))), (Err(Duration::from_secs(1)), Ok(())));
        let left = |since: Timestamp, until: Timestamp| {
            let rest = Rest { since, until, reason: "busy".to_owned() };
            Pace::new(unlimited(), None, Some(rest), at(0.0)).resting(at(0.0)).map(|(left, _)| left)
        };
        let hour = |hours| at(0.0).wall + jiff::SignedDuration::from_hours(hours);
        assert_eq!(left(hour(-1), hour(1)), Some(minutes(60)));
        assert_eq!(left(hour(-2), hour(-1)), None, "over");
        assert_eq!(left(hour(20), hour(21)), Some(minutes(60)), "the clock was set back since then");
        assert_eq!(left(hour(-1), hour(90_000)), Some(LONGEST_REST));
        let mut pace = Pace::new(unlimited(), None, Some(rest), at(11.0));
        assert!(pace.take(at(11.0)).is_err());
        pace.disturb();
        assert_eq!(pace.take(at(11.0)), Ok(()));
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
