//! JSON of the app Health Auto Export.

use super::{read, sounds};
use fitferry::formats::Outcome;
use fitferry::workout::Format;

pub const VERSION_2: &str = r#"{"data":{"metrics":[{"name":"step_count","units":"count","data":[{"qty":1,"date":"2026-03-10 07:00:00 +0000"}]}],
"workouts":[{"id":"585bda5c-0000-4000-8000-000000000001","name":"Outdoor Run","start":"2026-03-10 07:00:00 +0100","end":"2026-03-10 07:35:00 +0100","duration":2070.5,"location":"Outdoor","isIndoor":false,
"activeEnergyBurned":{"qty":900.0,"units":"kJ"},"distance":{"qty":5.1,"units":"km"},"elevationUp":{"qty":32.4,"units":"m"},
"heartRate":{"min":{"qty":90,"units":"bpm"},"avg":{"qty":148.4,"units":"bpm"},"max":{"qty":171,"units":"bpm"}},
"heartRateData":[{"date":"2026-03-10 07:00:00 +0100","Min":90,"Avg":91,"Max":92,"units":"bpm"}],"route":[{"latitude":50.0,"longitude":8.0,"timestamp":"2026-03-10 07:00:00 +0100"}],"metadata":{}},
{"id":"585BDA5C-0000-4000-8000-000000000002","name":"Innenräume Radfahren","start":"2026-03-11 07:00:00 +0100","end":"2026-03-11 07:35:00 +0100","duration":2100,"distance":{"qty":10,"units":"mi"},"activeEnergyBurned":{"qty":200,"units":"kcal"}}]}}"#;

#[test]
fn version_2_with_all_that_it_says() {
    let reading = read(VERSION_2.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::HealthAutoExport));
    let [run, ride] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.to_string().as_str(), run.duration().as_secs()), ("2026-03-10T06:00:00Z", 2100));
    assert_eq!((run.active_millis, run.utc_offset_seconds), (Some(2_070_500), Some(3600)));
    assert_eq!(run.key.as_ref().unwrap().to_string(), "healthkit/585BDA5C-0000-4000-8000-000000000001");
    assert_eq!((run.metrics.energy_kcal, run.metrics.distance_meters), (Some(215), Some(5100.0)));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(148), Some(171)));
    assert_eq!((run.metrics.ascent_meters, run.activity_type.number(), &run.source.title), (Some(32), 8, &None));
    assert_eq!((ride.activity_type.number(), ride.metrics.energy_kcal), (18, Some(200)));
    assert_eq!(ride.metrics.distance_meters, Some(16_093.44));
}

#[test]
fn version_1_on_a_clock_of_twelve_hours() {
    let text = "{\"data\":{\"workouts\":[{\"name\":\"步行\",\"start\":\"2021-02-15 11:51:59\u{202f}pm +1000\",
        \"end\":\"2021-02-16 12:21:59\u{202f}am +1000\",\"route\":[{\"lat\":1,\"lon\":2}],\"totalDistance\":{\"qty\":1500,\"units\":\"m\"},
        \"activeEnergy\":{\"qty\":418.4,\"units\":\"kJ\"},\"avgHeartRate\":{\"qty\":99,\"units\":\"count/min\"},
        \"elevation\":{\"ascent\":100,\"descent\":0,\"units\":\"ft\"}}]}}";
    let reading = read(text.as_bytes());
    let [walk] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((walk.start.to_string().as_str(), walk.duration().as_secs()), ("2021-02-15T13:51:59Z", 1800));
    assert_eq!((&walk.key, walk.active_millis, walk.activity_type.number()), (&None, None, 7));
    assert_eq!((walk.metrics.distance_meters, walk.metrics.energy_kcal), (Some(1500.0), Some(100)));
    assert_eq!((walk.metrics.average_heart_rate, walk.metrics.ascent_meters), (Some(99), Some(30)));
}

/// The file is written anew as it grows: its workouts keep their keys, whatever else changes.
#[test]
fn a_file_that_grows_tells_of_the_same_workouts() {
    let whole = read(VERSION_2.as_bytes());
    let first = VERSION_2[..VERSION_2.rfind(",\n{\"id\"").unwrap()].to_owned() + "]}}";
    let first = read(first.as_bytes());
    assert!(sounds(&first));
    assert_eq!(first.workouts[..], whole.workouts[..1]);
}

#[test]
fn metrics_alone_are_no_workout_however_long_they_are() {
    let metrics = format!("{{\"data\":{{\"metrics\":[{}null]}}}}", "{\"qty\":1.5},".repeat(10_000));
    assert!(matches!(read(metrics.as_bytes()).outcome(), Outcome::NoSession(_)));
    let longer = VERSION_2.replacen("[{\"qty\"", &format!("[{}{{\"qty\"", "{\"qty\":1.5},".repeat(10_000)), 1);
    assert_eq!(read(longer.as_bytes()).workouts.len(), 2);
}
