//! The power goes while the program does its work.

use super::recording::Recording;
use super::{campaign, scenarios, seed, share};
use crate::support::program::Place;
use crate::support::wait;
use std::path::Path;

#[test]
fn a_daemon_that_ferries_workouts() {
    let batches: [&[i64]; 2] = [&[1, 1, 2, 3, 5, 1, 1, 8, 13, 1, 1, 1, 2, 2, 1, 20, 1, 1, 1, 3], &[1, 2, 10, 1]];
    let record = |recorder| scenarios::ferry(recorder, batches, true);
    let Some(recording) = Recording::obtain("ferry", record) else { return };
    let report = campaign::run(&recording, share(55), seed());
    campaign::judge("ferry", &recording, &report, seed());
    assert!(report.images() >= 3_000, "too few to mean anything");
    goes_on(&recording);
}

#[test]
fn a_server_with_several_clients() {
    let record = |recorder| scenarios::serve(recorder, 4, [50, 10]);
    let Some(recording) = Recording::obtain("serve", record) else { return };
    let report = campaign::run(&recording, share(40), seed());
    campaign::judge("serve", &recording, &report, seed());
    assert!(report.images() >= 2_000, "too few to mean anything");
}

#[test]
fn commands_that_come_first() {
    let Some(recording) = Recording::obtain("commands", scenarios::commands) else { return };
    let report = campaign::run(&recording, share(5), seed());
    campaign::judge("commands", &recording, &report, seed());
}

/// The real program takes up its work on some of the images: in the end everything is on the server, once, and nothing
/// that was known to be there is sent again.
fn goes_on(recording: &Recording) {
    let Some(place) = &recording.place else { return };
    let files: Vec<_> = std::fs::read_dir(place.folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    // What other programs exported tells nothing that the runs do not.
    let runs: Vec<&Path> = files
        .iter()
        .map(AsRef::as_ref)
        .filter(|file: &&Path| file.extension().is_some_and(|extension| extension == "fit"))
        .collect();
    let expected = place.normalized(&runs);
    for image in campaign::sample(recording, 9, seed()) {
        let after = Place::new();
        // The files are where they were.
        let folders = format!("folders = [{:?}]\n", place.folder());
        std::fs::write(after.config(), folders).unwrap();
        let owed = campaign::rebuild(recording, image, after.dir.path());
        let mut daemon = after.start();
        wait::until_true("every session", || {
            let sessions = daemon.sessions(&after);
            expected.iter().all(|(id, session)| sessions.get(id) == Some(session))
        });
        let sessions = daemon.sessions(&after);
        assert!(sessions.len() <= expected.len() + 3, "{image:?}: {:?}", sessions.keys());
        for event in daemon.events("session.delivered") {
            let known = owed.delivered.get(event["session"].as_str().unwrap()).copied().unwrap_or_default();
            assert!(event["revision"].as_i64() > Some(known), "{image:?}: {event} was known");
        }
        daemon.terminate();
    }
}
