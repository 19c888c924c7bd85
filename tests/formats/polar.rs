//! Polar's training sessions, older and newer.

use super::{read, sounds};
use fitferry::formats::{self, Options};
use fitferry::workout::Format;
use jiff::tz::TimeZone;

pub const NEWER: &str = r#"{"identifier":{"id":"7520219187"},"created":"2022-11-06T06:37:03.000","startTime":"2022-06-18T18:50:02","stopTime":"2022-06-18T19:24:33","name":"Other indoor","durationMillis":2000005,"distanceMeters":0,"calories":447,"hrMax":187,"hrAvg":160,"timezoneOffsetMinutes":-420,"application":{"name":"Polar Beat"},"sport":{"id":"83"},"product":{"modelName":"Polar BEAT"},
"exercises":[{"identifier":{"id":"7545551114"},"startTime":"2022-06-18T18:50:02","stopTime":"2022-06-18T19:24:33","durationMillis":2000005,"distanceMeters":1500.5,"timezoneOffsetMinutes":-420,"sport":{"id":"17"},"samples":{"samples":[{"type":"HEART_RATE","intervalMillis":1000,"values":[NaN,70,-Infinity,null]}]},"routes":{}}]}"#;

pub const OLDER: &str = r#"{"exportVersion":"1.3","name":"Lunch in the woods","deviceId":"1","startTime":"2019-06-18T18:50:02.000","stopTime":"2019-06-18T19:24:33.005","timeZoneOffset":120,"distance":5100.5,"duration":"PT2071.005S","maximumHeartRate":187,"averageHeartRate":160,"kiloCalories":447,"physicalInformationSnapshot":{"sex":"MALE"},
"exercises":[{"startTime":"2019-06-18T18:50:02.000","stopTime":"2019-06-18T19:24:33.005","timezoneOffset":120,"duration":"PT2071.005S","sport":"TRAIL_RUNNING","heartRate":{"min":90,"avg":160,"max":187},"samples":{"heartRate":[{"dateTime":"2019-06-18T18:50:02.000","value":NaN}]}}]}"#;

#[test]
fn a_newer_session_with_all_that_it_says() {
    let reading = read(NEWER.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Polar));
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.to_string().as_str(), run.duration().as_secs()), ("2022-06-19T01:50:02Z", 2071));
    assert_eq!((run.active_millis, run.utc_offset_seconds), (Some(2_000_005), Some(-25_200)));
    assert_eq!(run.key.as_ref().unwrap().to_string(), "polar/7520219187");
    assert_eq!((run.source.sport.as_deref(), run.activity_type.number()), (Some("17"), 58));
    assert_eq!((&run.source.title, run.source.device.as_deref()), (&None, Some("Polar BEAT")));
    assert_eq!(
        (run.metrics.energy_kcal, run.metrics.average_heart_rate, run.metrics.max_heart_rate),
        (Some(447), Some(160), Some(187))
    );
}

#[test]
fn an_older_session_with_all_that_it_says() {
    let reading = read(OLDER.as_bytes());
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.to_string().as_str(), run.duration().as_millis()), ("2019-06-18T16:50:02Z", 2_071_005));
    assert_eq!((run.active_millis, run.utc_offset_seconds, &run.key), (Some(2_071_005), Some(7200), &None));
    assert_eq!((run.source.title.as_deref(), run.activity_type.number()), (Some("Lunch in the woods"), 8));
    assert_eq!((run.metrics.distance_meters, run.metrics.energy_kcal), (Some(5100.5), Some(447)));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(160), Some(187)));
}

#[test]
fn an_unknown_number_goes_by_the_name() {
    let named = |name: &str| {
        let text = NEWER.replace("\"id\":\"17\"", "\"id\":\"9999\"").replace("Other indoor", name);
        let reading = read(text.as_bytes());
        let source = &reading.workouts[0].source;
        (reading.workouts[0].activity_type.number(), source.unknown_sport, source.title.clone())
    };
    assert_eq!(named("Yoga"), (100, false, None));
    assert_eq!(named("Quidditch"), (108, true, Some("Quidditch".to_owned())));
}

#[test]
fn several_exercises_are_legs() {
    let leg = |start: &str, stop: &str, sport: &str| {
        format!(
            r#"{{"startTime":"2019-06-18T{start}","stopTime":"2019-06-18T{stop}","sport":{{"id":"{sport}"}},"distanceMeters":100}}"#
        )
    };
    let legs = [leg("18:00:00", "18:20:00", "20"), leg("18:21:00", "19:21:00", "38"), leg("19:22:00", "19:52:00", "1")];
    let session = format!(
        r#"{{"identifier":{{"id":7}},"startTime":"2019-06-18T18:00:00","stopTime":"2019-06-18T19:52:00","name":"Sprint distance","timezoneOffsetMinutes":120,"distanceMeters":300,"exercises":[{}]}}"#,
        legs.join(",")
    );
    let reading = read(session.as_bytes());
    let told: Vec<_> = reading
        .workouts
        .iter()
        .map(|leg| (leg.key.as_ref().unwrap().id.as_str(), leg.activity_type.number(), leg.duration().as_secs()))
        .collect();
    assert_eq!(told, [("7-0", 82, 1200), ("7-1", 16, 3600), ("7-2", 8, 1800)]);
    assert_eq!(reading.workouts[0].start.to_string(), "2019-06-18T16:00:00Z");
    assert!(reading.workouts.iter().all(|leg| leg.metrics.distance_meters == Some(100.0)));
    assert!(reading.workouts.iter().all(|leg| leg.source.title.as_deref() == Some("Sprint distance")));
}

/// Without an offset the zone is assumed, and neither key nor length depend on it.
#[test]
fn a_session_without_an_offset_floats() {
    let text = OLDER.replace("\"timeZoneOffset\":120,", "").replace("\"timezoneOffset\":120,", "");
    let in_zone = |zone: &str| {
        let reading = formats::read(text.as_bytes(), &Options::of(TimeZone::get(zone).unwrap())).unwrap();
        reading.workouts[0].clone()
    };
    let (berlin, tokyo) = (in_zone("Europe/Berlin"), in_zone("Asia/Tokyo"));
    assert_eq!(berlin.start.duration_since(tokyo.start).as_hours(), 7);
    assert_eq!(berlin.source.assumed_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!((berlin.duration(), &berlin.key), (tokyo.duration(), &tokyo.key));
    assert!(berlin.key.is_some());
}
