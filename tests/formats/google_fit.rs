//! Sessions of a Google Takeout of Fit.

use super::{read, sounds};
use fitferry::formats::Outcome;
use fitferry::workout::Format;

pub const SESSION: &str = r#"{
  "fitnessActivity": "biking.mountain",
  "startTime": "2021-06-09T11:36:25.123Z",
  "endTime": "2021-06-09T11:47:39.309Z",
  "duration": "674.186s",
  "segment": [{"fitnessActivity": "biking", "startTime": "2021-06-09T11:36:25.123Z", "endTime": "2021-06-09T11:47:39.309Z"}],
  "aggregate": [
    {"metricName": "com.google.calories.expended", "floatValue": 52.1},
    {"metricName": "com.google.step_count.delta", "intValue": 1120},
    {"metricName": "com.google.distance.delta", "floatValue": 810.25}
  ]
}"#;

#[test]
fn a_session_with_all_that_it_says() {
    let reading = read(SESSION.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::GoogleFit));
    let [ride] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((ride.start.to_string().as_str(), ride.duration().as_millis()), ("2021-06-09T11:36:25.123Z", 674_186));
    assert_eq!((ride.active_millis, ride.activity_type.number()), (Some(674_186), 15));
    assert_eq!((ride.metrics.energy_kcal, ride.metrics.distance_meters), (Some(52), Some(810.25)));
    assert_eq!((&ride.key, &ride.source.title), (&None, &None));
}

#[test]
fn sleep_is_no_workout_and_unknown_words_are_kept() {
    for sleep in ["sleep", "sleep.deep", "in_vehicle"] {
        let outcome = read(SESSION.replacen("biking.mountain", sleep, 1).as_bytes()).outcome();
        assert!(matches!(&outcome, Outcome::NoSession(why) if why.contains(sleep)), "{outcome:?}");
    }
    for (word, number, is_unknown) in [("unknown", 108, false), ("quidditch", 108, true), ("yoga", 100, false)] {
        let reading = read(SESSION.replacen("biking.mountain", word, 1).as_bytes());
        let workout = &reading.workouts[0];
        assert_eq!((workout.activity_type.number(), workout.source.unknown_sport), (number, is_unknown));
        assert_eq!(workout.source.sport.as_deref(), Some(word));
    }
}
