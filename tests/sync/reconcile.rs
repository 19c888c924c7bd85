//! What the server has differently is repaired, kept, or left for a person.

use super::deliver::place_for;
use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::history::History;
use crate::support::http;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use std::fs;

const DAY: i64 = 86_400;
const EVERY_SECOND: (&str, &str) = ("FITFERRY_RECONCILE__EVERY", "1s");

fn days_ago(days: i64) -> i64 {
    jiff::Timestamp::now().as_second() - days * DAY
}

/// Drops a run and returns its id.
fn drop_run(place: &Place, name: &str, start: i64) -> String {
    let path = place.drop_file(name, Run { records: 2, ..Run::at(start) }.build());
    place.normalized(&[&path]).into_keys().next().unwrap()
}

fn state_of(place: &Place, id: &str) -> String {
    let sessions = place.json(&["sessions", "list", "--json"]);
    sessions.iter().find(|session| session["id"] == id).unwrap()["state"].as_str().unwrap().to_owned()
}

fn drop_sessions(place: &Place, server: &FaultServer, count: i64) -> Vec<String> {
    let ids = (0..count).map(|day| drop_run(place, &format!("{day}.fit"), days_ago(day + 1))).collect();
    wait::until_true("all sessions", || server.sessions().len() == usize::try_from(count).unwrap());
    ids
}

/// Gone without a word: put again, once. A second time somebody has to look.
#[test]
fn what_vanishes_is_put_again_once() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    let ids = drop_sessions(&place, &server, 3);
    server.forget(&ids[1]);
    assert_eq!(daemon.wait_for("session.missing")["session"], ids[1].as_str());
    wait::until_true("it to be back", || server.sessions().contains_key(&ids[1]));
    server.forget(&ids[1]);
    assert_eq!(daemon.wait_for("session.missing")["remedy"], "is parked");
    assert_eq!(state_of(&place, &ids[1]), "parked");
    let done = daemon.wait_for_where("reconcile.done", |event| event["missing"] == 0);
    // Each is looked at once in a round, whether it is recent or history.
    assert_eq!(done["compared"], 2);
    assert_eq!(server.puts().values().sum::<u32>(), 4);
}

/// The slow walk through the whole history finds what is far in the past.
#[test]
fn the_whole_history_is_compared_piece_by_piece() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "reconcile.recent = '2d'\n");
    let old = drop_run(&place, "old.fit", days_ago(4000));
    drop_run(&place, "new.fit", days_ago(1));
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    wait::until_true("both sessions", || server.sessions().len() == 2);
    server.forget(&old);
    assert_eq!(daemon.wait_for("session.missing")["session"], old.as_str());
    wait::until_true("it to be back", || server.sessions().contains_key(&old));
}

/// What a person made of a session on the server is kept until its source changes.
#[test]
fn what_somebody_changed_is_kept_until_the_source_changes() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    let started = Run::at(days_ago(1));
    let id = drop_run(&place, "0.fit", started.start);
    wait::until_true("it", || server.sessions().len() == 1);
    server.rename(&id, "Theirs");
    assert_eq!(daemon.wait_for("session.edited_there")["remedy"], "theirs is kept");
    daemon.wait_for_where("reconcile.done", |event| event["edited"] == 0);
    assert_eq!((server.puts()[&id], &server.sessions()[&id]["name"]), (1, &"Theirs".into()));
    place.drop_file("0.fit", Run { records: 2, seconds: 3700, ..started }.build());
    wait::until_true("ours", || server.sessions()[&id]["name"] != "Theirs");
}

#[test]
fn what_somebody_changed_is_restored_once_if_wanted() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "reconcile.on_edited = 'restore'\n");
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    let id = drop_sessions(&place, &server, 1).remove(0);
    server.rename(&id, "Theirs");
    assert_eq!(daemon.wait_for("session.edited_there")["remedy"], "is put again");
    wait::until_true("ours", || server.sessions()[&id]["name"] != "Theirs");
    daemon.wait_for("session.delivered");
    server.rename(&id, "Theirs again");
    assert_eq!(daemon.wait_for("session.edited_there")["remedy"], "is parked");
    assert_eq!(state_of(&place, &id), "parked");
}

fn delete(daemon: &Daemon, place: &Place, id: &str) {
    let path = format!("/fitness/v1/users/me/sessions/{id}");
    let gone = http::request(daemon.address(), "DELETE", &path, &place.token(), "").unwrap();
    assert_eq!(gone.status, 200);
}

/// A server with a list of changes tells what was deleted. That is respected, whatever the source says later.
#[test]
fn what_somebody_deleted_stays_deleted() {
    let place = Place::new();
    let started = Run::at(days_ago(1));
    let id = drop_run(&place, "a.fit", started.start);
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    daemon.wait_for_sessions(&place, 1);
    delete(&daemon, &place, &id);
    assert_eq!(daemon.wait_for("session.deleted_there")["remedy"], "stays deleted");
    place.drop_file("a.fit", Run { records: 2, seconds: 3700, ..started }.build());
    daemon.wait_for("file.queued");
    daemon.wait_for("reconcile.done");
    assert!(daemon.sessions(&place).is_empty());
    daemon.terminate();
    let daemon = place.start();
    assert!(daemon.sessions(&place).is_empty());
}

#[test]
fn what_somebody_deleted_is_restored_if_wanted() {
    let place = Place::new();
    let id = drop_run(&place, "a.fit", days_ago(1));
    let mut daemon = place.start_with(&[], &[EVERY_SECOND, ("FITFERRY_RECONCILE__ON_DELETED", "restore")]);
    let expected = daemon.wait_for_sessions(&place, 1);
    delete(&daemon, &place, &id);
    assert_eq!(daemon.wait_for("session.deleted_there")["remedy"], "is put again");
    assert_eq!(daemon.wait_for_sessions(&place, 1), expected);
}

/// So much at once is rather a mistake than somebody's will: a person has to say so.
#[test]
fn a_mass_of_differences_is_left_for_a_person() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "reconcile.mass = 5\n");
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    let ids = drop_sessions(&place, &server, 10);
    ids.iter().for_each(|id| server.forget(id));
    assert!(daemon.wait_for("reconcile.mass")["left"].as_u64().unwrap() > 5);
    daemon.wait_for("reconcile.done");
    wait::until_true("status to ask for a person", || {
        let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
        text.contains("wait for you, as they are many: fitferry reconcile")
    });
    let found = &place.json(&["status", "--json"])[0]["accounts"][0]["comparison"];
    assert!(found["left"].as_u64().unwrap() > 5 && found["missing"].as_u64() >= found["left"].as_u64(), "{found}");
    let puts = server.puts().values().sum::<u32>();
    assert!(puts <= 15, "those that vanished before the others may have been put again: {puts}");
}

/// The same where it is found little by little: all that a server lost counts, whichever part of the past is looked at.
#[test]
fn a_mass_of_differences_is_one_however_slowly_it_is_found() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "reconcile.mass = 5\n");
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    let ids: Vec<String> =
        (0..20).map(|number| drop_run(&place, &format!("{number}.fit"), days_ago(number * 40 + 1))).collect();
    wait::until_true("all sessions", || server.sessions().len() == 20);
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
    ids.iter().for_each(|id| server.forget(id));
    daemon.wait_for("reconcile.mass");
    daemon.terminate();
    // It stays so over a restart.
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    daemon.wait_for("reconcile.mass");
    daemon.wait_for("reconcile.done");
    assert!(server.puts().values().sum::<u32>() <= 25, "{:?}", server.puts());
    let output = place.run(&["reconcile"]);
    assert!(output.status.success(), "{output:?}");
    wait::until_true("all to be back", || server.sessions().len() == 20);
    // Then a single one is nobody's business again.
    let id = drop_run(&place, "new.fit", days_ago(3));
    wait::until_true("a new one", || server.sessions().contains_key(&id));
    server.forget(&id);
    assert_eq!(
        daemon.wait_for_where("session.missing", |event| event["session"] == id.as_str())["remedy"],
        "is put again"
    );
}

/// What somebody deleted is not missing, whoever compares: the list of changes is read first. And what a person confirms is
/// what the settings say, not the opposite.
#[test]
fn a_person_who_compares_does_not_bring_back_what_was_deleted() {
    let place = Place::new();
    let ids: Vec<String> = (1..=6).map(|day| drop_run(&place, &format!("{day}.fit"), days_ago(day))).collect();
    let mut daemon = place.start();
    daemon.wait_for_sessions(&place, 6);
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
    // Else it might find the deletion itself before it ends.
    wait::until_true("the first comparison", || !daemon.events("reconcile.done").is_empty());
    delete(&daemon, &place, &ids[0]);
    daemon.terminate();
    for flags in [&["reconcile", "--json", "--dry-run"][..], &["reconcile", "--json"]] {
        let report = &place.json(flags)[0];
        let expected = serde_json::json!([{"session": ids[0], "finding": "deleted", "remedy": "stays deleted"}]);
        assert_eq!((&report["differences"], &report["queued"]), (&expected, &0.into()), "{report}");
    }
    let mut daemon = place.start_with(&[], &[EVERY_SECOND, ("FITFERRY_RECONCILE__MASS", "1")]);
    daemon.wait_for("reconcile.done");
    daemon.signal("STOP");
    // The server is in the same process: it answers when both go on.
    let deleting: Vec<_> = ids[1..4]
        .iter()
        .map(|id| {
            let (address, token, id) = (daemon.address(), place.token(), id.clone());
            let path = format!("/fitness/v1/users/me/sessions/{id}");
            std::thread::spawn(move || http::request(address, "DELETE", &path, &token, "").unwrap().status)
        })
        .collect();
    daemon.signal("CONT");
    deleting.into_iter().for_each(|deleted| assert_eq!(deleted.join().unwrap(), 200));
    wait::until_true("all three to be deleted or asked about", || {
        let account = &place.json(&["status", "--json"])[0]["accounts"][0];
        account["deleted"].as_u64().unwrap() + account["comparison"]["left"].as_u64().unwrap_or(0) == 4
    });
    let output = place.run(&["reconcile"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(place.json(&["status", "--json"])[0]["accounts"][0]["deleted"], 4);
    assert_eq!(daemon.sessions(&place).len(), 2);
    assert!(daemon.events("session.delivered").is_empty());
}

/// Who compares a part has not spoken for the rest, and who has compared everything is not asked again.
#[test]
fn a_person_answers_for_what_was_shown() {
    let place = Place::new();
    fs::write(place.config(), "reconcile.mass = 2\n").unwrap();
    let ids: Vec<String> =
        (0..6).map(|number| drop_run(&place, &format!("{number}.fit"), days_ago(number + 1))).collect();
    let mut daemon = place.start();
    daemon.wait_for_sessions(&place, 6);
    daemon.wait_for("reconcile.done");
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
    ids[1..].iter().for_each(|id| delete(&daemon, &place, id));
    let reconcile = |flags: &[&str]| place.json(&[&["reconcile", "--json"], flags].concat()).remove(0);
    // An hour before the second of them: seconds have passed since it was made.
    let recent = jiff::Timestamp::from_second(days_ago(2) - 3600).unwrap().to_string();
    let report = reconcile(&["--from", &recent]);
    let expected = serde_json::json!([{"session": ids[1], "finding": "deleted", "remedy": "stays deleted"}]);
    assert_eq!((&report["differences"], &report["left"]), (&expected, &0.into()), "{report}");
    let account = || place.json(&["status", "--json"])[0]["accounts"][0].take();
    assert_eq!(account()["deleted"], 1, "the others are nobody's decision yet");
    assert_eq!(reconcile(&["--dry-run"])["differences"].as_array().unwrap().len(), 4);
    assert_eq!(reconcile(&[])["differences"].as_array().unwrap().len(), 4);
    let account = account();
    assert_eq!((&account["deleted"], &account["comparison"]["left"]), (&5.into(), &0.into()), "{account}");
    daemon.terminate();
}

/// A person looks first, and then says so; beside the daemon, which does it.
#[test]
fn a_person_may_look_and_have_it_repaired() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "reconcile.mass = 2\n");
    let mut daemon = place.start();
    daemon.wait_for("reconcile.done");
    let ids = drop_sessions(&place, &server, 6);
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
    ids.iter().for_each(|id| server.forget(id));
    let look = &place.json(&["reconcile", "--dry-run", "--json"])[0];
    assert_eq!((look["differences"].as_array().unwrap().len(), look["dryRun"].as_bool()), (6, Some(true)), "{look}");
    assert!(server.sessions().is_empty() && daemon.events("session.missing").is_empty());
    let output = place.run(&["reconcile"]);
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("6 compared, 6 differ; 6 are queued"));
    wait::until_true("all to be back", || server.sessions().len() == 6);
    daemon.terminate();
    // Without a daemon the same command does it itself.
    server.forget(&ids[0]);
    let alone = &place.json(&["reconcile", "--json"])[0];
    assert_eq!(alone["differences"][0]["remedy"], "is parked", "{alone}");
}

/// A long history needs few requests and no write; a hundred differences in it are all found and repaired.
#[test]
fn a_long_history_is_compared_window_by_window() {
    let figures = History { count: 4500, stretch: 4200 }.prove();
    // Debug builds are large; what matters is that it is not the size of the history.
    figures.iter().for_each(|figure| assert!(figure.resident < 100_000, "{figure}"));
}

/// A list of changes that leads in a circle is followed once around.
#[test]
fn a_circle_of_changes_is_left() {
    let server = FaultServer::start("right");
    let page =
        |token: &str| format!(r#"{{"session": [{{"id": "x"}}, {{"id": null}}, null], "nextPageToken": "{token}"}}"#);
    let pages = ["a", "b", "c"].map(page);
    server.tell_changes(&pages.each_ref().map(String::as_str));
    let place = place_for(&server, "");
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    drop_sessions(&place, &server, 1);
    (0..3).for_each(|_| drop(daemon.wait_for("reconcile.done")));
    let asked = server.seen().iter().filter(|seen| seen.method == "GET" && !seen.path.contains("startTime")).count();
    assert!((3..=20).contains(&asked), "{asked} lists of changes");
}

/// An answer that is no list does not look as if all were gone.
#[test]
fn what_is_no_list_is_not_believed() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    let mut daemon = place.start_with(&[], &[EVERY_SECOND]);
    drop_sessions(&place, &server, 1);
    for body in ["[]", r#"{"status": "log in first"}"#, r#"{"error": {"code": 500}}"#] {
        server.tell_changes(&[body]);
        let failed = daemon.wait_for("reconcile.failed");
        assert!(failed["reason"].as_str().unwrap().contains("is not the API's"), "{body}: {failed}");
        server.tell_changes(&[]);
        daemon.wait_for("reconcile.done");
    }
    assert!(daemon.events("session.missing").is_empty());
}

/// A pass of the pace would not be tried again so soon.
#[test]
fn a_look_that_fails_tells_when_the_next_one_is() {
    let place = Place::new();
    let settings = format!(
        "folders = ['{}']\ndestination = {{url = 'http://127.0.0.1:1', token = 'right'}}\n",
        place.folder().display()
    );
    fs::write(place.config(), settings).unwrap();
    drop_run(&place, "a.fit", days_ago(1));
    let mut daemon = place.start();
    for longest in [2, 4, 8] {
        daemon.wait_for_where("reconcile.failed", |event| event["seconds"].as_u64() <= Some(longest));
    }
    assert!(daemon.events("reconcile.failed").iter().all(|event| event["seconds"].as_u64() > Some(0)));
}

/// While nothing can be looked up, whoever asks is told so, and why.
#[test]
fn a_person_is_answered_while_a_look_fails() {
    let place = Place::new();
    let settings = format!(
        "folders = ['{}']\ndestination = {{url = 'http://127.0.0.1:1', token = 'right'}}\n",
        place.folder().display()
    );
    fs::write(place.config(), settings).unwrap();
    let path = place.drop_file("a.fit", Run { records: 2, ..Run::at(days_ago(1)) }.build());
    let refused = |arguments: &[&str]| {
        let output = place.run(arguments);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(75), "{arguments:?}: {output:?}");
        told
    };
    let mut daemon = place.start();
    daemon.wait_for_where("reconcile.failed", |event| event["seconds"].as_u64() > Some(0));
    for arguments in [&["reconcile"][..], &["reconcile", "--dry-run"]] {
        let told = refused(arguments);
        assert!(told.contains("cannot connect") && told.contains("tried again in"), "{told}");
    }
    refused(&["import", path.to_str().unwrap()]);
    let output = place.run(&["outbox", "retry", "--all"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("1 session queued; first the server is asked whether it has it"), "{told}");
    daemon.terminate();
    let told = refused(&["reconcile"]);
    assert!(told.contains("tried again"), "{told}");
}

/// Which sessions a window counts in was changed once; of ours none is missed by either rule.
#[test]
fn windows_are_understood_by_both_rules() {
    for rule in ["overlap", "ends"] {
        let place = Place::new();
        let mut daemon = place.start_with(&[], &[EVERY_SECOND, ("FITFERRY_SERVER__WINDOW", rule)]);
        let hour = 3600;
        // One every five hours for ten days: some reach over every edge that there may be.
        for number in 0..48 {
            let run = Run {
                records: 2,
                seconds: 4 * hour,
                ..Run::at(days_ago(20) + i64::from(number) * 5 * i64::from(hour))
            };
            place.drop_file(&format!("{number}.fit"), run.build());
        }
        (0..48).for_each(|_| drop(daemon.wait_for("session.delivered")));
        let (from, to) = (days_ago(18), days_ago(12));
        let [from, to] = [from, to].map(|time| jiff::Timestamp::from_second(time).unwrap().to_string());
        for window in [&[][..], &["--from", &from, "--to", &to]] {
            let report = &place.json(&[&["reconcile", "--dry-run", "--json"], window].concat())[0];
            assert!(report["compared"].as_u64() >= Some(if window.is_empty() { 48 } else { 25 }), "{rule}: {report}");
            assert_eq!(report["differences"], serde_json::json!([]), "{rule}");
        }
        daemon.wait_for("reconcile.done");
        assert!(daemon.events("session.missing").is_empty());
    }
}

/// A list of changes tells no more than that nobody changed anything, and the recent past is looked at once a day: until a person
/// has decided, it stays known that a mass of it is missing.
#[test]
fn a_mass_of_differences_stays_known_beside_a_list_of_changes() {
    let server = FaultServer::start("right");
    server.tell_changes(&["{\"session\": [], \"nextPageToken\": \"a\"}"]);
    let place = place_for(&server, "reconcile.mass = 5\n");
    let mut daemon = place.start_with(&[], &[]);
    let ids = drop_sessions(&place, &server, 10);
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
    daemon.terminate();
    ids.iter().for_each(|id| server.forget(id));
    daemon = place.start_with(&[], &[EVERY_SECOND]);
    daemon.wait_for("reconcile.mass");
    for _ in 0..3 {
        assert_eq!(daemon.wait_for("reconcile.done")["left"], 10);
    }
}
