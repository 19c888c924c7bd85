//! Summaries of a Garmin account export.

use super::{read, sounds};
use fitferry::workout::Format;

pub const EXPORT: &str = r#"[{"summarizedActivitiesExport":[
{"activityId":12345678901,"uuidMsb":-1,"name":"Hill repeats","description":"Hot","activityType":"trail_running","beginTimestamp":1775975415000,"startTimeGmt":1.775975415E12,"startTimeLocal":1.7759502150E12,"duration":3540000.25,"elapsedDuration":3600500.9,"distance":1023450.0,"avgSpeed":0.2872,"avgHr":148.0,"maxHr":171.0,"calories":1081.02516,"elevationGain":12000.0,"sportType":"RUNNING","parent":false,"splits":[{"duration":1}]},
{"activityId":2,"name":"Triathlon","activityType":"multi_sport","beginTimestamp":1775975415000,"duration":7200000.0,"elapsedDuration":7200000.0,"parent":true},
{"activityId":3,"name":"Triathlon","activityType":"open_water_swimming","beginTimestamp":1776061815000,"duration":1800000.0,"elapsedDuration":1800000.0,"parent":false,"parentId":2},
{"activityId":4,"activityType":"swimToBikeTransition_v2","beginTimestamp":1776063615000,"duration":60000.0,"parent":false,"parentId":2},
{"activityId":5,"activityType":{"typeKey":"road_biking"},"beginTimestamp":1776063675000,"duration":3600000.0,"parent":false,"parentId":2}
]}]"#;

#[test]
fn activities_with_all_that_they_say() {
    let reading = read(EXPORT.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::GarminExport));
    let [run, swim, ride] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.as_second(), run.duration().as_millis()), (1_775_975_415, 3_600_501));
    assert_eq!((run.active_millis, run.utc_offset_seconds), (Some(3_540_000), Some(-25_200)));
    assert_eq!(run.key.as_ref().unwrap().to_string(), "garmin/12345678901");
    assert_eq!((run.source.title.as_deref(), run.source.notes.as_deref()), (Some("Hill repeats"), Some("Hot")));
    // Centimetres, and kilojoules of 4.19002.
    assert_eq!((run.metrics.distance_meters, run.metrics.ascent_meters), (Some(10_234.5), Some(120)));
    assert_eq!(run.metrics.energy_kcal, Some(258));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(148), Some(171)));
    let types = [run, swim, ride].map(|workout| workout.activity_type.number());
    assert_eq!(types, [8, 84, 16]);
    assert_eq!(reading.refused.len(), 2, "the parent and the transition");
}

#[test]
fn the_object_may_stand_alone_and_be_empty() {
    assert_eq!(read(&EXPORT.as_bytes()[1..EXPORT.len() - 1]).workouts, read(EXPORT.as_bytes()).workouts);
    let empty = read(br#"[{"summarizedActivitiesExport":[]}]"#);
    assert!(sounds(&empty) && empty.workouts.is_empty());
}
