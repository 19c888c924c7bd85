//! A memory that is lost, damaged, old, or of another server: what is there already is not sent again.

use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::served::Served;
use crate::support::wait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Any time will do; one in the past, so that only the survey looks there and no window of every day.
const START: i64 = 1_500_000_000;
const COUNT: i64 = 1000;

/// Everything, as long as it is no more than a list may hold.
fn sessions(server: &Served) -> BTreeMap<String, Value> {
    server.sessions_between("2017-01-01T00:00:00Z", "2030-01-01T00:00:00Z")
}

fn run(day: i64) -> Run {
    Run { records: 2, ..Run::at(START + day * 40_000) }
}

/// A place whose thousand sessions the server has.
fn delivered(server: &Served) -> Place {
    let place = Place::new();
    server.use_from(&place, "");
    (0..COUNT).for_each(|day| drop(place.drop_file(&format!("{day:04}.fit"), run(day).build())));
    let daemon = place.start();
    drained(&place);
    daemon.terminate();
    assert_eq!(server.writes(), 1000);
    place
}

fn drained(place: &Place) {
    wait::until_true("an empty queue", || {
        let account = &place.json(&["status", "--json"])[0]["accounts"][0];
        account["sessions"].as_i64() >= Some(COUNT) && account["queued"] == 0
    });
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in ["outbox.db", "outbox.db-wal"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

/// Everything is known again by looking, and nothing is sent.
fn is_made_again_without_a_put(lose: impl Fn(&Path)) {
    let server = Served::start();
    let place = delivered(&server);
    let before = sessions(&server);
    assert_eq!(before.len(), 1000);
    lose(&place.state().join("outbox.db"));
    let mut daemon = place.start();
    let mut adopted = 0;
    while adopted < 1000 {
        adopted += daemon.wait_for("survey.done")["adopted"].as_u64().unwrap();
    }
    drained(&place);
    assert_eq!((sessions(&server), server.writes()), (before, 1000));
    assert!(daemon.events("session.delivered").is_empty());
    // What is new goes on its way as ever.
    place.drop_file("new.fit", run(COUNT).build());
    daemon.wait_for("session.delivered");
    assert_eq!((sessions(&server).len(), server.writes()), (1001, 1001));
}

#[test]
fn a_lost_database_is_made_again_without_a_put() {
    is_made_again_without_a_put(|database| fs::remove_file(database).unwrap());
}

#[test]
fn a_damaged_database_is_made_again_without_a_put() {
    is_made_again_without_a_put(|database| {
        let mut bytes = fs::read(database).unwrap();
        let middle = bytes.len() / 2;
        bytes[100..middle].fill(0x5a);
        fs::write(database, bytes).unwrap();
    });
}

/// Ids are given by the first file of a workout. After a loss another file may come first: the id on the server counts.
#[test]
fn a_session_is_found_again_under_another_id() {
    let server = Served::start();
    let place = Place::new();
    server.use_from(&place, "");
    place.drop_file("z.fit", run(0).build());
    let mut daemon = place.start();
    daemon.wait_for("session.delivered");
    let before = sessions(&server);
    daemon.terminate();
    // The same workout from a second device, begun a little later.
    let other = Run { records: 2, serial: 4712, ..Run::at(START + 20) };
    fs::remove_file(place.folder().join("z.fit")).unwrap();
    place.drop_file("a.fit", other.build());
    fs::remove_file(place.state().join("outbox.db")).unwrap();
    let mut daemon = place.start();
    // A look at the server, or its list of changes, whichever is first, finds the session.
    daemon.wait_for("file.queued");
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
    assert_eq!(sessions(&server).into_keys().collect::<Vec<_>>(), before.into_keys().collect::<Vec<_>>());
}

/// What was delivered after the backup is known again by looking, and nothing older replaces it.
#[test]
fn a_restored_backup_sends_nothing_old() {
    let server = Served::start();
    let place = delivered(&server);
    let backup = place.dir.path().join("backup");
    copy(&place.state(), &backup);
    // After the backup: a hundred revisions, and a hundred new ones. Of some, the files are gone by now.
    let daemon = place.start();
    for day in 0..100 {
        let longer = Run { seconds: 3660, ..run(day) };
        place.drop_file(&format!("{day:04}.fit"), longer.build());
        place.drop_file(&format!("{:04}.fit", COUNT + day), run(COUNT + day).build());
    }
    wait::until_true("all revisions", || {
        let now = sessions(&server);
        let is_revised = |day: i64| {
            let millis = ((START + day * 40_000 + 3660) * 1000).to_string();
            now.values().any(|session| session["endTimeMillis"] == millis.as_str())
        };
        now.len() == 1100 && (0..100).all(is_revised)
    });
    drained(&place);
    daemon.terminate();
    let (before, writes) = (sessions(&server), server.writes());
    (0..10).for_each(|day| fs::remove_file(place.folder().join(format!("{day:04}.fit"))).unwrap());
    fs::remove_file(place.state().join("outbox.db")).unwrap();
    copy(&backup, &place.state());
    let mut daemon = place.start();
    daemon.wait_for("survey.done");
    drained(&place);
    wait::until_true("all to be known", || {
        place.json(&["status", "--json"])[0]["accounts"][0]["sessions"].as_i64() == Some(COUNT + 100)
    });
    assert_eq!(daemon.events("store.copy").len(), 1);
    assert_eq!((sessions(&server), server.writes()), (before, writes));
    assert!(daemon.events("session.delivered").is_empty());
}

#[test]
fn another_destination_gets_everything() {
    let first = Served::start();
    let place = delivered(&first);
    let before = sessions(&first);
    let second = Served::start();
    second.use_from(&place, "");
    let daemon = place.start();
    wait::until_true("all sessions", || sessions(&second).len() == 1000);
    drained(&place);
    daemon.terminate();
    assert_eq!((first.writes(), second.writes()), (1000, 1000));
    // And back again: nothing is new there.
    first.use_from(&place, "");
    let mut daemon = place.start();
    drained(&place);
    assert_eq!((sessions(&first), first.writes(), second.writes()), (before, 1000, 1000));
    assert!(daemon.events("session.delivered").is_empty());
}
