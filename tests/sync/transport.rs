//! What can go wrong on the way, or in somebody between us and the server: nothing is lost, nothing is believed.

use super::deliver::{START, id, place_for};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// An answer of 200 with this body, packed or not.
fn answer(headers: &str, length: usize, body: &[u8]) -> Fault {
    let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n{headers}\r\n").into_bytes();
    bytes.extend(body);
    Fault::Raw(bytes)
}

fn packed(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

fn session() -> Vec<u8> {
    let session = serde_json::json!({
        "id": id(0), "name": "x", "startTimeMillis": "0", "endTimeMillis": "1", "activityType": 8,
        "application": {"name": "fitferry"},
    });
    session.to_string().into_bytes()
}

/// Puts one session through a fault, and returns why the first attempt failed.
fn reason_of(fault: Fault, more: &str) -> String {
    let server = FaultServer::start("right");
    let place = place_for(&server, more);
    server.plan([fault]);
    let mut daemon = place.start();
    place.drop_file("a.fit", Run { records: 2, ..Run::at(START) }.build());
    let retry = daemon.wait_for("session.retry");
    daemon.wait_for("session.delivered");
    assert_eq!(server.sessions().len(), 1);
    retry["reason"].as_str().unwrap().to_owned()
}

#[test]
fn every_broken_answer_is_outlasted_and_named() {
    let whole = session();
    let mut garbled = packed(&whole);
    let middle = garbled.len() / 2;
    garbled[middle] ^= 0xff;
    let html = b"<html>Please log in</html>";
    for (fault, words) in [
        (answer("Content-Type: text/html\r\n", html.len(), html), "the answer (text/html) is not the API's"),
        (answer("", 2, b"{}"), "is not the API's"),
        (answer("", whole.len() + 1, &whole), "connection failed"),
        (answer("Content-Encoding: gzip\r\n", garbled.len(), &garbled), "connection failed"),
        (answer("", 0, b""), "is not the API's"),
        (Fault::Raw(b"SSH-2.0-OpenSSH\r\n".to_vec()), "connection failed"),
        (Fault::Raw(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()), "204"),
        (Fault::Endless, "longer than"),
        (Fault::HangUp, "connection failed"),
        // A little at a time, and never all of it; what is no answer yet does not count either.
        (Fault::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b" "), "timed out"),
        (Fault::Drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), "timed out"),
        (Fault::Raw(b"HTTP/1.1 600 X\r\nContent-Length: 0\r\n\r\n".to_vec()), "HTTP 600"),
    ] {
        let what = format!("{fault:?}");
        let reason = reason_of(fault, "delivery.request_timeout = '2s'\n");
        assert!(reason.contains(words), "{reason}: {}", &what[..what.len().min(200)]);
        assert!(!reason.contains("right"), "no token in {reason}");
    }
}

#[test]
fn a_packed_answer_is_understood() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    let body = packed(&session());
    server.plan([answer("Content-Encoding: gzip\r\n", body.len(), &body)]);
    let mut daemon = place.start();
    place.drop_file("a.fit", Run { records: 2, ..Run::at(START) }.build());
    assert_eq!(daemon.wait_for("session.delivered")["attempts"], 1);
}

/// A redirect could lead the token anywhere.
#[test]
fn redirects_are_not_followed() {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = elsewhere.local_addr().unwrap();
    let visits = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&visits);
    std::thread::spawn(move || {
        for _ in elsewhere.incoming() {
            counter.fetch_add(1, Ordering::SeqCst);
        }
    });
    for status in [301, 302, 303, 307, 308] {
        let redirect = format!("HTTP/1.1 {status} X\r\nLocation: http://{address}/\r\nContent-Length: 0\r\n\r\n");
        let reason = reason_of(Fault::Raw(redirect.into_bytes()), "");
        assert!(reason.contains(&status.to_string()), "{reason}");
    }
    assert_eq!(visits.load(Ordering::SeqCst), 0);
}

#[test]
fn silence_is_not_waited_for_any_longer_than_set() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delivery.read_timeout = '1s'\n");
    server.slow_down(std::time::Duration::from_secs(600));
    let mut daemon = place.start();
    place.drop_file("a.fit", Run { records: 2, ..Run::at(START) }.build());
    let reason = daemon.wait_for("session.retry")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("timed out"), "{reason}");
}

/// The server's date counts by the server's clock, which may be years off ours.
#[test]
fn a_date_to_come_back_at_is_the_servers() {
    let head =
        "HTTP/1.1 503 X\r\nDate: Sun, 01 Jan 2040 00:00:00 GMT\r\nRetry-After: Sun, 01 Jan 2040 00:00:01 GMT\r\n";
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    server.plan([Fault::Raw(format!("{head}Content-Length: 0\r\n\r\n").into_bytes())]);
    let mut daemon = place.start();
    place.drop_file("a.fit", Run { records: 2, ..Run::at(START) }.build());
    assert_eq!(daemon.wait_for("session.retry")["seconds"], 1);
    daemon.wait_for("session.delivered");
}
