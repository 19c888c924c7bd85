//! Readers of the change feed, and what they are told when the server's past is another one.

use crate::support::http::{self, Answer};
use crate::support::program::{Daemon, Place};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn put(server: &Daemon, token: &str, ids: &[&str]) {
    for id in ids {
        let body = json!({
            "id": id, "name": "n", "startTimeMillis": 1, "endTimeMillis": 2, "activityType": 8,
            "application": {"name": "test"},
        });
        let path = format!("/fitness/v1/users/me/sessions/{id}");
        assert_eq!(http::request(server.address(), "PUT", &path, token, &body.to_string()).unwrap().status, 200);
    }
}

fn page(server: &Daemon, token: &str, from: &str) -> Answer {
    let path = format!("/fitness/v1/users/me/sessions?pageToken={from}");
    http::request(server.address(), "GET", &path, token, "").unwrap()
}

/// The ids of a page, in their order, and the token of the next one.
fn changes(server: &Daemon, token: &str, from: &str) -> (Vec<String>, String) {
    let answer = page(server, token, from);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let page = answer.json();
    let sessions = page["session"].as_array().cloned().unwrap_or_default();
    let ids = sessions.iter().map(|session| session["id"].as_str().unwrap().to_owned());
    (ids.collect(), page["nextPageToken"].as_str().unwrap().to_owned())
}

fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

fn add(place: &Place, name: &str) -> String {
    let output = place.run(&["serve", "token", "add", name]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_token_goes_on_where_it_was_after_stops_and_crashes() {
    let place = Place::new();
    let server = place.start();
    let me = place.token();
    let (nothing, start) = changes(&server, &me, "");
    assert_eq!(nothing, [""; 0]);
    put(&server, &me, &["a", "b"]);
    let (_, early) = changes(&server, &me, "");
    put(&server, &me, &["c", "a"]);
    server.kill();
    let server = place.start();
    let (_, late) = changes(&server, &me, &early);
    put(&server, &me, &["d"]);
    server.terminate();
    place.start().terminate();
    let server = place.start();
    put(&server, &me, &["e"]);
    assert_eq!(changes(&server, &me, &start).0, ["b", "c", "a", "d", "e"]);
    assert_eq!(changes(&server, &me, &early).0, ["c", "a", "d", "e"]);
    let (ids, last) = changes(&server, &me, &late);
    assert_eq!(ids, ["d", "e"]);
    assert_eq!(changes(&server, &me, &last), (vec![], last.clone()));
    // Nor does a new user's way in change anything for the others.
    let anna = add(&place, "anna");
    put(&server, &me, &["f"]);
    put(&server, &anna, &["x"]);
    assert_eq!(changes(&server, &me, &last).0, ["f"]);
    assert_eq!(page(&server, &anna, &last).status, 400, "somebody else's");
}

/// The numbers of the changes that were lost are given again. Whoever holds such a token has to start anew, as the
/// changes before it are not those that he knows.
#[test]
fn a_token_of_a_past_that_was_replaced_is_refused_for_ever() {
    let place = Place::new();
    let (data, backup) = (place.state().join("server"), place.dir.path().join("backup"));
    let server = place.start();
    let me = place.token();
    put(&server, &me, &["a", "b", "c"]);
    let (_, shared) = changes(&server, &me, "");
    server.kill();
    copy(&data, &backup);

    let server = place.start();
    let anna = add(&place, "anna");
    put(&server, &me, &["d"]);
    let (_, first) = changes(&server, &me, "");
    put(&server, &me, &["e", "f"]);
    put(&server, &anna, &["x", "y"]);
    let (_, last) = changes(&server, &me, "");
    let (_, annas) = changes(&server, &anna, "");
    server.kill();
    copy(&backup, &data);

    let server = place.start();
    let anna = add(&place, "anna");
    let refused = |what: &str| {
        for (user, token) in [(&me, &first), (&me, &last), (&anna, &annas)] {
            let answer = page(&server, user, token);
            assert_eq!(answer.status, 400, "{what}, {token}: {}", answer.body);
            assert_eq!(answer.json()["error"]["errors"][0]["reason"], Value::from("invalidArgument"));
        }
    };
    refused("right after the restore");
    put(&server, &me, &["u", "v", "w"]);
    put(&server, &anna, &["x", "y"]);
    refused("when the numbers are the same");
    put(&server, &me, &["z"]);
    put(&server, &anna, &["z"]);
    refused("when they are higher");
    assert_eq!(changes(&server, &me, &shared).0, ["u", "v", "w", "z"], "the past that both have");
}
