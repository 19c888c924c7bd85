//! Settings about workouts: time zones, types, names, skipping; in effect after a restart, without reading files again.

use crate::support::fit::Run;
use crate::support::program::Place;
use serde_json::{Value, json};
use std::fs;

/// Half past eight to half past nine on the clock, wherever that was.
fn track(sport: &str) -> String {
    format!(
        "<gpx><trk><name>Lake</name><type>{sport}</type><trkseg><trkpt lat='1' lon='1'><time>2026-04-12T08:30:15</time></trkpt>
         <trkpt lat='1' lon='1'><time>2026-04-12T09:30:15</time></trkpt></trkseg></trk></gpx>"
    )
}

fn configure(place: &Place, settings: &str) {
    let folders = format!("folders = ['{}']\n", place.folder().display());
    fs::write(place.config(), folders + settings).unwrap();
}

fn listed(place: &Place) -> Vec<Value> {
    place.json(&["sessions", "list", "--json"])
}

fn import(place: &Place, command: &str, path: &str) -> Value {
    place.json(&[command, "--json", path]).remove(0)
}

#[test]
fn corrected_settings_revise_the_same_session_at_the_next_start() {
    let place = Place::new();
    configure(&place, "timezone = 'UTC'\n");
    place.drop_file("a.gpx", track("zorbing"));
    let daemon = place.start();
    let session = daemon.wait_for_sessions(&place, 1);
    let (id, body) = session.first_key_value().unwrap();
    assert_eq!((id.as_str(), &body["activityType"]), ("fitferry-20260412T083015Z", &json!(108)));
    let status = place.json(&["status", "--json"]).remove(0);
    assert_eq!(status["accounts"][0]["unknownSports"], json!([{"word": "gpx:zorbing", "workouts": 1}]));
    let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    assert!(text.contains("\"gpx:zorbing\" (1)"), "{text}");
    daemon.terminate();

    configure(&place, "timezone = 'Europe/Berlin'\ntypes = {'gpx:Zorbing' = 87}\nrules.name = ['{title} at {time}']\n");
    let mut daemon = place.start();
    daemon.wait_for("session.delivered");
    let sessions = daemon.sessions(&place);
    let (same, body) = sessions.first_key_value().unwrap();
    assert_eq!((same, sessions.len()), (id, 1));
    assert_eq!((&body["startTimeMillis"], &body["activityType"]), (&json!("1775975415000"), &json!(87)));
    assert_eq!(body["name"], "Lake at 08:30");
    assert_eq!(daemon.events("sessions.rederived")[0]["changed"], 1);
    let status = place.json(&["status", "--json"]).remove(0);
    assert_eq!(status["accounts"][0]["unknownSports"], json!([]));
    daemon.terminate();
    let (_, events) = place.start().terminate();
    assert!(!events.iter().any(|event| event["event"] == "sessions.rederived"), "nothing has changed since");
}

#[test]
fn a_format_and_a_folder_may_have_zones_of_their_own() {
    let place = Place::new();
    let trip = place.dir.path().join("trip");
    fs::create_dir(&trip).unwrap();
    let settings = format!(
        "timezone = 'UTC'\nfolders = ['{}', {{path = '{}', timezone = 'America/New_York'}}]\ntimezones.gpx = 'Asia/Tokyo'\n",
        place.folder().display(),
        trip.display()
    );
    fs::write(place.config(), settings).unwrap();
    let here = place.drop_file("a.gpx", track("running"));
    let there = trip.join("a.gpx");
    fs::write(&there, track("running")).unwrap();
    let ids = |paths: &[&std::path::Path]| place.normalized(paths).into_keys().collect::<Vec<_>>();
    assert_eq!(ids(&[&here]), ["fitferry-20260411T233015Z"]);
    assert_eq!(ids(&[&there]), ["fitferry-20260412T123015Z"]);
    for path in [&here, &there] {
        import(&place, "import", path.to_str().unwrap());
    }
    let sessions = listed(&place);
    assert_eq!(sessions.len(), 2);
    assert_eq!(sessions[1]["suspect"], "looks like fitferry-20260411T233015Z, 13 h later; was a time zone wrong?");
}

#[test]
fn a_skipped_workout_is_shown_with_its_reason() {
    let place = Place::new();
    configure(&place, "rules.skip_shorter_than = '2h'\n");
    let path = place.drop_file("a.fit", Run::default().build());
    let answer = import(&place, "import", path.to_str().unwrap());
    assert_eq!((&answer["verdicts"]["known"], &answer["sessions"]["changed"]), (&json!(1), &json!(0)));
    let session = listed(&place).remove(0);
    assert_eq!((&session["state"], &session["reason"]), (&json!("skipped"), &json!("shorter than 2h")));
    assert_eq!(place.json(&["sessions", "list", "--json", "--state", "skipped"]).len(), 1);
    let file = place.json(&["files", "list", "--json"]).remove(0);
    assert_eq!(file["reason"], "1 of 1 workouts are skipped by your rules: shorter than 2h");
    let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    assert!(text.contains("1: 0 delivered, 0 queued, 0 parked, 1 skipped"), "{text}");
    let daemon = place.start();
    assert!(daemon.sessions(&place).is_empty());
    daemon.terminate();
    configure(&place, "");
    place.start().wait_for_sessions(&place, 1);
}

/// What was remembered of a known file is replaced by what it says, with and without a daemon.
#[test]
fn rescan_reads_again_what_is_known() {
    let place = Place::new();
    configure(&place, "");
    let path = place.drop_file("a.gpx", track("running"));
    let path = path.to_str().unwrap();
    import(&place, "import", path);
    let forge = || {
        let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
        let sql = "UPDATE record SET workout = json_set(workout, '$.source.title', 'Sea');
            UPDATE session SET body = json_set(body, '$.name', 'Sea')";
        store.execute_batch(sql).unwrap();
    };
    let name = || listed(&place).remove(0)["session"]["name"].clone();
    forge();
    import(&place, "import", path);
    assert_eq!(name(), "Sea", "a known file is not opened");
    let answer = import(&place, "rescan", path);
    assert_eq!((name(), &answer["sessions"]["delivered"]), (json!("Lake"), &json!(1)));
    forge();
    let daemon = place.start();
    let answer = import(&place, "rescan", place.folder().to_str().unwrap());
    assert_eq!((name(), &answer["sessions"]["delivered"]), (json!("Lake"), &json!(1)));
    assert_eq!(daemon.sessions(&place).len(), 1);
}
