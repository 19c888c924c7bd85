//! Stopping and starting: nothing is sent again, and no known file is opened.

use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::xml;
use notify::event::{AccessKind, EventKind};
use notify::{RecursiveMode, Watcher as _};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::time::SystemTime;

const START: i64 = 1_775_975_415;

#[test]
fn known_files_are_not_opened_and_nothing_is_written_to_the_server() {
    let place = Place::new();
    let first = place.start();
    let run = |day: i64| Run::at(START + day * 86_400).build();
    let paths: Vec<_> = (0..20).map(|day| place.drop_file(&format!("{day}.fit"), run(day))).collect();
    first.wait_for_sessions(&place, 20);
    let before = first.get(&place, crate::support::program::ALL).json();
    first.terminate();
    let opened = opened_in(&place.folder());
    let mut second = place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    let scanned = |event: &serde_json::Value| event["files"] == 20;
    if !second.events("scan.done").iter().any(scanned) {
        second.wait_for_where("scan.done", scanned);
    }
    // Files are written down in order, so whatever the scan had queued would have been told before this one.
    place.drop_file("new.fit", run(100));
    second.wait_for_where("file.queued", |event| event["file"].as_str().unwrap().ends_with("new.fit"));
    second.wait_for("session.delivered");
    let opened = std::iter::from_fn(|| Some(opened.recv().unwrap()).filter(|path| !path.ends_with("new.fit")));
    assert_eq!(opened.filter(|path| paths.contains(path)).count(), 0);
    let said = ["queued", "known", "rejected", "waiting", "ignored"].map(|what| second.events(&format!("file.{what}")));
    assert_eq!(said.concat().len(), 1, "{said:?}");
    assert_eq!(second.events("session.delivered").len(), 1);
    // Every write changes the time of modification, so equal answers mean that none came.
    let mut after = second.get(&place, crate::support::program::ALL).json();
    after["session"].as_array_mut().unwrap().retain(|session| session["id"] != "fitferry-20260721T063015Z");
    assert_eq!(after, before);
}

/// The files below a folder as they are opened by anybody, in order.
fn opened_in(folder: &Path) -> Receiver<PathBuf> {
    let (sender, opened) = channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let event = event.unwrap();
        if matches!(event.kind, EventKind::Access(AccessKind::Open(_))) {
            event.paths.into_iter().for_each(|path| sender.send(path).unwrap_or_default());
        }
    })
    .unwrap();
    watcher.watch(folder, RecursiveMode::NonRecursive).unwrap();
    // It ends with the test.
    std::mem::forget(watcher);
    opened
}

/// The same name, size, time of modification and inode: only that it was changed shows.
#[test]
fn another_workout_behind_the_back_of_a_known_file_is_read() {
    let place = Place::new();
    let first = place.start();
    let path = place.drop_file("a.gpx", xml::gpx(START, 3600, 50, "running"));
    let old = first.wait_for_sessions(&place, 1);
    first.terminate();
    let known = fs::metadata(&path).unwrap();
    fs::write(&path, xml::gpx(START + 86_400, 3600, 50, "running")).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(known.modified().unwrap()).unwrap();
    let now = fs::metadata(&path).unwrap();
    assert_eq!((now.len(), now.ino(), now.modified().unwrap()), (known.len(), known.ino(), known.modified().unwrap()));
    // Nobody has told that it was closed.
    let environment = [("FITFERRY_WATCH__SETTLE", "100ms"), ("FITFERRY_WATCH__SALVAGE_AFTER", "100ms")];
    let mut second = place.start_with(&[], &environment);
    second.wait_for("session.delivered");
    let mut sessions = second.sessions(&place);
    assert_eq!(sessions.len(), 2);
    sessions.retain(|id, _| old.contains_key(id));
    assert_eq!(sessions, old);
}

/// Of what was judged before that time was noted, the other numbers have to do: nothing is read again for it.
#[test]
fn what_an_older_version_has_judged_is_not_read_again() {
    let place = Place::new();
    let first = place.start();
    place.drop_file("a.fit", Run::at(START).build());
    first.wait_for_sessions(&place, 1);
    first.terminate();
    let memory = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    assert_eq!(memory.execute("UPDATE file SET ctime_ns = 0 WHERE ctime_ns <> 0", []).unwrap(), 1);
    drop(memory);
    let opened = opened_in(&place.folder());
    let mut second = place.start();
    place.drop_file("new.fit", Run::at(START + 86_400).build());
    second.wait_for("session.delivered");
    assert!(
        opened.iter().find(|path| path.ends_with("a.fit") || path.ends_with("new.fit")).unwrap().ends_with("new.fit")
    );
}

/// Its mode, owner and links are none of ours: that costs a look into it, and nothing else.
#[test]
fn a_known_file_of_another_mode_is_known() {
    let place = Place::new();
    let first = place.start();
    let path = place.drop_file("a.fit", Run::at(START).build());
    first.wait_for_sessions(&place, 1);
    first.terminate();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let mut second = place.start();
    second.wait_for("file.known");
    place.drop_file("new.fit", Run::at(START + 86_400).build());
    assert!(second.wait_for("session.delivered")["session"] != "fitferry-20260412T063015Z");
}

#[test]
fn a_file_that_changed_while_nobody_looked_is_read_again() {
    let place = Place::new();
    let first = place.start();
    let path = place.drop_file("a.fit", Run::at(START).build());
    first.wait_for_sessions(&place, 1);
    first.terminate();
    fs::write(&path, Run { seconds: 1800, ..Run::at(START) }.build()).unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(SystemTime::now()).unwrap();
    let mut second = place.start();
    let delivered = second.wait_for("session.delivered");
    assert_eq!(delivered["revision"], 2);
    assert_eq!(second.sessions(&place), place.normalized(&[&path]));
}

#[test]
fn another_daemon_is_refused_with_its_process_named() {
    let place = Place::new();
    let daemon = place.start();
    let output = place.run(&["run", "--listen", "127.0.0.1:0", "--watch", "workouts"]);
    assert_eq!(output.status.code(), Some(75));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("already running") && error.contains(&daemon.id().to_string()), "{error}");
}

#[test]
fn the_first_run_needs_nothing_at_all() {
    let place = Place::new();
    fs::remove_dir(place.folder()).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fitferry"));
    command.args(["run", "--listen", "127.0.0.1:0"]).env_clear().env("HOME", place.dir.path());
    command.env("FITFERRY_LOG__FORMAT", "json").current_dir(place.dir.path());
    let mut daemon = crate::support::program::Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    place.drop_file("a.fit", Run::at(START).build());
    daemon.wait_for("session.delivered");
    assert!(place.dir.path().join(".local/state/fitferry/outbox.db").exists());
}
