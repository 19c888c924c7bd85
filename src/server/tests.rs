//! The server against requests that nobody would send on purpose.

use super::database::Database;
use super::guests::Guests;
use super::routes;
use super::users::User;
use crate::config::WindowRule;
use axum::Extension;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use fastrand::Rng;
use secrecy::SecretString;
use serde_json::Value;
use tower::ServiceExt;

const REQUESTS: u64 = 100_000;

/// Pieces of requests, good and bad, from which each request is put together.
const METHODS: [&str; 8] = ["GET", "GET", "PUT", "PUT", "PUT", "DELETE", "POST", "BREW"];
const USERS: [&str; 4] = ["me", "me", "you", "%ff"];
const IDS: [&str; 8] = ["", "a", "b%20c", "%00", "%ff", "..%2F..", "%F0%9F%9A%B2", "x%"];
const HEADERS: [(&str, &str); 9] = [
    ("content-type", "application/json"),
    ("content-type", "text/plain"),
    ("content-type", "application/json;encoding=utf-8"),
    ("content-encoding", "gzip"),
    ("content-encoding", "br"),
    ("accept-encoding", "gzip"),
    ("accept-encoding", "gzip;q=0, *;q=nonsense"),
    ("authorization", "Bearer wrong"),
    ("authorization", "Basic x"),
];
const QUERIES: [&str; 18] = [
    "startTime=2026-01-01T00:00:00Z",
    "startTime=-9999-01-01T00:00:00Z",
    "endTime=9999-12-31T23:59:59Z",
    "endTime=now",
    "startTime",
    "pageToken=c2-0-0",
    "pageToken=c2-7fffffffffffffff-0",
    "pageToken=%00",
    "includeDeleted=true",
    "includeDeleted=maybe",
    "activityType=8",
    "activityType=-1",
    "activityType=1e9",
    "fields=session(id,name)",
    "fields=session(((",
    "fields=*/*/*",
    "prettyPrint=false",
    "alt=media",
];
const MEMBERS: [&str; 16] = [
    "\"id\":\"a\"",
    "\"id\":\"b c\"",
    "\"id\":7",
    "\"name\":\"n\"",
    "\"name\":\"\\ud800\"",
    "\"startTimeMillis\":1",
    "\"startTimeMillis\":\"-9223372036854775808\"",
    "\"startTimeMillis\":1e300",
    "\"endTimeMillis\":\"2\"",
    "\"endTimeMillis\":[]",
    "\"activityType\":8",
    "\"activityType\":\"x\"",
    "\"activeTimeMillis\":-5",
    "\"application\":{\"name\":\"t\"}",
    "\"application\":[[[[[[[[]]]]]]]]",
    "\"modifiedTimeMillis\":null",
];

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

fn request(rng: &mut Rng) -> Request<Body> {
    let mut path = match rng.u8(..10) {
        0 => format!("/{}", pick(rng, &IDS)),
        1 => "/$discovery/rest".to_owned(),
        2..=4 => format!("/fitness/v1/users/{}/sessions", pick(rng, &USERS)),
        _ => format!("/fitness/v1/users/{}/sessions/{}", pick(rng, &USERS), pick(rng, &IDS)),
    };
    for index in 0..rng.u8(..4) {
        path.push(if index == 0 { '?' } else { '&' });
        path.push_str(pick(rng, &QUERIES));
    }
    let mut request = Request::builder().method(pick(rng, &METHODS)).uri(path);
    if rng.u8(..10) > 0 {
        request = request.header(header::AUTHORIZATION, "Bearer right");
    }
    for _ in 0..rng.u8(..3) {
        let (name, value) = pick(rng, &HEADERS);
        request = request.header(name, value);
    }
    request.body(Body::from(body(rng))).unwrap()
}

fn body(rng: &mut Rng) -> Vec<u8> {
    let members: Vec<&str> = (0..rng.usize(..10)).map(|_| pick(rng, &MEMBERS)).collect();
    let mut body = format!("{{{}}}", members.join(",")).into_bytes();
    match rng.u8(..10) {
        0 => body.truncate(rng.usize(..=body.len())),
        1 => body = (0..rng.usize(..50)).map(|_| rng.u8(..)).collect(),
        2 => {
            let at = rng.usize(..body.len());
            body[at] = rng.u8(..);
        }
        3 => body = vec![b'['; rng.usize(..5000)],
        _ => {}
    }
    body
}

/// Whatever comes: no fault of ours, no panic, and every refusal in the shape that Google's clients read.
#[tokio::test]
async fn a_hundred_thousand_odd_requests() {
    let dir = tempfile::tempdir().unwrap();
    let users = [User { name: "me".to_owned(), token: SecretString::from("right") }];
    let (database, _) = Database::open(&dir.path().join("sessions.db"), &users, WindowRule::default()).unwrap();
    let router = routes::router(database).layer(Extension(Guests::new().enter().await));
    let seed = fastrand::u64(..);
    let mut rng = Rng::with_seed(seed);
    let mut refused = 0_u64;
    for number in 0..REQUESTS {
        let request = request(&mut rng);
        let what =
            format!("seed {seed}, request {number}: {} {} {:?}", request.method(), request.uri(), request.headers());
        let answer = router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        if status == StatusCode::OK {
            continue;
        }
        refused += 1;
        assert!(status.is_client_error(), "{status} for {what}");
        assert_eq!(headers[header::CONTENT_TYPE], "application/json; charset=UTF-8", "{what}");
        let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
        let body: Value = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error} in {bytes:?}: {what}"));
        let error = &body["error"];
        assert_eq!(error["code"], status.as_u16(), "{what}");
        let texts = [&error["message"], &error["status"], &error["errors"][0]["reason"], &error["errors"][0]["domain"]];
        assert!(texts.iter().all(|text| text.is_string()), "{error} for {what}");
    }
    assert!(refused > REQUESTS / 10 && refused < REQUESTS, "{refused} refused: the mixture tests both");
}
