//! Removed files where there is more than one folder: they may be in another, or the folder itself is.

use super::{file, forget, place_for, scans, start, start_again};
use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::wait;
use crate::sync::deliver::{START, drop_runs, id};
use serde_json::json;
use std::fs;
use std::path::PathBuf;

/// A second folder that is watched, with a file in it.
fn other_folder(place: &Place) -> PathBuf {
    let other = place.dir.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("9.fit"), Run::at(START + 9 * 86_400).build()).unwrap();
    let config = fs::read_to_string(place.config()).unwrap();
    fs::write(place.config(), config.replace("folders = [", &format!("folders = ['{}', ", other.display()))).unwrap();
    other
}

/// Nobody knows what was moved to a folder that is away.
#[test]
fn a_removed_file_is_looked_for_in_the_other_folders() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    let other = other_folder(&place);
    drop_runs(&place, 4);
    let mut daemon = start_again(&place, &server, 5);
    let away = place.dir.path().join("away");
    fs::rename(&other, &away).unwrap();
    daemon.wait_for("folder.away");
    fs::rename(file(&place, 1), away.join("moved.fit")).unwrap();
    fs::remove_file(file(&place, 2)).unwrap();
    let held = daemon.wait_for("folder.awaited");
    assert_eq!((held["folder"].as_str(), held["other"].as_str()), (place.folder().to_str(), other.to_str()));
    // What is only renamed needs no other folder.
    fs::rename(file(&place, 3), place.folder().join("renamed.fit")).unwrap();
    assert_eq!(daemon.wait_for("file.forgotten")["file"].as_str(), file(&place, 3).to_str());
    scans(&mut daemon, 2);
    assert!(server.deletes().is_empty(), "{:?}", server.deletes());
    assert_eq!(daemon.events("folder.awaited").len(), 1, "said once");
    fs::rename(&away, &other).unwrap();
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(2));
    wait::until_true("the old name to be forgotten", || {
        let files = place.json(&["files", "list", "--json"]);
        files.iter().all(|known| known["file"].as_str() != file(&place, 1).to_str())
    });
    assert_eq!((server.deletes(), server.sessions().len()), ([(id(2), 1)].into(), 4));
    assert_eq!(server.puts().values().sum::<u32>(), 5, "nothing is put again");
}

/// Where a disk was that held files, an empty folder stays what it is, also for the next start.
#[test]
fn a_folder_whose_disk_is_away_is_waited_for_over_restarts() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    let (other, away) = (other_folder(&place), place.dir.path().join("away"));
    drop_runs(&place, 4);
    let mut daemon = start_again(&place, &server, 5);
    scans(&mut daemon, 2);
    daemon.terminate();
    fs::rename(&other, &away).unwrap();
    fs::create_dir(&other).unwrap();
    fs::rename(file(&place, 1), away.join("moved.fit")).unwrap();
    for _ in 0..3 {
        let mut daemon = start_again(&place, &server, 5);
        daemon.wait_for("folder.awaited");
        scans(&mut daemon, 2);
        daemon.terminate();
    }
    fs::remove_dir(&other).unwrap();
    fs::rename(&away, &other).unwrap();
    let mut daemon = start_again(&place, &server, 5);
    assert_eq!(daemon.wait_for("file.forgotten")["deleted"], 0);
    assert!(server.deletes().is_empty() && server.sessions().len() == 5);
}

/// What is known by the paths of before is no reason to keep what is removed now, where it is known by others.
#[test]
fn a_folder_that_has_another_path_is_the_same_to_people() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    start(&place, &server, 4).terminate();
    let (old, new) = (place.folder(), place.dir.path().join("new"));
    fs::remove_file(file(&place, 3)).unwrap();
    fs::rename(&old, &new).unwrap();
    let config = fs::read_to_string(place.config()).unwrap();
    let other = config.replace(&format!("'{}'", old.display()), &format!("'{}'", new.display()));
    assert_ne!(config, other);
    fs::write(place.config(), other).unwrap();
    let mut daemon = start_again(&place, &server, 4);
    let files = || place.json(&["files", "list", "--json"]);
    wait::until_true("what is known by both paths to be forgotten", || {
        let of = |stray: bool| files().iter().filter(|file| (file["stray"] == true) == stray).count();
        (of(false), of(true)) == (3, 1)
    });
    fs::remove_file(new.join("1.fit")).unwrap();
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(1));
    // What went before it was known elsewhere is left to a person, who is told.
    assert_eq!(place.json(&["status", "--json"])[0]["accounts"][0]["strayFiles"], 1);
    let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    assert!(text.contains("unwatched 1 files of folders that are not watched any more"), "{text}");
    assert_eq!(server.deletes(), [(id(1), 1)].into());
    let (code, answer, error) = forget(&place, &[&old]);
    assert_eq!((code, &answer), (Some(0), &json!({"files": 1, "deleted": 1})), "{error}");
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(3));
    assert_eq!(files().len(), 2);
}

/// Nor is one that goes to another watched folder, also while nobody runs.
#[test]
fn a_folder_that_goes_to_another_watched_one_is_nobodys_business() {
    for on_removed in ["delete", "keep"] {
        let server = FaultServer::start("right");
        let place = place_for(&server, on_removed, "100ms");
        let other = other_folder(&place);
        fs::create_dir(place.folder().join("old")).unwrap();
        for day in 10..22 {
            place.drop_file(&format!("old/{day}.fit"), Run::at(START + day * 86_400).build());
        }
        let left = place.folder().join("left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("30.fit"), Run::at(START + 30 * 86_400).build()).unwrap();
        drop_runs(&place, 4);
        start_again(&place, &server, 18).terminate();
        fs::rename(place.folder().join("old"), other.join("new")).unwrap();
        fs::rename(left.join("30.fit"), other.join("30.fit")).unwrap();
        let mut daemon = start_again(&place, &server, 18);
        let files = || place.json(&["files", "list", "--json"]);
        wait::until_true("the old names to be forgotten", || files().len() == 18);
        assert!(files().iter().all(|file| !file["file"].as_str().unwrap().contains("/old/")), "{on_removed}");
        assert!(daemon.events("folder.doubted").is_empty() && daemon.events("file.missed").is_empty(), "{on_removed}");
        assert!(server.deletes().is_empty() && server.sessions().len() == 18);
        assert_eq!(server.puts().values().sum::<u32>(), 18, "nothing has new content");
    }
}
