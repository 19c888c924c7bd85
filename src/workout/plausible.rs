//! Which workouts are refused, and why: impossible ends, unset clocks, and lengths no workout has.

use super::Workout;
use jiff::{SignedDuration, Timestamp};

/// Longest workout that is believed; multi-day tours are recorded day by day.
const LONGEST: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Where the clocks of devices stand when they were never set: the epochs of Unix, GPS and FIT, and a common firmware
/// default. A workout that begins within [`DEFAULT_CLOCK_SPAN`] after one of them has no real date.
const DEFAULT_CLOCKS: [i64; 4] = [
    0,           // 1970-01-01, Unix
    315_964_800, // 1980-01-06, GPS
    631_065_600, // 1989-12-31, FIT
    946_684_800, // 2000-01-01
];
const DEFAULT_CLOCK_SPAN: SignedDuration = SignedDuration::from_hours(24);

/// Why a workout is not sent.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Implausible {
    #[error("the workout at {start} has no length")]
    ZeroLength { start: Timestamp },
    #[error("the workout ends at {end}, before it starts at {start}")]
    EndBeforeStart { start: Timestamp, end: Timestamp },
    #[error("the workout at {start} would be {hours} hours long, more than five days")]
    TooLong { start: Timestamp, hours: i64 },
    #[error("the device's clock was not set: {start} is where unset clocks start")]
    DefaultClock { start: Timestamp },
}

/// Refuses what cannot be a workout; a start in the future is not judged here, as our clock may be the wrong one.
pub fn check(workout: &Workout) -> Result<(), Implausible> {
    let (start, end) = (workout.start, workout.end);
    if is_default_clock(start) {
        return Err(Implausible::DefaultClock { start });
    }
    let length = workout.duration();
    if length.is_zero() {
        Err(Implausible::ZeroLength { start })
    } else if length.is_negative() {
        Err(Implausible::EndBeforeStart { start, end })
    } else if length > LONGEST {
        Err(Implausible::TooLong { start, hours: length.as_hours() })
    } else {
        Ok(())
    }
}

fn is_default_clock(start: Timestamp) -> bool {
    start < Timestamp::UNIX_EPOCH
        || DEFAULT_CLOCKS.iter().any(|&epoch| {
            let since = SignedDuration::from_secs(start.as_second() - epoch);
            !since.is_negative() && since < DEFAULT_CLOCK_SPAN
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::Format;

    fn workout(start: &str, end: &str) -> Workout {
        Workout::new(Format::Gpx, start.parse().unwrap(), end.parse().unwrap())
    }

    #[test]
    fn real_workouts_pass_whenever_they_were() {
        for (start, end) in [
            ("1985-05-01T08:00:00Z", "1985-05-01T08:00:01Z"),
            ("2000-01-02T00:00:00Z", "2000-01-02T01:00:00Z"),
            ("2012-06-01T00:00:00Z", "2012-06-06T00:00:00Z"),
            ("2090-06-01T00:00:00Z", "2090-06-01T01:00:00Z"),
        ] {
            assert_eq!(check(&workout(start, end)), Ok(()));
        }
    }

    #[test]
    fn each_refusal_has_its_reason() {
        let refused = |start, end| check(&workout(start, end)).unwrap_err();
        assert!(matches!(refused("2020-05-01T08:00:00Z", "2020-05-01T08:00:00Z"), Implausible::ZeroLength { .. }));
        assert!(matches!(refused("2020-05-01T08:00:00Z", "2020-05-01T07:59:59Z"), Implausible::EndBeforeStart { .. }));
        assert!(matches!(
            refused("2020-05-01T08:00:00Z", "2020-05-06T08:00:01Z"),
            Implausible::TooLong { hours: 120, .. }
        ));
        for clock in ["1901-12-13T20:45:52Z", "1970-01-01T05:00:00Z", "1989-12-31T00:10:00Z", "2000-01-01T23:00:00Z"] {
            assert!(matches!(refused(clock, "2020-05-01T08:00:00Z"), Implausible::DefaultClock { .. }));
        }
    }
}
