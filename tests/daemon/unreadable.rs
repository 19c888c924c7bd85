//! Files and folders that may not be read: said once, and taken once they can be.

use super::nobody::{NOBODY, Nobody, chmod, own};
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use crate::support::{foreign, wait};
use serde_json::Value;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
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

/// It may be the one that is missed, under another name.
#[test]
fn a_renamed_file_that_cannot_be_read_keeps_its_session() {
    let place = Place::new();
    let files = [0, 1, 2].map(|day| place.drop_file(&format!("{day}.fit"), Run::at(START + day * 86_400).build()));
    let folder = place.folder();
    let config = format!(
        "folders = [{{ path = '{}', on_removed = 'delete' }}]\n[watch]\nscan_every = '1s'\nremoved_grace = '100ms'\n",
        folder.display()
    );
    fs::write(place.config(), config).unwrap();
    let nobody = Nobody::of(&place, &[]);
    let mut command = nobody.command(&place);
    command.args(["run", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
    let mut daemon = Daemon::spawn(command.env("FITFERRY_LOG__LEVEL", "debug"));
    daemon.wait_for("daemon.ready");
    daemon.wait_for_sessions(&place, 3);
    let scans = |daemon: &mut Daemon| {
        daemon.events("scan.done");
        (0..4).for_each(|_| drop(daemon.wait_for("scan.done")));
    };
    scans(&mut daemon);
    let renamed = folder.join("renamed.fit");
    chmod(&files[1], 0o000);
    fs::rename(&files[1], &renamed).unwrap();
    daemon.wait_for_where("file.unreadable", |event| event["file"].as_str() == renamed.to_str());
    scans(&mut daemon);
    assert!(daemon.events("file.forgotten").is_empty());
    assert_eq!(daemon.sessions(&place).len(), 3);
    fs::remove_file(&renamed).unwrap();
    daemon.wait_for("session.deleted");
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
    let owned: Vec<_> = folders.iter().map(PathBuf::as_path).collect();
    let nobody = Nobody::of(&place, &owned);
    let mut command = nobody.run(&place);
    let mut daemon = Daemon::spawn(command.env("FITFERRY_LOG__LEVEL", "debug"));
    daemon.wait_for("scan.done");
    let mut told = daemon.events("folder.unreadable");
    told.sort_by_key(|event| event["folder"].to_string());
    let told: Vec<_> = told.iter().map(|event| event["folder"].as_str().unwrap()).collect();
    assert_eq!(told, [closed.to_str().unwrap(), closed_too.to_str().unwrap()]);
    assert!(daemon.events("folder.unwatchable").is_empty());
    let troubles = || place.json(&["status", "--json"])[0]["accounts"][0]["folders"][0]["troubles"].to_string();
    wait::until_true("people to be told", || troubles().contains("closed cannot be read"));
    let check = place.run(&["status", "--check"]);
    let line = String::from_utf8(check.stdout).unwrap();
    assert!(check.status.code() == Some(1) && line.contains("closed cannot be read"), "{line}");

    fs::write(a.join("1.fit"), Run::at(START + 86_400).build()).unwrap();
    fs::write(deep.join("2.fit"), Run::at(START + 2 * 86_400).build()).unwrap();
    daemon.wait_for_sessions(&place, 2);
    chmod(closed, 0o700);
    daemon.wait_for_sessions(&place, 3);
    wait::until_true("the other one to be named", || troubles().contains("z/closed cannot be read"));
    fs::write(closed.join("3.fit"), Run::at(START + 3 * 86_400).build()).unwrap();
    daemon.wait_for_sessions(&place, 4);
    assert_eq!(daemon.events("folder.unreadable").len(), 2);
}

/// A file or folder that nobody may read, and how it becomes readable.
struct Obstacle {
    name: &'static str,
    hinder: fn(&Path),
    mend: fn(&Path),
}

const OBSTACLES: &[Obstacle] = &[
    Obstacle { name: "without any right", hinder: |file| chmod(file, 0o000), mend: |file| chmod(file, 0o444) },
    Obstacle {
        name: "for its owner alone, who is another",
        hinder: |file| own(file, 0, 0o600),
        mend: |file| own(file, NOBODY, 0o600),
    },
    Obstacle {
        name: "of another's, then for all",
        hinder: |file| own(file, 0, 0o600),
        mend: |file| chmod(file, 0o644),
    },
    Obstacle { name: "only to be written", hinder: |file| chmod(file, 0o222), mend: |file| chmod(file, 0o644) },
    Obstacle {
        name: "replaced by a readable one",
        hinder: |file| own(file, 0, 0o600),
        mend: |file| {
            fs::copy(file, file.with_extension("part")).unwrap();
            own(&file.with_extension("part"), NOBODY, 0o600);
            fs::rename(file.with_extension("part"), file).unwrap();
        },
    },
    Obstacle {
        name: "in a folder that may be listed, and not entered",
        hinder: |file| chmod(file.parent().unwrap(), 0o600),
        mend: |file| chmod(file.parent().unwrap(), 0o700),
    },
    Obstacle {
        name: "in a folder that may be entered, and not listed",
        hinder: |file| chmod(file.parent().unwrap(), 0o300),
        mend: |file| chmod(file.parent().unwrap(), 0o500),
    },
    Obstacle {
        name: "in a folder of another",
        hinder: |file| own(file.parent().unwrap(), 0, 0o700),
        mend: |file| own(file.parent().unwrap(), 0, 0o755),
    },
    Obstacle {
        name: "half written",
        hinder: |file| {
            File::options().write(true).open(file).unwrap().set_len(200).unwrap();
            chmod(file, 0o000);
        },
        mend: |file| {
            fs::write(file, content_of(file)).unwrap();
            chmod(file, 0o400);
        },
    },
];

/// Each has a workout of its own, by the number of its folder.
fn content_of(file: &Path) -> Vec<u8> {
    let number: i64 = file.parent().unwrap().file_name().unwrap().to_str().unwrap().parse().unwrap();
    Run::at(START + number * 86_400).build()
}

/// What may be read is not held up by what may not, in a folder that nobody may write to; nothing is lost, nothing rejected.
#[test]
fn whatever_may_not_be_read_is_taken_once_it_may() {
    let place = Place::new();
    let files: Vec<PathBuf> =
        (0..=OBSTACLES.len()).map(|number| place.folder().join(format!("{number}/run.fit"))).collect();
    let folders: Vec<&Path> = files.iter().map(|file| file.parent().unwrap()).collect();
    for (file, folder) in files.iter().zip(&folders) {
        fs::create_dir(folder).unwrap();
        fs::write(file, content_of(file)).unwrap();
    }
    let owned: Vec<&Path> = files.iter().map(PathBuf::as_path).chain(folders).collect();
    let nobody = Nobody::of(&place, &owned);
    if !foreign::given(nobody.is_another(), "only root can be somebody else") {
        return;
    }
    own(&place.folder(), 0, 0o555);
    let (hindered, free) = files.split_at(OBSTACLES.len());
    OBSTACLES.iter().zip(hindered).for_each(|(obstacle, file)| (obstacle.hinder)(file));
    let mut command = nobody.run(&place);
    command.env("FITFERRY_WATCH__SETTLE", "100ms").env("FITFERRY_LOG__LEVEL", "debug");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("scan.done");
    assert_eq!(daemon.wait_for_sessions(&place, 1), place.normalized(&[&free[0]]));
    for (index, (obstacle, file)) in OBSTACLES.iter().zip(hindered).enumerate() {
        let told = |event: &&Value| {
            [&event["file"], &event["folder"]]
                .iter()
                .any(|path| path.as_str().is_some_and(|path| file.starts_with(path)))
        };
        let unreadable = [daemon.events("file.unreadable"), daemon.events("folder.unreadable")].concat();
        assert_eq!(unreadable.iter().filter(told).count(), 1, "{}: {unreadable:#?}", obstacle.name);
        (obstacle.mend)(file);
        let count = index + 2;
        wait::until_true(obstacle.name, || daemon.sessions(&place).len() == count);
    }
    assert_eq!(daemon.sessions(&place), place.normalized(&[&place.folder()]));
    for bad in ["file.rejected", "file.ignored", "folder.unwatchable", "folder.away"] {
        assert!(daemon.events(bad).is_empty(), "{bad}");
    }
}

/// The watched folder itself is a state, and not a crash.
#[test]
fn a_watched_folder_that_may_not_be_read_is_away_until_it_may() {
    let place = Place::new();
    place.drop_file("a.fit", Run::at(START).build());
    let nobody = Nobody::of(&place, &[]);
    chmod(&place.folder().join("a.fit"), 0o644);
    chmod(&place.folder(), 0o000);
    let mut daemon = Daemon::spawn(&mut nobody.run(&place));
    assert!(daemon.wait_for("folder.away")["error"].as_str().unwrap().contains("ermission"));
    chmod(&place.folder(), 0o500);
    daemon.wait_for("folder.back");
    daemon.wait_for_sessions(&place, 1);
    // It is listened to, and goes once more.
    chmod(&place.folder(), 0o700);
    fs::write(place.folder().join("b.fit"), Run::at(START + 86_400).build()).unwrap();
    daemon.wait_for_sessions(&place, 2);
    assert_eq!(daemon.events("folder.away").len(), 1);
}

/// As long as a part of it cannot be seen nothing is concluded, and it does not become the folder that is known.
#[test]
fn another_disk_with_a_closed_folder_deletes_nothing_once_that_is_open() {
    let place = Place::new();
    let config = format!(
        "folders = [{{ path = '{}', on_removed = 'delete' }}]\n[watch]\nscan_every = '1s'\nremoved_grace = '100ms'\n",
        place.folder().display()
    );
    fs::write(place.config(), config).unwrap();
    (0..5).for_each(|day| drop(place.drop_file(&format!("{day}.fit"), Run::at(START + day * 86_400).build())));
    let other = place.dir.path().join("other");
    let closed = other.join("closed");
    fs::create_dir_all(&closed).unwrap();
    fs::write(other.join("other.fit"), Run::at(START + 50 * 86_400).build()).unwrap();
    let nobody = Nobody::of(&place, &[&other, &closed, &place.config()]);
    for path in [place.folder(), other.clone()].iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
        let path = path.unwrap().path();
        if path.is_file() {
            chmod(&path, 0o644);
        }
    }
    chmod(&closed, 0o000);
    let mut command = nobody.command(&place);
    command.args(["run", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
    let mut daemon = Daemon::spawn(command.env("FITFERRY_LOG__LEVEL", "debug"));
    daemon.wait_for("daemon.ready");
    daemon.wait_for_sessions(&place, 5);
    fs::rename(place.folder(), place.dir.path().join("aside")).unwrap();
    fs::rename(&other, place.folder()).unwrap();
    daemon.wait_for("folder.unreadable");
    daemon.wait_for_sessions(&place, 6);
    daemon.events("scan.done");
    (0..3).for_each(|_| drop(daemon.wait_for("scan.done")));
    chmod(&place.folder().join("closed"), 0o700);
    let doubted = daemon.wait_for("folder.doubted");
    assert!(doubted["reason"].as_str().unwrap().contains("not the folder that it was"), "{doubted}");
    daemon.events("scan.done");
    (0..3).for_each(|_| drop(daemon.wait_for("scan.done")));
    assert!(daemon.events("file.missed").is_empty() && daemon.events("session.deleted").is_empty());
}
