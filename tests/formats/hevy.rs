//! Hevy's table of sets.

use super::{key, outline, read, read_in_berlin, sounds};
use fitferry::workout::Format;

const HEADER: &str = "\"title\",\"start_time\",\"end_time\",\"description\",\"exercise_title\",\"superset_id\",\"exercise_notes\",\
    \"set_index\",\"set_type\",\"weight_kg\",\"reps\",\"distance_km\",\"duration_seconds\",\"rpe\"\n";

pub const EXAMPLE: &str = concat!(
    "\"title\",\"start_time\",\"end_time\",\"description\",\"exercise_title\",\"superset_id\",\"exercise_notes\",\"set_index\",",
    "\"set_type\",\"weight_kg\",\"reps\",\"distance_km\",\"duration_seconds\",\"rpe\"\n",
    "\"Push 💪\",\"22 Dec 2025, 08:00\",\"22 Dec 2025, 09:13\",\"good\nday\",\"Bench Press (Barbell)\",,\"\",0,\"warmup\",39,10,,0,6\n",
    "\"Push 💪\",\"22 Dec 2025, 08:00\",\"22 Dec 2025, 09:13\",\"good\nday\",\"Bench Press (Barbell)\",,\"\",1,\"normal\",51,6,,0,6\n",
    "\"Legs\",\"7 Apr 2026, 10:14\",\"7 Apr 2026, 11:00\",\"\",\"Squat (Barbell)\",,\"\",0,\"failure\",80,5,,0,9"
);

#[test]
fn sets_of_one_start_and_title_are_one_workout() {
    let reading = read_in_berlin(EXAMPLE.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Hevy), "{reading:?}");
    let [push, legs] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(outline(push), ("2025-12-22T07:00:00Z".to_owned(), 4380, 80, "Push 💪"));
    assert_eq!((push.source.notes.as_deref(), push.source.unknown_sport), (Some("good\nday"), false));
    assert_eq!(key(push), "hevy/2025-12-22T08:00:00 Push 💪");
    assert_eq!(outline(legs), ("2026-04-07T08:14:00Z".to_owned(), 2760, 80, "Legs"));
}

/// In whatever language the phone prints the months.
#[test]
fn months_have_names_in_all_languages() {
    for (day, month) in [
        ("25 Juli 2026, 14:21", 7),
        ("11 mai 2026, 14:21", 5),
        ("7 de dic. de 2026, 14:21", 12),
        ("3 gru 2026, 14:21", 12),
        ("3 июня 2026, 14:21", 6),
        ("3 août 2026, 14:21", 8),
        ("2026年3月7日 14:21", 3),
        ("3 Eki 2026, 14:21", 10),
    ] {
        let text = format!("{HEADER}T,\"{day}\",\"{day}\",,Bench,,,0,normal,1,1,,,\n")
            .replace(&format!("\"{day}\",\"{day}\""), &format!("\"{day}\",\"{}\"", day.replace("14:21", "15:21")));
        let reading = read(text.as_bytes());
        let [workout] = &reading.workouts[..] else { panic!("{day}: {reading:?}") };
        let start = workout.start.to_zoned(jiff::tz::TimeZone::UTC);
        assert_eq!((start.month(), start.hour(), workout.duration().as_mins()), (month, 14, 60), "{day}");
    }
}

#[test]
fn one_exercise_of_endurance_is_what_it_is_called() {
    let row = |exercise: &str, km: &str| {
        format!("Cardio,\"7 Apr 2026, 10:14\",\"7 Apr 2026, 11:00\",,{exercise},,,0,normal,,,{km},1800,\n")
    };
    let run =
        read(format!("{HEADER}{}{}", row("Running (Treadmill)", "5.2"), row("Running (Treadmill)", "1")).as_bytes());
    assert_eq!(run.workouts[0].activity_type.number(), 58);
    assert_eq!(run.workouts[0].source.sport.as_deref(), Some("Running (Treadmill)"));
    assert_eq!(run.workouts[0].metrics.distance_meters, Some(6200.0));
    let mixed = read(format!("{HEADER}{}{}", row("Cycling", "5.2"), row("Plank", "")).as_bytes());
    assert_eq!(mixed.workouts[0].activity_type.number(), 80);
}

/// A spreadsheet may have sorted the rows by exercise.
#[test]
fn rows_that_do_not_stand_together_make_no_second_workout() {
    let row = |title: &str, time: &str| {
        format!("{title},\"7 Apr 2026, {time}:14\",\"7 Apr 2026, {time}:44\",,Bench,,,0,normal,1,1,,,\n")
    };
    let rows: String = (0..50).map(|n| if n % 2 == 0 { row("A", "10") } else { row("B", "12") }).collect();
    let reading = read(format!("{HEADER}{rows}").as_bytes());
    assert_eq!((reading.workouts.len(), reading.refused.len()), (2, 0));
}

#[test]
fn a_gap_of_daylight_saving_keeps_the_length() {
    let text = format!("{HEADER}Night,\"29 Mar 2026, 01:30\",\"29 Mar 2026, 03:30\",,Bench,,,0,normal,1,1,,,\n");
    let workout = &read_in_berlin(text.as_bytes()).workouts[0];
    assert_eq!((workout.start.to_string().as_str(), workout.duration().as_mins()), ("2026-03-29T00:30:00Z", 120));
}
