//! An account that stands still: when it does, for how long, and what people are told of it.

use super::deliver::{START, drop_runs, id, place_for};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::wait;
use std::fs;

const DAY: i64 = 86_400;

/// A 500 may be the fault of one session, but not of one after the other.
#[test]
fn a_server_that_fails_for_everybody_is_not_stormed() {
    let server = FaultServer::start("right");
    server.plan(vec![Fault::Answer(500, "", ""); 1000]);
    let place = place_for(&server, "delivery.concurrency = 4\n");
    let slow = fs::read_to_string(place.config()).unwrap().replace("'20ms'", "'1h'").replace("'100ms'", "'1h'");
    fs::write(place.config(), slow).unwrap();
    drop_runs(&place, 30);
    let mut daemon = place.start();
    let paused = daemon.wait_for("account.paused");
    assert!(paused["reason"].as_str().unwrap().contains("500"), "{paused}");
    daemon.terminate();
    assert!((3..=4).contains(&server.puts().len()), "what was under way, and nothing more");
    assert!(server.puts().values().all(|count| *count == 1));
}

/// The oldest may be bad, all of them, and do not hold up the others.
#[test]
fn bad_sessions_in_front_of_the_queue_do_not_stop_the_account() {
    let server = FaultServer::start("right");
    (0..12).for_each(|day| server.doom(&id(day), Fault::Answer(400, "", "")));
    let place = place_for(&server, "delivery.concurrency = 2\n");
    drop_runs(&place, 30);
    let daemon = place.start();
    wait::until_true("the others", || server.sessions().len() == 18);
    let parked = || place.json(&["status", "--json"])[0]["accounts"][0]["parked"] == 12;
    wait::until_true("the bad ones to be set aside", parked);
    let (_, events) = daemon.terminate();
    assert!(events.iter().all(|event| event["event"] != "account.stopped"));
}

/// What is asked for in answer to a question holds for deliveries, and the other way round, and both for the next process.
#[test]
fn a_rest_is_the_accounts_whoever_was_told() {
    for is_list in [true, false] {
        let server = FaultServer::start("right");
        let place = place_for(&server, "reconcile.every = '1s'\n");
        let mut daemon = place.start();
        daemon.wait_for("reconcile.done");
        let busy = Fault::Answer(429, "Retry-After: 3600\r\n", "");
        if is_list {
            server.plan_lists([busy]);
            let failed = daemon.wait_for("reconcile.failed");
            assert!(failed["seconds"].as_u64() >= Some(3590), "{failed}");
        } else {
            server.plan([busy]);
        }
        drop_runs(&place, 1);
        // What comes into an empty folder is looked up first.
        let paused = daemon.wait_for(if is_list { "reconcile.failed" } else { "account.paused" });
        assert!(paused["seconds"].as_u64() >= Some(3500), "{paused}");
        let reconcile = || {
            let output = place.run(&["reconcile"]);
            let words = String::from_utf8(output.stderr).unwrap();
            assert!(output.status.code() == Some(75) && words.contains("429"), "{words}");
        };
        reconcile();
        daemon.terminate();
        let seen = server.seen().len();
        assert_eq!(server.puts().len(), usize::from(!is_list));
        let status = || {
            let account = place.json(&["status", "--json"])[0]["accounts"][0].take();
            let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
            assert!(
                text.contains("resting") && text.contains("429") && text.contains("nothing is sent until"),
                "{text}"
            );
            account["halted"].clone()
        };
        let halted = status();
        assert_eq!((&halted["stopped"], &halted["credentials"]), (&false.into(), &false.into()), "{halted}");
        // The next process knows it too; it would look first at the server.
        let mut daemon = place.start();
        daemon.wait_for("reconcile.failed");
        reconcile();
        assert!(status()["until"].as_str() > Some("2026"), "{halted}");
        daemon.terminate();
        assert_eq!(server.seen().len(), seen, "nobody was asked");
    }
}

/// A command that would have to wait for hours says so instead.
#[test]
fn an_import_does_not_wait_for_hours() {
    let server = FaultServer::start("right");
    server.plan_lists([Fault::Answer(503, "Retry-After: 3600\r\n", "")]);
    let place = place_for(&server, "");
    drop_runs(&place, 2);
    for _ in 0..2 {
        let import = place.run(&["import", "workouts", "--json"]);
        let text = String::from_utf8(import.stdout).unwrap();
        assert!(import.status.code() == Some(75) && text.contains("503"), "{text} {:?}", import.stderr);
        assert_eq!(server.seen().len(), 1);
    }
}

/// Whoever looks is told that nothing is sent, why, until when, and what to do; and no more once it is over.
#[test]
fn a_stop_is_shown_until_it_is_over() {
    let server = FaultServer::start("another");
    let place = place_for(&server, "");
    drop_runs(&place, 2);
    let mut daemon = place.start();
    daemon.wait_for("account.stopped");
    let halted = || place.json(&["status", "--json"])[0]["accounts"][0]["halted"].take();
    wait::until_true("the stop to be written down", || !halted().is_null());
    let shown = halted();
    assert_eq!((&shown["stopped"], &shown["credentials"]), (&true.into(), &true.into()), "{shown}");
    assert!(shown["reason"].as_str().unwrap().contains("401") && shown["until"].as_str() > shown["since"].as_str());
    let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    let words = ["stopped   since", "401", "tried again at", "fitferry auth login --account me"];
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    // Whoever died meanwhile leaves it as it was, and the next one finds out anew.
    drop(daemon);
    assert!(halted()["until"].as_str() >= shown["until"].as_str());
    server.set_token("right");
    let mut daemon = place.start();
    daemon.wait_for("session.delivered");
    assert!(halted().is_null());
    // A run that goes on shows it no longer as well.
    daemon.wait_for("session.delivered");
    server.set_token("another");
    place.drop_file("new.fit", Run::at(START + 10 * DAY).build());
    daemon.wait_for("account.stopped");
    wait::until_true("the stop to be written down", || !halted().is_null());
    server.set_token("right");
    let retry = place.run(&["outbox", "retry", "--all"]);
    assert!(retry.status.success(), "{retry:?}");
    daemon.wait_for("account.resumed");
    wait::until_true("nothing to be shown", || halted().is_null());
    daemon.terminate();
    // Nobody runs, and that it would have been tried again is long over.
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    let stale = "UPDATE account SET halt_since_ms = 1, halt_until_ms = 2, halt_stopped = 1, rest_until_ms = 2";
    assert_eq!(store.execute(stale, []).unwrap(), 1);
    assert!(halted().is_null());
}
