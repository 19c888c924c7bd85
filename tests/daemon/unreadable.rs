//! Files and folders that may not be read: said once, and taken once they can be.

use super::nobody::{Nobody, chmod};
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use std::fs;
use std::time::{Duration, Instant};

const START: i64 = 1_600_000_000;

#[test]
fn an_unreadable_file_is_reported_once_and_taken_once_it_can_be_read() {
    let place = Place::new();
    let path = place.drop_file("a.fit", Run::default().build());
    chmod(&path, 0o000);
    let nobody = Nobody::of(&place, &[&path]);
    let mut daemon = Daemon::spawn(&mut nobody.run(&place));
    assert!(daemon.wait_for("file.unreadable")["error"].as_str().unwrap().contains("ermission"));
    let began = Instant::now();
    // Each makes it try again.
    for mode in [0o010, 0o001, 0o000] {
        chmod(&path, mode);
    }
    chmod(&path, 0o600);
    daemon.wait_for("session.delivered");
    assert!(began.elapsed() < Duration::from_secs(9), "it waited for the next time: {:?}", began.elapsed());
    assert_eq!(daemon.events("file.unreadable").len(), 1);
}

#[test]
fn a_closed_folder_is_reported_once_and_its_neighbours_are_listened_to() {
    let place = Place::new();
    let folders = ["a", "closed", "z", "z/closed", "z/open"].map(|name| place.folder().join(name));
    for folder in &folders {
        fs::create_dir(folder).unwrap();
    }
    let [a, closed, _, closed_too, deep] = &folders;
    fs::write(closed.join("0.fit"), Run::at(START).build()).unwrap();
    chmod(closed, 0o000);
    chmod(closed_too, 0o000);
    let owned: Vec<_> = folders.iter().map(std::path::PathBuf::as_path).collect();
    let nobody = Nobody::of(&place, &owned);
    let mut command = nobody.run(&place);
    let mut daemon = Daemon::spawn(command.env("FITFERRY_LOG__LEVEL", "debug"));
    daemon.wait_for("scan.done");
    let mut told = daemon.events("folder.unreadable");
    told.sort_by_key(|event| event["folder"].to_string());
    let told: Vec<_> = told.iter().map(|event| event["folder"].as_str().unwrap()).collect();
    assert_eq!(told, [closed.to_str().unwrap(), closed_too.to_str().unwrap()]);
    assert!(daemon.events("folder.unwatchable").is_empty());

    fs::write(a.join("1.fit"), Run::at(START + 86_400).build()).unwrap();
    fs::write(deep.join("2.fit"), Run::at(START + 2 * 86_400).build()).unwrap();
    daemon.wait_for_sessions(&place, 2);
    chmod(closed, 0o700);
    daemon.wait_for_sessions(&place, 3);
    fs::write(closed.join("3.fit"), Run::at(START + 3 * 86_400).build()).unwrap();
    daemon.wait_for_sessions(&place, 4);
    assert_eq!(daemon.events("folder.unreadable").len(), 2);
}
