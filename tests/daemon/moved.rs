//! What becomes of files that are done with, where a folder wants them moved.

use super::nobody::{Nobody, chmod};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place, lines};
use crate::support::strava::Export;
use crate::support::wait;
use crate::support::xml;
use crate::sync::deliver::{START, drop_runs, id};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

const DAMAGED: &[u8] = b"\x0e\x20\x54\x08\xff\0\0\0.FIT\0\0and then nothing of the kind";

/// A place whose folder says so of its files, and is scanned all the time.
fn place_for(server: &FaultServer, options: &str) -> Place {
    let place = Place::new();
    fs::write(place.dir.path().join("token"), "right\n").unwrap();
    configure(&place, server, options);
    place
}

fn configure(place: &Place, server: &FaultServer, options: &str) {
    let config = format!(
        "folders = [{{ path = '{}'{options} }}]\n{}delivery.retry_first = '20ms'\ndelivery.retry_longest = '100ms'\n\
         [watch]\nscan_every = '1s'\nsettle = '100ms'\nsalvage_after = '100ms'\nremoved_grace = '100ms'\n",
        place.folder().display(),
        server.destination(&place.dir.path().join("token"))
    );
    fs::write(place.config(), config).unwrap();
}

fn start(place: &Place) -> Daemon {
    place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")])
}

fn run(day: i64) -> Vec<u8> {
    Run { records: 2, ..Run::at(START + day * 86_400) }.build()
}

/// Every file in the folder, with the month of today and that of yesterday written as such.
fn files(place: &Place) -> BTreeMap<String, Vec<u8>> {
    let now = jiff::Timestamp::now();
    let months = [now, now - jiff::SignedDuration::from_hours(24)].map(|at| at.strftime("/%Y-%m/").to_string());
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(place.folder()).into_iter().map(Result::unwrap) {
        if entry.file_type().is_file() {
            let name = entry.path().strip_prefix(place.folder()).unwrap().to_str().unwrap();
            let name = months.iter().fold(name.to_owned(), |name, month| name.replacen(month, "/MONTH/", 1));
            files.insert(name, fs::read(entry.path()).unwrap());
        }
    }
    files
}

fn names(place: &Place) -> Vec<String> {
    files(place).into_keys().collect()
}

/// What is remembered is what is there.
fn remembered(place: &Place) -> Vec<Value> {
    let rows = place.json(&["files", "list", "--json"]);
    let paths: BTreeSet<_> = rows.iter().map(|file| file["file"].as_str().unwrap().to_owned()).collect();
    let there = walkdir::WalkDir::new(place.folder()).into_iter().map(Result::unwrap);
    let there =
        there.filter(|entry| entry.file_type().is_file()).map(|entry| entry.path().to_str().unwrap().to_owned());
    assert_eq!(paths, there.collect());
    rows
}

/// Lets two whole scans pass, which draw all consequences that there are.
fn scans(daemon: &mut Daemon) {
    daemon.events("scan.done");
    (0..3).for_each(|_| drop(daemon.wait_for("scan.done")));
}

fn count(daemon: &mut Daemon, event: &str) -> usize {
    daemon.events(event).len()
}

#[test]
fn files_stay_where_they_are_unless_somebody_asks() {
    let server = FaultServer::start("right");
    for options in ["", ", on_done = 'leave', on_rejected = 'leave'"] {
        let place = place_for(&server, options);
        drop_runs(&place, 2);
        place.drop_file("bad.fit", DAMAGED);
        let mut daemon = start(&place);
        wait::until_true("its verdict", || count(&mut daemon, "file.rejected") == 1);
        wait::until_true("all sessions", || server.sessions().len() == 2);
        scans(&mut daemon);
        assert_eq!(names(&place), ["0.fit", "1.fit", "bad.fit"]);
        assert_eq!(count(&mut daemon, "file.moved"), 0);
    }
}

#[test]
fn what_is_delivered_is_moved_and_nothing_else_happens() {
    deliver_and_move(", on_done = 'move'");
}

#[test]
fn a_moved_file_is_not_taken_for_removed() {
    deliver_and_move(", on_done = 'move', on_removed = 'delete'");
}

fn deliver_and_move(options: &str) {
    let server = FaultServer::start("right");
    let place = place_for(&server, options);
    (0..2).for_each(|day| server.doom(&id(day), Fault::HangUp));
    drop_runs(&place, 2);
    place.drop_file("note.txt", "buy milk");
    let mut daemon = start(&place);
    wait::until_true("both to fail", || {
        let tried = daemon.events("session.retry");
        (0..2).all(|day| tried.iter().any(|event| event["session"] == id(day)))
    });
    scans(&mut daemon);
    assert_eq!(names(&place), ["0.fit", "1.fit", "note.txt"], "nothing is delivered yet");
    server.forgive();
    let from = (0..2).map(|_| daemon.wait_for("file.moved")["from"].as_str().unwrap().to_owned());
    let expected = (0..2).map(|day| place.folder().join(format!("{day}.fit")).to_str().unwrap().to_owned());
    assert_eq!(from.collect::<BTreeSet<_>>(), expected.collect());
    assert_eq!(names(&place), ["done/MONTH/0.fit", "done/MONTH/1.fit", "note.txt"]);
    let puts = server.puts();
    scans(&mut daemon);
    let rows = remembered(&place);
    assert!(rows.iter().all(|file| file["goneSince"].is_null()), "{rows:?}");
    let verdicts: Vec<_> = rows.iter().map(|file| file["verdict"].as_str().unwrap()).collect();
    assert_eq!(verdicts, ["queued", "queued", "ignored"]);
    for (event, times) in [("file.queued", 2), ("file.known", 0), ("file.ignored", 1), ("file.missed", 0)] {
        assert_eq!(count(&mut daemon, event), times, "{event}");
    }
    // By its old path as by its new one.
    let told = |path: &str| place.json(&["explain", "--json", path]).remove(0);
    let old = told(place.folder().join("0.fit").to_str().unwrap());
    assert_eq!((old["kind"].as_str(), &old["file"]), (Some("file"), &rows[0]["file"]));
    assert_eq!(told(rows[0]["file"].as_str().unwrap()), old);
    // A restart has nothing to read either.
    daemon.terminate();
    let mut daemon = start(&place);
    scans(&mut daemon);
    for event in ["file.queued", "file.known", "file.ignored", "file.missed", "file.moved"] {
        assert_eq!(count(&mut daemon, event), 0, "{event}");
    }
    assert_eq!(remembered(&place), rows);
    assert_eq!((server.sessions().len(), server.puts(), server.deletes()), (2, puts, BTreeMap::new()));
}

/// More than are looked at in one go.
#[test]
fn what_was_there_before_is_moved_when_somebody_begins_to_ask() {
    const COUNT: usize = 450;
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    drop_runs(&place, i64::try_from(COUNT).unwrap());
    let daemon = start(&place);
    wait::until_true("all sessions", || server.sessions().len() == COUNT);
    wait::until_true("an empty outbox", || place.json(&["outbox", "list", "--json"]).is_empty());
    daemon.terminate();
    // One has changed, and what it says now is not delivered.
    let edited = Run { seconds: 4000, records: 2, ..Run::at(START + 86_400) }.build();
    place.drop_file("1.fit", &edited);
    server.doom(&id(1), Fault::HangUp);
    configure(&place, &server, ", on_done = 'move'");
    let mut daemon = start(&place);
    (1..COUNT).for_each(|_| drop(daemon.wait_for("file.moved")));
    daemon.wait_for("session.retry");
    scans(&mut daemon);
    let left = names(&place).into_iter().filter(|name| !name.starts_with("done/MONTH/"));
    assert_eq!(left.collect::<Vec<_>>(), ["1.fit"]);
    server.forgive();
    daemon.wait_for("file.moved");
    assert!(files(&place)["done/MONTH/1.fit"] == edited);
    assert_eq!((remembered(&place).len(), count(&mut daemon, "file.queued")), (COUNT, 1));
}

#[test]
fn what_is_rejected_is_moved_only_where_that_is_asked_for() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    drop_runs(&place, 1);
    place.drop_file("bad.fit", DAMAGED);
    place.drop_file("future.gpx", xml::gpx(4_000_000_000, 60, 9, "running"));
    place.drop_file("route.gpx", "<gpx><rte/></gpx>");
    let mut daemon = start(&place);
    wait::until_true("its verdict", || count(&mut daemon, "file.rejected") == 1);
    wait::until_true("the other", || count(&mut daemon, "file.moved") == 1);
    scans(&mut daemon);
    assert_eq!(names(&place), ["bad.fit", "done/MONTH/0.fit", "future.gpx", "route.gpx"]);
    daemon.terminate();
    configure(&place, &server, ", on_rejected = 'move'");
    let mut daemon = start(&place);
    daemon.wait_for("file.moved");
    place.drop_file("worse.fit", DAMAGED);
    place.drop_file("2.fit", run(2));
    daemon.wait_for("file.moved");
    wait::until_true("the session", || server.sessions().len() == 2);
    scans(&mut daemon);
    let expected = "2.fit done/MONTH/0.fit future.gpx rejected/MONTH/bad.fit rejected/MONTH/worse.fit route.gpx";
    assert_eq!(names(&place).join(" "), expected);
    assert_eq!(count(&mut daemon, "file.rejected"), 1, "each is read once");
    remembered(&place);
}

#[test]
fn names_that_clash_get_numbers() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    for (name, day) in [("run.fit", 0), ("a/run.fit", 1), ("a/b/run.fit", 2), ("b/run.fit", 3)] {
        fs::create_dir_all(place.folder().join(name).parent().unwrap()).unwrap();
        place.drop_file(name, run(day));
    }
    let mut daemon = start(&place);
    (0..4).for_each(|_| drop(daemon.wait_for("file.moved")));
    let moved = files(&place);
    let names: Vec<&str> = moved.keys().map(String::as_str).collect();
    let expected = ["run (2).fit", "run (3).fit", "run (4).fit", "run.fit"].map(|name| format!("done/MONTH/{name}"));
    assert_eq!(names, expected);
    let contents: BTreeSet<Vec<u8>> = moved.into_values().collect();
    assert_eq!(contents, (0..4).map(run).collect());
    scans(&mut daemon);
    assert_eq!((count(&mut daemon, "file.queued"), count(&mut daemon, "file.known")), (4, 0));
    remembered(&place);
}

/// Into the folder for done files, and out of it.
#[test]
fn what_people_move_is_neither_doubled_nor_deleted() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move', on_removed = 'delete'");
    fs::create_dir_all(place.folder().join("done/2020-01")).unwrap();
    place.drop_file("done/2020-01/by hand.fit", run(9));
    drop_runs(&place, 2);
    let mut daemon = start(&place);
    let moved = (0..2).map(|_| PathBuf::from(daemon.wait_for("file.moved")["to"].as_str().unwrap()));
    let moved = moved.collect::<Vec<_>>()[0].parent().unwrap().to_owned();
    wait::until_true("all sessions", || server.sessions().len() == 3);
    let expected = ["done/2020-01/by hand.fit", "done/MONTH/0.fit", "done/MONTH/1.fit"];
    assert_eq!(names(&place), expected);
    // Back to where it was: as done as before.
    fs::rename(moved.join("0.fit"), place.folder().join("0.fit")).unwrap();
    daemon.wait_for("file.moved");
    // From one folder for done files into another, and from outside by hand.
    fs::rename(moved.join("1.fit"), place.folder().join("done/2020-01/1.fit")).unwrap();
    daemon.wait_for("file.forgotten");
    scans(&mut daemon);
    assert_eq!(names(&place), ["done/2020-01/1.fit", "done/2020-01/by hand.fit", "done/MONTH/0.fit"]);
    assert_eq!(remembered(&place).len(), 3);
    assert_eq!((server.sessions().len(), server.deletes()), (3, BTreeMap::new()));
    assert!(server.puts().values().all(|times| *times == 1), "{:?}", server.puts());
}

/// Without the help of scans.
fn start_deaf_to_time(place: &Place) -> Daemon {
    place.start_with(&[], &[("FITFERRY_WATCH__SCAN_EVERY", "1h")])
}

#[test]
fn a_copy_of_what_is_delivered_is_moved_too() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    let mut daemon = start_deaf_to_time(&place);
    drop_runs(&place, 1);
    daemon.wait_for("file.moved");
    place.drop_file("copy.fit", run(0));
    let moved = daemon.wait_for("file.moved");
    assert!(moved["from"].as_str().unwrap().ends_with("/copy.fit"), "{moved}");
    assert_eq!(names(&place), ["done/MONTH/0.fit", "done/MONTH/copy.fit"]);
    assert_eq!((count(&mut daemon, "file.known"), server.puts()), (1, [(id(0), 1)].into()));
}

/// It finds its file gone each time that it looks.
#[test]
fn who_copies_again_what_was_moved_piles_nothing_up() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move', on_rejected = 'move'");
    let mut daemon = start(&place);
    let copy = || {
        place.drop_file("0.fit", run(0));
        place.drop_file("bad.fit", DAMAGED);
    };
    copy();
    (0..2).for_each(|_| drop(daemon.wait_for("file.moved")));
    let expected = ["0.fit", "bad.fit", "done/MONTH/0.fit", "rejected/MONTH/bad.fit"];
    for _ in 0..3 {
        copy();
        (0..2).for_each(|_| drop(daemon.wait_for("file.stays")));
        scans(&mut daemon);
        assert_eq!(names(&place), expected);
    }
    assert_eq!((count(&mut daemon, "file.moved"), count(&mut daemon, "file.stays")), (2, 6), "and not at each scan");
    assert_eq!(server.puts(), [(id(0), 1)].into());
    for (name, of) in [("0.fit", "/done/"), ("bad.fit", "/rejected/")] {
        let told = place.run(&["explain", "--json", place.folder().join(name).to_str().unwrap()]).stdout;
        let told = lines(&told).remove(0);
        let stays = told["memory"]["stays"].as_str().unwrap();
        assert!(stays.contains(of) && stays.contains("is the same, byte for byte"), "{stays}");
    }
    // What somebody takes away is replaced by what is there.
    fs::remove_dir_all(place.folder().join("done")).unwrap();
    assert!(daemon.wait_for("file.moved")["from"].as_str().unwrap().ends_with("/0.fit"));
    place.drop_file("0.fit", run(1));
    daemon.wait_for("file.moved");
    scans(&mut daemon);
    let expected = ["bad.fit", "done/MONTH/0 (2).fit", "done/MONTH/0.fit", "rejected/MONTH/bad.fit"];
    assert_eq!(names(&place), expected);
}

/// The next version comes under a name that is free again, and is longer or shorter by much; what is another workout is one.
#[test]
fn a_new_version_of_a_moved_file_is_the_same_workout() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    let mut daemon = start(&place);
    let minutes = |count: i64| xml::gpx(START, count * 60, count + 1, "running");
    let mut ids = BTreeSet::new();
    for count in [10, 20, 45, 90, 30] {
        place.drop_file("live.gpx", minutes(count));
        daemon.wait_for("file.moved");
        let sessions = server.sessions();
        let [(id, session)] = &sessions.iter().collect::<Vec<_>>()[..] else { panic!("{count}: {sessions:?}") };
        assert_eq!(session["endTimeMillis"], ((START + count * 60) * 1000).to_string(), "{count}");
        ids.insert((*id).clone());
    }
    assert_eq!(ids.len(), 1);
    // Not so what only has the name.
    place.drop_file("live.gpx", xml::gpx(START + 86_400, 3600, 61, "running"));
    daemon.wait_for("file.moved");
    assert_eq!(server.sessions().len(), 2);
    scans(&mut daemon);
    // Nor does a restart find anything to send.
    let puts = server.puts();
    daemon.terminate();
    let mut daemon = start(&place);
    scans(&mut daemon);
    assert_eq!((server.puts(), server.sessions().len()), (puts.clone(), 2));
    // Nor does another memory, which has only their names.
    daemon.terminate();
    fs::remove_file(place.state().join("outbox.db")).unwrap();
    let mut daemon = start(&place);
    scans(&mut daemon);
    wait::until_true("an empty queue", || {
        let account = &place.json(&["status", "--json"])[0]["accounts"][0];
        account["sessions"] == 2 && account["queued"] == 0
    });
    assert_eq!((server.puts(), server.sessions().len()), (puts, 2));
}

#[test]
fn an_archive_is_moved_when_all_that_it_tells_is_delivered() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    let export = Export::of(20);
    let ids = export.session_ids();
    let last = ids.last().unwrap();
    server.doom(last, Fault::HangUp);
    place.drop_file("export.zip", export.zip());
    let mut daemon = start(&place);
    wait::until_true("all but one session", || server.sessions().len() == ids.len() - 1);
    scans(&mut daemon);
    assert_eq!(names(&place), ["export.zip"]);
    server.forgive();
    daemon.wait_for("file.moved");
    assert_eq!(names(&place), ["done/MONTH/export.zip"]);
    scans(&mut daemon);
    assert_eq!((count(&mut daemon, "file.queued"), count(&mut daemon, "file.known")), (1, 0));
}

#[test]
fn what_a_new_memory_finds_on_the_server_is_delivered() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    drop_runs(&place, 2);
    let daemon = start(&place);
    wait::until_true("all sessions", || server.sessions().len() == 2);
    daemon.terminate();
    fs::remove_dir_all(place.state()).unwrap();
    configure(&place, &server, ", on_done = 'move'");
    let mut daemon = start_deaf_to_time(&place);
    (0..2).for_each(|_| drop(daemon.wait_for("file.moved")));
    assert_eq!(names(&place), ["done/MONTH/0.fit", "done/MONTH/1.fit"]);
    assert_eq!(server.puts().values().sum::<u32>(), 2);
}

/// What somebody lets go keeps no file back that has something else to tell.
#[test]
fn what_waits_for_a_person_stays() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    let export = Export::of(20);
    let ids = export.session_ids();
    let refused = [ids.last().unwrap(), &id(400)];
    refused.into_iter().for_each(|id| server.doom(id, Fault::Answer(400, "", "")));
    place.drop_file("export.zip", export.zip());
    place.drop_file("400.fit", run(400));
    let mut daemon = start_deaf_to_time(&place);
    (0..2).for_each(|_| drop(daemon.wait_for("session.parked")));
    wait::until_true("the others", || server.sessions().len() == ids.len() - 1);
    place.drop_file("0.fit", run(0));
    daemon.wait_for("file.moved");
    assert_eq!(names(&place), ["400.fit", "done/MONTH/0.fit", "export.zip"]);
    assert!(place.run(&["outbox", "discard", "--all-parked"]).status.success());
    daemon.wait_for("file.moved");
    assert_eq!(names(&place), ["400.fit", "done/MONTH/0.fit", "done/MONTH/export.zip"]);
}

#[test]
fn where_nothing_can_be_moved_that_is_said_once() {
    // More than are looked at in one go.
    const COUNT: i64 = 201;
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    drop_runs(&place, COUNT);
    let nobody = Nobody::of(&place, &[]);
    chmod(&place.folder(), 0o555);
    let mut command = nobody.command(&place);
    command.args(["run", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
    let mut daemon = Daemon::spawn(command.env("FITFERRY_LOG__LEVEL", "debug"));
    let failed = daemon.wait_for("folder.move_failed");
    wait::until_true("all sessions", || server.sessions().len() == 201);
    assert!(failed["path"].as_str().unwrap().ends_with(".fit"), "{failed}");
    assert!(failed["error"].as_str().unwrap().contains("ermission denied"), "{failed}");
    assert!(failed["hint"].as_str().unwrap().contains("write to the folder"), "{failed}");
    scans(&mut daemon);
    let is_moved = |name: &String| name.starts_with("done/");
    assert!(!names(&place).iter().any(is_moved));
    assert_eq!(count(&mut daemon, "folder.move_failed"), 1);
    let told = place.run(&["explain", place.folder().join("0.fit").to_str().unwrap()]).stdout;
    assert!(String::from_utf8_lossy(&told).contains("it is not moved: cannot move"), "{told:?}");
    let troubles = || place.json(&["status", "--json"])[0]["accounts"][0]["folders"][0]["troubles"].to_string();
    wait::until_true("people to be told", || troubles().contains("cannot move"));
    chmod(&place.folder(), 0o750);
    (0..COUNT).for_each(|_| drop(daemon.wait_for("file.moved")));
    wait::until_true("nothing to be the matter", || troubles() == "null");
    assert!(names(&place).iter().all(is_moved));
    // Whoever may enter the one may enter the others.
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let month = fs::read_dir(place.folder().join("done")).unwrap().next().unwrap().unwrap().path();
    assert_eq!((mode(&place.folder().join("done")), mode(&month)), (0o750, 0o750));
}

/// It may lead back into the folder, or to where nobody looks for files.
#[test]
fn nothing_is_moved_through_a_link() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    fs::create_dir(place.folder().join("old")).unwrap();
    symlink("old", place.folder().join("done")).unwrap();
    drop_runs(&place, 1);
    let mut daemon = start(&place);
    let failed = daemon.wait_for("folder.move_failed");
    assert!(failed["error"].as_str().unwrap().contains("done is no folder"), "{failed}");
    scans(&mut daemon);
    assert_eq!(names(&place), ["0.fit"]);
    assert_eq!(count(&mut daemon, "folder.move_failed"), 1);
}

#[test]
fn an_import_moves_nothing() {
    let server = FaultServer::start("right");
    let place = place_for(&server, ", on_done = 'move'");
    drop_runs(&place, 1);
    assert!(place.run(&["import", place.folder().to_str().unwrap()]).status.success());
    assert_eq!((names(&place), server.sessions().len()), (vec!["0.fit".to_owned()], 1));
}
