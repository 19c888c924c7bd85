//! What a seed decides before the first step: the settings of the daemon, and how rough its world is.

use fastrand::Rng;
use fitferry::config::Limits;
use fitferry::store::outbox::First;
use fitferry::sync::courier::Schedule;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Steps of a schedule before the faults stop; the calm after it takes as many as it needs.
pub const STEPS: u32 = 200;

/// One run's settings.
pub struct Plan {
    pub schedule: Schedule,
    pub limits: Limits,
    /// Workouts that may come, at most.
    pub workouts: usize,
    /// Of so many thousand, how many requests meet a fault of their own.
    pub request_faults: u32,
    /// The same for steps: the process dies, the server's weather changes, the clock is set, the disk is full.
    pub crashes: u32,
    pub weather: u32,
    pub clock_jumps: u32,
    pub disk_full: u32,
    /// Of a hundred hints about changed files, how many are lost until the next scan.
    pub lost_hints: u32,
}

impl Plan {
    pub fn of(rng: &mut Rng) -> Self {
        let retry_first = Duration::from_secs(rng.u64(1..5));
        let schedule = Schedule {
            retry_first,
            retry_longest: Duration::from_secs(*pick(rng, &[60, 600, 3600])),
            first: *pick(rng, &[First::Oldest, First::Newest]),
        };
        let limits = Limits {
            concurrency: *pick(rng, &[1, 2, 4, 16]),
            rate: *pick(rng, &[None, Some(0.2), Some(1.0), Some(10.0)]),
            burst: *pick(rng, &[1.0, 3.0, 10.0]),
            daily: *pick(rng, &[None, None, None, Some(12)]),
            zone: TimeZone::UTC,
        };
        Self {
            schedule,
            limits,
            workouts: rng.usize(2..30),
            request_faults: *pick(rng, &[0, 100, 400, 800]),
            crashes: *pick(rng, &[0, 10, 30]),
            weather: *pick(rng, &[0, 10, 30]),
            clock_jumps: *pick(rng, &[0, 0, 10]),
            disk_full: *pick(rng, &[0, 0, 10]),
            lost_hints: *pick(rng, &[0, 30]),
        }
    }
}

pub fn pick<'a, T>(rng: &mut Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(..choices.len())]
}

/// True for so many of a thousand.
pub fn chance(rng: &mut Rng, of_thousand: u32) -> bool {
    rng.u32(..1000) < of_thousand
}
