//! Files that are overwritten in place by other workouts where no event tells that they were closed.

use super::contents::Kind;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

fn path(place: &Place, kind: Kind) -> PathBuf {
    place.folder().join(kind.file_name())
}

fn number(kind: Kind) -> i64 {
    Kind::ALL.iter().position(|one| *one == kind).and_then(|index| i64::try_from(index).ok()).unwrap()
}

/// So much that the rest shows, and that no member of an archive ends there.
fn part_of(kind: Kind, content: &[u8]) -> usize {
    if kind == Kind::Tar { content.len() * 3 / 7 } else { content.len() / 2 }
}

fn start(place: &Place, salvage_after: &str) -> Daemon {
    let environment = [
        ("FITFERRY_WATCH__SETTLE", "100ms"),
        ("FITFERRY_WATCH__POLL_EVERY", "200ms"),
        ("FITFERRY_WATCH__SALVAGE_AFTER", salvage_after),
        ("FITFERRY_LOG__LEVEL", "debug"),
    ];
    place.start_with(&[], &environment)
}

/// All sessions of the old files, and of the new ones.
fn expected(place: &Place) -> [BTreeMap<String, Value>; 2] {
    [("old", true), ("new", false)].map(|(name, is_old)| {
        let folder = place.dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        for kind in Kind::ALL {
            let number = number(kind);
            let content = if is_old { kind.content_of_another(number) } else { kind.content(number) };
            fs::write(folder.join(kind.file_name()), content).unwrap();
        }
        place.normalized(&[Path::new(&folder)])
    })
}

/// Whatever is delivered is the one or the other, and both are there in the end.
#[test]
fn nothing_is_read_of_two_workouts_in_one_file() {
    let place = Place::new();
    fs::write(place.config(), format!("folders = [{{ path = '{}', watch = 'polling' }}]\n", place.folder().display()))
        .unwrap();
    let [old, new] = expected(&place);
    for kind in Kind::ALL {
        fs::write(path(&place, kind), kind.content_of_another(number(kind))).unwrap();
    }
    // Nothing rests for so long.
    let mut daemon = start(&place, "1d");
    let waiting = |verdict: &str| {
        let files = place.json(&["files", "list", "--json"]);
        files.iter().filter(|file| file["verdict"] == verdict).count()
    };
    wait::until_true("the old workouts", || daemon.sessions(&place) == old);
    let files = Kind::ALL.map(|kind| (kind, File::options().write(true).open(path(&place, kind)).unwrap()));
    for (kind, file) in &files {
        let content = kind.content(number(*kind));
        file.write_all_at(&content[..part_of(*kind, &content)], 0).unwrap();
    }
    wait::until_true("a verdict on all halves", || waiting("waiting") == Kind::ALL.len());
    // Looked at, and again.
    (0..5).for_each(|_| drop(daemon.wait_for("scan.done")));
    for (kind, file) in files {
        let content = kind.content(number(kind));
        let half = part_of(kind, &content);
        file.write_all_at(&content[half..], half as u64).unwrap();
        file.set_len(content.len() as u64).unwrap();
    }
    (0..5).for_each(|_| drop(daemon.wait_for("scan.done")));
    let all: BTreeMap<_, _> = old.iter().chain(&new).map(|(id, session)| (id.clone(), session.clone())).collect();
    let is_one = |(id, session): (&String, &Value)| all.get(id) == Some(session);
    let sessions = daemon.sessions(&place);
    assert!(sessions.iter().all(is_one) && sessions.len() >= old.len(), "{sessions:#?}");
    let delivered = daemon.events("session.delivered");
    assert!(
        delivered.iter().all(|event| event["revision"] == 1 && all.contains_key(event["session"].as_str().unwrap()))
    );
    daemon.terminate();
    // They have rested now.
    let mut daemon = start(&place, "100ms");
    wait::until_true("all workouts", || daemon.sessions(&place) == all);
    assert!(daemon.events("session.delivered").iter().all(|event| event["revision"] == 1));
}

/// A transfer that is resumed closes the file in between.
#[test]
fn nothing_is_read_of_two_workouts_in_a_file_that_was_closed() {
    let place = Place::new();
    let [old, new] = expected(&place);
    for kind in Kind::ALL {
        fs::write(path(&place, kind), kind.content_of_another(number(kind))).unwrap();
    }
    let mut daemon = start(&place, "1d");
    wait::until_true("the old workouts", || daemon.sessions(&place) == old);
    for kind in Kind::ALL {
        let content = kind.content(number(kind));
        let part = part_of(kind, &content) / 2;
        for (index, piece) in content.chunks(part).enumerate() {
            let file = File::options().write(true).open(path(&place, kind)).unwrap();
            file.write_all_at(piece, (index * part) as u64).unwrap();
            if (index + 1) * part >= content.len() {
                file.set_len(content.len() as u64).unwrap();
            }
            drop(file);
            let told = |event: &Value| event["file"].as_str() == path(&place, kind).to_str();
            daemon.wait_for_event("a word of it", told);
        }
    }
    let all: BTreeMap<_, _> = old.into_iter().chain(new).collect();
    wait::until_true("all workouts", || daemon.sessions(&place).len() >= all.len());
    // Where a workout is told in a few bytes, its former words may have gone to another one for a moment, with the id.
    let contents = |sessions: BTreeMap<String, Value>| -> Vec<Value> {
        let content = |mut session: Value| {
            session.as_object_mut().unwrap().remove("id");
            session
        };
        sessions.into_values().map(content).collect()
    };
    let (found, mut wanted) = (contents(daemon.sessions(&place)), contents(all));
    for session in found {
        let place = wanted.iter().position(|wanted| *wanted == session);
        wanted.remove(place.unwrap_or_else(|| panic!("nobody's workout: {session}")));
    }
    assert_eq!(wanted, Vec::<Value>::new());
}
