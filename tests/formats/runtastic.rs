//! Sport sessions of a Runtastic or adidas Running export.

use super::{read, sounds};
use fitferry::workout::Format;

pub const SESSION: &str = r#"{"start_time":1535794114000,"end_time":1535797197000,"created_at":1535809749000,"start_time_timezone_offset":7200000,"end_time_timezone_offset":7200000,"distance":10110,"duration":2983000,"pause_duration":100000,"elevation_gain":74,"average_speed":12.2,"calories":578,"notes":"10K in town","pulse_avg":173,"pulse_max":188,"manual":false,"indoor":false,"id":"fdd2f131-0000-4000-8000-000000000000","sport_type_id":"1"}"#;

#[test]
fn a_session_with_all_that_it_says() {
    let reading = read(SESSION.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Runtastic));
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.as_second(), run.duration().as_secs()), (1_535_794_114, 3083));
    assert_eq!((run.active_millis, run.utc_offset_seconds), (Some(2_983_000), Some(7200)));
    assert_eq!((run.activity_type.number(), run.source.sport.as_deref()), (8, Some("1")));
    assert_eq!(run.key.as_ref().unwrap().to_string(), "runtastic/fdd2f131-0000-4000-8000-000000000000");
    assert_eq!((&run.source.title, run.source.notes.as_deref()), (&None, Some("10K in town")));
    assert_eq!((run.metrics.distance_meters, run.metrics.energy_kcal), (Some(10_110.0), Some(578)));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(173), Some(188)));
    assert_eq!(run.metrics.ascent_meters, Some(74));
}

#[test]
fn without_an_end_time_the_pauses_count() {
    let text =
        SESSION.replace("\"end_time\":1535797197000,", "").replace("\"sport_type_id\":\"1\"", "\"sport_type_id\":999");
    let reading = read(text.as_bytes());
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.duration().as_secs(), run.source.unknown_sport), (3083, true));
}
