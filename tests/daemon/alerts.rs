//! What monitors make of the log: each incident as the program lives through it, told to the examples for Loki and Vector, and
//! to `status --check`, which is what the recipe for mail asks; and a day when all is well.

use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::incident::Log;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use crate::sync::deliver::{START, drop_runs, id, place_for};
use std::fs;
use std::net::TcpListener;

const SOON: (&str, &str) = ("FITFERRY_RECONCILE__EVERY", "1s");

/// Whether all is well, and the line that says so.
fn check(place: &Place) -> (bool, String) {
    let output = place.run(&["status", "--check"]);
    let line = String::from_utf8(output.stdout).unwrap();
    assert_eq!(line.lines().count(), 1, "{line}");
    (output.status.code() == Some(0), line)
}

fn wait_for_check(place: &Place, words: &str) {
    wait::until_true(words, || {
        let (is_well, line) = check(place);
        line.contains(words) && is_well == line.starts_with("ok: ")
    });
}

fn drop_run(place: &Place, day: i64) {
    place.drop_file(&format!("{day}.fit"), Run { records: 2, ..Run::at(START + day * 86_400) }.build());
}

/// With so many sessions delivered in the first hour.
fn start(place: &Place, server: &FaultServer, count: i64, log: &mut Log) -> Daemon {
    drop_runs(place, count);
    let mut daemon = place.start_with(&[], &[SOON]);
    wait::until_true("all sessions", || server.sessions().len() == usize::try_from(count).unwrap());
    wait_for_check(place, &format!("ok: {count} delivered, 0 queued"));
    daemon.wait_for_where("reconcile.done", |done| done["compared"] == count);
    log.hear(0, &mut daemon);
    daemon
}

/// Waits for what it may have said already while it started.
fn said(daemon: &mut Daemon, name: &str) {
    wait::until_true(name, || !daemon.events(name).is_empty());
}

fn retry(place: &Place) {
    assert!(place.run(&["outbox", "retry", "--all"]).status.success());
}

/// Files come, one attempt fails, settings are read again, it is started anew, and its memory is lost; then nobody does anything
/// for a week.
#[test]
fn nobody_is_alerted_when_all_is_well() {
    let server = FaultServer::start("right");
    let (place, mut log) = (place_for(&server, ""), Log::default());
    let mut daemon = start(&place, &server, 3, &mut log);
    server.plan([Fault::Answer(503, "", "")]);
    drop_run(&place, 5);
    daemon.wait_for("session.retry");
    daemon.wait_for("session.delivered");
    log.hear(3, &mut daemon);
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    daemon.wait_for("reconcile.done");
    log.hear(6, &mut daemon);
    log.terminate(9, daemon);
    fs::remove_file(place.state().join("outbox.db")).unwrap();
    let mut daemon = place.start_with(&[], &[SOON]);
    // Whoever looks first, the comparison or the look before sending, finds all of them there.
    said(&mut daemon, "survey.done");
    said(&mut daemon, "reconcile.done");
    wait_for_check(&place, "ok: 4 delivered");
    log.hear(10, &mut daemon);
    assert!(daemon.events("session.delivered").is_empty(), "nothing is sent again");
    // An error message for a person is no JSON.
    log.add(11, &["error: no such thing".into()]);
    log.is_silent(&[]);
}

fn forget_login(server: &FaultServer) {
    server.set_token("another");
    server.plan_lists(vec![Fault::Answer(401, "", "{}"); 1000]);
}

#[test]
fn a_login_is_needed() {
    let server = FaultServer::start("right");
    let (place, mut log) = (place_for(&server, ""), Log::default());
    let mut daemon = start(&place, &server, 1, &mut log);
    forget_login(&server);
    drop_run(&place, 1);
    daemon.wait_for("account.stopped");
    wait_for_check(&place, "me: login needed: ");
    log.hear(2, &mut daemon);
    server.set_token("right");
    server.relent();
    retry(&place);
    daemon.wait_for("account.resumed");
    daemon.wait_for("reconcile.done");
    wait_for_check(&place, "ok: 2 delivered");
    log.hear(20, &mut daemon);
    log.fires(&place, &["account.stopped"], &["FitferryLoginNeeded for me: 2 to 20"], &["account.stopped"]);
}

/// Another token may need another start; and comparing may be all that it is needed for.
#[test]
fn a_login_that_a_restart_has_mended_is_not_needed_any_more() {
    let server = FaultServer::start("right");
    let (place, mut log) = (place_for(&server, ""), Log::default());
    let mut daemon = start(&place, &server, 1, &mut log);
    forget_login(&server);
    daemon.wait_for("account.stopped");
    log.hear(2, &mut daemon);
    log.terminate(3, daemon);
    assert!(check(&place).1.starts_with("fitferry is not running"), "{:?}", check(&place));
    server.set_token("right");
    server.relent();
    let mut daemon = place.start_with(&[], &[SOON]);
    said(&mut daemon, "reconcile.done");
    log.hear(40, &mut daemon);
    log.fires(&place, &["account.stopped"], &["FitferryLoginNeeded for me: 2 to 40"], &["account.stopped"]);
}

/// Though it answers questions: the sessions are not to blame, and yet the first of them were taken for it.
#[test]
fn a_server_refuses_every_session() {
    let server = FaultServer::start("another");
    let (place, mut log) = (place_for(&server, "delivery.concurrency = 4\n"), Log::default());
    let mut daemon = place.start();
    said(&mut daemon, "reconcile.done");
    let compared = daemon.events("reconcile.done");
    drop_runs(&place, 40);
    wait::until_true("all files", || daemon.events("file.queued").len() == 40);
    daemon.terminate();
    server.set_token("right");
    server.plan(vec![Fault::Answer(400, "", ""); 100]);
    let mut daemon = place.start();
    said(&mut daemon, "account.stopped");
    wait_for_check(&place, "me: the server refuses everything: ");
    log.hear(0, &mut daemon);
    log.add(3, &compared);
    let alerts = [
        "FitferryLoginNeeded for me: 0 to 3",
        "FitferryParked for me: 0 to 168",
        "FitferryNothingDelivered for me: 24 to 168",
    ];
    log.fires(&place, &["account.stopped"], &alerts, &["account.stopped", "session.parked"]);
}

#[test]
fn sessions_are_parked() {
    let server = FaultServer::start("right");
    let (place, mut log) = (place_for(&server, ""), Log::default());
    let mut daemon = start(&place, &server, 1, &mut log);
    (1..3).for_each(|day| server.doom(&id(day), Fault::Answer(400, "", "")));
    (1..4).for_each(|day| drop_run(&place, day));
    daemon.wait_for("session.parked");
    daemon.wait_for("session.parked");
    wait_for_check(&place, "me: 2 sessions are parked");
    wait::until_true("the other one", || server.sessions().len() == 2);
    log.hear(2, &mut daemon);
    assert!(place.run(&["outbox", "discard", &id(1)]).status.success());
    daemon.wait_for("session.discarded");
    wait_for_check(&place, "me: 1 sessions are parked");
    log.hear(50, &mut daemon);
    server.forgive();
    retry(&place);
    wait_for_check(&place, "ok: 3 delivered");
    daemon.wait_for_where("session.delivered", |event| event["session"] == id(2));
    log.hear(60, &mut daemon);
    log.fires(&place, &["session.parked"], &["FitferryParked for me: 2 to 60"], &["session.parked"]);
}

/// Makes what waits wait for longer than anybody can stay to see.
fn age(place: &Place) {
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    let day = 25 * 3_600_000;
    let waits = "UPDATE outbox SET first_fail_ms = coalesce(first_fail_ms, due_ms) - ?1";
    assert_eq!(store.execute(waits, [day]).unwrap(), 1);
    store.execute("UPDATE remote SET delivered_ms = delivered_ms - ?1", [day]).unwrap();
}

#[test]
fn files_come_and_nothing_is_delivered() {
    let server = FaultServer::start("right");
    let (place, mut log) = (place_for(&server, ""), Log::default());
    let mut daemon = start(&place, &server, 1, &mut log);
    server.plan(vec![Fault::Answer(503, "", ""); 10_000]);
    drop_run(&place, 1);
    let failed = daemon.wait_for("session.retry");
    log.hear(2, &mut daemon);
    assert!(check(&place).0, "servers may be away for a while");
    age(&place);
    wait_for_check(&place, "me: 1 sessions wait, some since ");
    // The same again and again, as it is for days.
    (3..50).for_each(|hour| log.add(hour, std::slice::from_ref(&failed)));
    server.relent();
    retry(&place);
    wait_for_check(&place, "ok: 2 delivered");
    daemon.wait_for("session.delivered");
    log.hear(50, &mut daemon);
    log.fires(&place, &["file.queued", "session.retry"], &["FitferryNothingDelivered for me: 26 to 50"], &[]);
}

/// Where it cannot even be asked what the server has, no attempt is made.
#[test]
fn a_server_is_not_there() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let config = fs::read_to_string(place.config()).unwrap().replace(&server.address.to_string(), &nobody);
    fs::write(place.config(), config).unwrap();
    drop_run(&place, 0);
    let mut daemon = place.start_with(&[], &[SOON]);
    let mut log = Log::default();
    ["file.queued", "reconcile.failed"].iter().for_each(|name| said(&mut daemon, name));
    let failed = daemon.events("reconcile.failed").remove(0);
    log.hear(0, &mut daemon);
    age(&place);
    wait_for_check(&place, "me: 1 sessions wait, some since ");
    (1..60).for_each(|hour| log.add(hour, std::slice::from_ref(&failed)));
    let alerts = ["FitferryNothingDelivered for me: 24 to 168", "FitferryNotCompared for me: 48 to 227"];
    log.fires(&place, &["file.queued", "session.retry"], &alerts, &[]);
}

#[test]
fn too_much_differs_from_the_server() {
    let server = FaultServer::start("right");
    let (place, mut log) = (place_for(&server, "reconcile.mass = 5\n"), Log::default());
    let mut daemon = start(&place, &server, 20, &mut log);
    (0..20).for_each(|day| server.forget(&id(day)));
    daemon.wait_for("reconcile.mass");
    daemon.wait_for_where("reconcile.done", |done| done["left"].as_u64() > Some(0));
    wait_for_check(&place, "differences to the server wait for a person");
    log.hear(2, &mut daemon);
    assert!(place.run(&["reconcile"]).status.success());
    wait_for_check(&place, "ok: 20 delivered");
    daemon.events("");
    daemon.wait_for_where("reconcile.done", |done| done["left"] == 0);
    log.hear(60, &mut daemon);
    log.fires(&place, &["reconcile.done"], &["FitferryDifferences for me: 2 to 60"], &["reconcile.mass"]);
}

/// It is told again at each start; and it may come back while nobody looks.
#[test]
fn a_folder_is_away() {
    let server = FaultServer::start("right");
    let (place, mut log) = (place_for(&server, ""), Log::default());
    let mut daemon = start(&place, &server, 1, &mut log);
    let aside = place.dir.path().join("aside");
    let leave = |daemon: &mut Daemon| {
        fs::rename(place.folder(), &aside).unwrap();
        daemon.wait_for("folder.away");
        wait_for_check(&place, "workouts is away");
    };
    leave(&mut daemon);
    log.hear(2, &mut daemon);
    log.terminate(20, daemon);
    let mut daemon = place.start_with(&[], &[SOON]);
    said(&mut daemon, "folder.away");
    log.hear(20, &mut daemon);
    fs::rename(&aside, place.folder()).unwrap();
    daemon.wait_for("folder.back");
    wait_for_check(&place, "ok: 1 delivered");
    log.hear(40, &mut daemon);
    leave(&mut daemon);
    log.hear(60, &mut daemon);
    log.terminate(61, daemon);
    fs::rename(&aside, place.folder()).unwrap();
    let mut daemon = place.start();
    said(&mut daemon, "folder.watched");
    log.hear(80, &mut daemon);
    let alert = |hours: &str| format!("FitferryFolderAway for me /workouts: {hours}");
    let alerts = [alert("2 to 40"), alert("60 to 80")];
    log.fires(&place, &["folder.away"], &alerts.each_ref().map(String::as_str), &["folder.away"]);
}

/// As when a server of files is started anew. Vector tells of single events, and knows nothing of that.
#[test]
fn a_folder_is_away_for_a_moment() {
    let server = FaultServer::start("right");
    let (place, mut log) = (place_for(&server, ""), Log::default());
    let mut daemon = start(&place, &server, 1, &mut log);
    let aside = place.dir.path().join("aside");
    fs::rename(place.folder(), &aside).unwrap();
    daemon.wait_for("folder.away");
    fs::rename(&aside, place.folder()).unwrap();
    daemon.wait_for("folder.back");
    wait_for_check(&place, "ok: 1 delivered");
    log.hear(2, &mut daemon);
    log.is_silent(&["folder.away"]);
}
