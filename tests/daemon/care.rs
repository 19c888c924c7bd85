//! What a daemon does for its disk by itself: logs are folded in when nobody writes.

use crate::support::fit::Run;
use crate::support::program::{ALL, Place};
use crate::support::wait;
use std::fs;

/// After a burst neither database keeps the room of its log.
#[test]
fn logs_shrink_when_nobody_writes() {
    let place = Place::new();
    let mut daemon = place.start();
    for day in 0..50 {
        place.drop_file(&format!("{day}.fit"), Run::at(1_600_000_000 + day * 86_400).build());
    }
    let sessions = daemon.wait_for_sessions(&place, 50);
    let logs = ["outbox.db-wal", "server/sessions.db-wal"].map(|name| place.state().join(name));
    let sizes = || logs.each_ref().map(|log| fs::metadata(log).unwrap().len());
    assert!(sizes().iter().all(|size| *size > 0), "{:?}", sizes());
    wait::until_true("both logs to be folded in", || sizes() == [0, 0]);
    // Nothing is missing, and what comes then is written as ever.
    assert_eq!(daemon.sessions(&place), sessions);
    place.drop_file("new.fit", Run::at(1_500_000_000).build());
    daemon.wait_for_where("session.delivered", |event| event["session"].as_str().unwrap().contains("20170714"));
    daemon.terminate();
}

/// What was imported from elsewhere, and is told again since, is forgotten after a while; nothing is sent for it.
#[test]
fn what_is_told_again_is_forgotten_after_a_while() {
    let place = Place::new();
    let export = |name: &str| {
        let path = place.dir.path().join(name);
        fs::write(&path, Run::default().build()).unwrap();
        assert!(place.run(&["import", path.to_str().unwrap()]).status.success());
    };
    export("monday.fit");
    export("tuesday.fit");
    let mut daemon = place.start();
    let before = daemon.get(&place, ALL).json();
    daemon.terminate();
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    assert_eq!(store.execute("UPDATE file SET judged_ms = 1", []).unwrap(), 2);
    drop(store);
    // That may be told before it is ready.
    daemon = place.spawn(&[], &[]);
    assert_eq!(daemon.wait_for("store.compacted")["records"], 1);
    let files = place.json(&["files", "list", "--json"]);
    assert!(files.len() == 1 && files[0]["file"].as_str().unwrap().ends_with("tuesday.fit"), "{files:?}");
    // Each write changes the time of modification.
    assert_eq!(daemon.get(&place, ALL).json(), before);
}
