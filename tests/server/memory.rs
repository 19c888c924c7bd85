//! What answers that nobody reads may cost.

use super::crowd::serve;
use crate::support::http;
use crate::support::program::{ALL, Daemon, Place};
use crate::support::wait;
use serde_json::json;
use std::io::Write;
use std::net::TcpStream;

/// Sessions and bytes of each one's description: together a list of nearly the greatest length.
const SESSIONS: usize = 120;
const DESCRIPTION: usize = 255_000;

/// Clients that ask for that list and do not read it.
const CROWD: usize = 60;

/// Lists that were begun when memory is looked at: more than the bound has room for.
const BEGUN: usize = 12;

/// Bytes that the server may ever have resident.
const BOUND: u64 = 200 << 20;

/// The most that was ever resident, in bytes.
fn peak(server: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

fn fill(server: &Daemon, token: &str) {
    let description = "d".repeat(DESCRIPTION);
    for number in 0..SESSIONS {
        let id = number.to_string();
        let body = json!({
            "id": id, "name": "n", "description": description, "startTimeMillis": 1, "endTimeMillis": 2,
            "activityType": 8, "application": {"name": "test"},
        });
        let path = format!("/fitness/v1/users/me/sessions/{id}");
        assert_eq!(http::request(server.address(), "PUT", &path, token, &body.to_string()).unwrap().status, 200);
    }
}

#[test]
fn lists_that_nobody_reads_do_not_pile_up() {
    let place = Place::new();
    let server = serve(&place);
    let token = place.token();
    fill(&server, &token);
    let list = format!("/fitness/v1/users/me/sessions?{ALL}");
    let ask = |_| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        write!(stream, "GET {list}&prettyPrint=false HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n")
            .unwrap();
        stream.set_nonblocking(true).unwrap();
        stream
    };
    let crowd: Vec<TcpStream> = (0..CROWD).map(ask).collect();
    wait::until_true("the beginnings of lists", || {
        let began = |stream: &&TcpStream| stream.peek(&mut [0]).is_ok_and(|bytes| bytes > 0);
        crowd.iter().filter(began).count() >= BEGUN
    });
    // Whoever asks for little does not wait for them.
    let short = format!("{list}&fields=nextPageToken&activityType=1");
    assert_eq!(http::request(server.address(), "GET", &short, &token, "").unwrap().status, 200);
    let peak_of_crowd = peak(&server);
    assert!(peak_of_crowd < BOUND, "{} MiB were resident", peak_of_crowd >> 20);
    drop(crowd);
    // Parsed and printed anew, which takes more.
    let whole = http::request(server.address(), "GET", &list, &token, "").unwrap();
    assert_eq!(whole.json()["session"].as_array().unwrap().len(), SESSIONS);
    assert!(peak(&server) < BOUND, "{} MiB were resident", peak(&server) >> 20);
}
