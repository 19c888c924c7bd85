//! Exercises of a Google Health export.

use super::{key, outline, read, sounds};
use fitferry::workout::Format;

pub const EXAMPLE: &str = "exercise_id,exercise_start,exercise_end,utc_offset,exercise_created,exercise_last_updated,activity_name,log_type,\
    tracker_total_calories,tracker_total_steps,tracker_total_distance_mm,tracker_total_altitude_mm,tracker_avg_heart_rate,\
    tracker_peak_heart_rate,manually_logged_total_calories,manually_logged_total_distance_mm,events\n\
    815,2026-05-12T06:30:15Z,2026-05-12T07:30:15Z,+05:30,2026-05-12T07:31:00Z,2026-05-12T07:31:00Z,Outdoor Walk,TRACKER,312,6000,\
    4500000,20000,98,121,0,0,\n\
    816,2026-05-13T06:30:15Z,2026-05-13T07:30:15Z,-05:00,,,Stairclimber,MANUAL,0,0,0,0,,,150,1000000,\n\
    817,soon,2026-05-13T07:30:15Z,,,,Walk,MANUAL,,,,,,,,,\n";

#[test]
fn instants_with_the_places_offset() {
    let reading = read(EXAMPLE.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::GoogleHealth), "{reading:?}");
    let [walk, stairs] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(outline(walk), ("2026-05-12T06:30:15Z".to_owned(), 3600, 7, ""));
    assert_eq!((key(walk).as_str(), walk.utc_offset_seconds), ("google-health/815", Some(19_800)));
    let metrics = &walk.metrics;
    assert_eq!(
        (metrics.distance_meters, metrics.energy_kcal, metrics.ascent_meters),
        (Some(4500.0), Some(312), Some(20))
    );
    assert_eq!((metrics.average_heart_rate, metrics.max_heart_rate), (Some(98), Some(121)));
    assert_eq!((stairs.activity_type.number(), stairs.metrics.energy_kcal), (78, Some(150)));
    assert_eq!(stairs.metrics.distance_meters, Some(1000.0));
    assert_eq!(reading.refused, ["row 3 (line 4): start \"soon\" is no date and time that is understood"]);
}
