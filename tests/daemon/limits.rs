//! What a limit of the system, or a queue of events that runs over, costs, and what is said of it.

use super::watching::{has, has_events, run};
use crate::support::mounts;
use crate::support::program::{Daemon, Place};
use std::fs;

/// The limit is that of a user, and this user is one of the test's own. Nothing is changed for anybody else.
fn limited(place: &Place, limit: &str) -> Option<Daemon> {
    let script = format!(
        "echo {limit} || exit
        exec \"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\" --listen 127.0.0.1:0"
    );
    let mut command = mounts::command(place, &script)?;
    command.env("FITFERRY_WATCH__POLL_EVERY", "200ms");
    Some(Daemon::spawn(&mut command))
}

/// What an administrator has to do is said word by word, and meanwhile the folder is polled.
#[test]
fn a_limit_of_the_system_is_named_and_survived() {
    for (limit, sysctl) in [
        ("5 > /proc/sys/user/max_inotify_watches", "fs.inotify.max_user_watches=524288"),
        ("0 > /proc/sys/user/max_inotify_instances", "fs.inotify.max_user_instances=512"),
    ] {
        let place = Place::new();
        (0..10).for_each(|number| fs::create_dir(place.folder().join(number.to_string())).unwrap());
        let Some(mut daemon) = limited(&place, limit) else { return };
        let unwatchable = daemon.wait_for("folder.unwatchable");
        assert!(has(&unwatchable["hint"], sysctl), "{unwatchable}");
        let watched = daemon.wait_for("folder.watched");
        assert!(watched["mode"] == "polling" && has(&watched["reason"], "there are no events"), "{watched}");
        for day in 0..10 {
            place.drop_file(&format!("{day}/run.fit"), run(day));
        }
        (0..10).for_each(|_| drop(daemon.wait_for("session.delivered")));
    }
}

/// There was room for the folders of the start, and there is none for a new one.
#[test]
fn a_limit_that_is_met_later_is_named_and_survived() {
    let place = Place::new();
    if !has_events(&place) {
        return;
    }
    let Some(mut daemon) = limited(&place, "5 > /proc/sys/user/max_inotify_watches") else { return };
    assert_eq!(daemon.wait_for("folder.watched")["mode"], "events");
    for day in 0..10 {
        fs::create_dir(place.folder().join(day.to_string())).unwrap();
    }
    assert!(has(&daemon.wait_for("folder.unwatchable")["hint"], "max_user_watches"));
    assert_eq!(daemon.wait_for("folder.watched")["mode"], "polling");
    for day in 0..10 {
        place.drop_file(&format!("{day}/run.fit"), run(day));
    }
    (0..10).for_each(|_| drop(daemon.wait_for("session.delivered")));
}

/// Each new folder meets the limit again, and that is no news: only the folder itself is looked through.
#[test]
fn a_limit_that_is_met_again_and_again_is_told_once() {
    let place = Place::new();
    if !has_events(&place) {
        return;
    }
    let script = "echo 5 > /proc/sys/user/max_inotify_watches || exit
        exec \"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\" --listen 127.0.0.1:0";
    let Some(mut command) = mounts::command(&place, script) else { return };
    // Only events can tell in time.
    command.env("FITFERRY_WATCH__POLL_EVERY", "1h").env("FITFERRY_LOG__LEVEL", "debug");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("scan.done");
    for day in 0..30 {
        let made = place.dir.path().join("made");
        fs::create_dir(&made).unwrap();
        fs::write(made.join("run.fit"), run(day)).unwrap();
        fs::rename(&made, place.folder().join(day.to_string())).unwrap();
        daemon.wait_for("session.delivered");
    }
    let modes = daemon.events("folder.watched");
    assert_eq!(modes.iter().map(|watched| &watched["mode"]).collect::<Vec<_>>(), ["events", "polling"]);
    assert_eq!((daemon.events("folder.unwatchable").len(), daemon.events("folder.rescan").len()), (1, 0));
    // Nothing in so little time looked at all of them.
    let scans = daemon.events("scan.done");
    assert!(scans.iter().all(|scan| scan["files"].as_u64() < Some(30)), "{scans:?}");
}

/// The system counts who opens files as well, and a search through a folder of them is more than it keeps: that is said, and
/// costs a look at the files and into none.
#[test]
fn a_burst_of_readers_costs_a_scan_and_is_explained() {
    let place = Place::new();
    if !has_events(&place) {
        return;
    }
    // Two in turn, as an event that is the same as the last one is not kept.
    let paths = [0, 1].map(|day| place.drop_file(&format!("{day}.fit"), run(day)));
    let mut daemon = place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    daemon.wait_for_sessions(&place, 2);
    daemon.wait_for_where("scan.done", |scan| scan["candidates"] == 0);
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    daemon.signal("STOP");
    for _ in 0..=limit.trim().parse::<usize>().unwrap() {
        paths.iter().for_each(|path| drop(fs::File::open(path).unwrap()));
    }
    daemon.signal("CONT");
    let rescan = daemon.wait_for("folder.rescan");
    assert!(has(&rescan["reason"], "overflowed") && has(&rescan["reason"], "read"), "{rescan}");
    assert!(has(&rescan["hint"], "sysctl fs.inotify.max_queued_events="), "{rescan}");
    assert_eq!(rescan["folder"].as_str(), place.folder().to_str());
    let scan = daemon.wait_for("scan.done");
    assert_eq!((&scan["files"], &scan["candidates"]), (&2.into(), &0.into()));
    assert_eq!((daemon.events("file.queued").len(), daemon.events("file.known").len()), (2, 0));
    assert!(daemon.events("folder.watched").iter().all(|watched| watched["mode"] == "events"));
}
