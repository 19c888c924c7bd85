//! Killed at any moment, it loses nothing and sends nothing twice.

use crate::support::fit::Run;
use crate::support::program::Place;
use std::collections::BTreeSet;

const FILES: i64 = 2000;
const KILLS: i64 = 20;

fn id(day: i64) -> String {
    let start = jiff::Timestamp::from_second(1_500_000_000 + day * 86_400).unwrap();
    format!("fitferry-{}", start.strftime("%Y%m%dT%H%M%SZ"))
}

/// `kill -9` in the middle of 2,000 files, 20 times: afterwards every session is on the server once.
#[test]
fn killed_twenty_times_among_two_thousand_files() {
    let place = Place::new();
    for kill in 0..KILLS {
        let batch = FILES / KILLS;
        for day in kill * batch..(kill + 1) * batch {
            let run = Run { records: 2, serial: 1, ..Run::at(1_500_000_000 + day * 86_400) };
            std::fs::write(place.folder().join(format!("{day}.fit")), run.build()).unwrap();
        }
        let mut daemon = place.spawn(&[], &[]);
        // Each time at another point: before it is ready, among the files, among the deliveries.
        let (event, times) = match kill % 4 {
            0 => ("daemon.starting", 1),
            1 => ("daemon.ready", 1),
            2 => ("file.queued", 1 + kill * 4),
            _ => ("session.delivered", 1 + kill * 4),
        };
        for _ in 0..times {
            daemon.wait_for(event);
        }
        daemon.kill();
    }
    let daemon = place.start();
    let sessions = daemon.wait_for_sessions(&place, 2000);
    let expected: BTreeSet<String> = (0..FILES).map(id).collect();
    assert_eq!(sessions.into_keys().collect::<BTreeSet<_>>(), expected);
    let (took, _) = daemon.terminate();
    assert!(took.as_secs() < 5, "{took:?}");
    let files = place.json(&["files", "list", "--json"]);
    assert_eq!(files.len(), 2000);
    let verdicts: BTreeSet<&str> = files.iter().map(|file| file["verdict"].as_str().unwrap()).collect();
    assert!(verdicts.is_subset(&BTreeSet::from(["queued", "known"])), "{verdicts:?}");
    assert!(place.json(&["sessions", "list", "--json"]).iter().all(|session| session["state"] == "delivered"));
}
