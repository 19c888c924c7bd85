//! Nike Run Club activities.

use super::{read, sounds};
use fitferry::formats::Outcome;
use fitferry::workout::{Format, Workout};

pub const ACTIVITY: &str = r#"{"id":"abc-1","type":"run","app_id":"com.nike.sport.running.ios","start_epoch_ms":1775975415000,"end_epoch_ms":1775979015000,"active_duration_ms":3540000,"session":false,"delete_indicator":false,
"summaries":[{"metric":"distance","summary":"total","source":"x","value":10.2345},{"metric":"calories","summary":"total","value":612.4},{"metric":"heart_rate","summary":"mean","value":148.2},{"metric":"heart_rate","summary":"max","value":171}],
"metrics":[{"type":"speed","unit":"kmh","values":[{"start_epoch_ms":1,"end_epoch_ms":2,"value":3}]}],"tags":{"com.nike.name":"Sunday long run","com.nike.weather":"sunny"},"moments":[],"polylines":[]}"#;

#[test]
fn an_activity_with_all_that_it_says() {
    let reading = read(ACTIVITY.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Nike));
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.as_second(), run.duration().as_secs()), (1_775_975_415, 3600));
    assert_eq!((run.active_millis, run.activity_type.number()), (Some(3_540_000), 8));
    assert_eq!(run.key.as_ref().unwrap().to_string(), "nike/abc-1");
    assert_eq!(run.source.title.as_deref(), Some("Sunday long run"));
    assert_eq!((run.metrics.distance_meters, run.metrics.energy_kcal), (Some(10_234.5), Some(612)));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(148), Some(171)));
}

#[test]
fn lists_and_pages_are_read_and_deleted_activities_are_not() {
    let other = ACTIVITY.replace("abc-1", "abc-2").replace("1775975415000", "1775975416000");
    for text in [format!("[{ACTIVITY},{other}]"), format!("{{\"activities\":[{ACTIVITY},{other}],\"paging\":{{}}}}")] {
        assert_eq!(read(text.as_bytes()).workouts.len(), 2, "{text}");
    }
    let deleted = ACTIVITY.replace("\"delete_indicator\":false", "\"delete_indicator\":true");
    assert!(matches!(read(deleted.as_bytes()).outcome(), Outcome::NoSession(_)));
}

/// Found by fuzzing: the store's form of this distance was read as another, unless numbers were read to the last bit.
#[test]
fn a_distance_comes_back_from_its_stored_form_as_it_was() {
    for distance in ["10.2342", "10.2345", "0.1", "42.195000000000004", "5e-324", "123456.789012345678"] {
        let reading = read(ACTIVITY.replace("10.2345", distance).as_bytes());
        let stored = serde_json::to_string(&reading.workouts[0]).unwrap();
        let restored: Workout = serde_json::from_str(&stored).unwrap();
        assert_eq!(restored.metrics, reading.workouts[0].metrics, "{stored}");
    }
}
