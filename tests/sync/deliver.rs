//! What a session goes through until the server has it.

use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::wait;
use std::fs;
use std::time::Duration;

const DAY: i64 = 86_400;
pub const START: i64 = 1_600_000_000;

/// A place that delivers to a server of the test's own, with quick retries.
pub fn place_for(server: &FaultServer, more: &str) -> Place {
    let place = Place::new();
    let token = place.dir.path().join("token");
    fs::write(&token, "right\n").unwrap();
    let config = format!(
        "folders = ['{}']\n{}delivery.retry_first = '20ms'\ndelivery.retry_longest = '100ms'\n{more}",
        place.folder().display(),
        server.destination(&token)
    );
    fs::write(place.config(), config).unwrap();
    place
}

pub fn drop_runs(place: &Place, count: i64) {
    for day in 0..count {
        place.drop_file(&format!("{day}.fit"), Run { records: 2, ..Run::at(START + day * DAY) }.build());
    }
}

pub fn id(day: i64) -> String {
    format!("fitferry-{}", jiff::Timestamp::from_second(START + day * DAY).unwrap().strftime("%Y%m%dT%H%M%SZ"))
}

#[test]
fn passing_faults_are_outlasted() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    server.plan([
        Fault::Answer(500, "", "<html>Oops</html>"),
        Fault::HangUp,
        Fault::Answer(503, "Content-Type: text/plain\r\n", ""),
        Fault::TakeAndHangUp,
        Fault::Answer(200, "", "<html>Please log in to the hotel's network</html>"),
        Fault::Answer(302, "Location: http://127.0.0.1:1/\r\n", ""),
        Fault::Answer(403, "", "{\"error\":{\"errors\":[{\"reason\":\"userRateLimitExceeded\"}]}}"),
    ]);
    let mut daemon = place.start();
    drop_runs(&place, 1);
    let delivered = daemon.wait_for("session.delivered");
    assert_eq!(delivered["attempts"], 8);
    assert_eq!(daemon.events("session.retry").len(), 7);
    assert_eq!(server.sessions().len(), 1);
    assert_eq!(server.puts()[&id(0)], 8);
}

#[test]
fn what_the_server_refuses_for_good_is_parked_and_holds_up_nobody() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    let refusal =
        "{\"error\":{\"code\":400,\"message\":\"no such sport\",\"errors\":[{\"reason\":\"invalidArgument\"}]}}";
    server.doom(&id(1), Fault::Answer(400, "", refusal));
    let mut daemon = place.start();
    drop_runs(&place, 3);
    daemon.wait_for("session.parked");
    wait::until_true("the others", || server.sessions().len() == 2);
    let sessions = place.json(&["sessions", "list", "--json", "--state", "parked"]);
    assert_eq!(sessions[0]["id"], id(1));
    assert!(sessions[0]["reason"].as_str().unwrap().contains("no such sport"), "{sessions:?}");
    daemon.terminate();
    // A restart does not bring it back by itself.
    let mut again = place.start();
    place.drop_file("new.fit", Run::at(START + 10 * DAY).build());
    again.wait_for("session.delivered");
    assert_eq!(server.puts()[&id(1)], 1);
    // New content does.
    place.drop_file("1.fit", Run { seconds: 1800, ..Run::at(START + DAY) }.build());
    again.wait_for("session.parked");
    assert_eq!(server.puts()[&id(1)], 2);
}

#[test]
fn the_server_says_when_to_come_back() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    server.plan([Fault::Answer(429, "Retry-After: 1\r\n", "")]);
    let mut daemon = place.start();
    drop_runs(&place, 1);
    assert_eq!(daemon.wait_for("session.retry")["seconds"], 1);
    daemon.wait_for("session.delivered");
    let puts: Vec<_> = server.seen().into_iter().filter(|seen| seen.method == "PUT").map(|seen| seen.at).collect();
    assert!(puts[1] - puts[0] >= Duration::from_secs(1), "{:?}", puts[1] - puts[0]);
}

/// What holds for one session holds for all: nobody is sent to a server that wants to be left alone.
#[test]
fn a_server_that_wants_to_be_left_alone_is() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delivery.concurrency = 4\n");
    drop_runs(&place, 30);
    server.plan(vec![Fault::Answer(429, "Retry-After: 3600\r\n", ""); 30]);
    let mut daemon = place.start();
    assert_eq!(daemon.wait_for("account.paused")["seconds"], 3600);
    let output = place.run(&["import", place.folder().to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("429"));
    daemon.terminate();
    assert!(server.seen().iter().filter(|seen| seen.method == "PUT").count() <= 4);
}

/// What was queued, or failed, by a clock that went ahead does not wait until it is that late again.
#[test]
fn a_clock_that_is_set_back_holds_up_nothing() {
    let server = FaultServer::start("another");
    let place = place_for(&server, "");
    drop_runs(&place, 4);
    let mut daemon = place.start();
    daemon.wait_for("account.stopped");
    wait::until_true("all sessions", || place.json(&["sessions", "list", "--json"]).len() == 4);
    daemon.terminate();
    let store = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    let ahead = 20 * 3_600_000;
    let later = "UPDATE outbox SET due_ms = due_ms + ?1";
    assert_eq!(store.execute(later, [ahead]).unwrap(), 4);
    let failed =
        "UPDATE outbox SET attempts = 3, reason = 'busy', last_fail_ms = due_ms - 1000, first_fail_ms = due_ms - 5000
        WHERE session_row % 2 = 0";
    assert_eq!(store.execute(failed, []).unwrap(), 2);
    drop(store);
    server.set_token("right");
    let daemon = place.start();
    wait::until_true("all to be delivered", || server.sessions().len() == 4);
    daemon.terminate();
}

/// When a server refuses everything, the sessions are not to blame: they stay queued, and it is said once.
#[test]
fn a_server_that_refuses_everything_stops_the_account() {
    let server = FaultServer::start("right");
    server.plan(vec![Fault::Answer(400, "", ""); 100]);
    let place = place_for(&server, "delivery.concurrency = 4\n");
    drop_runs(&place, 40);
    let mut daemon = place.start();
    let stopped = daemon.wait_for("account.stopped");
    assert!(stopped["reason"].as_str().unwrap().contains("refuses every session: HTTP 400"), "{stopped}");
    let (_, events) = daemon.terminate();
    assert_eq!(events.iter().filter(|event| event["event"] == "account.stopped").count(), 1);
    let account = &place.json(&["status", "--json"])[0]["accounts"][0];
    assert_eq!((account["parked"].as_u64(), account["queued"].as_u64()), (Some(0), Some(40)), "{account}");
    assert!(server.puts().len() < 20);
    server.relent();
    let daemon = place.start();
    wait::until_true("all sessions", || server.sessions().len() == 40);
    daemon.terminate();
}

/// Whatever one session is answered with, however it looks as if all of the server were down, the others pass it.
#[test]
fn one_session_holds_up_nobody() {
    let closed = "{\"error\":{\"errors\":[{\"reason\":\"accessNotConfigured\"}]}}";
    for fault in [
        Fault::Answer(200, "", "<html>"),
        Fault::Answer(500, "", ""),
        Fault::Answer(503, "", ""),
        Fault::Answer(429, "Retry-After: 1\r\n", ""),
        Fault::Answer(404, "", ""),
        Fault::Answer(403, "", closed),
        Fault::HangUp,
    ] {
        let server = FaultServer::start("right");
        server.doom(&id(0), fault.clone());
        let place = place_for(&server, "");
        // The doomed one is tried first, and alone.
        drop_runs(&place, 1);
        let mut daemon = place.start();
        daemon.wait_for("session.retry");
        drop_runs(&place, 30);
        for _ in 1..30 {
            daemon.wait_for("session.delivered");
        }
        daemon.terminate();
    }
}

#[test]
fn a_server_that_never_answers_does_not_hold_up_a_stop() {
    let server = FaultServer::start("right");
    server.slow_down(Duration::from_secs(600));
    let place = place_for(&server, "");
    drop_runs(&place, 1);
    let daemon = place.start();
    wait::until_true("a put", || !server.puts().is_empty());
    let (took, _) = daemon.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
    server.slow_down(Duration::ZERO);
    let mut again = place.start();
    again.wait_for("session.delivered");
}

/// What one server refused says nothing of another.
#[test]
fn parked_sessions_are_put_to_another_destination() {
    let strict = FaultServer::start("right");
    strict.doom(&id(0), Fault::Answer(400, "", ""));
    let place = place_for(&strict, "");
    drop_runs(&place, 1);
    let mut daemon = place.start();
    daemon.wait_for("session.parked");
    daemon.terminate();
    let other = FaultServer::start("right");
    let config = fs::read_to_string(place.config()).unwrap();
    fs::write(place.config(), config.replace(&strict.address.to_string(), &other.address.to_string())).unwrap();
    place.start().wait_for("session.delivered");
    assert_eq!(other.sessions().len(), 1);
}

/// The number of attempts and the time of the next are on disk: a restart does not start over.
#[test]
fn attempts_survive_a_restart() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    server.doom(&id(0), Fault::HangUp);
    let mut daemon = place.start();
    drop_runs(&place, 1);
    let attempts = daemon.wait_for_where("session.retry", |event| event["attempts"].as_u64() >= Some(4));
    daemon.terminate();
    let mut again = place.start();
    let next = again.wait_for("session.retry");
    assert!(next["attempts"].as_u64() > attempts["attempts"].as_u64(), "{next} after {attempts}");
}

#[test]
fn many_at_once_but_bounded_and_never_one_twice() {
    let server = FaultServer::start("right");
    server.slow_down(Duration::from_millis(15));
    let place = place_for(&server, "delivery.concurrency = 5\n");
    drop_runs(&place, 60);
    server.plan((0..20).map(|index| if index % 2 == 0 { Fault::HangUp } else { Fault::Answer(500, "", "") }));
    let daemon = place.start();
    wait::until_true("all sessions", || server.sessions().len() == 60);
    let (took, _) = daemon.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!((2..=5).contains(&server.busiest()), "{}", server.busiest());
    assert!(!server.saw_one_twice_at_once());
}

#[test]
fn a_refused_token_stops_the_account_once_and_loses_nothing() {
    let server = FaultServer::start("another");
    let place = place_for(&server, "");
    let mut daemon = place.start();
    drop_runs(&place, 20);
    daemon.wait_for("account.stopped");
    wait::until_true("all files seen", || place.json(&["files", "list", "--json"]).len() == 20);
    assert_eq!(daemon.events("account.stopped").len(), 1);
    assert_eq!(place.json(&["sessions", "list", "--json", "--state", "queued"]).len(), 20);
    let import = place.run(&["import", place.folder().to_str().unwrap()]);
    assert_eq!(import.status.code(), Some(77), "{import:?}");
    let log = format!("{:?}", daemon.terminate().1);
    assert!(!log.contains("right"), "the token is nobody's business: {log}");
    server.set_token("right");
    let daemon = place.start();
    wait::until_true("all sessions", || server.sessions().len() == 20);
    drop(daemon);
}

#[test]
fn another_destination_gets_everything_anew() {
    let first = FaultServer::start("right");
    let place = place_for(&first, "");
    let daemon = place.start();
    drop_runs(&place, 5);
    wait::until_true("all sessions", || first.sessions().len() == 5);
    daemon.terminate();
    let second = FaultServer::start("right");
    let config = fs::read_to_string(place.config()).unwrap();
    let moved = config.replace(&first.address.to_string(), &second.address.to_string());
    fs::write(place.config(), moved).unwrap();
    let daemon = place.start();
    wait::until_true("all sessions", || second.sessions().len() == 5);
    daemon.terminate();
    fs::write(place.config(), config).unwrap();
    let mut daemon = place.start();
    place.drop_file("new.fit", Run::at(START + 10 * DAY).build());
    daemon.wait_for("session.delivered");
    assert_eq!(first.puts().values().sum::<u32>(), 6, "what the first server has is still known");
}

/// A newer revision that comes while an older one is on its way is not taken for delivered.
#[test]
fn the_newest_revision_wins() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    server.slow_down(Duration::from_millis(300));
    let mut daemon = place.start();
    place.drop_file("a.fit", Run::at(START).build());
    wait::until_true("the first to be on its way", || !server.puts().is_empty());
    let path = place.drop_file("a.fit", Run { seconds: 1234, ..Run::at(START) }.build());
    daemon.wait_for_where("session.delivered", |event| event["revision"] == 2);
    let expected = place.normalized(&[&path]);
    let mut found = server.sessions();
    found.values_mut().for_each(|session| drop(session.as_object_mut().unwrap().remove("modifiedTimeMillis")));
    assert_eq!(found, expected);
    assert!(!server.saw_one_twice_at_once());
}

/// Nobody is left waiting for tomorrow without a word.
#[test]
fn a_day_whose_requests_are_used_up_is_told() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delivery.daily = 5\n");
    drop_runs(&place, 10);
    let import = |words: &str| {
        let output = place.run(&["import", "workouts", "--json"]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.code() == Some(75) && text.contains(words), "{text} {:?}", output.stderr);
    };
    import("requests of the day");
    // One looked what is there.
    assert_eq!((server.seen().len(), server.sessions().len()), (5, 4));
    let mut daemon = place.start();
    assert_eq!(daemon.wait_for("account.budget_spent")["requests"], 5);
    for running in [true, false] {
        let output = place.run(&["reconcile"]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(75) && error.contains("requests of the day"), "{running}: {error}");
        if running {
            import("requests of the day");
            daemon.signal("TERM");
            wait::until_true("it to end", || place.json(&["status", "--json"])[0]["running"] == false);
        }
    }
    assert_eq!(server.seen().len(), 5);
    assert!(daemon.events("account.paused").is_empty() && daemon.events("account.budget_spent").len() == 1);
}

/// Questions take of it as well, while there is nothing to deliver.
#[test]
fn a_budget_that_is_used_up_by_questions_is_told_once() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delivery.daily = 6\nreconcile.every = '1s'\n");
    drop_runs(&place, 1);
    let mut daemon = place.start();
    let spent = daemon.wait_for("account.budget_spent");
    assert_eq!((&spent["account"], &spent["requests"]), (&"me".into(), &6.into()));
    assert_eq!((server.seen().len(), server.sessions().len()), (6, 1));
    // Whoever wants to deliver waits as well.
    drop_runs(&place, 2);
    let import = place.run(&["import", "workouts", "--json"]);
    assert_eq!(import.status.code(), Some(75), "{import:?}");
    let account = place.json(&["status", "--json"])[0]["accounts"][0].take();
    assert_eq!(account["budgetSpent"], serde_json::json!({ "requests": 6, "until": spent["until"] }));
    let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    assert!(text.contains("the day's 6 are used up; nothing is asked until"), "{text}");
    let events = daemon.terminate().1;
    assert_eq!(events.iter().filter(|event| event["event"] == "account.budget_spent").count(), 1);
    // The next start remembers it.
    let mut daemon = place.start();
    daemon.wait_for("account.budget_spent");
    assert_eq!((server.seen().len(), server.sessions().len()), (6, 1));
}

/// A command that only asks counts as well, whoever comes after it.
#[test]
fn the_requests_of_comparisons_count_over_processes() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delivery.daily = 12\n");
    (0..5).for_each(|number| {
        let run = Run { records: 2, ..Run::at(START + number * 400 * 86_400) };
        place.drop_file(&format!("{number}.fit"), run.build());
    });
    assert!(place.run(&["import", "workouts"]).status.success());
    let codes: Vec<_> = (0..4).map(|_| place.run(&["reconcile"]).status.code()).collect();
    assert_eq!((codes.last(), server.seen().len()), (Some(&Some(75)), 12), "{codes:?}");
}
