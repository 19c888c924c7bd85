//! A damaged memory is set aside and made anew without a needless request; a damaged history is not touched.

use crate::support::fit::Run;
use crate::support::incident::Log;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const COUNT: usize = 20;
const PAGE: usize = 4096;

/// A place whose sessions are delivered, with its daemon.
fn delivered() -> (Place, Daemon) {
    let place = Place::new();
    (0..COUNT).for_each(|day| drop_run(&place, day));
    let daemon = place.start();
    daemon.wait_for_sessions(&place, COUNT);
    drained(&place, COUNT);
    (place, daemon)
}

fn drop_run(place: &Place, day: usize) {
    let start = 1_500_000_000 + i64::try_from(day).unwrap() * 86_400;
    place.drop_file(&format!("{day}.fit"), Run { records: 2, ..Run::at(start) }.build());
}

fn drained(place: &Place, count: usize) {
    wait::until_true("all to be delivered", || {
        place.json(&["status", "--json"])[0]["accounts"][0]["delivered"] == count
    });
}

fn memory(place: &Place) -> PathBuf {
    place.state().join("outbox.db")
}

fn history(place: &Place) -> PathBuf {
    place.state().join("server/sessions.db")
}

fn log_of(path: &Path) -> PathBuf {
    path.with_extension("db-wal")
}

/// Names of the damaged databases in a directory, without what belongs to each.
fn set_aside(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.contains(".db.damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")).collect()
}

/// Fills the first page of a table or index with rubbish.
fn spoil(path: &Path, name: &str) {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    let root = "SELECT rootpage FROM sqlite_schema WHERE name = ?1";
    let page: usize = connection.query_row(root, [name], |row| row.get(0)).unwrap();
    drop(connection);
    let mut bytes = fs::read(path).unwrap();
    bytes[(page - 1) * PAGE..page * PAGE].fill(0x5a);
    fs::write(path, bytes).unwrap();
}

/// The next daemon sets the memory aside, and neither asks for nor sends anything that is not needed. Returns where the
/// damaged one is now.
fn made_anew(place: &Place, server: &BTreeMap<String, Value>) -> PathBuf {
    let mut daemon = place.start();
    let aside = daemon.events("store.set_aside").pop().expect("it to be set aside");
    assert_eq!(aside["file"], memory(place).display().to_string());
    drained(place, server.len());
    assert_eq!(daemon.sessions(place), *server);
    assert!(daemon.events("session.delivered").is_empty(), "{:?}", daemon.seen);
    daemon.terminate();
    PathBuf::from(aside["aside"].as_str().unwrap())
}

#[test]
fn a_damaged_memory_is_set_aside_and_made_anew() {
    let (place, daemon) = delivered();
    let path = memory(&place);
    let server = daemon.sessions(&place);
    daemon.terminate();
    let sound = fs::read(&path).unwrap();
    assert!(!log_of(&path).exists());
    let zeroed = [&vec![0; PAGE], &sound[PAGE..]].concat();
    let schema = [&sound[..100], &vec![0x5a; PAGE - 100], &sound[PAGE..]].concat();
    for (index, damaged) in [b"rubbish ".repeat(2000), zeroed, schema].into_iter().enumerate() {
        fs::write(&path, &damaged).unwrap();
        // Who only looks says what there is, and changes nothing.
        let status = place.run(&["status"]);
        let error = String::from_utf8(status.stderr).unwrap();
        assert!(!status.status.success() && error.contains("outbox.db") && error.contains("a new one"), "{error}");
        assert!(fs::read(&path).unwrap() == damaged && set_aside(&place.state()).len() == index);
        let aside = made_anew(&place, &server);
        assert!(fs::read(aside).unwrap() == damaged);
        assert_eq!(set_aside(&place.state()).len(), index + 1, "none replaces an earlier one");
    }
}

/// What was killed, or lost its power, is looked through before it is used.
#[test]
fn damage_beside_a_log_is_found_at_once() {
    let (place, daemon) = delivered();
    let (path, server) = (memory(&place), daemon.sessions(&place));
    daemon.terminate();
    // Its log says that a run was begun, and nothing of what is spoiled.
    place.start().kill();
    let log = fs::read(log_of(&path)).unwrap();
    spoil(&path, "record_by_file");
    let aside = made_anew(&place, &server);
    let kept = PathBuf::from(format!("{}-wal", aside.display()));
    assert!(fs::read(kept).unwrap() == log);
    // Only the log is left.
    place.start().kill();
    fs::remove_file(&path).unwrap();
    made_anew(&place, &server);
}

/// What is closed in order is not looked through at each start: damage shows when it is come across. The daemon ends, as
/// it cannot promise anything, and its next start, which is the service manager's business, finds a new memory.
#[test]
fn damage_that_shows_while_running_ends_in_a_new_memory() {
    let (place, daemon) = delivered();
    let (path, mut server) = (memory(&place), daemon.sessions(&place));
    daemon.terminate();
    let mut log = Log::default();
    // Come across at the start, by the scan, and by a new file.
    for (index, name) in ["session", "sqlite_autoindex_file_1", "record_by_key"].into_iter().enumerate() {
        spoil(&path, name);
        let daemon = place.spawn(&[], &[]);
        if name == "record_by_key" {
            drop_run(&place, COUNT);
        }
        let (status, events) = daemon.end();
        assert_eq!(status.code(), Some(1), "{name}: {events:#?}");
        assert_eq!(events.iter().filter(|event| event["event"] == "store.set_aside").count(), 1, "{events:#?}");
        assert!(events.last().unwrap().as_str().unwrap().contains("made anew at the next start"), "{events:#?}");
        assert_eq!(set_aside(&place.state()).len(), index + 1);
        let count = server.len() + usize::from(name == "record_by_key");
        let mut daemon = place.start();
        drained(&place, count);
        assert!(daemon.events("session.delivered").len() == count - server.len(), "{:#?}", daemon.seen);
        let now = daemon.sessions(&place);
        assert!(server.iter().all(|(id, session)| now[id] == *session));
        server = now;
        log = Log::default();
        log.add(0, &events);
        log.terminate(1, daemon);
    }
    let alerts = ["FitferryMemorySetAside for /state/outbox.db: 0 to 24", "FitferryStoreFailed for fitferry: 0 to 1"];
    log.fires(&place, &["store.set_aside"], &alerts, &["store.damaged", "store.failed", "store.set_aside"]);
}

/// Commands that write do the same, and say so.
#[test]
fn commands_set_a_damaged_memory_aside_as_well() {
    let (place, daemon) = delivered();
    daemon.terminate();
    let more = place.dir.path().join("more.fit");
    fs::write(&more, Run { records: 2, ..Run::at(1_600_000_000) }.build()).unwrap();
    let commands: [&[&str]; 4] = [
        &["outbox", "retry", "--all"],
        &["outbox", "discard", "--all-parked"],
        &["import", "more.fit"],
        &["reconcile"],
    ];
    for (index, command) in commands.into_iter().enumerate() {
        fs::write(memory(&place), "rubbish ".repeat(2000)).unwrap();
        let output = place.run(command);
        let log = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success() && log.contains("set aside") && log.contains("outbox.db.damaged-"), "{log}");
        assert_eq!(set_aside(&place.state()).len(), index + 1, "{command:?}");
    }
}

/// It may be the only copy: nothing is renamed, nothing is written, and a log that is left is not folded in.
#[test]
fn a_damaged_history_is_left_as_it_is() {
    let (place, daemon) = delivered();
    daemon.terminate();
    let daemon = place.start();
    drop_run(&place, COUNT);
    let server = daemon.wait_for_sessions(&place, COUNT + 1);
    daemon.kill();
    let (path, log) = (history(&place), log_of(&history(&place)));
    let (sound, logged) = (fs::read(&path).unwrap(), fs::read(&log).unwrap());
    assert!(sound.len() > 4 * PAGE && !logged.is_empty());
    let refused = |damaged: Option<&[u8]>, kept_log: Option<&[u8]>| {
        for arguments in
            [&["run", "--watch", "workouts", "--listen", "127.0.0.1:0"][..], &["serve", "--listen", "127.0.0.1:0"]]
        {
            let output = place.run(arguments);
            let error = String::from_utf8(output.stderr).unwrap();
            assert_eq!(output.status.code(), Some(1), "{error}");
            let last = error.lines().last().unwrap();
            assert!(last.contains("sessions.db") && last.contains("only copy") && last.contains("backup"), "{error}");
            assert!(fs::read(&path).ok().as_deref() == damaged && fs::read(&log).ok().as_deref() == kept_log);
            assert!(set_aside(path.parent().unwrap()).is_empty() && set_aside(&place.state()).is_empty());
        }
    };
    let torn = [&sound[..PAGE], &vec![0x5a; sound.len() - PAGE]].concat();
    fs::write(&path, &torn).unwrap();
    refused(Some(&torn), Some(&logged));
    fs::remove_file(&path).unwrap();
    refused(None, Some(&logged));
    fs::remove_file(&log).unwrap();
    let rubbish = b"rubbish ".repeat(2000);
    fs::write(&path, &rubbish).unwrap();
    refused(Some(&rubbish), None);
    // The backup.
    fs::write(&path, &sound).unwrap();
    fs::write(&log, &logged).unwrap();
    assert_eq!(place.start().sessions(&place), server);
}
