//! Disks that are pulled out, mounted again, or that nobody may write to.

use crate::support::disks::{self, Disk};
use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use crate::support::xml;
use crate::sync::deliver::{START, id};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::time::Duration;

fn run(day: i64) -> Vec<u8> {
    Run { records: 2, ..Run::at(START + day * 86_400) }.build()
}

/// Whole scans, of which each could draw its consequences.
fn scans(daemon: &mut Daemon, count: usize) {
    daemon.events("scan.done");
    (0..=count).for_each(|_| drop(daemon.wait_for("scan.done")));
}

#[test]
fn a_disk_that_is_pulled_during_a_delivery_deletes_nothing() {
    pull_during_deliveries(|_| {}, "the folder is empty");
}

/// What nobody sees as long as the disk is mounted.
#[test]
fn a_note_at_the_place_of_a_pulled_disk_does_not_make_it_another_folder() {
    let leave_note = |place: &Place| fs::write(place.folder().join("NOT MOUNTED"), "Plug it in!").unwrap();
    pull_during_deliveries(leave_note, "is it another disk?");
}

/// The worst moment: requests are on their way, a removed file loses its session at once, and few files are missed.
fn pull_during_deliveries(prepare: impl Fn(&Place), reason: &str) {
    let (server, place) = (FaultServer::start("right"), Place::new());
    let token = place.dir.path().join("token");
    fs::write(&token, "right\n").unwrap();
    let config = format!(
        "folders = [{{ path = '{}', on_removed = 'delete' }}]\n{}delivery.concurrency = 1\n\
         [watch]\nscan_every = '1s'\nremoved_grace = '100ms'\nsalvage_after = '100ms'\n",
        place.folder().display(),
        server.destination(&token)
    );
    fs::write(place.config(), config).unwrap();
    prepare(&place);
    let disk = Disk::new(&place, &place.folder());
    let Some(mut daemon) = disks::start(&place, &disk) else { return };
    let mut day = 0;
    for round in 0..3_usize {
        // As on the disk of another machine: no event tells of what is written while it is away.
        server.slow_down(Duration::from_millis(200));
        for _ in 0..5 {
            fs::write(disk.files.join(format!("{day}.fit")), run(day)).unwrap();
            day += 1;
        }
        let before = server.sessions().len();
        wait::until_true("a delivery in its midst", || server.sessions().len() > before);
        disk.pull(&daemon);
        // Once before anybody looks, and otherwise after some looks at the empty place.
        if round > 0 {
            daemon.wait_for("folder.doubted");
            scans(&mut daemon, round);
        }
        disk.mount(&daemon);
        server.slow_down(Duration::ZERO);
        wait::until_true("all sessions", || i64::try_from(server.sessions().len()).unwrap() == day);
        scans(&mut daemon, 2);
    }
    assert!(server.deletes().is_empty(), "{:?}", server.deletes());
    assert_eq!(server.puts(), (0..day).map(|day| (id(day), 1)).collect());
    assert!(daemon.events("file.missed").is_empty() && daemon.events("file.forgotten").is_empty());
    let doubts = daemon.events("folder.doubted");
    assert!(!doubts.is_empty(), "it went unnoticed");
    assert!(doubts.iter().all(|event| event["reason"].as_str().unwrap().contains(reason)), "{doubts:?}");
}

#[test]
fn a_stick_that_is_pulled_in_the_middle_of_a_copy() {
    let place = Place::new();
    let config = format!("folders = ['{}']\n[watch]\nscan_every = '1s'\nsettle = '100ms'\n", place.folder().display());
    fs::write(place.config(), config).unwrap();
    let stick = place.folder().join("stick");
    fs::create_dir(&stick).unwrap();
    let disk = Disk::new(&place, &stick);
    let Some(mut daemon) = disks::start(&place, &disk) else { return };
    let content = xml::gpx(START, 3600, 50, "cycling").into_bytes();
    let half = content.len() / 2;
    fs::write(disk.files.join("a.gpx"), &content[..half]).unwrap();
    daemon.wait_for("file.waiting");
    disk.pull(&daemon);
    scans(&mut daemon, 1);
    // Somebody copies it again elsewhere; that the stick is there again, only a scan can tell.
    fs::write(disk.files.join("a.gpx"), &content).unwrap();
    fs::write(disk.files.join("b.fit"), run(1)).unwrap();
    disk.mount(&daemon);
    disk.forbid_writing(&daemon);
    let sessions = daemon.wait_for_sessions(&place, 2);
    assert_eq!(sessions, place.normalized(&[&disk.files]));
    assert!(daemon.events("file.rejected").is_empty());
}

/// What is left where a disk was.
type Leave = fn(&Place, &Daemon, &Path);

/// As a desktop mounts and unmounts: the mount point goes with the disk, or hides something, or shows another disk.
#[test]
fn a_disk_inside_that_is_unmounted_deletes_nothing() {
    let inside: [(&str, Leave); 3] = [
        ("its mount point is removed", |_, _, stick| fs::remove_dir(stick).unwrap()),
        ("its mount point has files", |_, _, stick| fs::write(stick.join("README"), "Plug it in!").unwrap()),
        ("another disk is mounted there", |place, daemon, stick| {
            let other = Disk::named(place, stick, "other");
            fs::write(other.files.join("other.fit"), run(50)).unwrap();
            other.mount(daemon);
        }),
    ];
    for (what, leave) in inside {
        let place = Place::new();
        let config = format!(
            "folders = [{{ path = '{}', on_removed = 'delete' }}]\n[watch]\nscan_every = '1s'\npoll_every = '1s'\nremoved_grace = '100ms'\n",
            place.folder().display()
        );
        fs::write(place.config(), config).unwrap();
        fs::write(place.folder().join("ours.fit"), run(99)).unwrap();
        let stick = place.folder().join("stick");
        fs::create_dir(&stick).unwrap();
        let disk = Disk::new(&place, &stick);
        (0..5).for_each(|day| fs::write(disk.files.join(format!("{day}.fit")), run(day)).unwrap());
        let Some(mut daemon) = disks::start(&place, &disk) else { return };
        daemon.wait_for_sessions(&place, 6);
        // One that is removed meanwhile is believed only as long as its disk is there.
        fs::remove_file(disk.files.join("4.fit")).unwrap();
        daemon.wait_for("session.deleted");
        disk.pull(&daemon);
        leave(&place, &daemon, &stick);
        let doubted = daemon.wait_for("folder.doubted");
        assert_eq!(doubted["missed"], 4, "{what}: {doubted}");
        scans(&mut daemon, 3);
        assert_eq!(daemon.events("session.deleted").len(), 1, "{what}");
        fs::create_dir_all(&stick).unwrap();
        disk.mount(&daemon);
        let is_back =
            |file: &Value| file["file"].as_str().unwrap().ends_with("stick/3.fit") && file["doubted"].is_null();
        wait::until_true("its files to be found again", || {
            place.json(&["files", "list", "--json"]).iter().any(is_back)
        });
        // Only after a whole look at it is the disk the one that it was.
        scans(&mut daemon, 2);
        fs::remove_file(disk.files.join("3.fit")).unwrap();
        daemon.wait_for("session.deleted");
    }
}
