//! What a seed decides before the first step: the settings of the daemon, and how rough its world is.

use super::destination::{Flavour, REFUSALS, WEATHERS, Weather};
use fastrand::Rng;
use fitferry::config::{Limits, OnDeleted, OnEdited, OnTwin, Period, ReconcileSettings};
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
    pub reconcile: ReconcileSettings,
    pub flavour: Flavour,
    /// Days between workouts.
    pub spacing: i64,
    /// Workouts that may come, at most.
    pub workouts: usize,
    /// Of so many thousand, how many requests meet a fault of their own.
    pub request_faults: u32,
    /// The same for steps: the process dies, the server's weather changes, the clock is set, the disk is full.
    pub crashes: u32,
    pub weather: u32,
    /// What the weather may be, what it is at first, and rough steps until it is fair for good.
    pub weathers: &'static [Weather],
    pub first_weather: Weather,
    pub steps: u32,
    pub clock_jumps: u32,
    pub disk_full: u32,
    /// The same for what others do at the server, and for what befalls the memory.
    pub meddling: u32,
    pub mishaps: u32,
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
            daily: *pick(rng, &[None, None, None, Some(40)]),
            zone: TimeZone::UTC,
        };
        let clock_jumps = *pick(rng, &[0, 0, 10]);
        // Whether a memory is older than the server is told by their clocks.
        let mishaps = if clock_jumps == 0 { *pick(rng, &[0, 10, 40]) } else { 0 };
        // Such a server is only known for what it is by many refusals in a row.
        let is_strict = chance(rng, 150);
        Self {
            schedule,
            reconcile: reconcile(rng, limits.daily.is_some()),
            flavour: Flavour {
                has_feed: rng.bool(),
                ends: rng.bool(),
                most: *pick(rng, &[10_000, 16]),
                page: *pick(rng, &[3, 1000]),
                adds: rng.bool(),
            },
            spacing: *pick(rng, &[2, 2, 2, 2, 6, 6, 40]),
            limits,
            workouts: if is_strict { rng.usize(16..30) } else { rng.usize(2..30) },
            request_faults: *pick(rng, if is_strict { &[0, 100] } else { &[0, 100, 400, 800] }),
            crashes: *pick(rng, if is_strict { &[0, 3] } else { &[0, 10, 30] }),
            weather: *pick(rng, if is_strict { &[0, 5] } else { &[0, 10, 30] }),
            steps: if is_strict { 4 * STEPS } else { STEPS },
            first_weather: if is_strict { Weather::Strict } else { Weather::Fair },
            weathers: if is_strict { &REFUSALS } else { &WEATHERS },
            clock_jumps,
            disk_full: *pick(rng, &[0, 0, 10]),
            meddling: *pick(rng, &[0, 10, 40]),
            mishaps,
            lost_hints: *pick(rng, &[0, 30]),
        }
    }
}

/// Often, unless there is a budget that it would use up.
fn reconcile(rng: &mut Rng, is_scarce: bool) -> ReconcileSettings {
    let (mass, mass_share) = *pick(rng, &[(1000, 1.0), (2, 0.1), (4, 0.3)]);
    ReconcileSettings {
        every: Period::seconds(if is_scarce { 6 * 3600 } else { *pick(rng, &[600, 3600]) }),
        recent: Period::seconds(*pick(rng, &[20, 150, 600]) * 86_400),
        on_deleted: *pick(rng, &[OnDeleted::Respect, OnDeleted::Respect, OnDeleted::Restore]),
        on_edited: *pick(rng, &[OnEdited::Keep, OnEdited::Keep, OnEdited::Restore]),
        on_twin: *pick(rng, &[OnTwin::Upload, OnTwin::Upload, OnTwin::Skip]),
        mass,
        mass_share,
    }
}

pub fn pick<'a, T>(rng: &mut Rng, choices: &'a [T]) -> &'a T {
    &choices[rng.usize(..choices.len())]
}

/// True for so many of a thousand.
pub fn chance(rng: &mut Rng, of_thousand: u32) -> bool {
    rng.u32(..1000) < of_thousand
}
