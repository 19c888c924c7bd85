//! The commands that only look, where nothing may be written: on a read-only disk, and as somebody who may only read.

use crate::daemon::nobody::{Nobody, chmod};
use crate::support::fit::Run;
use crate::support::program::{Place, lines};
use crate::support::small_disk;
use std::fs;
use std::process::Command;

const SESSION: &str = "fitferry-20260412T063015Z";

/// Every command that only looks, and prints JSON lines.
const LOOKS: [&[&str]; 5] = [
    &["status", "--json"],
    &["sessions", "list", "--json"],
    &["files", "list", "--json"],
    &["outbox", "list", "--json"],
    &["explain", SESSION, "--json"],
];

/// A place with one session, delivered by a daemon that has ended.
fn place() -> Place {
    let place = Place::new();
    place.drop_file("a.fit", Run::default().build());
    let daemon = place.start();
    daemon.wait_for_sessions(&place, 1);
    daemon.terminate();
    place
}

/// Lets everybody read the state directory, and nobody but root write to it.
fn open_to_readers(place: &Place) {
    for entry in fs::read_dir(place.state()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            chmod(&path, 0o444);
        }
    }
    chmod(&place.state(), 0o555);
}

/// Every command prints what it prints to somebody who may write.
fn check_looks(place: &Place, command: impl Fn() -> Command) {
    let answers = |command: &dyn Fn() -> Command| {
        LOOKS.map(|arguments| {
            let output = command().args(arguments).output().unwrap();
            assert!(output.status.success(), "{arguments:?}: {output:?}");
            lines(&output.stdout)
        })
    };
    let (mut theirs, mut ours) = (answers(&command), answers(&|| place.command()));
    let [running, truth] = [&mut theirs, &mut ours].map(|answers| answers[0][0]["running"].take());
    assert!(running == truth || running.is_null() && truth == true, "{running}: not everybody may know");
    assert!(theirs[1].iter().any(|session| session["id"] == SESSION));
    assert_eq!(theirs, ours);
}

fn log(place: &Place) -> fs::Metadata {
    fs::metadata(place.state().join("outbox.db-wal")).unwrap()
}

#[test]
fn somebody_who_may_only_read_sees_everything() {
    let place = place();
    open_to_readers(&place);
    let nobody = Nobody::of(&place, &[]);
    check_looks(&place, || nobody.command(&place));
    chmod(&place.state(), 0o700);
}

/// The log of one that runs holds what is newest.
#[test]
fn somebody_who_may_only_read_sees_what_a_daemon_does() {
    let place = place();
    let daemon = place.start();
    place.drop_file("b.fit", Run::at(1_600_000_000).build());
    daemon.wait_for_sessions(&place, 2);
    crate::support::wait::until_true("the end of the work", || {
        let sessions = place.json(&["sessions", "list", "--json"]);
        let is_wary = place.json(&["status", "--json"])[0]["accounts"][0]["wary"] == true;
        !is_wary && sessions.iter().filter(|session| session["state"] == "delivered").count() == 2
    });
    assert!(log(&place).len() > 0);
    open_to_readers(&place);
    let nobody = Nobody::of(&place, &[]);
    check_looks(&place, || nobody.command(&place));
    chmod(&place.state(), 0o700);
    daemon.terminate();
}

#[test]
fn a_log_that_only_a_writer_can_read_is_not_passed_over() {
    let place = place();
    let daemon = place.start();
    place.drop_file("b.fit", Run::at(1_600_000_000).build());
    daemon.wait_for_sessions(&place, 2);
    daemon.kill();
    assert!(log(&place).len() > 0);
    fs::remove_file(place.state().join("outbox.db-shm")).unwrap();
    open_to_readers(&place);
    let nobody = Nobody::of(&place, &[]);
    for arguments in LOOKS {
        let output = nobody.command(&place).args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.is_empty()), (Some(1), true), "{arguments:?}: {error}");
        let words = ["outbox.db cannot be read", "outbox.db-wal", "the user that fitferry runs as"];
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
    chmod(&place.state(), 0o700);
}

#[test]
fn a_read_only_disk_can_be_looked_at() {
    let place = place();
    if small_disk::read_only(&place).is_none() {
        return;
    }
    let command = || small_disk::read_only(&place).unwrap();
    check_looks(&place, command);
    // One that was killed leaves a log with its index.
    let daemon = place.start();
    place.drop_file("b.fit", Run::at(1_600_000_000).build());
    daemon.wait_for_sessions(&place, 2);
    daemon.kill();
    assert!(log(&place).len() > 0);
    check_looks(&place, command);
}
