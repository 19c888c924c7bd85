//! Files of which only a part is there, for long: across restarts, and beyond the time after which a part is taken.

use super::BAD;
use super::contents::{Kind, arrival_of};
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// What is there of the whole content, and how that is called.
type State = (&'static str, fn(&[u8]) -> Vec<u8>);

/// What can be there of a file.
const STATES: &[State] = &[
    ("nothing", |_| Vec::new()),
    ("the first byte", |content| content[..1].to_vec()),
    ("half", |content| content[..content.len() / 2].to_vec()),
    ("all but the last byte", |content| content[..content.len() - 1].to_vec()),
    ("zeros", |content| vec![0; content.len()]),
    ("half, and zeros", |content| with_gap(content, content.len() / 2, content.len())),
    ("zeros, and half", |content| with_gap(content, 0, content.len() / 2)),
    ("a gap in the middle", |content| with_gap(content, content.len() / 3, content.len() / 2)),
];

fn with_gap(content: &[u8], from: usize, to: usize) -> Vec<u8> {
    let mut content = content.to_vec();
    content[from..to].fill(0);
    content
}

/// A file of which a part is there.
struct Half {
    name: String,
    kind: Kind,
    number: i64,
    path: PathBuf,
}

impl Half {
    fn complete(&self) {
        fs::write(&self.path, self.kind.content(self.number)).unwrap();
    }
}

/// Every kind in every state, in a folder each.
fn halves(place: &Place) -> Vec<Half> {
    let pairs = STATES.iter().flat_map(|state| Kind::ALL.map(|kind| (state, kind)));
    let half = |(number, ((state, part), kind)): (usize, (&State, Kind))| {
        let folder = place.folder().join(number.to_string());
        fs::create_dir(&folder).unwrap();
        let (path, number) = (folder.join(kind.file_name()), i64::try_from(number).unwrap());
        fs::write(&path, part(&kind.content(number))).unwrap();
        Half { name: format!("{kind:?}, {state}"), kind, number, path }
    };
    pairs.enumerate().map(half).collect()
}

/// The verdicts on all files by path, once there are so many.
fn verdicts(place: &Place, count: usize, is_one: impl Fn(&str) -> bool) -> BTreeMap<PathBuf, Value> {
    wait::until("a verdict on every file", || {
        let files = place.json(&["files", "list", "--json"]);
        let files = files.into_iter().filter(|file| is_one(file["verdict"].as_str().unwrap()));
        let files: BTreeMap<_, _> = files.map(|file| (PathBuf::from(file["file"].as_str().unwrap()), file)).collect();
        (files.len() == count).then_some(files)
    })
}

/// Nothing is wrong with the sessions in the end, whatever was there before.
fn compare(daemon: &Daemon, place: &Place, halves: &[Half]) {
    let paths: Vec<&Path> = halves.iter().map(|half| half.path.as_path()).collect();
    let expected = place.normalized(&paths);
    wait::until_true("the number of sessions", || daemon.sessions(place).len() >= expected.len());
    wait::until_true("an empty queue", || place.json(&["outbox", "list", "--json"]).is_empty());
    let found = daemon.sessions(place);
    let wrong = found.iter().filter(|(id, session)| expected.get(*id) != Some(*session));
    let wrong: Vec<_> = wrong.map(|(_, session)| format!("{}: {session}", halves[arrival_of(session)].name)).collect();
    assert!(wrong.is_empty() && found.len() == expected.len(), "{wrong:#?}");
}

#[test]
fn a_part_that_is_there_at_the_start_is_not_judged_before_it_has_rested() {
    let place = Place::new();
    let halves = halves(&place);
    let environment = [("FITFERRY_WATCH__SETTLE", "100ms"), ("FITFERRY_LOG__LEVEL", "debug")];
    for _ in 0..2 {
        let mut daemon = place.start_with(&[], &environment);
        daemon.wait_for("scan.done");
        let files = verdicts(&place, halves.len(), |_| true);
        for half in &halves {
            let verdict = files[&half.path]["verdict"].as_str().unwrap();
            assert!(matches!(verdict, "waiting" | "queued" | "known"), "{}: {}", half.name, files[&half.path]);
        }
        daemon.kill();
    }
    // Some are completed while nobody looks, the others under the eyes of the daemon.
    let (unseen, seen) = halves.split_at(halves.len() / 2);
    unseen.iter().for_each(Half::complete);
    let mut daemon = place.start_with(&[], &environment);
    daemon.wait_for("scan.done");
    seen.iter().for_each(Half::complete);
    verdicts(&place, halves.len(), |verdict| verdict != "waiting");
    compare(&daemon, &place, &halves);
    BAD.iter().for_each(|bad| assert!(daemon.events(bad).is_empty(), "{:?}", daemon.events(bad)));
}

#[test]
fn the_whole_file_replaces_the_verdict_on_its_part() {
    let place = Place::new();
    let environment = [("FITFERRY_WATCH__SETTLE", "100ms"), ("FITFERRY_WATCH__SALVAGE_AFTER", "200ms")];
    let daemon = place.start_with(&[], &environment);
    let halves = halves(&place);
    let files = verdicts(&place, halves.len(), |verdict| verdict != "waiting");
    let bad = files.values().filter(|file| matches!(file["verdict"].as_str(), Some("rejected" | "ignored"))).count();
    assert!(bad > halves.len() / 2, "most of them hold no workout that could be salvaged: {bad}");
    halves.iter().for_each(Half::complete);
    wait::until_true("that nothing is bad any more", || {
        let files = place.json(&["files", "list", "--json"]);
        files.iter().all(|file| matches!(file["verdict"].as_str(), Some("queued" | "known")))
    });
    compare(&daemon, &place, &halves);
}
