//! What one answer holds at most, what a list holds that asks for nothing, and bodies that are far too long.

use crate::support::http;
use crate::support::program::{ALL, Daemon, Place};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;

const DAY: i64 = 86_400_000;

fn get(place: &Place, server: &Daemon, query: &str) -> Value {
    let answer = server.get(place, query);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

fn ids(list: &Value, member: &str) -> Vec<String> {
    let sessions = list[member].as_array().cloned().unwrap_or_default();
    sessions.iter().map(|session| session["id"].as_str().unwrap().to_owned()).collect()
}

fn database(place: &Place) -> Connection {
    Connection::open(place.state().join("server/sessions.db")).unwrap()
}

#[test]
fn without_a_time_and_a_token_the_last_thirty_days_are_listed() {
    let place = Place::new();
    let server = place.start();
    for id in ["old", "deleted long ago", "recent", "deleted lately"] {
        let body = json!({
            "id": id, "name": "n", "startTimeMillis": 1, "endTimeMillis": 2, "activityType": 8,
            "application": {"name": "test"},
        });
        let path = format!("/fitness/v1/users/me/sessions/{}", id.replace(' ', "%20"));
        let ask = |method, body: &str| http::request(server.address(), method, &path, &place.token(), body).unwrap();
        assert_eq!(ask("PUT", &body.to_string()).status, 200);
        assert!(!id.starts_with("deleted") || ask("DELETE", "").status == 200);
    }
    server.terminate();
    let now = jiff::Timestamp::now().as_millisecond();
    for (id, days) in [("old", 31), ("deleted long ago", 31), ("recent", 29), ("deleted lately", 29)] {
        let changed =
            database(&place).execute("UPDATE session SET modified_ms = ?1 WHERE id = ?2", (now - days * DAY, id));
        assert_eq!(changed, Ok(1));
    }
    let server = place.start();
    let list = get(&place, &server, "");
    assert_eq!((ids(&list, "session"), ids(&list, "deletedSession")), (vec!["recent".to_owned()], vec![]));
    let list = get(&place, &server, "includeDeleted=true");
    assert_eq!(ids(&list, "deletedSession"), ["deleted lately"]);
    let token = list["nextPageToken"].as_str().unwrap();
    let next = get(&place, &server, &format!("pageToken={token}"));
    assert_eq!(next, json!({"nextPageToken": token}), "nothing waits, and the token stays");
    assert_eq!(ids(&get(&place, &server, ALL), "session").len(), 2, "by time, age is no matter");
}

/// Whoever got a part without knowing would take the rest for deleted.
#[test]
fn a_window_with_too_many_sessions_is_an_error() {
    let place = Place::new();
    place.start().terminate();
    let body = r#"{"id":"%","name":"n","startTimeMillis":"1","endTimeMillis":"2","activityType":8}"#;
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)
        INSERT INTO session (user_id, id, start_ms, end_ms, modified_ms, type, body, change)
        SELECT 1, i, 1, 2, 1, 8, replace(?1, '%', i), i FROM n";
    assert_eq!(database(&place).execute(fill, [body]), Ok(10_001));
    let server = place.start();
    let answer = server.get(&place, ALL);
    assert_eq!(answer.status, 400);
    let error = &answer.json()["error"];
    assert!(error["message"].as_str().unwrap().starts_with("Session limit of 10000 exceeded."), "{error}");
    assert_eq!(error["errors"][0]["reason"], "invalidArgument");
    let path = "/fitness/v1/users/me/sessions/7";
    assert_eq!(http::request(server.address(), "DELETE", path, &place.token(), "").unwrap().status, 200);
    assert_eq!(ids(&get(&place, &server, ALL), "session").len(), 10_000);
    assert_eq!(get(&place, &server, "startTime=2026-01-01T00:00:00Z"), json!({}));
}

fn put_head(place: &Place, server: &Daemon, headers: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let (token, path) = (place.token(), "/fitness/v1/users/me/sessions/a");
    write!(
        stream,
        "PUT {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}Connection: close\r\n\r\n"
    )
    .unwrap();
    stream
}

fn status(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("uploadTooLarge"), "{answer}");
    answer.split(' ').nth(1).unwrap().to_owned()
}

/// Most clients send all of a body before they look at the answer: a connection that is reset would be all they see.
#[test]
fn a_body_that_is_far_too_long_is_told_so() {
    let place = Place::new();
    let server = place.start();
    let length = 8 << 20;
    let mut stream = put_head(&place, &server, &format!("Content-Length: {length}\r\n"));
    stream.write_all(&vec![b' '; length]).unwrap();
    assert_eq!(status(stream), "413");
    // Who asks first, or wants to send for ever, need not send at all.
    let stream = put_head(&place, &server, &format!("Content-Length: {length}\r\nExpect: 100-continue\r\n"));
    assert_eq!(status(stream), "413");
    assert_eq!(status(put_head(&place, &server, "Content-Length: 1000000000000\r\n")), "413");
}

#[test]
fn the_discovery_document_is_found_however_its_address_is_spelled() {
    let place = Place::new();
    let server = place.start();
    for path in ["/$discovery/rest?version=v1", "/%24discovery/rest?version=v1", "/$discovery/rest"] {
        let answer = http::request(server.address(), "GET", path, "", "").unwrap();
        assert_eq!((answer.status, answer.json()["id"].as_str()), (200, Some("fitness:v1")), "{path}");
    }
    assert_eq!(http::request(server.address(), "GET", "/$discovery/rest?version=v2", "", "").unwrap().status, 404);
}
