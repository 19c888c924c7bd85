//! Suunto's device log in JSON.

use super::{read, sounds};
use fitferry::workout::Format;

pub const LOG: &str = r#"{"DeviceLog":{"Header":{"ActivityType":3,"DateTime":"2019-05-10T10:00:00.000+03:00","Duration":3600.5,"PauseDuration":60.25,"Distance":10234,"Energy":2560608,"Ascent":120.4,"HR":[{"Avg":2.4666,"Max":2.85}]},"Device":{"Name":"Ibiza","SerialNumber":"1"},
"Samples":[{"TimeISO8601":"2019-05-10T10:00:00.000+03:00","HR":2.0,"Events":[{"Activity":{"ActivityType":1}}]},{"TimeISO8601":"2019-05-10T11:00:00.500+03:00"}]}}"#;

#[test]
fn a_log_with_all_that_it_says() {
    let reading = read(LOG.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Suunto));
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.to_string().as_str(), run.duration().as_millis()), ("2019-05-10T07:00:00Z", 3_600_500));
    assert_eq!((run.active_millis, run.utc_offset_seconds), (Some(3_540_250), Some(10_800)));
    assert_eq!((run.activity_type.number(), run.source.sport.as_deref()), (8, Some("3")));
    assert_eq!(run.source.device.as_deref(), Some("Ibiza"));
    assert_eq!((run.metrics.distance_meters, run.metrics.energy_kcal), (Some(10_234.0), Some(612)));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(148), Some(171)));
    assert_eq!(run.metrics.ascent_meters, Some(120));
}
