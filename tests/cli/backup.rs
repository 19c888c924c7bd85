//! `fitferry backup`, and what becomes of a backup that is put back: nothing is sent again, nothing old over what is newer.

use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::served::Served;
use crate::support::wait;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const START: i64 = 1_500_000_000;

fn drop_run(place: &Place, day: i64, seconds: u32) {
    let run = Run { records: 2, seconds, ..Run::at(START + day * 86_400) };
    place.drop_file(&format!("{day:04}.fit"), run.build());
}

fn account(place: &Place) -> Value {
    place.json(&["status", "--json"])[0]["accounts"][0].clone()
}

fn wait_until_sent(place: &Place, sessions: i64) {
    wait::until_true("an empty queue", || {
        let account = account(place);
        account["sessions"] == sessions && account["queued"] == 0
    });
}

/// As the README says, but for the names of things.
fn restore(backup: &Path, state: &Path) {
    let script = "cd \"$1\" && rm -f outbox.db-* server/sessions.db-* && tar -xf \"$0\"";
    let done = Command::new("sh").args(["-euc", script]).arg(backup).arg(state).status().unwrap();
    assert!(done.success());
}

/// The end of each session, without which nothing tells revisions apart.
fn ends(sessions: &BTreeMap<String, Value>) -> Vec<&str> {
    sessions.values().map(|session| session["endTimeMillis"].as_str().unwrap()).collect()
}

/// Taken while files arrive, and put back a day later, as far as anybody can tell.
#[test]
fn the_backup_of_yesterday_sends_nothing_old_and_nothing_again() {
    let server = Served::start();
    let place = Place::new();
    server.use_from(&place, "");
    let sessions = || server.sessions_between("2017-01-01T00:00:00Z", "2030-01-01T00:00:00Z");
    (0..40).for_each(|day| drop_run(&place, day, 3600));
    let daemon = place.start();
    wait_until_sent(&place, 40);
    let backup = place.dir.path().join("backup.tar");
    let told = place.json(&["backup", "--json", backup.to_str().unwrap()]).remove(0);
    assert_eq!(told["databases"], serde_json::json!([{"name": "outbox.db", "sessions": 40}]), "{told}");
    (0..20).for_each(|day| drop_run(&place, day, 3660));
    (40..60).for_each(|day| drop_run(&place, day, 3600));
    wait_until_sent(&place, 60);
    let revised = |count| sessions().values().filter(|session| is_revised(session)).count() == count;
    wait::until_true("the revisions", || revised(20));
    wait_until_sent(&place, 60);
    daemon.terminate();
    let (before, writes) = (sessions(), server.writes());
    // Of some, the files are gone by now.
    (0..5).for_each(|day| fs::remove_file(place.folder().join(format!("{day:04}.fit"))).unwrap());
    restore(&backup, &place.state());
    let mut daemon = place.start();
    daemon.wait_for("survey.done");
    wait_until_sent(&place, 60);
    assert_eq!((sessions(), server.writes()), (before, writes));
    assert!(daemon.events("session.delivered").is_empty());
}

fn is_revised(session: &Value) -> bool {
    let millis = |name: &str| session[name].as_str().unwrap().parse::<i64>().unwrap();
    millis("endTimeMillis") - millis("startTimeMillis") == 3_660_000
}

/// Both databases are of one moment, and bring a machine back that is lost.
#[test]
fn both_databases_come_back_on_another_machine() {
    let place = Place::new();
    (0..10).for_each(|day| drop_run(&place, day, 3600));
    let daemon = place.start();
    let yesterday = daemon.wait_for_sessions(&place, 10);
    wait_until_sent(&place, 10);
    let backup = place.dir.path().join("backup.tar");
    let text = place.run(&["backup", backup.to_str().unwrap()]).stdout;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains("outbox.db  10 sessions") && text.contains("server/sessions.db  10 sessions"), "{text}");
    assert_eq!(backup.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    drop_run(&place, 3, 3660);
    drop_run(&place, 10, 3600);
    wait::until_true("today's", || daemon.sessions(&place).values().filter(|session| is_revised(session)).count() == 1);
    let today = daemon.wait_for_sessions(&place, 11);
    daemon.terminate();
    // Elsewhere, with another copy of the folder: what the server had then is there, and nothing else is missing in the end.
    let other = Place::new();
    fs::create_dir(other.state()).unwrap();
    restore(&backup, &other.state());
    assert_eq!(ends(&other.start().sessions(&other)), ends(&yesterday));
    (0..11).for_each(|day| drop_run(&other, day, if day == 3 { 3660 } else { 3600 }));
    let mut daemon = other.start();
    wait::until_true("today's", || ends(&daemon.sessions(&other)) == ends(&today));
    wait_until_sent(&other, 11);
    assert_eq!(daemon.events("session.delivered").len(), 2, "the new one, and the revision");
}

#[test]
fn nothing_is_replaced_and_nothing_is_left_behind() {
    let place = Place::new();
    let file = place.dir.path().join("backup.tar");
    let refused = |words: &str| {
        let output = place.run(&["backup", file.to_str().unwrap()]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && error.contains(words), "{error}");
    };
    refused("holds nothing to back up yet");
    drop_run(&place, 0, 3600);
    let daemon = place.start();
    daemon.wait_for_sessions(&place, 1);
    fs::write(&file, "somebody's").unwrap();
    refused("is there already");
    assert_eq!(fs::read_to_string(&file).unwrap(), "somebody's");
    fs::remove_file(&file).unwrap();
    daemon.terminate();
    // A page in the middle of the sessions.
    let database = place.state().join("server/sessions.db");
    let whole = fs::read(&database).unwrap();
    let mut damaged = whole.clone();
    damaged[4096..8192].fill(0x5a);
    fs::write(&database, damaged).unwrap();
    refused("cannot copy server/sessions.db");
    assert!(!file.exists());
    let rest = fs::read_dir(place.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let rest: Vec<_> = rest.filter(|name| name.to_str().unwrap().contains("backup")).collect();
    assert!(rest.is_empty(), "{rest:?}");
    fs::write(&database, whole).unwrap();
    assert!(place.run(&["backup", file.to_str().unwrap()]).status.success());
}

/// A memory whose copy takes a while.
fn fill(place: &Place) {
    drop_run(place, 0, 3600);
    let daemon = place.start();
    daemon.wait_for_sessions(place, 1);
    daemon.terminate();
    let memory = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    let fill = "CREATE TABLE fill(bytes BLOB);
        INSERT INTO fill WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 40000)
        SELECT randomblob(3000) FROM n;";
    memory.execute_batch(fill).unwrap();
}

/// What a backup works in, by its name.
fn workshops(place: &Place) -> Vec<String> {
    let names = fs::read_dir(place.dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with(".backup.tar.partial-")).collect()
}

/// Starts one, and waits until it is at work.
fn begin(place: &Place) -> Child {
    let mut command = place.command();
    command.args(["backup", "backup.tar"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    let workshop = place.dir.path().join(format!(".backup.tar.partial-{}", child.id()));
    wait::until_true("the copy to be begun", || workshop.join("copy.db").exists());
    child
}

fn signal(child: &Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn one_that_is_ended_leaves_nothing_behind() {
    let place = Place::new();
    fill(&place);
    for name in ["TERM", "INT"] {
        let child = begin(&place);
        signal(&child, name);
        let ended = child.wait_with_output().unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(
            ended.status.code() == Some(75) && said.contains("nothing of it is left"),
            "{:?}: {said}",
            ended.status
        );
        assert_eq!(workshops(&place), Vec::<String>::new());
        assert!(!place.dir.path().join("backup.tar").exists());
    }
}

#[test]
fn what_is_left_of_the_dead_is_removed_by_the_next_and_what_is_at_work_is_not() {
    let place = Place::new();
    fill(&place);
    let mut dead = begin(&place);
    dead.kill().unwrap();
    dead.wait().unwrap();
    assert_eq!(workshops(&place).len(), 1);
    let slow = begin(&place);
    signal(&slow, "STOP");
    let at_work = workshops(&place);
    assert_eq!(at_work, [format!(".backup.tar.partial-{}", slow.id())]);
    // Somebody's own, whatever it is.
    fs::create_dir(place.dir.path().join(".backup.tar.partial-keep")).unwrap();
    let quick = place.run(&["backup", "backup.tar"]);
    assert!(quick.status.success(), "{quick:?}");
    let left = workshops(&place);
    assert!(left.len() == 2 && left.contains(&at_work[0]), "{left:?}");
    signal(&slow, "CONT");
    let slow = slow.wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&slow.stderr).contains("is there already"), "{slow:?}");
    assert_eq!(workshops(&place), [".backup.tar.partial-keep"]);
}
