//! `fitferry import`: alone, and beside a daemon.

use crate::daemon::nobody::{Nobody, chmod};
use crate::support::archive::Zip;
use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::xml;
use serde_json::{Value, json};
use std::fs;

const START: i64 = 1_600_000_000;

fn import(place: &Place, paths: &[&str]) -> (Option<i32>, Value) {
    let output = place.run(&[&["import", "--json"], paths].concat());
    let answer = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    (output.status.code(), answer)
}

fn outside(place: &Place) -> String {
    let folder = place.dir.path().join("exports");
    fs::create_dir(&folder).unwrap();
    for day in 0..10 {
        fs::write(folder.join(format!("{day}.fit")), Run::at(START + day * 86_400).build()).unwrap();
    }
    fs::write(folder.join("copy.fit"), Run::at(START).build()).unwrap();
    fs::write(folder.join("route.gpx"), "<gpx><rte/></gpx>").unwrap();
    fs::write(folder.join("broken.fit"), &Run::default().build()[..60]).unwrap();
    fs::write(folder.join("note.txt"), "hello").unwrap();
    folder.to_str().unwrap().to_owned()
}

fn expected_counts() -> Value {
    json!({"queued": 10, "known": 1, "no-session": 1, "rejected": 1, "waiting": 0, "ignored": 1})
}

#[test]
fn the_counts_add_up_and_a_second_time_is_no_work() {
    let place = Place::new();
    let folder = outside(&place);
    let (code, answer) = import(&place, &[&folder]);
    assert_eq!(code, Some(1), "one file is broken");
    assert_eq!((&answer["files"], &answer["verdicts"]), (&json!(14), &expected_counts()));
    assert_eq!((&answer["sessions"]["changed"], &answer["sessions"]["delivered"]), (&json!(10), &json!(10)));
    assert!(answer["problems"][0]["file"].as_str().unwrap().ends_with("broken.fit"));
    let (_, again) = import(&place, &[&folder]);
    assert_eq!(again["verdicts"]["known"], 11);
    assert_eq!(again["sessions"]["changed"], 0);
    let daemon = place.start();
    assert_eq!(daemon.sessions(&place).len(), 10);
}

#[test]
fn beside_a_daemon_the_daemon_delivers() {
    let place = Place::new();
    let folder = outside(&place);
    let mut daemon = place.start();
    let (code, answer) = import(&place, &[&folder]);
    assert_eq!((code, &answer["verdicts"]), (Some(1), &expected_counts()));
    assert_eq!(answer["sessions"]["delivered"], 10);
    assert_eq!(daemon.sessions(&place).len(), 10);
    // What it says arrives a little after what it does.
    (0..10).for_each(|_| drop(daemon.wait_for("session.delivered")));
    let (_, again) = import(&place, &[&folder]);
    assert_eq!((&again["verdicts"]["known"], &again["sessions"]["changed"]), (&json!(11), &json!(0)));
}

#[test]
fn truncated_files_are_salvaged_at_once() {
    let place = Place::new();
    let run = Run::default().build();
    let path = place.drop_file("cut.fit", &run[..run.len() - 20]);
    let (code, answer) = import(&place, &[path.to_str().unwrap()]);
    assert_eq!((code, &answer["verdicts"]["queued"]), (Some(0), &json!(1)), "{answer}");
}

#[test]
fn a_server_that_is_down_keeps_the_queue_for_later() {
    let place = Place::new();
    let nowhere = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let token = place.dir.path().join("token");
    fs::write(&token, "t").unwrap();
    let config = |address| {
        let retry = "delivery.retry_first = '20ms'\ndelivery.retry_longest = '100ms'\n";
        format!("destination = {{ url = 'http://{address}/v1', token_file = '{}' }}\n{retry}", token.display())
    };
    fs::write(place.config(), config(nowhere)).unwrap();
    let path = place.drop_file("a.fit", Run::default().build());
    let (code, answer) = import(&place, &[path.to_str().unwrap()]);
    assert_eq!((code, &answer["sessions"]["queued"]), (Some(75), &json!(1)));
    assert!(answer["sessions"]["reason"].as_str().unwrap().contains("connect"), "{answer}");
    let server = FaultServer::start("t");
    fs::write(place.config(), config(server.address).replace("/v1", "/fitness/v1")).unwrap();
    let (code, answer) = import(&place, &[path.to_str().unwrap()]);
    assert_eq!((code, &answer["verdicts"]["known"]), (Some(0), &json!(1)), "{answer}");
    let daemon = place.start();
    crate::support::wait::until_true("the session", || server.sessions().len() == 1);
    drop(daemon);
}

#[test]
fn several_accounts_need_a_name_and_stay_apart() {
    let place = Place::new();
    let account = |name: &str| {
        let folder = place.dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        format!("[[account]]\nname = '{name}'\nfolders = ['{}']\n", folder.display())
    };
    fs::write(place.config(), account("anna") + &account("ben")).unwrap();
    let path = place.drop_file("a.fit", Run::default().build());
    let path = path.to_str().unwrap();
    let output = place.run(&["import", path]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("anna, ben"));
    for name in ["anna", "ben"] {
        let (code, answer) = import(&place, &["--account", name, path]);
        assert_eq!((code, &answer["sessions"]["delivered"]), (Some(0), &json!(1)));
    }
    let daemon = place.start();
    for name in ["anna", "ben"] {
        let token = fs::read_to_string(place.state().join(format!("server-token-{name}"))).unwrap();
        let path = format!("/fitness/v1/users/me/sessions?{}", crate::support::program::ALL);
        let answer = crate::support::http::request(daemon.address(), "GET", &path, token.trim(), "").unwrap();
        assert_eq!(crate::support::program::sessions(&answer).len(), 1);
    }
    assert_eq!(place.json(&["sessions", "list", "--json"]).len(), 2);
}

#[test]
fn a_folder_that_cannot_be_read_is_rejected() {
    let place = Place::new();
    let closed = place.folder().join("closed");
    fs::create_dir(&closed).unwrap();
    chmod(&closed, 0o000);
    let nobody = Nobody::of(&place, &[]);
    for path in [&closed, &place.folder()] {
        let output = nobody.command(&place).args(["import", "--json"]).arg(path).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&answer["files"], &answer["verdicts"]["rejected"]), (&json!(1), &json!(1)));
        let problem = &answer["problems"][0];
        assert_eq!(problem["file"], closed.to_str().unwrap());
        assert!(problem["reason"].as_str().unwrap().contains("ermission denied"), "{answer}");
    }
    chmod(&closed, 0o700);
}

#[test]
fn the_workouts_of_an_archive_are_delivered_once() {
    let place = Place::new();
    let inner = Zip::new().add("2.fit", Run::at(START + 86_400).build()).build();
    let zip =
        Zip::new().add("1.fit", Run::at(START).build()).add("inner.zip", inner).add("broken.fit", "\x0e.......FIT");
    let bytes = zip.add("note.txt", "hello").build();
    let path = place.dir.path().join("export.zip");
    fs::write(&path, &bytes).unwrap();
    let (code, answer) = import(&place, &[path.to_str().unwrap()]);
    assert_eq!((code, &answer["verdicts"]["queued"]), (Some(0), &json!(1)), "{answer}");
    assert_eq!(answer["sessions"]["delivered"], 2);
    let again = place.dir.path().join("again.zip");
    fs::write(&again, &bytes).unwrap();
    let (_, answer) = import(&place, &[again.to_str().unwrap()]);
    assert_eq!((&answer["verdicts"]["known"], &answer["sessions"]["changed"]), (&json!(1), &json!(0)));
    fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
    let (_, answer) = import(&place, &[path.to_str().unwrap()]);
    assert_eq!(answer["verdicts"]["rejected"], 1, "{answer}");
}

/// An earlier revision that arrives is not the end, where a better file of the same workout follows.
#[test]
fn it_ends_with_the_last_revision_delivered() {
    let place = Place::new();
    let folder = place.dir.path().join("twice");
    fs::create_dir(&folder).unwrap();
    for day in 0..60 {
        let start = START + day * 86_400;
        fs::write(folder.join(format!("a{day}.gpx")), xml::gpx(start, 3600, 10, "running")).unwrap();
        fs::write(folder.join(format!("z{day}.fit")), Run::at(start).build()).unwrap();
    }
    let (code, answer) = import(&place, &[folder.to_str().unwrap()]);
    assert_eq!((code, &answer["sessions"]["delivered"]), (Some(0), &json!(60)), "{answer}");
    let sessions = place.json(&["sessions", "list", "--json"]);
    assert!(sessions.iter().all(|session| session["state"] == "delivered"), "{sessions:?}");
    assert_eq!(place.json(&["outbox", "list", "--json"]), Vec::<Value>::new());
}
