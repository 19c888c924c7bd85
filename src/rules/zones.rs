//! What becomes of a workout whose local time was read in the wrong zone.

use crate::workout::Workout;
use jiff::tz::TimeZone;

/// Moves a workout whose zone had to be assumed to where the same wall clock stood in another one; false if there is
/// nothing to move. Its length is kept, as readers count it on the clock.
///
/// As with reading: a local time that a daylight-saving gap skips is moved forward, one that occurs twice is the first.
pub fn move_to_zone(workout: &mut Workout, to: &TimeZone) -> bool {
    let Some(assumed) = &workout.source.assumed_zone else { return false };
    let name = to.iana_name().unwrap_or("UTC");
    if assumed == name {
        return false;
    }
    let Ok(from) = TimeZone::get(assumed) else { return false };
    let clock = from.to_datetime(workout.start);
    let Ok(start) = to.to_ambiguous_zoned(clock).compatible() else { return false };
    let start = start.timestamp();
    let Ok(end) = start.checked_add(workout.duration()) else { return false };
    (workout.start, workout.end) = (start, end);
    workout.source.assumed_zone = Some(name.to_owned());
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::Format;

    #[test]
    fn the_clock_on_the_wall_stays() {
        let zone = |name| TimeZone::get(name).unwrap();
        let mut workout = Workout::new(
            Format::Strong,
            "2026-07-01T16:30:00Z".parse().unwrap(),
            "2026-07-01T17:45:00Z".parse().unwrap(),
        );
        assert!(!move_to_zone(&mut workout, &zone("Europe/Berlin")), "nothing was assumed");
        workout.source.assumed_zone = Some("UTC".to_owned());
        let before = workout.clone();
        assert!(!move_to_zone(&mut workout, &TimeZone::UTC));
        assert!(move_to_zone(&mut workout, &zone("Europe/Berlin")));
        assert_eq!(workout.start.to_string(), "2026-07-01T14:30:00Z");
        assert_eq!(workout.duration(), before.duration());
        assert!(!move_to_zone(&mut workout, &zone("Europe/Berlin")), "a second time is none");
        assert!(move_to_zone(&mut workout, &TimeZone::UTC));
        assert_eq!(workout, before);
    }
}
