//! How folders are watched where events do not tell everything, and where their disk is not there.

use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use crate::support::{foreign, mounts, wait};
use serde_json::Value;
use std::fs;
use std::process::Command;

const START: i64 = 1_600_000_000;

pub(super) fn run(day: i64) -> Vec<u8> {
    Run { records: 1, ..Run::at(START + day * 86_400) }.build()
}

/// How the only folder is watched, as `status` has it.
fn folder(place: &Place) -> Value {
    place.json(&["status", "--json"])[0]["accounts"][0]["folders"][0].clone()
}

/// Whether temporary files are where events tell everything; elsewhere every folder is polled.
pub(super) fn has_events(place: &Place) -> bool {
    let kind = Command::new("stat").args(["-f", "-c", "%T"]).arg(place.folder()).output().unwrap();
    let is_local =
        ["ext2/ext3", "btrfs", "xfs", "tmpfs", "zfs", "f2fs"].contains(&String::from_utf8_lossy(&kind.stdout).trim());
    foreign::given(is_local, "temporary files are not on a file system of this machine")
}

pub(super) fn has(value: &Value, words: &str) -> bool {
    value.as_str().is_some_and(|text| text.contains(words))
}

/// A file system of FUSE, as network shares are: written to from behind, where nobody hears of it.
#[test]
fn a_share_is_polled() {
    if !foreign::can_bind() {
        return;
    }
    let place = Place::new();
    let behind = place.dir.path().join("behind");
    fs::create_dir(&behind).unwrap();
    let script = "bindfs \"$BEHIND\" \"$WATCH\"
        exec \"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\" --listen 127.0.0.1:0";
    let Some(mut command) = mounts::command(&place, script) else { return };
    command.env("BEHIND", &behind).env("FITFERRY_WATCH__POLL_EVERY", "200ms");
    let mut daemon = Daemon::spawn(&mut command);
    let watched = daemon.wait_for("folder.watched");
    assert!(watched["mode"] == "polling" && has(&watched["reason"], "FUSE"), "{watched}");
    for day in 0..3 {
        fs::write(behind.join(format!("{day}.fit")), run(day)).unwrap();
        daemon.wait_for("session.delivered");
    }
    wait::until_true("its state to be written down", || folder(&place)["mode"] == "polling");
    let folder = folder(&place);
    assert!(has(&folder["reason"], "FUSE"), "{folder}");
    assert!(daemon.events("file.rejected").is_empty());
}

/// A share that is mounted inside the folder when it is begun to be listened to.
#[test]
fn a_folder_with_a_share_inside_is_polled() {
    let place = Place::new();
    if !foreign::can_bind() || !has_events(&place) {
        return;
    }
    let behind = place.dir.path().join("behind");
    fs::create_dir(&behind).unwrap();
    fs::create_dir(place.folder().join("nas")).unwrap();
    let script = "bindfs \"$BEHIND\" \"$WATCH/nas\"
        exec \"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\" --listen 127.0.0.1:0";
    let Some(mut command) = mounts::command(&place, script) else { return };
    command.env("BEHIND", &behind).env("FITFERRY_WATCH__POLL_EVERY", "200ms");
    let mut daemon = Daemon::spawn(&mut command);
    let watched = daemon.wait_for_where("folder.watched", |watched| watched["mode"] == "polling");
    assert!(has(&watched["reason"], "/nas inside it is on FUSE"), "{watched}");
    for day in 0..3 {
        fs::write(behind.join(format!("{day}.fit")), run(day)).unwrap();
        daemon.wait_for("session.delivered");
    }
}

/// The system tells of one name of a file, and of its others nothing.
#[test]
fn a_second_name_of_a_file_is_no_reason_to_poll() {
    let place = Place::new();
    if !has_events(&place) {
        return;
    }
    let path = place.drop_file("a.fit", run(0));
    fs::hard_link(&path, place.folder().join("b.fit")).unwrap();
    let mut daemon = place.start_with(&[], &[("FITFERRY_WATCH__SCAN_EVERY", "1s"), ("FITFERRY_LOG__LEVEL", "debug")]);
    daemon.wait_for_sessions(&place, 1);
    // The first event of a name is heard, and its neighbour is found by the next scan.
    fs::write(&path, run(1)).unwrap();
    daemon.wait_for("session.delivered");
    daemon.events("scan.done");
    // An event that comes late is waited for, for some of these.
    (0..8).for_each(|_| drop(daemon.wait_for("scan.done")));
    assert!(daemon.events("folder.watched").iter().all(|watched| watched["mode"] == "events"));
}

/// As when a disk is mounted inside: nothing tells of it, nor of what is written there.
#[test]
fn a_folder_whose_events_fail_is_polled() {
    let place = Place::new();
    if !has_events(&place) {
        return;
    }
    fs::create_dir(place.folder().join("disk")).unwrap();
    let script = "\"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\" --listen 127.0.0.1:0 &
        until [ -e \"$HOME/mount\" ]; do sleep 0.05; done
        mount -t tmpfs tmpfs \"$WATCH/disk\" && cp \"$HOME/mount\" \"$WATCH/disk/a.fit\"
        until [ -e \"$HOME/more\" ]; do sleep 0.05; done
        cp \"$HOME/more\" \"$WATCH/disk/b.fit\"
        wait";
    let Some(mut command) = mounts::command(&place, script) else { return };
    command.env("FITFERRY_WATCH__SCAN_EVERY", "1s").env("FITFERRY_WATCH__POLL_EVERY", "1s");
    let put = |name: &str, day| {
        fs::write(place.dir.path().join("draft"), run(day)).unwrap();
        fs::rename(place.dir.path().join("draft"), place.dir.path().join(name)).unwrap();
    };
    let mut daemon = Daemon::spawn(&mut command);
    assert_eq!(daemon.wait_for("folder.watched")["mode"], "events");
    // Such a file is told of, and proves nothing.
    place.drop_file("ours.fit", run(0));
    daemon.wait_for("session.delivered");
    put("mount", 1);
    daemon.wait_for("session.delivered");
    let watched = daemon.wait_for("folder.watched");
    assert!(watched["mode"] == "polling" && has(&watched["reason"], "no event told of"), "{watched}");
    assert!(has(&watched["reason"], "a.fit"), "{watched}");
    put("more", 2);
    daemon.wait_for("session.delivered");
    // The daemon is a child of the shell.
    let pid = fs::read_to_string(format!("/proc/{0}/task/{0}/children", daemon.id())).unwrap();
    let pid = pid.split_whitespace().next().unwrap().to_owned();
    assert!(Command::new("kill").arg(&pid).status().unwrap().success());
    daemon.wait_for("daemon.stopped");
    let folder = folder(&place);
    assert!(folder["mode"] == "polling" && has(&folder["reason"], "no event told of"), "{folder}");
    // The next run remembers it.
    let mut daemon = place.start();
    assert!(daemon.events("folder.watched").iter().all(|watched| watched["mode"] == "polling"));
    daemon.wait_for_sessions(&place, 3);
}

/// As backups make them every night. No event tells of it, and nothing is wrong with that.
#[test]
fn a_link_outside_of_the_folder_is_no_missed_event() {
    let place = Place::new();
    if !has_events(&place) {
        return;
    }
    let mut daemon = place.start_with(&[], &[("FITFERRY_WATCH__SCAN_EVERY", "1s"), ("FITFERRY_LOG__LEVEL", "debug")]);
    let path = place.drop_file("a.fit", run(0));
    daemon.wait_for("session.delivered");
    daemon.wait_for("scan.done");
    fs::hard_link(path, place.dir.path().join("backup")).unwrap();
    daemon.wait_for("file.known");
    // An event that is missed is waited for, for so long.
    (0..7).for_each(|_| drop(daemon.wait_for("scan.done")));
    assert_eq!(folder(&place)["mode"], "events");
    assert_eq!(daemon.events("session.delivered").len(), 1);
}

#[test]
fn people_decide_how_it_is_watched() {
    for (watch, mode) in [("events", "events"), ("polling", "polling"), ("auto", "events")] {
        let place = Place::new();
        if watch == "auto" && !has_events(&place) {
            return;
        }
        let config = format!("folders = [{{ path = '{}', watch = '{watch}' }}]\n", place.folder().display());
        fs::write(place.config(), config).unwrap();
        let mut daemon = place.start_with(&[], &[("FITFERRY_WATCH__POLL_EVERY", "300ms")]);
        place.drop_file("a.fit", run(0));
        daemon.wait_for("session.delivered");
        assert_eq!(daemon.events("folder.watched").last().unwrap()["mode"], mode);
        wait::until_true("its state to be written down", || folder(&place)["mode"] == mode);
    }
}

#[test]
fn a_folder_without_its_sentinel_is_away() {
    let place = Place::new();
    let config = format!(
        "folders = [{{ path = '{}', sentinel = 'disk/.here', on_removed = 'delete' }}]\nwatch.removed_grace = '100ms'\n",
        place.folder().display()
    );
    fs::write(place.config(), config).unwrap();
    let disk = place.folder().join("disk");
    let mut daemon = place.start_with(&[], &[("FITFERRY_WATCH__SCAN_EVERY", "1s")]);
    // Before it is ready, or after.
    wait::until_true("the folder to be away", || !daemon.events("folder.away").is_empty());
    let away = daemon.events("folder.away").remove(0);
    assert!(has(&away["error"], "disk/.here"), "{away}");
    wait::until_true("its state to be written down", || folder(&place)["mode"] == "away");
    fs::create_dir(&disk).unwrap();
    fs::write(disk.join(".here"), "").unwrap();
    for day in 0..3 {
        fs::write(disk.join(format!("{day}.fit")), run(day)).unwrap();
    }
    daemon.wait_for("folder.back");
    daemon.wait_for_sessions(&place, 3);
    wait::until_true("its state to be written down", || folder(&place)["mode"] != "away");
    // The disk goes, and only one file of it is missed: what remains was on the disk of the mount point.
    fs::write(place.folder().join("0.fit"), run(0)).unwrap();
    fs::remove_file(disk.join(".here")).unwrap();
    fs::remove_file(disk.join("1.fit")).unwrap();
    daemon.wait_for("folder.away");
    assert!(daemon.events("file.missed").is_empty());
    fs::write(disk.join(".here"), "").unwrap();
    daemon.wait_for("folder.back");
    assert_eq!(daemon.sessions(&place).len(), 3);
    // Now it is missed indeed.
    daemon.wait_for("session.deleted");
}

/// Other numbers alone delete nothing, also when nobody was there to see them change.
#[test]
fn another_folder_after_a_start_deletes_nothing() {
    let place = Place::new();
    let config = format!(
        "folders = [{{ path = '{}', on_removed = 'delete' }}]\nwatch.removed_grace = '100ms'\n",
        place.folder().display()
    );
    fs::write(place.config(), config).unwrap();
    (0..5).for_each(|day| drop(place.drop_file(&format!("{day}.fit"), run(day))));
    let daemon = place.start();
    daemon.wait_for_sessions(&place, 5);
    daemon.terminate();
    // The same files, but for one, in a folder of another number.
    let new = place.dir.path().join("new");
    fs::create_dir(&new).unwrap();
    for day in 1..5 {
        fs::rename(place.folder().join(format!("{day}.fit")), new.join(format!("{day}.fit"))).unwrap();
    }
    fs::remove_dir_all(place.folder()).unwrap();
    fs::rename(&new, place.folder()).unwrap();
    let mut daemon = place.start_with(&[], &[("FITFERRY_WATCH__SCAN_EVERY", "1s"), ("FITFERRY_LOG__LEVEL", "debug")]);
    let doubted = daemon.wait_for("folder.doubted");
    assert!(has(&doubted["reason"], "not the folder that it was"), "{doubted}");
    // What is new in it is a workout as any other.
    place.drop_file("5.fit", run(5));
    daemon.wait_for_sessions(&place, 6);
    // The grace would be over by then.
    (0..3).for_each(|_| drop(daemon.wait_for("scan.done")));
    assert!(daemon.events("session.deleted").is_empty());
}
