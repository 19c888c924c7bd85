//! Two hundred real files at once.

use crate::support::corpus;
use crate::support::program::Place;
use crate::support::wait;
use std::collections::BTreeMap;

/// Within seconds the server lists exactly the sessions that `normalize` prints, each once; a restart sends nothing.
#[test]
fn real_files_become_exactly_their_sessions() {
    let folders: Vec<_> = ["fit", "gpx", "tcx", "gz"].into_iter().filter_map(corpus::folder).collect();
    if folders.is_empty() {
        return;
    }
    let place = Place::new();
    let mut daemon =
        place.start_with(&[], &[("FITFERRY_WATCH__SALVAGE_AFTER", "300ms"), ("FITFERRY_WATCH__SETTLE", "200ms")]);
    let mut count = 0;
    for file in ["fit", "gpx", "tcx", "gz"].into_iter().flat_map(corpus::files) {
        place.drop_file(file.file_name().unwrap().to_str().unwrap(), std::fs::read(&file).unwrap());
        count += 1;
    }
    assert!(count >= 200, "only {count} files");
    wait::until_true("every file judged and every session delivered", || {
        let account = place.json(&["status", "--json"])[0]["accounts"][0].clone();
        let files: u64 = account["files"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        files == count && account["files"]["waiting"] == 0 && account["queued"] == 0 && account["parked"] == 0
    });
    let served = daemon.sessions(&place);

    // A file tells of sessions; those that only one file tells of are exactly as that file alone would have them.
    let printed = place.printed(&[&place.folder()]);
    let files = place.json(&["files", "list", "--json"]);
    let mut tellers: BTreeMap<String, u32> = BTreeMap::new();
    for id in files.iter().flat_map(|file| file["sessions"].as_array().unwrap()) {
        *tellers.entry(id.as_str().unwrap().to_owned()).or_default() += 1;
    }
    assert_eq!(served.keys().collect::<Vec<_>>(), tellers.keys().collect::<Vec<_>>());
    let mut alone = 0;
    for (id, session) in &served {
        // Of two different workouts that start in one second, the later one has a suffix that its file alone does not need.
        if tellers[id] == 1 && id.len() == "fitferry-20260412T063015Z".len() {
            assert!(printed.contains(session), "{session}");
            alone += 1;
        }
    }
    assert!(alone >= 100, "only {alone}");
    let told: u32 = tellers.values().sum();
    assert_eq!(usize::try_from(told).unwrap(), printed.len(), "every workout that normalize prints is some session's");

    daemon.events("");
    let before = daemon.get(&place, crate::support::program::ALL).json();
    daemon.terminate();
    let again = place.start();
    let after = again.get(&place, crate::support::program::ALL).json();
    let (_, events) = again.terminate();
    assert_eq!(after, before);
    let said = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((said("session.delivered"), said("file.queued"), said("file.known")), (0, 0, 0));
}
