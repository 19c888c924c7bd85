//! Commands of every kind at the same time, beside a daemon that is busy: one process delivers, and nothing twice at once.

use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::wait;
use crate::sync::deliver::{START, id, place_for};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

const WATCHED: i64 = 60;
const IMPORTED: i64 = 40;

fn run(day: i64, version: u32) -> Vec<u8> {
    Run { records: 2, seconds: 3600 + 60 * version, ..Run::at(START + day * 86_400) }.build()
}

/// Runs a command that may find the server struggling.
fn command(place: &Place, arguments: &[&str]) {
    let output = place.run(arguments);
    assert!(matches!(output.status.code(), Some(0 | 75)), "{arguments:?}: {output:?}");
}

/// Files of the last days of what is watched, and of workouts of their own; each round some are newer.
fn import(place: &Place, folder: &Path) {
    for round in 0..6 {
        for day in WATCHED - 10..WATCHED + IMPORTED {
            // Only those that are not watched are written anew: else two files would say different things of one run.
            let version = if day >= WATCHED && day % 6 == i64::from(round) { round } else { 0 };
            let path = folder.join(format!("{day}.fit"));
            if round == 0 || version > 0 {
                fs::write(path, run(day, version)).unwrap();
            }
        }
        command(place, &["import", folder.to_str().unwrap()]);
    }
}

/// Sessions vanish, each once, and are looked for.
fn reconcile(place: &Place, server: &FaultServer) {
    let mut vanished = BTreeSet::new();
    for round in 0..12 {
        if let Some(id) = server.sessions().into_keys().find(|id| !vanished.contains(id)) {
            server.forget(&id);
            vanished.insert(id);
        }
        command(place, if round % 3 == 0 { &["reconcile", "--dry-run"] } else { &["reconcile"] });
    }
}

#[test]
fn import_retry_and_reconcile_beside_a_busy_daemon_put_nothing_twice_at_once() {
    let server = FaultServer::start("right");
    server.slow_down(Duration::from_millis(10));
    let place = place_for(&server, "delivery.concurrency = 4\n");
    let other = place.dir.path().join("other");
    fs::create_dir(&other).unwrap();
    let daemon = place.start();
    std::thread::scope(|scope| {
        scope.spawn(|| import(&place, &other));
        scope.spawn(|| (0..30).for_each(|_| command(&place, &["outbox", "retry", "--all"])));
        scope.spawn(|| reconcile(&place, &server));
        for day in 0..WATCHED {
            if day % 5 == 0 {
                server.plan([Fault::HangUp, Fault::Answer(500, "", ""), Fault::TakeAndHangUp]);
            }
            place.drop_file(&format!("{day}.fit"), run(day, 0));
        }
    });
    server.relent();
    let is_drained = || place.json(&["outbox", "list", "--json"]).is_empty();
    wait::until_true("all files to be known", || {
        place.json(&["status", "--json"])[0]["accounts"][0]["sessions"] == WATCHED + IMPORTED
    });
    wait::until_true("an empty outbox", is_drained);
    // What vanished last was perhaps not looked for.
    assert_eq!(place.run(&["reconcile"]).status.code(), Some(0));
    wait::until_true("an empty outbox", is_drained);
    daemon.terminate();
    assert!(server.sessions().into_keys().eq((0..WATCHED + IMPORTED).map(id)), "{:?}", server.sessions().keys());
    for (number, session) in server.sessions().into_values().enumerate() {
        let day = i64::try_from(number).unwrap();
        let version = if day >= WATCHED { day % 6 } else { 0 };
        let end = (START + day * 86_400 + 3600 + 60 * version) * 1000;
        assert_eq!(session["endTimeMillis"], end.to_string(), "the newest revision of day {day}");
    }
    assert!(!server.saw_one_twice_at_once());
    assert!(server.busiest() > 1, "nothing was ever in flight beside anything else");
}
