//! What can happen to the watched folders themselves, and to events.

use crate::support::fit::{FitFile, Run, Value};
use crate::support::program::Place;
use crate::support::wait;
use std::fs;
use std::os::unix::fs::symlink;

const START: i64 = 1_600_000_000;

fn run(day: i64) -> Vec<u8> {
    Run { records: 1, ..Run::at(START + day * 86_400) }.build()
}

#[test]
fn a_folder_that_goes_away_and_comes_back_costs_nothing() {
    let place = Place::new();
    let mut daemon = place.start();
    place.drop_file("a.fit", run(0));
    daemon.wait_for_sessions(&place, 1);
    let aside = place.dir.path().join("unmounted");
    fs::rename(place.folder(), &aside).unwrap();
    daemon.wait_for("folder.away");
    assert_eq!(daemon.sessions(&place).len(), 1);
    fs::write(aside.join("b.fit"), run(1)).unwrap();
    fs::rename(&aside, place.folder()).unwrap();
    daemon.wait_for("folder.back");
    daemon.wait_for_sessions(&place, 2);
    place.drop_file("c.fit", run(2));
    daemon.wait_for_sessions(&place, 3);
}

/// What has taken its name says what to do.
#[test]
fn why_a_folder_is_away_is_told_as_it_changes() {
    let place = Place::new();
    let mut daemon = place.start();
    fs::rename(place.folder(), place.dir.path().join("unmounted")).unwrap();
    daemon.wait_for("folder.away");
    let is_told = |what: &str| {
        let status = &place.json(&["status", "--json"])[0]["accounts"][0]["folders"][0];
        status["mode"] == "away" && status["reason"].as_str().unwrap().to_lowercase().contains(what)
    };
    wait::until_true("it to be told missing", || is_told("no such file"));
    fs::write(place.folder(), "x").unwrap();
    wait::until_true("it to be told a file", || is_told("not a directory"));
    fs::remove_file(place.folder()).unwrap();
    symlink(place.folder(), place.folder()).unwrap();
    wait::until_true("it to be told a loop", || is_told("symbolic link"));
    fs::remove_file(place.folder()).unwrap();
    wait::until_true("it to be told missing", || is_told("no such file"));
    fs::create_dir(place.folder()).unwrap();
    daemon.wait_for("folder.back");
    place.drop_file("a.fit", run(0));
    daemon.wait_for_sessions(&place, 1);
    assert_eq!(daemon.events("folder.away").len(), 4);
}

#[test]
fn a_folder_that_is_removed_and_made_again_is_listened_to() {
    let place = Place::new();
    let daemon = place.start_with(&[], &[("FITFERRY_WATCH__SCAN_EVERY", "2s")]);
    place.drop_file("a.fit", run(0));
    daemon.wait_for_sessions(&place, 1);
    for day in 1..3 {
        fs::remove_dir_all(place.folder()).unwrap();
        fs::create_dir(place.folder()).unwrap();
        fs::write(place.folder().join("b.fit"), run(day)).unwrap();
        daemon.wait_for_sessions(&place, 1 + usize::try_from(day).unwrap());
    }
}

/// As when a disk is mounted over it: nothing happens to the folder that is listened to.
#[test]
fn another_folder_under_the_same_name_is_noticed() {
    let place = Place::new();
    let disks = ["one", "two"].map(|name| place.dir.path().join(name));
    for disk in &disks {
        fs::create_dir(disk).unwrap();
    }
    fs::remove_dir(place.folder()).unwrap();
    symlink(&disks[0], place.folder()).unwrap();
    let daemon = place.start_with(&[], &[("FITFERRY_WATCH__SCAN_EVERY", "2s")]);
    fs::write(disks[0].join("a.fit"), run(0)).unwrap();
    daemon.wait_for_sessions(&place, 1);
    fs::write(disks[1].join("b.fit"), run(1)).unwrap();
    fs::remove_file(place.folder()).unwrap();
    symlink(&disks[1], place.folder()).unwrap();
    daemon.wait_for_sessions(&place, 2);
    fs::write(disks[1].join("c.fit"), run(2)).unwrap();
    daemon.wait_for_sessions(&place, 3);
}

#[test]
fn what_is_behind_a_link_inside_is_left_alone() {
    let place = Place::new();
    let other = place.dir.path().join("other");
    fs::create_dir(&other).unwrap();
    symlink(&other, place.folder().join("link")).unwrap();
    let mut daemon = place.start();
    fs::write(other.join("theirs.fit"), run(0)).unwrap();
    // Its event comes after the other one's would.
    place.drop_file("ours.fit", run(1));
    daemon.wait_for("session.delivered");
    daemon.wait_for_where("file.ignored", |event| event["reason"].as_str().unwrap().contains("symbolic link"));
    let files = place.json(&["files", "list", "--json"]);
    assert_eq!(files.len(), 2, "{files:?}");
    assert_eq!(daemon.events("file.queued").len(), 1);
}

/// The daemon stands still while more happens than the system keeps events of: what they cannot tell, a scan finds.
///
/// Of the files one in forty holds a workout, and no two the same; the others hold none, so that the test spends its time
/// on finding files and not on delivering sessions.
#[test]
fn a_burst_of_files_is_found_whole() {
    const FILES: i64 = 20_000;
    const EACH: i64 = 80;
    let place = Place::new();
    let mut daemon = place.start();
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let limit: i64 = limit.trim().parse().unwrap();
    daemon.signal("STOP");
    let made = place.folder().join("made");
    fs::create_dir(&made).unwrap();
    let workout = |number: i64| Run { records: 1, ..Run::at(1_200_000_000 + number * 7200) }.build();
    let mut settings = FitFile::new();
    settings.message(0, 0, &[(0, Value::U8(2))]);
    let settings = settings.build();
    for number in 0..FILES {
        let folder = if number % 2 == 0 { &made } else { &place.folder() };
        let content = if number % EACH < 2 { &workout(number) } else { &settings };
        fs::write(folder.join(format!("{number}.fit")), content).unwrap();
    }
    // Each file in a folder that is listened to is three events: made, written, closed.
    for _ in FILES / 2 * 3..limit {
        fs::write(place.folder().join(".noise"), "x").unwrap();
    }
    daemon.signal("CONT");
    daemon.wait_for_where("folder.rescan", |event| event["reason"].as_str().unwrap().contains("overflow"));
    let workouts = FILES / EACH * 2;
    daemon.wait_for_sessions(&place, usize::try_from(workouts).unwrap());
    wait::until_true("a verdict on every file", || {
        let files = &place.json(&["status", "--json"])[0]["accounts"][0]["files"];
        files["queued"] == workouts && files["no-session"] == FILES - workouts
    });
    // The making of this folder was among what was lost.
    fs::write(made.join("later.fit"), workout(FILES)).unwrap();
    daemon.wait_for_sessions(&place, usize::try_from(workouts + 1).unwrap());
}
