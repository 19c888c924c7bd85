//! Fitbit's exercise logs.

use super::{read, sounds};
use fitferry::formats::{self, Options};
use fitferry::workout::Format;
use jiff::tz::TimeZone;

/// A detected walk and a tracked run.
pub const LOGS: &str = r#"[{"logId":32289523590,"activityName":"Walk","activityTypeId":90013,"calories":180,"duration":1229000,"activeDuration":1229000,"logType":"auto_detected","lastModified":"01/01/18 15:28:34","startTime":"01/01/18 14:25:33","originalStartTime":"01/01/18 14:20:33","activityLevel":[{"minutes":0,"name":"sedentary"}]},
{"logId":33445279392,"activityName":"Run","activityTypeId":90009,"averageHeartRate":139,"calories":243,"distance":2.0,"distanceUnit":"Mile","duration":1168000,"activeDuration":1100000,"source":{"type":"tracker","name":"Charge 2","id":"1"},"logType":"tracker","lastModified":"01/03/18 18:48:08","startTime":"01/03/18 18:25:35","heartRateZones":[{"name":"Peak","min":151,"max":220,"minutes":0}]}]
"#;

pub fn log(id: u32, log_type: &str, start: &str, more: &str) -> String {
    format!(
        r#"{{"logId":{id},"activityName":"Walk","activityTypeId":90013,"duration":1200000,"logType":"{log_type}","startTime":"{start}"{more}}}"#
    )
}

#[test]
fn logs_with_all_that_they_say() {
    let reading = read(LOGS.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Fitbit));
    let [walk, run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((walk.start.to_string().as_str(), walk.duration().as_secs()), ("2018-01-01T14:25:33Z", 1229));
    assert_eq!((walk.activity_type.number(), walk.source.sport.as_deref()), (7, Some("Walk")));
    assert_eq!(walk.key.as_ref().unwrap().to_string(), "fitbit/32289523590");
    assert_eq!((walk.source.title.as_deref(), walk.source.assumed_zone.as_deref()), (None, None));
    assert_eq!((run.active_millis, run.duration().as_millis()), (Some(1_100_000), 1_168_000));
    assert_eq!(run.source.device.as_deref(), Some("Charge 2"));
    assert_eq!(run.metrics.distance_meters, Some(3218.688));
    assert_eq!((run.metrics.energy_kcal, run.metrics.average_heart_rate), (Some(243), Some(139)));
}

/// One that was typed in is local if it would end after it was last modified, which is UTC.
#[test]
fn logs_that_were_typed_in_may_be_local() {
    let modified = |at: &str| format!(r#","lastModified":"{at}""#);
    let logs = [
        log(1, "manual", "07/12/26 12:00:00", &modified("07/12/26 10:25:00")),
        log(2, "manual", "07/12/26 12:00:00", &modified("07/12/26 12:15:01")),
        log(3, "manual", "07/12/26 12:00:00", ""),
        log(4, "tracker", "07/12/26 12:00:00", &modified("07/12/26 10:25:00")),
        log(5, "manual", "10/25/26 02:30:00", &modified("10/24/26 10:00:00")),
        log(6, "manual", "03/29/26 02:30:00", &modified("03/28/26 10:00:00")),
    ];
    let options = Options::of(TimeZone::get("Europe/Berlin").unwrap());
    let reading = formats::read(format!("[{}]", logs.join(",")).as_bytes(), &options).unwrap();
    let starts: Vec<_> =
        reading.workouts.iter().map(|workout| workout.start.strftime("%m-%dT%H:%M").to_string()).collect();
    let noon = "07-12T12:00";
    assert_eq!(starts, ["07-12T10:00", noon, noon, noon, "10-25T00:30", "03-29T01:30"]);
    let assumed: Vec<_> = reading.workouts.iter().map(|workout| workout.source.assumed_zone.is_some()).collect();
    assert_eq!(assumed, [true, false, false, false, true, true]);
    assert!(reading.workouts.iter().all(|workout| workout.duration().as_secs() == 1200));
}

#[test]
fn an_edited_log_keeps_its_key_and_a_name_in_another_language_its_sport() {
    let text = LOGS.replace("\"Walk\"", "\"Spaziergang\"").replace("01/01/18 14:25:33", "01/01/18 14:30:00");
    let walk = &read(text.as_bytes()).workouts[0];
    assert_eq!(walk.key, read(LOGS.as_bytes()).workouts[0].key);
    assert_eq!((walk.activity_type.number(), walk.source.unknown_sport), (7, false));
    let unknown = LOGS.replace("\"Walk\"", "\"Parkour\"").replace("90013", "1");
    assert!(read(unknown.as_bytes()).workouts[0].source.unknown_sport);
}
