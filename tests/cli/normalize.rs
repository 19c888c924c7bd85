//! `fitferry normalize`: the contract of its answer.

use crate::daemon::nobody::{Nobody, chmod};
use crate::support::archive::Zip;
use crate::support::fit::Run;
use crate::support::program::{Place, lines};
use serde_json::{Value, json};
use std::fs;

#[test]
fn one_object_per_file_in_order() {
    let place = Place::new();
    let run = place.drop_file("run.fit", Run::default().build());
    let route = place.drop_file("route.gpx", "<gpx><rte/></gpx>");
    let pwx = place.drop_file("track.pwx", "<pwx/>");
    let missing = place.folder().join("missing.fit");
    let paths = [&run, &route, &pwx, &missing].map(|path| path.to_str().unwrap());
    let output = place.run(&[&["normalize", "--json"], &paths[..]].concat());
    assert_eq!(output.status.code(), Some(1), "some input failed");
    let answers = lines(&output.stdout);
    assert_eq!(
        answers[0],
        json!({
            "file": paths[0], "member": null, "format": "fit", "outcome": "ok", "reason": null,
            "workouts": [{
                "session": {
                    "id": "fitferry-20260412T063015Z", "name": "Morning run",
                    "description": "10.23 km · 0:59:00 · 612 kcal · 148 bpm, max 171 · 120 m up · Garmin 1967",
                    "startTimeMillis": "1775975415000", "endTimeMillis": "1775979015000", "activeTimeMillis": "3540000",
                    "activityType": 8, "application": {"name": "fitferry"},
                },
                "source": {
                    "format": "fit", "sport": "running", "subSport": "generic", "device": "Garmin 1967",
                    "title": null, "notes": null,
                },
                "metrics": {
                    "distanceMeters": 10234.5, "energyKcal": 612, "averageHeartRate": 148, "maxHeartRate": 171,
                    "ascentMeters": 120,
                },
            }],
        })
    );
    let outcomes: Vec<_> = answers.iter().map(|answer| answer["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["ok", "no-session", "error", "error"]);
    assert!(answers.iter().skip(1).all(|answer| answer["reason"].is_string() && answer["workouts"] == json!([])));
    assert!(!place.state().exists(), "no database is touched");
}

#[test]
fn folders_are_opened_up_and_litter_is_passed_over() {
    let place = Place::new();
    fs::create_dir_all(place.folder().join("sub")).unwrap();
    place.drop_file("sub/b.fit", Run::default().build());
    place.drop_file("a.fit", Run::at(1_600_000_000).build());
    place.drop_file("._a.fit", "x");
    let answers = place.json(&["normalize", "--json", place.folder().to_str().unwrap()]);
    let files: Vec<_> =
        answers.iter().map(|answer| answer["file"].as_str().unwrap().rsplit('/').next().unwrap()).collect();
    assert_eq!(files, ["a.fit", "b.fit"]);
}

#[test]
fn refused_workouts_stand_beside_the_others() {
    let place = Place::new();
    let mut file = Run::default().file();
    Run { seconds: 0, ..Run::at(1_600_000_000) }.session_without_timer(&mut file);
    place.drop_file("two.fit", file.build());
    let answer = place.json(&["normalize", "--json", place.folder().to_str().unwrap()]).remove(0);
    assert_eq!(answer["workouts"].as_array().unwrap().len(), 1);
    assert!(answer["refused"][0]["reason"].as_str().unwrap().contains("no length"), "{answer}");
}

#[test]
fn every_file_in_an_archive_has_its_answer() {
    let place = Place::new();
    let broken = &Run::default().build()[..60];
    let zip = Zip::new().add("b\u{7}/1.fit", Run::default().build()).add("route.gpx", "<gpx/>").add("2.fit", broken);
    let path = place.drop_file("a.zip", zip.build());
    let route = place.drop_file("b.zip", Zip::new().add("route.gpx", "<gpx/>").build());
    let path = path.to_str().unwrap();
    let output = place.run(&["normalize", "--json", path, route.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1), "one of them is broken");
    let answers = lines(&output.stdout);
    let told: Vec<_> = answers.iter().map(|answer| (&answer["member"], answer["outcome"].as_str().unwrap())).collect();
    assert_eq!(told, [(&json!("b\u{7}/1.fit"), "ok"), (&json!("2.fit"), "error"), (&Value::Null, "no-session")]);
    assert!(answers[..2].iter().all(|answer| answer["file"] == path && answer["format"] == "fit"));
    assert_eq!(answers[0]["workouts"][0]["source"]["member"], "b\u{7}/1.fit");
    let text = String::from_utf8(place.run(&["normalize", path]).stdout).unwrap();
    assert!(text.starts_with(&format!("{path} » b\\u{{7}}/1.fit: ok\n")), "{text}");
}

#[test]
fn people_get_text_and_a_closed_pipe_is_no_error() {
    let place = Place::new();
    place.drop_file("a.fit", Run::default().build());
    let output = place.run(&["normalize", place.folder().to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("ok") && text.contains("Morning run [Running]"), "{text}");
    let mut command = place.command();
    command.args(["normalize", "--json"]).args(std::iter::repeat_n(place.folder(), 500));
    let mut child = command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_folder_that_cannot_be_read_is_an_error() {
    let place = Place::new();
    let closed = place.folder().join("closed");
    fs::create_dir(&closed).unwrap();
    place.drop_file("closed/a.fit", Run::default().build());
    place.drop_file("b.fit", Run::default().build());
    chmod(&closed, 0o000);
    let nobody = Nobody::of(&place, &[&place.folder().join("b.fit")]);
    for (path, outcomes) in [(place.folder(), &["ok", "error"][..]), (closed.clone(), &["error"])] {
        let output = nobody.command(&place).args(["normalize", "--json"]).arg(path).output().unwrap();
        assert_eq!(output.status.code(), Some(1));
        let answers = lines(&output.stdout);
        let found: Vec<_> = answers.iter().map(|answer| answer["outcome"].as_str().unwrap()).collect();
        assert_eq!(found, outcomes);
        let last = answers.last().unwrap();
        assert_eq!(last["file"], closed.to_str().unwrap());
        assert!(last["reason"].as_str().unwrap().contains("ermission denied"), "{last}");
    }
    chmod(&closed, 0o700);
}

#[test]
fn a_pipe_is_refused_instead_of_waited_for() {
    let place = Place::new();
    let pipe = place.folder().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let output = place.run(&["normalize", pipe.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.code() == Some(1) && text.contains("a named pipe"), "{text}");
    let output = place.run(&["--config", pipe.to_str().unwrap(), "config", "check"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(2) && error.contains("not a regular file"), "{error}");
}
