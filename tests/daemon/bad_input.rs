//! What can be wrong with a state directory, and with files: one clear line each, and the daemon goes on.

use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::wait;
use std::fs;
use std::os::unix::fs::symlink;

fn start_fails(place: &Place, words: &[&str]) {
    let output = place.run(&["run", "--watch", "workouts", "--listen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8(output.stderr).unwrap();
    let last = error.lines().last().unwrap();
    assert!(words.iter().all(|word| last.contains(word)), "{error}");
}

#[test]
fn a_database_of_a_newer_version_is_refused() {
    let place = Place::new();
    place.start().terminate();
    let database = place.state().join("outbox.db");
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    start_fails(&place, &["outbox.db", "newer", "99"]);
    let status = place.run(&["status"]);
    assert!(String::from_utf8(status.stderr).unwrap().contains("newer"));
}

/// Where fitferry has never been, a file of that name is somebody else's.
#[test]
fn what_is_none_of_ours_is_left_as_it_is() {
    let place = Place::new();
    fs::create_dir(place.state()).unwrap();
    let path = place.state().join("outbox.db");
    fs::write(&path, "this is no database, but somebody may want it back".repeat(100)).unwrap();
    let text = fs::read(&path).unwrap();
    start_fails(&place, &["outbox.db", "not a database", "move it away"]);
    assert!(fs::read(&path).unwrap() == text);
    fs::remove_file(&path).unwrap();
    place.start().terminate();
    // A database of another program is nobody's damage, wherever it lies.
    fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute("CREATE TABLE theirs (x)", []).unwrap();
    let theirs = fs::read(&path).unwrap();
    start_fails(&place, &["outbox.db", "another program", "move it away"]);
    assert!(fs::read(&path).unwrap() == theirs);
}

#[test]
fn a_state_directory_that_cannot_be_made_is_named() {
    let place = Place::new();
    fs::write(place.state(), "a file").unwrap();
    start_fails(&place, &["state"]);
}

#[test]
fn an_address_that_is_taken_is_named() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = place.run(&["run", "--watch", "workouts", "--listen", &address]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stderr).unwrap().contains(&address));
}

#[test]
fn odd_files_stop_nobody() {
    let place = Place::new();
    let mut daemon = place.start_with(&[], &[("FITFERRY_WATCH__SETTLE", "100ms")]);
    let folder = place.folder();
    symlink("/dev/zero", folder.join("zero.fit")).unwrap();
    symlink(folder.join("nowhere"), folder.join("dangling.fit")).unwrap();
    symlink(&folder, folder.join("loop")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(folder.join("pipe.fit")).status().unwrap().success());
    // Gone before anybody could look at it.
    fs::remove_file(place.drop_file("short-lived.fit", Run::default().build())).unwrap();
    place.drop_file("broken.fit", [&Run::default().build()[..100], &[0xff; 200]].concat());
    place.drop_file("real.fit", Run::at(1_600_000_000).build());
    daemon.wait_for_where("file.queued", |event| event["file"].as_str().unwrap().ends_with("real.fit"));
    wait::until_true("the real one on the server", || {
        daemon.sessions(&place).contains_key("fitferry-20200913T122640Z")
    });
    wait::until_true("a verdict on the broken one", || {
        daemon.events("file.waiting").iter().any(|event| event["file"].as_str().unwrap().ends_with("broken.fit"))
    });
    let ignored = ["zero.fit", "dangling.fit", "loop", "pipe.fit"];
    let verdicts = wait::until("a verdict on what is no file", || {
        let files = place.json(&["files", "list", "--json"]);
        let of = |name: &str| files.iter().find(|file| file["file"] == folder.join(name).to_str().unwrap()).cloned();
        ignored.iter().map(|name| of(name)).collect::<Option<Vec<_>>>()
    });
    for (name, verdict) in ignored.iter().zip(verdicts) {
        let what = if *name == "pipe.fit" { "a named pipe" } else { "a symbolic link" };
        assert!(verdict["verdict"] == "ignored" && verdict["reason"].as_str().unwrap().contains(what), "{verdict}");
        let story = place.json(&["explain", "--json", folder.join(name).to_str().unwrap()]).remove(0);
        assert!(story["memory"]["verdict"] == "ignored" && story["now"]["reason"] == verdict["reason"], "{story}");
        assert!(!story["next"].to_string().contains("by itself"), "{story}");
    }
    assert!(daemon.events("store.failed").is_empty());
    // Nobody waits for anybody.
    daemon.terminate();
}

/// The same name is that of a file, of a pipe and of a link to somebody else's file in turn.
#[test]
fn whatever_takes_the_place_of_a_file_stops_nobody() {
    let place = Place::new();
    let daemon = place.start_with(&[], &[("FITFERRY_WATCH__SETTLE", "100ms")]);
    let [draft, outside] = ["draft", "outside"].map(|name| place.dir.path().join(name));
    fs::write(&outside, Run::at(1_500_000_000).build()).unwrap();
    let path = place.folder().join("a.fit");
    for turn in 0..300 {
        match turn % 3 {
            0 => fs::write(&draft, Run::at(1_600_000_000).build()).unwrap(),
            1 => assert!(std::process::Command::new("mkfifo").arg(&draft).status().unwrap().success()),
            _ => symlink(&outside, &draft).unwrap(),
        }
        fs::rename(&draft, &path).unwrap();
    }
    place.drop_file("real.fit", Run::at(1_600_100_000).build());
    wait::until_true("the real one on the server", || {
        daemon.sessions(&place).contains_key("fitferry-20200914T161320Z")
    });
    assert!(!daemon.sessions(&place).contains_key("fitferry-20170714T024000Z"), "it is not in the folder");
    daemon.terminate();
}
