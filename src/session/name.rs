//! What a session is called: as the person called it, else by the time of day and the sport.

use super::one_line;
use crate::workout::Workout;
use jiff::tz::{Offset, TimeZone};

const LONGEST_NAME: usize = 200;

/// The title of the source, else "Morning run" by the local time of its start.
pub fn of(workout: &Workout, zone: &TimeZone) -> String {
    let title = workout.source.title.as_deref().map(|title| one_line(title, LONGEST_NAME));
    match title.filter(|title| !title.is_empty()) {
        Some(title) => title,
        None => format!("{} {}", time_of_day(local_hour(workout, zone)), workout.activity_type.noun()),
    }
}

fn local_hour(workout: &Workout, zone: &TimeZone) -> i8 {
    let offset = workout.utc_offset_seconds.and_then(|seconds| Offset::from_seconds(seconds).ok());
    let zone = offset.map_or_else(|| zone.clone(), Offset::to_time_zone);
    zone.to_datetime(workout.start).hour()
}

fn time_of_day(hour: i8) -> &'static str {
    match hour {
        4..=11 => "Morning",
        12..=16 => "Afternoon",
        17..=21 => "Evening",
        _ => "Night",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::{ActivityType, Format};

    #[test]
    fn local_time_decides() {
        let at = |hour| format!("2026-04-12T{hour:02}:30:00Z").parse().unwrap();
        let mut workout = Workout::new(Format::Gpx, at(20), at(21));
        workout.activity_type = ActivityType::new(1).unwrap();
        assert_eq!(of(&workout, &TimeZone::UTC), "Evening ride");
        assert_eq!(of(&workout, &TimeZone::get("Asia/Tokyo").unwrap()), "Morning ride");
        workout.utc_offset_seconds = Some(3 * 3600);
        assert_eq!(of(&workout, &TimeZone::get("Asia/Tokyo").unwrap()), "Night ride");
        workout.source.title = Some(" \n ".to_owned());
        assert_eq!(of(&workout, &TimeZone::UTC), "Night ride");
        workout.source.title = Some("Round the\nlake".to_owned());
        assert_eq!(of(&workout, &TimeZone::UTC), "Round the lake");
    }
}
