//! Put, list and delete, for those who may and those who may not.

use crate::support::http::{self, Answer};
use crate::support::program::{ALL, Daemon, Place, sessions};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

struct Bench {
    place: Place,
    server: Daemon,
    token: String,
}

impl Bench {
    fn new() -> Self {
        let place = Place::new();
        let mut command = place.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
        let mut server = Daemon::spawn(&mut command);
        server.wait_for("daemon.ready");
        let token = place.token();
        Self { place, server, token }
    }

    fn send(&self, method: &str, path: &str, body: &str) -> Answer {
        http::request(self.server.address(), method, path, &self.token, body).expect("an answer")
    }

    fn put(&self, id: &str, body: &Value) -> Answer {
        self.send("PUT", &format!("/fitness/v1/users/me/sessions/{id}"), &body.to_string())
    }

    fn ids(&self, query: &str) -> Vec<String> {
        sessions(&self.send("GET", &format!("/fitness/v1/users/me/sessions?{query}"), "")).into_keys().collect()
    }
}

fn session(id: &str, start: &str, end: &str) -> Value {
    let millis = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond().to_string();
    json!({
        "id": id, "name": "Morning run", "startTimeMillis": millis(start), "endTimeMillis": millis(end),
        "activityType": 8, "application": {"name": "test"},
    })
}

/// Every refusal has the shape that Google's clients expect.
fn refused(answer: &Answer, status: u16, reason: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let error = &answer.json()["error"];
    assert_eq!(error["code"], status);
    assert_eq!(error["errors"][0]["reason"], reason, "{error}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()));
    assert!(error["status"].is_string());
}

#[test]
fn a_put_replaces_what_was_there_and_a_delete_removes_it() {
    let bench = Bench::new();
    let mut body = session("a b/c:ü", "2026-04-12T06:30:15Z", "2026-04-12T07:30:15Z");
    let answer = bench.put("a%20b%2Fc%3A%C3%BC", &body);
    assert_eq!((answer.status, answer.json()["id"].as_str()), (200, Some("a b/c:ü")));
    body["name"] = json!("Renamed");
    assert_eq!(bench.put("a%20b%2Fc%3A%C3%BC", &body).json()["name"], "Renamed");
    let listed = sessions(&bench.send("GET", &format!("/fitness/v1/users/me/sessions?{ALL}"), ""));
    assert_eq!(listed["a b/c:ü"], body);
    let delete = |status| {
        let answer = bench.send("DELETE", "/fitness/v1/users/me/sessions/a%20b%2Fc%3A%C3%BC", "");
        assert_eq!(answer.status, status);
    };
    delete(200);
    delete(404);
    assert!(bench.ids(ALL).is_empty());
    assert_eq!(bench.put("a%20b%2Fc%3A%C3%BC", &body).status, 200);
    assert_eq!(bench.ids(ALL).len(), 1);
}

#[test]
fn windows_list_what_reaches_into_them() {
    let bench = Bench::new();
    for (id, start, end) in [
        ("before", "2026-04-01T06:00:00Z", "2026-04-01T07:00:00Z"),
        ("into", "2026-04-09T23:00:00Z", "2026-04-10T01:00:00Z"),
        ("inside", "2026-04-10T06:00:00Z", "2026-04-10T07:00:00Z"),
        ("out", "2026-04-10T23:00:00Z", "2026-04-11T01:00:00Z"),
        ("far-out", "2026-04-10T23:00:00Z", "2026-04-13T01:00:00Z"),
        ("after", "2026-04-12T06:00:00Z", "2026-04-12T07:00:00Z"),
    ] {
        assert_eq!(bench.put(id, &session(id, start, end)).status, 200);
    }
    let window = "startTime=2026-04-10T00:00:00Z&endTime=2026-04-11T00:00:00Z";
    assert_eq!(bench.ids(window), ["inside", "into", "out"]);
    assert_eq!(bench.ids("startTime=2026-04-12T00:00:00Z"), ["after", "far-out"]);
    assert_eq!(bench.ids("endTime=2026-04-02T00:00:00%2B00:00"), ["before"]);
    assert_eq!(bench.ids(&format!("{window}&activityType=1")), [""; 0]);
    assert_eq!(bench.ids(&format!("{window}&activityType=1&activityType=8")).len(), 3);
    assert_eq!(bench.ids("").len(), 6, "modified in the last 30 days");
    assert_eq!(bench.ids("startTime=2030-01-01T00:00:00Z"), [""; 0]);
}

#[test]
fn who_has_no_token_learns_nothing() {
    let bench = Bench::new();
    let address = bench.server.address();
    for token in ["", "wrong", &bench.token[1..], &bench.token.to_uppercase()] {
        for (method, path) in [("GET", "/fitness/v1/users/me/sessions"), ("DELETE", "/fitness/v1/users/me/sessions/a")]
        {
            refused(&http::request(address, method, path, token, "").unwrap(), 401, "authError");
        }
        let answer = http::request(address, "PUT", "/fitness/v1/users/me/sessions/a", token, "nonsense").unwrap();
        refused(&answer, 401, "authError");
    }
    let token = bench.place.state().join("server-token");
    assert_eq!(std::fs::metadata(token).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::metadata(bench.place.state()).unwrap().permissions().mode() & 0o777, 0o700);
}

#[test]
fn nonsense_is_refused_with_its_reason() {
    let bench = Bench::new();
    let good = session("a", "2026-04-12T06:30:15Z", "2026-04-12T07:30:15Z");
    let mut backwards = good.clone();
    backwards["endTimeMillis"] = json!("0");
    for body in ["", "{}", "[]", "{\"id\":", &backwards.to_string(), &good.to_string().replace("\"a\"", "\"b\"")] {
        refused(&bench.send("PUT", "/fitness/v1/users/me/sessions/a", body), 400, "invalidArgument");
    }
    let huge = format!("{{\"id\":\"a\",\"name\":\"{}\"}}", "x".repeat(300_000));
    refused(&bench.send("PUT", "/fitness/v1/users/me/sessions/a", &huge), 413, "uploadTooLarge");
    refused(&bench.send("GET", "/fitness/v1/users/me/sessions?startTime=today", ""), 400, "invalidArgument");
    refused(&bench.send("GET", "/fitness/v1/users/you/sessions", ""), 403, "forbidden");
    refused(&bench.send("POST", "/fitness/v1/users/me/sessions", "{}"), 405, "httpMethodNotAllowed");
    refused(&bench.send("GET", "/fitness/v1/users/me/sessions/a", ""), 405, "httpMethodNotAllowed");
    refused(&bench.send("GET", "/", ""), 404, "notFound");
    assert!(bench.ids(ALL).is_empty());
}

#[test]
fn many_clients_at_once_lose_no_write() {
    let bench = Bench::new();
    let (address, token) = (bench.server.address(), bench.token.as_str());
    std::thread::scope(|scope| {
        for client in 0..16 {
            scope.spawn(move || {
                for number in 0..20 {
                    let id = format!("{client}-{number}");
                    let body = session(&id, "2026-04-12T06:30:15Z", "2026-04-12T07:30:15Z").to_string();
                    let path = format!("/fitness/v1/users/me/sessions/{id}");
                    assert_eq!(http::request(address, "PUT", &path, token, &body).unwrap().status, 200);
                    let path = format!("/fitness/v1/users/me/sessions?{ALL}");
                    let listed = http::request(address, "GET", &path, token, "").unwrap();
                    assert!(sessions(&listed).contains_key(&id), "read your own write");
                }
            });
        }
    });
    assert_eq!(bench.ids(ALL).len(), 320);
}

/// What was acknowledged is there after a kill.
#[test]
fn an_answer_is_a_promise() {
    let bench = Bench::new();
    for number in 0..50 {
        let id = number.to_string();
        assert_eq!(bench.put(&id, &session(&id, "2026-04-12T06:30:15Z", "2026-04-12T07:30:15Z")).status, 200);
    }
    let Bench { place, server, .. } = bench;
    server.kill();
    assert_eq!(place.start().sessions(&place).len(), 50);
}
