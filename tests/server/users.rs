//! Several users of one server, and both rules for windows.

use crate::support::foreign;
use crate::support::http;
use crate::support::program::{ALL, Daemon, Place, sessions};
use serde_json::{Value, json};

fn token(place: &Place, arguments: &[&str]) -> String {
    let output = place.run(&[&["serve", "token"], arguments].concat());
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn put(server: &Daemon, token: &str, id: &str, start: i64, end: i64) -> u16 {
    let body = json!({
        "id": id, "name": "n", "startTimeMillis": start, "endTimeMillis": end, "activityType": 8,
        "application": {"name": "test"},
    });
    let path = format!("/fitness/v1/users/me/sessions/{id}");
    http::request(server.address(), "PUT", &path, token, &body.to_string()).unwrap().status
}

fn ids(server: &Daemon, token: &str, query: &str) -> Vec<String> {
    let path = format!("/fitness/v1/users/me/sessions?{query}");
    sessions(&http::request(server.address(), "GET", &path, token, "").unwrap()).into_keys().collect()
}

#[test]
fn tokens_are_given_and_taken_back_while_the_server_runs() {
    let place = Place::new();
    let server = place.start();
    let (anna, ben) = (token(&place, &["add", "anna"]), token(&place, &["add", "ben"]));
    let second = token(&place, &["add", "anna"]);
    assert_ne!(anna, second);
    assert_eq!((put(&server, &anna, "a", 1, 2), put(&server, &ben, "b", 1, 2)), (200, 200));
    assert_eq!((ids(&server, &second, ALL), ids(&server, &ben, ALL)), (vec!["a".to_owned()], vec!["b".to_owned()]));
    assert!(ids(&server, &place.token(), ALL).is_empty());
    let users = place.json(&["serve", "token", "list", "--json"]);
    let shown: Vec<(&Value, usize)> =
        users.iter().map(|user| (&user["name"], user["tokens"].as_array().unwrap().len())).collect();
    assert_eq!(shown, [(&json!("anna"), 2), (&json!("ben"), 1), (&json!("me"), 0)]);
    token(&place, &["remove", "anna"]);
    assert_eq!((put(&server, &anna, "c", 1, 2), put(&server, &second, "c", 1, 2)), (401, 401));
    assert_eq!(ids(&server, &ben, ALL), ["b"]);
    // What is stored opens nothing.
    let stored = std::fs::read(place.state().join("server/sessions.db")).unwrap();
    assert!(!stored.windows(ben.len()).any(|window| window == ben.as_bytes()));
}

#[test]
fn the_older_rule_lists_what_ends_in_the_window() {
    let place = Place::new();
    let server = place.start_with(&[], &[("FITFERRY_SERVER__WINDOW", "ends")]);
    let token = place.token();
    let hour = 3_600_000;
    for (id, start, end) in [("before", 0, 1), ("into", 1, 3), ("inside", 3, 4), ("out", 4, 6), ("after", 7, 8)] {
        assert_eq!(put(&server, &token, id, start * hour, end * hour), 200);
    }
    let window = "startTime=1970-01-01T02:00:00Z&endTime=1970-01-01T05:00:00Z";
    assert_eq!(ids(&server, &token, window), ["inside", "into"]);
}

/// A request and an answer as a client sends and takes them that packs both.
#[test]
fn bodies_may_be_packed_both_ways() {
    if !foreign::has_curl() {
        return;
    }
    let place = Place::new();
    let server = place.start();
    let (url, token) = (format!("http://{}/fitness/v1/users/me/sessions", server.address()), place.token());
    let script = format!(
        "set -e
         printf '{{\"id\":\"a\",\"name\":\"n\",\"startTimeMillis\":1,\"endTimeMillis\":2,\"activityType\":8,\
         \"description\":\"%02000d\",\"application\":{{\"name\":\"t\"}}}}' 0 | gzip > body.gz
         curl -sf -H 'Authorization: Bearer {token}' -H 'Content-Type: application/json' -H 'Content-Encoding: gzip' \
         -X PUT --data-binary @body.gz {url}/a > put.json
         curl -sf -H 'Authorization: Bearer {token}' -H 'Accept-Encoding: gzip' -D head.txt '{url}' | gzip -d
         grep -qi '^content-encoding: gzip' head.txt
         curl -s -o /dev/null -D - -H 'Authorization: Bearer {token}' -X POST {url} | grep -i '^allow:' >&2"
    );
    let output = std::process::Command::new("sh").args(["-c", &script]).current_dir(place.dir.path()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let listed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(listed["session"][0]["description"].as_str().unwrap().len(), 2000);
}
