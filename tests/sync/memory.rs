//! A memory that is lost, damaged, old, or of another server: what is there already is not sent again.

use crate::support::disks::{self, Disk};
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
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

/// Everything that a backup of the machine would have of it.
fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let files = fs::read_dir(from).unwrap().map(Result::unwrap).filter(|entry| entry.file_type().unwrap().is_file());
    files.for_each(|file| assert!(fs::copy(file.path(), to.join(file.file_name())).is_ok()));
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

/// Looking through the folders is not over as long as one is missing, or may be; and what somebody imports lies elsewhere.
#[test]
fn what_comes_late_to_a_new_memory_is_looked_for_as_well() {
    for way in ["away", "empty", "import"] {
        let server = Served::start();
        let place = Place::new();
        server.use_from(&place, "watch.scan_every = '1s'\n");
        place.drop_file("z.fit", run(0).build());
        let mut daemon = place.start();
        daemon.wait_for("session.delivered");
        let before = sessions(&server);
        daemon.terminate();
        let (folder, late) = (place.folder(), place.dir.path().join("late"));
        fs::remove_file(folder.join("z.fit")).unwrap();
        place.drop_file("a.fit", Run { records: 2, serial: 4712, ..Run::at(START + 20) }.build());
        fs::remove_file(place.state().join("outbox.db")).unwrap();
        fs::rename(&folder, &late).unwrap();
        if way != "away" {
            fs::create_dir(&folder).unwrap();
        }
        let mut daemon = place.start();
        daemon.wait_for("reconcile.done");
        match way {
            "away" => fs::rename(&late, &folder).unwrap(),
            "empty" => fs::rename(late.join("a.fit"), folder.join("a.fit")).unwrap(),
            _ => {
                let import = place.run(&["import", late.to_str().unwrap()]);
                assert!(import.status.success(), "{import:?}");
            }
        }
        wait::until_true("an empty queue", || {
            let account = &place.json(&["status", "--json"])[0]["accounts"][0];
            account["sessions"] == 1 && account["queued"] == 0
        });
        assert!(sessions(&server).keys().eq(before.keys()), "{way}: {:?}", sessions(&server));
    }
}

/// A disk may be mounted inside when everything else was looked through long ago.
#[test]
fn what_is_on_a_disk_that_comes_late_is_looked_for_as_well() {
    let server = Served::start();
    let place = Place::new();
    server.use_from(&place, "watch.scan_every = '1s'\n");
    place.drop_file("z.fit", run(0).build());
    let mut daemon = place.start();
    daemon.wait_for("session.delivered");
    let ids = sessions(&server);
    daemon.terminate();
    fs::remove_file(place.folder().join("z.fit")).unwrap();
    fs::remove_file(place.state().join("outbox.db")).unwrap();
    place.drop_file("ours.fit", run(1).build());
    let [stick, other] = [place.folder().join("stick"), place.dir.path().join("other")];
    fs::create_dir(&stick).unwrap();
    fs::create_dir(&other).unwrap();
    let (disk, other) = (Disk::new(&place, &stick), Disk::named(&place, &other, "another"));
    fs::write(disk.files.join("a.fit"), Run { records: 2, serial: 4712, ..Run::at(START + 20) }.build()).unwrap();
    let Some(daemon) = disks::start(&place, &other) else { return };
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    let is_trusted = || store.query_row("SELECT NOT wary FROM account", [], |row| row.get(0)).unwrap();
    wait::until_true("everything to be looked through", is_trusted);
    disk.mount(&daemon);
    wait::until_true("an empty queue", || {
        let account = &place.json(&["status", "--json"])[0]["accounts"][0];
        account["sessions"] == 2 && account["queued"] == 0
    });
    let there = sessions(&server);
    assert!(there.len() == 2 && ids.keys().all(|id| there.contains_key(id)), "{there:?}");
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

/// A backup of the machine brings all of the state back, and what waited to be sent then: nothing tells that it is old.
#[test]
fn a_restored_directory_sends_nothing_old() {
    const REVISED: i64 = 40;
    let server = Served::start();
    let place = Place::new();
    server.use_from(&place, "");
    let drop_all = |days: std::ops::Range<i64>, seconds: u32| {
        days.for_each(|day| drop(place.drop_file(&format!("{day:04}.fit"), Run { seconds, ..run(day) }.build())));
    };
    let is_sent = |count: i64| {
        wait::until_true("an empty queue", || {
            let account = &place.json(&["status", "--json"])[0]["accounts"][0];
            account["sessions"] == count && account["queued"] == 0
        });
    };
    drop_all(0..REVISED, 3600);
    let daemon = place.start();
    is_sent(REVISED);
    daemon.terminate();
    // Second revisions and new ones, of which none is sent before the backup.
    server.use_from(&place, "delivery.rate = 0.001\ndelivery.burst = 1\n");
    let daemon = place.start();
    drop_all(0..REVISED, 3660);
    drop_all(REVISED..2 * REVISED, 3600);
    let account = || place.json(&["status", "--json"])[0]["accounts"][0].clone();
    wait::until_true("a queue", || account()["queued"].as_i64() >= Some(2 * REVISED - 1));
    daemon.terminate();
    let backup = place.dir.path().join("backup");
    copy_all(&place.state(), &backup);
    server.use_from(&place, "");
    let daemon = place.start();
    is_sent(2 * REVISED);
    drop_all(0..2 * REVISED, 3720);
    wait::until_true("all revisions", || {
        let now = sessions(&server);
        let is_revised = |day: i64| {
            let millis = ((START + day * 40_000 + 3720) * 1000).to_string();
            now.values().any(|session| session["endTimeMillis"] == millis.as_str())
        };
        (0..2 * REVISED).all(is_revised)
    });
    is_sent(2 * REVISED);
    // A second device tells of another workout, and the file that gave it its id goes.
    place.drop_file("x.fit", run(COUNT).build());
    is_sent(2 * REVISED + 1);
    place
        .drop_file("y.fit", Run { serial: 4712, ..Run { records: 2, ..Run::at(START + COUNT * 40_000 + 20) } }.build());
    wait::until_true("the second device", || account()["files"]["known"].as_u64() > Some(0));
    daemon.terminate();
    // Of some, the files are gone by now.
    (0..10).for_each(|day| fs::remove_file(place.folder().join(format!("{day:04}.fit"))).unwrap());
    fs::remove_file(place.folder().join("x.fit")).unwrap();
    let (before, writes) = (sessions(&server), server.writes());
    fs::remove_dir_all(place.state()).unwrap();
    copy_all(&backup, &place.state());
    let mut daemon = place.start();
    is_sent(2 * REVISED + 1);
    let (mut after, mut before) = (sessions(&server), before);
    // What only the second device tells of is found under the id of the first, and told as it tells it.
    let id = before.last_key_value().unwrap().0.clone();
    assert!(before.remove(&id).is_some() && after.remove(&id).is_some());
    assert_eq!((after, server.writes()), (before, writes + 1));
    let delivered = daemon.events("session.delivered");
    assert!(delivered.iter().all(|event| event["session"] == id.as_str()), "{delivered:?}");
}

/// A start that finds nothing to send asks nothing but what is due.
#[test]
fn a_start_with_nothing_to_send_asks_nothing_more() {
    let server = Served::start();
    let place = Place::new();
    server.use_from(&place, "");
    place.drop_file("a.fit", run(0).build());
    let mut daemon = place.start();
    // In whichever order.
    let has = |daemon: &mut Daemon, name: &str| !daemon.events(name).is_empty();
    wait::until_true("both", || has(&mut daemon, "session.delivered") && has(&mut daemon, "reconcile.done"));
    daemon.terminate();
    let asked = server.requests();
    let mut daemon = place.start();
    // What comes after the first look at the folders is nothing that a former life may have sent.
    place.drop_file("b.fit", run(1).build());
    daemon.wait_for("session.delivered");
    assert!(daemon.events("reconcile.done").is_empty());
    let (gets, puts) = (server.requests().0 - server.writes(), server.writes());
    let (gets_before, puts_before) = (asked.0 - asked.1, asked.1);
    assert_eq!(puts, puts_before + 1);
    assert!(gets <= gets_before + 1, "one look at most, should the file have come before the first look was over");
}

/// A folder that was empty is soon looked through again, and what comes then is not compared any more before it is sent.
#[test]
fn a_folder_is_trusted_soon_after_its_first_files() {
    let server = Served::start();
    let place = Place::new();
    server.use_from(&place, "");
    let mut daemon = place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    wait::until_true("a look", || !daemon.events("scan.done").is_empty());
    place.drop_file("0.fit", run(0).build());
    daemon.wait_for_where("scan.done", |event| event["files"] == 1);
    let mut comparisons = |day: i64| {
        let before = daemon.events("survey.done").len();
        place.drop_file(&format!("{day}.fit"), run(day).build());
        daemon.wait_for("session.delivered");
        daemon.events("survey.done").len() - before
    };
    // The first of them may still be compared: only then nothing waits any more.
    let found = [1, 2].map(&mut comparisons);
    assert!(found[0] <= 1 && found[1] == 0, "{found:?}");
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

/// A daemon whose machine was suspended goes on as if nothing had been; others may have been at the server meanwhile.
#[test]
fn what_comes_after_a_long_sleep_is_looked_for_first() {
    let server = Served::start();
    let place = Place::new();
    server.use_from(&place, "");
    let mut daemon = place.start();
    daemon.wait_for("reconcile.done");
    // Another memory, which is gone since.
    let other = Place::new();
    server.use_from(&other, "");
    other.drop_file("a.fit", run(0).build());
    let mut others = other.start();
    others.wait_for("session.delivered");
    others.terminate();
    let before = sessions(&server);
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    // Asleep since then, as far as anybody can tell.
    store.execute("UPDATE account SET awake_until_ms = 1", []).unwrap();
    place.drop_file("a.fit", run(0).build());
    assert_eq!(daemon.wait_for("survey.done")["adopted"], 1);
    assert_eq!((sessions(&server), server.writes()), (before, 1));
    assert!(daemon.events("session.delivered").is_empty());
}

/// Two servers that have one workout under different ids: each keeps its own, whatever the account does in between.
#[test]
fn servers_with_other_ids_get_no_second_session() {
    let (first, second) = (Served::start(), Served::start());
    let place = Place::new();
    first.use_from(&place, "");
    place.drop_file("a.fit", run(0).build());
    place.start().wait_for("session.delivered");
    // Another memory of ours put the same workout there, from a second device that began a little later.
    let other = Place::new();
    second.use_from(&other, "");
    other.drop_file("b.fit", Run { records: 2, serial: 4712, ..Run::at(START + 20) }.build());
    other.start().wait_for("session.delivered");
    let ids = [&first, &second].map(|server| sessions(server).into_keys().collect::<Vec<_>>());
    assert_ne!(ids[0], ids[1]);
    for (round, at) in [1, 0, 1, 0, 1].into_iter().enumerate() {
        let server = [&first, &second][at];
        server.use_from(&place, "");
        let mut daemon = place.start();
        daemon.wait_for("reconcile.done");
        let seconds = 3660 + 60 * u32::try_from(round).unwrap();
        place.drop_file("a.fit", Run { seconds, ..run(0) }.build());
        daemon.wait_for("session.delivered");
        let known = place.json(&["sessions", "list", "--json"]);
        assert_eq!((known.len(), &known[0]["id"]), (1, &Value::from(ids[at][0].as_str())));
        daemon.terminate();
        for (server, ids) in [&first, &second].into_iter().zip(&ids) {
            assert_eq!(&sessions(server).into_keys().collect::<Vec<_>>(), ids, "round {round}");
        }
    }
    // What no file tells of any more is deleted under the id that it has there.
    fs::remove_file(place.folder().join("a.fit")).unwrap();
    assert_eq!(
        place.json(&["files", "forget", "--json", place.folder().join("a.fit").to_str().unwrap()])[0]["deleted"],
        1
    );
    let mut daemon = place.start();
    daemon.wait_for("session.deleted");
    assert_eq!((sessions(&first).len(), sessions(&second).len()), (1, 0));
}
