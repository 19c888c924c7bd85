//! TCX files as different writers make them.

use super::{read, sounds};
use crate::support::xml;
use fitferry::formats::{Condition, Outcome};
use fitferry::workout::Format;
use proptest::prelude::*;

const START: i64 = 1_775_975_415;

fn database(content: &str) -> String {
    format!("<TrainingCenterDatabase>{content}</TrainingCenterDatabase>")
}

fn lap(start: &str, seconds: u32, points: &[&str]) -> String {
    let points: String = points.iter().map(|time| format!("<Trackpoint><Time>{time}</Time></Trackpoint>")).collect();
    format!("<Lap StartTime='{start}'><TotalTimeSeconds>{seconds}</TotalTimeSeconds><Track>{points}</Track></Lap>")
}

#[test]
fn an_activity_with_all_that_tcx_can_say() {
    let reading = read(xml::tcx(START, 3600, 361, "Running").as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Tcx));
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.as_second(), run.duration().as_secs()), (START, 3600));
    assert_eq!(run.active_millis, Some(3_600_000));
    assert_eq!(run.activity_type.number(), 8);
    assert_eq!(run.source.device.as_deref(), Some("Test Watch"));
    assert_eq!(run.metrics.distance_meters, Some(10_234.5));
    assert_eq!(run.metrics.energy_kcal, Some(612));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(148), Some(171)));
}

#[test]
fn laps_add_up_and_the_end_is_the_later_of_points_and_laps() {
    let first = lap("2026-04-12T06:30:15Z", 600, &["2026-04-12T06:30:15Z", "2026-04-12T06:40:00Z"]);
    for (last, end) in [
        (lap("2026-04-12T06:50:15Z", 600, &["2026-04-12T06:55:00Z"]), "2026-04-12T07:00:15Z"),
        (lap("2026-04-12T06:50:15Z", 600, &["2026-04-12T07:05:00Z"]), "2026-04-12T07:05:00Z"),
        (lap("2026-04-12T06:50:15Z", 600, &[]), "2026-04-12T07:00:15Z"),
    ] {
        let activity = format!(
            "<Activities><Activity Sport='Biking'><Id>2026-04-12T05:00:00Z</Id>{first}{last}</Activity></Activities>"
        );
        let reading = read(database(&activity).as_bytes());
        let [ride] = &reading.workouts[..] else { panic!("{reading:?}") };
        assert_eq!((ride.start.as_second(), ride.end.to_string().as_str()), (START, end));
        assert_eq!(ride.active_millis, Some(1_200_000));
        assert_eq!(ride.activity_type.number(), 1);
    }
}

#[test]
fn several_activities_and_the_legs_of_a_multisport_session() {
    let activity = |hour: u32, sport: &str| {
        let lap = lap(&format!("2026-04-12T{hour:02}:00:00Z"), 600, &[]);
        format!("<Activity Sport='{sport}'>{lap}</Activity>")
    };
    let transition = format!("<Transition>{}</Transition>", lap("2026-04-12T07:00:00Z", 60, &[]));
    let text = database(&format!(
        "<Activities>{}<MultiSportSession><Id>2026-04-12T05:00:00Z</Id><FirstSport>{}</FirstSport>
         <NextSport>{transition}{}</NextSport></MultiSportSession></Activities>",
        activity(5, "Walking"),
        activity(6, "other"),
        activity(8, "running"),
    ));
    let reading = read(text.as_bytes());
    let types: Vec<u8> = reading.workouts.iter().map(|workout| workout.activity_type.number()).collect();
    assert_eq!(types, [7, 108, 8]);
}

/// Programs that print local times with their offset, or leave blanks before the declaration.
#[test]
fn offsets_and_leading_blanks_change_nothing() {
    let text = xml::tcx(START, 600, 11, "Running");
    let expected = read(text.as_bytes());
    for before in ["\n", "   ", "\u{feff}", "\u{feff}\r\n "] {
        assert_eq!(read(format!("{before}{text}").as_bytes()), expected, "{before:?}");
    }
    let activity = |id: &str, start: &str| {
        format!("<Activities><Activity Sport='Running'><Id>{id}</Id>{}</Activity></Activities>", lap(start, 600, &[]))
    };
    for (id, start) in [
        ("2026-04-12T08:30:15+02:00", "2026-04-12T08:30:15+02:00"),
        ("2026-04-12T08:30:15.000+02:00", "2026-04-12T06:30:15Z"),
        ("2026-04-11T20:30:15-10:00", "2026-04-11T20:30:15.000-10:00"),
    ] {
        let reading = read(database(&activity(id, start)).as_bytes());
        let [run] = &reading.workouts[..] else { panic!("{start}: {reading:?}") };
        assert_eq!((run.start.as_second(), run.duration().as_secs()), (START, 600), "{start}");
        assert_eq!(run.source.assumed_zone, None, "{start}");
    }
}

#[test]
fn courses_and_plans_are_no_workouts() {
    for (content, word) in [
        ("<Courses><Course><Name>c</Name><Lap StartTime='2026-04-12T06:30:15Z'/></Course></Courses>", "course"),
        ("<Workouts><Workout><Name>w</Name></Workout></Workouts>", "planned"),
        ("", "no workout"),
    ] {
        let outcome = read(database(content).as_bytes()).outcome();
        assert!(matches!(&outcome, Outcome::NoSession(why) if why.contains(word)), "{outcome:?}");
    }
}

#[test]
fn an_activity_without_any_time_is_refused() {
    let reading =
        read(database("<Activities><Activity Sport='Running'><Id>today</Id></Activity></Activities>").as_bytes());
    assert!(matches!(reading.outcome(), Outcome::Error(_)), "{reading:?}");
}

#[test]
fn every_prefix_is_unfinished_and_keeps_what_was_there() {
    let text = xml::tcx(START, 600, 11, "Running");
    let body = text.trim_end();
    for end in body.find("<TrainingCenter").unwrap() + 24..body.len() {
        let reading = read(&body.as_bytes()[..end]);
        assert!(matches!(reading.condition, Condition::Truncated(_)), "{end}");
    }
    let half = read(&body.as_bytes()[..body.len() / 2]);
    assert_eq!(half.workouts.len(), 1);
}

#[test]
fn laps_that_add_up_to_infinity_have_no_distance() {
    let lap = "<Lap StartTime='2026-04-12T06:30:15Z'><TotalTimeSeconds>600</TotalTimeSeconds>
        <DistanceMeters>1.7e308</DistanceMeters></Lap>";
    let activity = format!("<Activities><Activity Sport='Biking'>{}</Activity></Activities>", lap.repeat(3));
    let reading = read(database(&activity).as_bytes());
    assert_eq!(reading.workouts[0].metrics.distance_meters, None, "{reading:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Nothing panics, and no workout is nonsense, whatever happened to the file.
    #[test]
    fn mutilated_files_get_a_verdict(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30)) {
        let mut bytes = xml::tcx(START, 600, 20, "Running").into_bytes();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let reading = read(&bytes);
        reading.outcome();
        for workout in &reading.workouts {
            prop_assert!(workout.start < workout.end);
        }
    }
}
