//! The sessions API's own JSON.

use super::{read, sounds};
use crate::support::xml;
use fitferry::formats::Outcome;
use fitferry::rules::Rules;
use fitferry::session::{self, Session};
use fitferry::workout::Format;
use jiff::tz::TimeZone;

/// The answer to a list request: a session of another app, one of ours, a deleted one.
pub const LIST: &str = r#"{"session":[{"id":"strava:1","name":"Round the lake","description":"Windy","startTimeMillis":"1775975415000","endTimeMillis":"1775979015500","modifiedTimeMillis":"1775979015999","activeTimeMillis":"3540000","activityType":8,"application":{"packageName":"com.strava","name":"Strava","version":"1"}},
{"id":"fitferry-20260413T063015Z","name":"Morning ride","description":"Wet · 10.23 km · 0:59:00 · 612 kcal · 148 bpm, max 171 · 120 m up · Edge","startTimeMillis":1776061815000,"endTimeMillis":1776065415000,"activeTimeMillis":3540000,"activityType":"1","application":{"name":"fitferry"}}],
"deletedSession":[{"id":"gone","startTimeMillis":"1775000000000","endTimeMillis":"1775000060000","activityType":8}],"nextPageToken":"x"}"#;

#[test]
fn sessions_of_others_and_of_ours() {
    let reading = read(LIST.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Sessions));
    let [run, ride] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.as_second(), run.duration().as_millis()), (1_775_975_415, 3_600_500));
    assert_eq!((run.active_millis, run.activity_type.number()), (Some(3_540_000), 8));
    assert_eq!(run.key.as_ref().unwrap().to_string(), "sessions/strava:1");
    let source = (&run.source.title, &run.source.notes, &run.source.device);
    assert_eq!(source, (&Some("Round the lake".into()), &Some("Windy".into()), &Some("Strava".into())));
    // What was made for the session is not taken for what somebody wrote.
    assert_eq!((ride.activity_type.number(), &ride.source.title), (1, &None));
    assert_eq!((ride.source.notes.as_deref(), ride.source.device.as_deref()), (Some("Wet"), Some("Edge")));
    assert_eq!((ride.metrics.distance_meters, ride.metrics.ascent_meters), (Some(10_230.0), Some(120)));
}

fn lines(list: &str) -> Vec<String> {
    let list: serde_json::Value = serde_json::from_str(list).unwrap();
    list["session"].as_array().unwrap().iter().map(ToString::to_string).collect()
}

#[test]
fn one_object_a_list_lines_and_answers_are_the_same() {
    let whole = read(LIST.as_bytes()).workouts;
    let lines = lines(LIST);
    for text in [
        lines.join("\n") + "\n",
        lines.join("\r\n\r\n"),
        format!("[{}]", lines.join(",")),
        format!("{{\"session\":[{}]}}\n{{\"session\":[{}]}}", lines[0], lines[1]),
        format!("{}\n{{\"session\":[{}]}}", lines[0], lines[1]),
    ] {
        assert_eq!(read(text.as_bytes()).workouts, whole, "{text}");
    }
    assert_eq!(read(lines[0].as_bytes()).workouts, whole[..1]);
    let pretty = serde_json::from_str::<serde_json::Value>(&lines[1]).unwrap();
    assert_eq!(read(format!("{pretty:#}").as_bytes()).workouts, whole[1..]);
}

#[test]
fn the_last_line_of_a_session_counts_and_a_bad_one_alone_is_refused() {
    let [run, ride] = &lines(LIST)[..] else { panic!() };
    let edited = run.replace("Round the lake", "Round the pond");
    let text = format!("{run}\n{{\"id\":\"x\",\"startTimeMillis\"\n{ride}\n{{\"id\":\"y\"}}\n{edited}\n");
    let reading = read(text.as_bytes());
    let titles: Vec<_> = reading.workouts.iter().map(|workout| workout.source.title.as_deref()).collect();
    assert_eq!((titles, reading.refused.len()), (vec![Some("Round the pond"), None], 2));
    assert!(reading.refused[0].starts_with("line 2: "), "{:?}", reading.refused);
    let moved = run.replace("1775975415000", "1775975400000");
    let reading = read(format!("{run}\n{ride}\n{moved}\n").as_bytes());
    let starts: Vec<_> = reading.workouts.iter().map(|workout| workout.start.as_second()).collect();
    assert_eq!(starts, [1_776_061_815, 1_775_975_400]);
}

#[test]
fn deleted_sessions_and_sleep_are_no_workouts() {
    let sleep = LIST.replace("\"activityType\":8", "\"activityType\":72");
    let reading = read(sleep.as_bytes());
    assert_eq!((reading.workouts.len(), reading.refused.len()), (1, 1));
    let deleted = format!("{{{}", &LIST[LIST.find("\"deletedSession\"").unwrap()..]);
    assert!(matches!(read(deleted.as_bytes()).outcome(), Outcome::NoSession(_)));
    assert!(matches!(read(br#"{"session":[],"nextPageToken":"x"}"#).outcome(), Outcome::NoSession(_)));
    let unheard_of = LIST.replace("\"activityType\":8", "\"activityType\":999");
    assert!(read(unheard_of.as_bytes()).workouts[0].source.unknown_sport);
}

/// What was pulled and comes back, from a lost database or another machine, makes the very sessions it was made of.
#[test]
fn sessions_of_ours_come_back_as_they_were() {
    let file = xml::gpx(1_775_975_415, 3600, 361, "trail_running");
    let sessions = |text: &str| -> Vec<Session> {
        session::of_file(&read(text.as_bytes()).workouts, &Rules::of(TimeZone::UTC)).collect()
    };
    let made = sessions(&file);
    let text: String = made.iter().map(|session| serde_json::to_string(session).unwrap() + "\n").collect();
    assert_eq!(sessions(&text), made);
}
