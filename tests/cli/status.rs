//! `status`, `sessions list` and `files list`: with a daemon, without one, and with nothing at all.

use crate::daemon::nobody::{Nobody, chmod};
use crate::support::archive::Zip;
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::program::{Place, lines};
use crate::support::xml;
use std::fs;

#[test]
fn nothing_yet_is_no_error() {
    let place = Place::new();
    let status = place.json(&["status", "--json"]).remove(0);
    assert_eq!((&status["running"], status["accounts"].as_array().unwrap().len()), (&false.into(), 0));
    assert!(place.json(&["sessions", "list", "--json"]).is_empty());
    assert!(place.json(&["files", "list", "--json"]).is_empty());
    let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    assert!(text.contains("not running") && text.contains("nothing has been seen"), "{text}");
    assert!(!place.state().exists(), "looking makes nothing");
}

#[test]
fn the_same_with_and_without_a_daemon() {
    let place = Place::new();
    let mut daemon = place.start();
    place.drop_file("a.fit", Run::default().build());
    place.drop_file("r.gpx", "<gpx><rte/></gpx>");
    // The first comparison may come between two looks.
    daemon.wait_for("reconcile.done");
    daemon.wait_for_sessions(&place, 1);
    let look = || {
        let mut status = place.json(&["status", "--json"]).remove(0);
        let running = status.as_object_mut().unwrap().remove("running").unwrap();
        let lists = [place.json(&["sessions", "list", "--json"]), place.json(&["files", "list", "--json"])];
        (running, (status, lists))
    };
    crate::support::wait::until_true("both files", || place.json(&["files", "list", "--json"]).len() == 2);
    let (running, with) = look();
    assert_eq!(running, true);
    daemon.terminate();
    let (running, without) = look();
    assert_eq!(running, false);
    assert_eq!(with, without);
    let account = &without.0["accounts"][0];
    assert_eq!((&account["sessions"], &account["queued"], &account["parked"]), (&1.into(), &0.into(), &0.into()));
    assert_eq!((&account["files"]["queued"], &account["files"]["no-session"]), (&1.into(), &1.into()));
    let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    assert!(text.contains("1 delivered, 0 queued, 0 parked") && text.contains("1 queued, 1 no-session"), "{text}");
    let session = &without.1[0][0];
    assert_eq!((&session["id"], &session["state"]), (&"fitferry-20260412T063015Z".into(), &"delivered".into()));
    assert_eq!(session["session"]["name"], "Morning run");
}

/// People write an archive anew under the same name.
#[test]
fn a_file_is_what_its_newest_reading_says() {
    let place = Place::new();
    let (fit, gpx) = (Run::default().build(), xml::gpx(1_600_000_000, 600, 9, "running"));
    let contents = [
        (Zip::new().add("a.fit", &fit).build(), "fit", "queued"),
        (Zip::new().add("a.gpx", &gpx).add("a.fit", &fit).build(), "gpx", "queued"),
        (Zip::new().add("b.fit", &fit).add("a.gpx", &gpx).build(), "fit", "known"),
        (Zip::new().add("r.gpx", "<gpx><rte/></gpx>").build(), "gpx", "no-session"),
        (fit[..100].to_vec(), "fit", "rejected"),
        (gpx.into_bytes(), "gpx", "known"),
    ];
    for (number, (content, format, verdict)) in contents.into_iter().enumerate() {
        let path = place.drop_file("history.zip", content);
        place.run(&["import", "--json", path.to_str().unwrap()]);
        let [file] = &place.json(&["files", "list", "--json"])[..] else { panic!("one file") };
        assert_eq!((&file["format"], &file["verdict"]), (&format.into(), &verdict.into()), "{number}: {file}");
        let story = place.run(&["explain", "--json", path.to_str().unwrap()]).stdout;
        assert_eq!(lines(&story)[0]["memory"]["format"], format, "{number}");
    }
}

/// Reasons are kept for months, and an older version may have kept them as they came.
#[test]
fn reasons_do_not_move_the_cursor() {
    let api = FaultServer::start("right");
    api.plan([Fault::Answer(400, "", "")]);
    let place = Place::new();
    let token_file = place.dir.path().join("token");
    fs::write(&token_file, "right").unwrap();
    let settings = format!("folders = ['{}']\n", place.folder().display());
    fs::write(place.config(), settings + &api.destination(&token_file)).unwrap();
    place.drop_file("a.fit", Run::default().build());
    let mut daemon = place.start_with(&[], &[]);
    daemon.wait_for("session.parked");
    daemon.terminate();
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    assert_eq!(store.execute("UPDATE outbox SET reason = 'a\n\u{1b}[2J'", []).unwrap(), 1);
    for arguments in [&["status"][..], &["sessions", "list"]] {
        let text = String::from_utf8(place.run(arguments).stdout).unwrap();
        assert!(text.contains("a\\n\\u{1b}[2J"), "{text}");
    }
}

/// After an upgrade, and before the daemon is started anew.
#[test]
fn an_older_memory_is_told_of_calmly() {
    let place = Place::new();
    place.start().terminate();
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    let known: i64 = store.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    store.pragma_update(None, "user_version", known - 1).unwrap();
    drop(store);
    for arguments in [&["status"][..], &["sessions", "list"]] {
        let output = place.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        let words = ["outbox.db", "older fitferry", "restart the daemon"];
        assert!(output.status.code() == Some(1) && words.iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn a_directory_in_the_place_of_the_memory_is_called_one() {
    let place = Place::new();
    fs::create_dir_all(place.state().join("outbox.db")).unwrap();
    for arguments in [&["status"][..], &["import", "workouts"]] {
        let output = place.run(arguments);
        let error = String::from_utf8(output.stderr).unwrap();
        let words = ["outbox.db is a directory", "move it away"];
        assert!(!output.status.success() && words.iter().all(|word| error.contains(word)), "{error}");
    }
}

#[test]
fn a_closed_state_directory_is_not_taken_for_an_empty_one() {
    let place = Place::new();
    place.start().terminate();
    chmod(&place.state(), 0o000);
    let nobody = Nobody::of(&place, &[]);
    for arguments in [&["status"][..], &["status", "--json"], &["sessions", "list"], &["files", "list"]] {
        let output = nobody.command(&place).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        let error = String::from_utf8(output.stderr).unwrap();
        let state = place.state();
        let words = [state.to_str().unwrap(), "ermission denied", "sudo"];
        assert!(words.iter().all(|word| error.contains(word)) && output.stdout.is_empty(), "{error}");
    }
    chmod(&place.state(), 0o700);
}
