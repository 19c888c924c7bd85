//! What is hardly HTTP, byte by byte over the wire.

use super::crowd::serve;
use crate::support::program::{Daemon, Place};
use fastrand::Rng;
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

const REQUESTS: u32 = 2000;

/// Sends these bytes and nothing more; returns status and body of the last answer, if there was any.
fn ask(server: &Daemon, request: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // It may be refused before all of it was sent.
    let _ = stream.write_all(request).and_then(|()| stream.shutdown(Shutdown::Write));
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let last = answer.rfind("HTTP/1.").map(|at| &answer[at..])?;
    let (head, body) = last.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    Some((head[9..12].parse().unwrap(), body.to_owned()))
}

fn assert_googles(status: u16, body: &str, what: &str) {
    assert!((400..500).contains(&status), "{status} for {what}");
    let error: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error} in {body:?} for {what}"));
    assert_eq!(error["error"]["code"], status, "{what}");
    assert!(error["error"]["errors"][0]["reason"].is_string() && error["error"]["status"].is_string(), "{body}");
}

#[test]
fn what_is_not_http_is_refused_in_googles_shape() {
    let place = Place::new();
    let server = serve(&place);
    let list = "/fitness/v1/users/me/sessions";
    for (request, status) in [
        ("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\r\n\r\n".to_owned(), 400),
        ("SSH-2.0-x\r\n\r\n".to_owned(), 400),
        ("GET /\r\n\r\n".to_owned(), 400),
        (format!("GET {list} HTTP/3.0\r\n\r\n"), 400),
        (format!("GET {list} HTTP/1.1\r\nHost : x\r\n\r\n"), 400),
        (format!("GET {list} HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n"), 400),
        (format!("PUT {list}/a HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"), 400),
        (format!("PUT {list}/a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), 400),
        (format!("GET {list} HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(500)), 431),
        (format!("GET {list}/{} HTTP/1.1\r\nHost: x\r\n\r\n", "x".repeat(70_000)), 414),
    ] {
        let what = &request[..request.len().min(100)];
        let (found, body) = ask(&server, request.as_bytes()).unwrap_or_else(|| panic!("no answer to {what:?}"));
        assert_eq!(found, status, "{what:?}");
        assert_googles(found, &body, what);
    }
    server.terminate();
}

/// Good requests with a few bytes changed, left out or doubled: an answer in shape, or a connection that ends.
#[test]
fn requests_with_wrong_bytes() {
    let place = Place::new();
    let server = serve(&place);
    let body =
        r#"{"id":"a","name":"n","startTimeMillis":1,"endTimeMillis":2,"activityType":8,"application":{"name":"t"}}"#;
    let (token, path) = (place.token(), "/fitness/v1/users/me/sessions");
    let (auth, length) = (format!("Host: x\r\nAuthorization: Bearer {token}\r\n"), body.len());
    let good = [
        format!("GET {path}?startTime=2026-01-01T00:00:00Z&fields=session(id) HTTP/1.1\r\n{auth}\r\n"),
        format!("PUT {path}/a HTTP/1.1\r\n{auth}Content-Length: {length}\r\n\r\n{body}"),
        format!("PUT {path}/a HTTP/1.1\r\n{auth}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n"),
        format!("DELETE {path}/a HTTP/1.0\r\n{auth}\r\n"),
    ];
    let seed = fastrand::u64(..);
    let mut rng = Rng::with_seed(seed);
    let mut refused = 0;
    for number in 0..REQUESTS {
        let mut request = good[rng.usize(..good.len())].clone().into_bytes();
        for _ in 0..rng.u8(1..4) {
            let at = rng.usize(..request.len());
            match rng.u8(..4) {
                0 => request[at] = rng.u8(..),
                1 => drop(request.remove(at)),
                2 => request.insert(at, request[at]),
                _ => request.insert(at, [b'\r', b'\n', b' ', b':', 0][rng.usize(..5)]),
            }
        }
        let what = format!("seed {seed}, request {number}: {:?}", String::from_utf8_lossy(&request));
        if let Some((status, body)) = ask(&server, &request)
            && status != 200
        {
            refused += 1;
            assert_googles(status, &body, &what);
        }
    }
    assert!(refused > REQUESTS / 10, "{refused} refused");
    let (_, events) = server.terminate();
    assert!(events.iter().all(|event| event["level"] != "ERROR"), "{events:?}");
}
