//! `outbox list`, `retry` and `discard`: beside a busy daemon, and without one.

use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place, lines};
use crate::support::wait;
use crate::sync::deliver::{START, drop_runs, id, place_for};
use serde_json::{Value, json};
use std::process::Output;
use std::time::Duration;

const REFUSAL: &str = "{\"error\":{\"code\":400,\"message\":\"no such sport\\u001b[2J\"}}";

/// A daemon with three runs, of which the server has refused the first two.
fn with_two_parked(server: &FaultServer) -> (Place, Daemon) {
    let place = place_for(server, "");
    for day in 0..2 {
        server.doom(&id(day), Fault::Answer(400, "", REFUSAL));
    }
    let mut daemon = place.start();
    drop_runs(&place, 3);
    daemon.wait_for("session.parked");
    daemon.wait_for("session.parked");
    // Not as soon as the server has it: its answer must be heard, too.
    wait::until_true("the other", || place.json(&["outbox", "list", "--json"]).len() == 2);
    assert!(server.sessions().contains_key(&id(2)));
    (place, daemon)
}

fn outbox(place: &Place, arguments: &[&str]) -> Output {
    place.run(&[&["outbox"], arguments].concat())
}

fn answer(place: &Place, arguments: &[&str]) -> (Option<i32>, Value, String) {
    let output = outbox(place, &[arguments, &["--json"]].concat());
    let complaints = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), lines(&output.stdout).pop().unwrap_or_else(|| panic!("{complaints}")), complaints)
}

fn state_of(place: &Place, id: &str) -> String {
    let sessions = place.json(&["sessions", "list", "--json"]);
    sessions.iter().find(|session| session["id"] == id).unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn the_list_says_what_waits_and_why() {
    let server = FaultServer::start("right");
    let (place, daemon) = with_two_parked(&server);
    let list = || place.json(&["outbox", "list", "--json"]);
    let with = list();
    daemon.terminate();
    assert_eq!(list(), with, "without a daemon");
    assert_eq!(with.len(), 2);
    let first = &with[0];
    assert_eq!(first["id"], id(0));
    let known = json!({"account": "me", "revision": 1, "state": "parked", "request": "put", "attempts": 1});
    assert!(known.as_object().unwrap().iter().all(|(key, value)| first[key] == *value), "{first}");
    assert!(first["reason"].as_str().unwrap().contains("no such sport"), "{first}");
    assert!(first["firstFailure"].is_string() && first["lastFailure"].is_string() && first["nextAttempt"].is_null());
    assert!(first["start"].as_str().unwrap().starts_with("2020-09-13T"), "{first}");
    for (arguments, count) in [
        (&["--state", "queued"][..], 0),
        (&["--state", "parked", "--account", "me"], 2),
        (&["--reason", "such sport"], 2),
        (&["--reason", "another"], 0),
    ] {
        assert_eq!(place.json(&[&["outbox", "list", "--json"], arguments].concat()).len(), count, "{arguments:?}");
    }
    let text = String::from_utf8(outbox(&place, &["list"]).stdout).unwrap();
    assert!(text.contains("parked") && text.contains("no such sport") && !text.contains('\u{1b}'), "{text}");
    assert_eq!(outbox(&place, &["list", "--account", "nobody"]).status.code(), Some(2));
}

#[test]
fn nothing_yet_and_nothing_meant() {
    let place = Place::new();
    assert!(place.json(&["outbox", "list", "--json"]).is_empty());
    assert!(!place.state().exists(), "looking makes nothing");
    for usage in [&["retry"][..], &["discard"], &["retry", "a", "--all"], &["discard", "--reason", ""]] {
        assert_eq!(outbox(&place, usage).status.code(), Some(2), "{usage:?}");
    }
    let (code, answer, complaint) = answer(&place, &["retry", "fitferry-1"]);
    assert_eq!((code, &answer["sessions"]), (Some(1), &json!(0)));
    assert!(complaint.contains("fitferry-1 is no session"), "{complaint}");
}

#[test]
fn a_running_daemon_tries_again_at_once() {
    let server = FaultServer::start("right");
    let (place, mut daemon) = with_two_parked(&server);
    let (code, answered, _) = answer(&place, &["retry", "--reason", "no such sport"]);
    assert_eq!((code, &answered["sessions"]), (Some(0), &json!(2)));
    for _ in 0..2 {
        assert_eq!(daemon.wait_for("session.parked")["reason"].as_str().map(|text| text.contains("sport")), Some(true));
    }
    assert_eq!(server.puts()[&id(0)], 2);
    server.forgive();
    let (code, answered, complaints) = answer(&place, &["retry", "nonsense", &id(0), &id(2), &id(0)]);
    assert_eq!((code, &answered["sessions"]), (Some(1), &json!(1)));
    assert!(complaints.contains("nonsense is no session") && complaints.contains(&id(2)), "{complaints}");
    assert!(complaints.contains("delivered"), "{complaints}");
    let delivered = daemon.wait_for_where("session.delivered", |event| event["session"] == id(0));
    assert_eq!(delivered["attempts"], 1, "as if for the first time");
    let text = String::from_utf8(outbox(&place, &["retry", "--all"]).stdout).unwrap();
    assert_eq!(text, "1 session queued; they are due now\n");
    daemon.wait_for_where("session.delivered", |event| event["session"] == id(1));
    assert_eq!(outbox(&place, &["retry", "--all"]).stdout, b"0 sessions queued; they are due now\n");
}

#[test]
fn without_a_daemon_they_go_out_when_one_runs() {
    let server = FaultServer::start("right");
    let (place, daemon) = with_two_parked(&server);
    daemon.terminate();
    let before = server.seen().len();
    let text = String::from_utf8(outbox(&place, &["retry", "--all"]).stdout).unwrap();
    assert!(text.contains("2 sessions queued; they go out when fitferry runs"), "{text}");
    assert_eq!(server.seen().len(), before, "nothing is delivered by the command");
    let waiting = place.json(&["outbox", "list", "--json", "--state", "queued"]);
    assert_eq!((waiting.len(), &waiting[0]["attempts"]), (2, &json!(0)));
    server.forgive();
    let daemon = place.start();
    wait::until_true("all three", || server.sessions().len() == 3);
    daemon.terminate();
}

/// A stopped account is one of the reasons to say that it should work now.
#[test]
fn a_stopped_account_is_probed() {
    let server = FaultServer::start("another");
    let place = place_for(&server, "");
    let mut daemon = place.start();
    drop_runs(&place, 3);
    daemon.wait_for("account.stopped");
    wait::until_true("all files seen", || place.json(&["files", "list", "--json"]).len() == 3);
    server.set_token("right");
    assert_eq!(answer(&place, &["retry", "--all"]).1["sessions"], 3);
    // What was under way with the old token may be refused only now, and stop the account once more.
    wait::until_true("all sessions", || {
        answer(&place, &["retry", "--all"]);
        server.sessions().len() == 3
    });
}

#[test]
fn what_is_discarded_stays_so_until_it_has_new_content() {
    for beside_a_daemon in [true, false] {
        let server = FaultServer::start("right");
        let (place, daemon) = with_two_parked(&server);
        let mut daemon = Some(daemon);
        if !beside_a_daemon {
            daemon.take().unwrap().terminate();
        }
        let (code, answered, complaints) = answer(&place, &["discard", &id(0), &id(2)]);
        assert_eq!((code, &answered["sessions"]), (Some(1), &json!(1)), "{complaints}");
        assert!(complaints.contains(&id(2)), "{complaints}");
        assert_eq!(answer(&place, &["discard", "--all-parked"]).1["sessions"], 1);
        drop(daemon);
        assert_eq!([0, 1, 2].map(|day| state_of(&place, &id(day))), ["discarded", "discarded", "delivered"]);
        let account = &place.json(&["status", "--json"])[0]["accounts"][0];
        assert_eq!(
            (&account["discarded"], &account["delivered"], &account["parked"]),
            (&json!(2), &json!(1), &json!(0))
        );
        let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
        assert!(text.contains("1 delivered, 0 queued, 0 parked, 2 discarded"), "{text}");
        server.forgive();
        let mut daemon = place.start();
        place.drop_file("1.fit", Run { seconds: 1800, ..Run::at(START + 86_400) }.build());
        assert_eq!(daemon.wait_for("session.delivered")["session"], id(1));
        assert_eq!([0, 1].map(|day| server.puts()[&id(day)]), [1, 2]);
        assert_eq!(state_of(&place, &id(1)), "delivered");
        // Whoever has discarded it may want it after all.
        assert_eq!(answer(&place, &["retry", &id(0)]).1["sessions"], 1);
        assert_eq!(daemon.wait_for("session.delivered")["session"], id(0));
    }
}

/// It is not on the server, and not missing there.
#[test]
fn what_is_discarded_is_not_compared() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "reconcile.every = '1s'\n");
    let recent = Run::at(jiff::Timestamp::now().as_second() - 86_400);
    let path = place.drop_file("a.fit", recent.build());
    let id = place.normalized(&[&path]).into_keys().next().unwrap();
    server.doom(&id, Fault::Answer(400, "", REFUSAL));
    let mut daemon = place.start();
    daemon.wait_for("session.parked");
    assert_eq!(answer(&place, &["discard", &id]).1["sessions"], 1);
    for _ in 0..3 {
        daemon.wait_for("reconcile.done");
    }
    assert_eq!((state_of(&place, &id).as_str(), server.puts()[&id]), ("discarded", 1));
}

/// What somebody did on the server is respected until the session is named.
#[test]
fn a_person_overrules_what_was_done_on_the_server() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    let daemon = place.start();
    drop_runs(&place, 2);
    wait::until_true("both", || server.sessions().len() == 2);
    wait::until_true("an empty outbox", || place.json(&["outbox", "list", "--json"]).is_empty());
    daemon.terminate();
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    for (day, standing) in [(0, "deleted"), (1, "theirs")] {
        let set = "UPDATE remote SET standing = ?1 WHERE session_row = (SELECT id FROM session WHERE session_id = ?2)";
        assert_eq!(store.execute(set, [standing, &id(day)]).unwrap(), 1);
    }
    drop(store);
    server.forget(&id(0));
    server.rename(&id(1), "Theirs");
    assert_eq!([0, 1].map(|day| state_of(&place, &id(day))), ["deleted", "edited"]);
    assert_eq!(answer(&place, &["retry", "--all"]).1["sessions"], 0);
    assert_eq!(answer(&place, &["retry", &id(0), &id(1)]).1["sessions"], 2);
    let mut daemon = place.start();
    daemon.wait_for("session.delivered");
    daemon.wait_for("session.delivered");
    assert_eq!([0, 1].map(|day| server.puts()[&id(day)]), [2, 2]);
}

/// The one on its way is waited for, and what the server took is not discarded; the one behind it is never sent.
#[test]
fn what_is_in_flight_is_not_discarded_in_the_middle() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delivery.concurrency = 1\n");
    server.slow_down(Duration::from_millis(1500));
    drop_runs(&place, 2);
    let mut daemon = place.start();
    wait::until_true("one on its way", || !server.puts().is_empty());
    wait::until_true("both queued", || place.json(&["outbox", "list", "--json"]).len() == 2);
    let flying = server.puts().into_keys().next().unwrap();
    let behind = [id(0), id(1)].into_iter().find(|id| *id != flying).unwrap();
    let (code, answered, complaints) = answer(&place, &["discard", &flying, &behind]);
    assert_eq!((code, &answered["sessions"]), (Some(1), &json!(1)), "{complaints}");
    assert!(complaints.contains(&format!("{flying} was delivered")), "{complaints}");
    assert!(server.sessions().contains_key(&flying));
    assert_eq!(daemon.wait_for("session.discarded")["session"], behind.as_str());
    // Whatever is sent next comes after anything that was left over.
    server.slow_down(Duration::ZERO);
    place.drop_file("new.fit", Run::at(START + 10 * 86_400).build());
    daemon.wait_for_where("session.delivered", |event| event["session"] == id(10));
    assert!(!server.puts().contains_key(&behind));
}

#[test]
fn orders_beside_a_busy_daemon_put_nothing_twice_at_once() {
    let server = FaultServer::start("right");
    server.slow_down(Duration::from_millis(20));
    let place = place_for(&server, "delivery.concurrency = 4\n");
    server.plan((0..60).map(|index| if index % 3 == 0 { Fault::HangUp } else { Fault::Answer(500, "", "") }));
    drop_runs(&place, 60);
    let daemon = place.start();
    let mut discarded = 0;
    for round in 0..12 {
        assert!(outbox(&place, &["retry", "--all"]).status.success());
        let (_, answered, _) = answer(&place, &["discard", &id(59 - round)]);
        discarded += answered["sessions"].as_u64().unwrap();
    }
    wait::until_true("an empty outbox", || place.json(&["outbox", "list", "--json"]).is_empty());
    daemon.terminate();
    let status = &place.json(&["status", "--json"])[0]["accounts"][0];
    assert_eq!((&status["sessions"], &status["discarded"]), (&json!(60), &json!(discarded)));
    assert_eq!(server.sessions().len() as u64 + discarded, 60);
    assert!(!server.saw_one_twice_at_once());
}
