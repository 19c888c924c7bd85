//! Samsung Health's table of exercises.

use super::{key, outline, read, sounds};
use fitferry::formats::Outcome;
use fitferry::workout::Format;

/// With a line before the header, prefixes before most names, and a comma at the end of each row.
pub const EXAMPLE: &str = "\u{feff}com.samsung.shealth.exercise,6312003,17\n\
    total_calorie,title,com.samsung.health.exercise.datauuid,com.samsung.health.exercise.start_time,com.samsung.health.exercise.end_time,\
    com.samsung.health.exercise.time_offset,com.samsung.health.exercise.exercise_type,com.samsung.health.exercise.duration,\
    com.samsung.health.exercise.distance,com.samsung.health.exercise.calorie,com.samsung.health.exercise.mean_heart_rate,\
    com.samsung.health.exercise.max_heart_rate,com.samsung.health.exercise.comment,com.samsung.health.exercise.deviceuuid\n\
    1,,a1,2023-12-22 11:48:00.000,2023-12-22 13:04:00.000,UTC+0530,1001,4000000,5200.5,410.2,101.0,133.0,by the river,watch,\n\
    1,,b2,2023-12-23 11:48:00.000,2023-12-23 12:48:00.000,UTC-0400,11007,3600000,,,,,,watch,\n";

fn row(id: &str, from: &str, to: &str, kind: u32, device: &str) -> String {
    format!(",,{id},2023-12-22 {from}:00.000,2023-12-22 {to}:00.000,UTC+0000,{kind},,,,,,,{device},\n")
}

#[test]
fn utc_with_the_places_offset() {
    let reading = read(EXAMPLE.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::SamsungHealth), "{reading:?}");
    let [walk, ride] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(outline(walk), ("2023-12-22T11:48:00Z".to_owned(), 4560, 7, ""));
    assert_eq!((key(walk).as_str(), walk.utc_offset_seconds), ("samsung/a1", Some(19_800)));
    assert_eq!((walk.active_millis, walk.source.notes.as_deref()), (Some(4_000_000), Some("by the river")));
    assert_eq!((walk.metrics.distance_meters, walk.metrics.energy_kcal), (Some(5200.5), Some(410)));
    assert_eq!(walk.source.device, None);
    assert_eq!((ride.activity_type.number(), ride.utc_offset_seconds), (1, Some(-14_400)));
}

#[test]
fn old_exports_have_no_prefixes_and_milliseconds() {
    let old = EXAMPLE
        .replace("com.samsung.health.exercise.", "")
        .replace("2023-12-22 11:48:00.000", "1703245680000")
        .replace("2023-12-22 13:04:00.000", "1703250240000")
        .replace("UTC+0530", "19800000");
    assert_eq!(read(old.as_bytes()).workouts, read(EXAMPLE.as_bytes()).workouts);
}

/// The watch, the phone and the detection each wrote down the same evening.
#[test]
fn what_lies_within_the_record_of_another_device_is_left_out() {
    let header: String = EXAMPLE.split_inclusive('\n').take(2).collect();
    let rows = [
        row("phone-1", "22:12", "22:32", 1001, "phone"),
        row("phone-2", "22:34", "22:55", 1001, "phone"),
        row("watch", "22:14", "23:30", 1001, "watch"),
        row("phone-3", "23:03", "23:31", 1001, "phone"),
        row("same", "22:40", "22:50", 1001, "watch"),
        row("other", "22:40", "22:50", 1002, "phone"),
    ];
    let reading = read(format!("{header}{}", rows.concat()).as_bytes());
    let kept: Vec<_> = reading.workouts.iter().map(key).collect();
    assert_eq!(kept, ["samsung/phone-1", "samsung/watch", "samsung/same", "samsung/other"]);
    assert_eq!(reading.refused.len(), 2);
    assert_eq!(reading.outcome(), Outcome::Ok(None));
}

#[test]
fn other_tables_of_the_export_are_named() {
    let other = "com.samsung.shealth.exercise.weather,6312003,17\nstart_time,temperature\n1,2,\n";
    assert!(matches!(read(other.as_bytes()).outcome(), Outcome::Error(why) if why.starts_with("Samsung Health table")));
}
