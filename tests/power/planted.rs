//! Whether all this would notice: recordings are changed into those of a program, or of a disk, with a known fault.

use super::campaign::{self, Report};
use super::events::{Event, Kind, Node};
use super::recording::Recording;
use super::{scenarios, seed};
use crate::support::foreign;

const BY_CHANCE: usize = 200;

/// Syncs that satisfy a condition, by their end and their node, never end.
fn without_syncs(recording: &mut Recording, is_it: impl Fn(&Recording, usize, Node) -> bool) {
    for end in 0..recording.steps.len() {
        let Event::SyncEnd { begun } = recording.steps[end].event else { continue };
        let Event::SyncBegin { node } = recording.steps[begun].event else { panic!("step {begun} is no sync") };
        if is_it(recording, end, node) {
            recording.steps[end].event = Event::SyncBegin { node };
        }
    }
}

fn is_file(recording: &Recording, node: Node) -> bool {
    recording.kinds[node] != Kind::Directory
}

/// With `synchronous=NORMAL`, SQLite syncs its log when it begins it, and before it copies it into the database. All
/// other syncs of the log are those of commits.
fn is_of_commit(recording: &Recording, end: usize, log: Node) -> bool {
    let Kind::File(name) = &recording.kinds[log] else { return false };
    let Some(database) = name.strip_suffix("-wal") else { return false };
    let is_database = |node: Node| matches!(&recording.kinds[node], Kind::File(name) if name == database);
    let write = |event: &Event| match event {
        Event::Write { node, offset, .. } if *node == log || is_database(*node) => Some((*node, *offset)),
        _ => None,
    };
    let (before, after) = recording.steps.split_at(end);
    let is_begun = before.iter().rev().find_map(|step| write(&step.event)) == Some((log, 0));
    let is_copied = after.iter().find_map(|step| write(&step.event)).is_some_and(|(node, _)| node != log);
    !is_begun && !is_copied
}

/// Everything is told before the sync that it had to wait for.
fn told_too_early(recording: &mut Recording) {
    let mut last_sync = None;
    for step in 0..recording.steps.len() {
        match (&recording.steps[step].event, last_sync) {
            (Event::SyncEnd { .. }, _) => last_sync = Some(step),
            (Event::Promise(_), Some(sync)) => {
                recording.steps.swap(sync, step);
                last_sync = Some(step);
            }
            _ => {}
        }
    }
}

/// What a campaign finds with a fault, on the same recording.
fn with(recording: &mut Recording, fault: &str, plant: impl FnOnce(&mut Recording)) -> Report {
    let steps = recording.steps.clone();
    plant(recording);
    let report = campaign::run(recording, BY_CHANCE, seed());
    recording.steps = steps;
    let (images, lost, damaged) = (report.images(), report.lost(), report.damaged());
    foreign::say(&format!("power loss, {fault}: {images} images, something lost in {lost}, damaged {damaged}"));
    report
}

#[test]
fn known_faults_are_found() {
    let record = |recorder| scenarios::ferry(recorder, [&[1, 2, 1], &[1]], false);
    let Some(mut recording) = Recording::obtain("planted", record) else { return };
    let recording = &mut recording;
    let sound = with(recording, "as it is", |_| {});
    assert!(sound.findings.is_empty(), "{:?}", sound.findings);
    let normal = with(recording, "synchronous=NORMAL", |recording| without_syncs(recording, is_of_commit));
    assert!(normal.lost() > 0 && normal.damaged() == 0);
    let off =
        with(recording, "synchronous=OFF", |recording| without_syncs(recording, |all, _, node| is_file(all, node)));
    assert!(off.lost() > 0 && off.damaged() > 0);
    let nameless = with(recording, "directories are not synced", |recording| {
        without_syncs(recording, |all, _, node| !is_file(all, node));
    });
    assert!(nameless.lost() > 0);
    let early = with(recording, "told before it is synced", told_too_early);
    assert!(early.lost() > 0);
}
