//! Bodies of requests that are broken on the way, or packed in a way that the server does not know.

use crate::support::program::{Daemon, Place};
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

const SESSION: &str =
    r#"{"id":"a","name":"n","startTimeMillis":1,"endTimeMillis":2,"activityType":8,"application":{"name":"t"}}"#;

/// What a body ends with that is cut off here, while the client goes on listening.
const CUT: &str = "✂";

/// Puts a body as it stands, and returns the status and the body of the answer.
fn put(server: &Daemon, token: &str, headers: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(server.address()).unwrap();
    let head = format!(
        "PUT /fitness/v1/users/me/sessions/a HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n{headers}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all((head + body.trim_end_matches(CUT)).as_bytes()).unwrap();
    if body.ends_with(CUT) {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer to {headers}: {answer}"));
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn each_is_refused_for_what_it_is() {
    let place = Place::new();
    let server = place.start();
    let token = place.token();
    let length = format!("Content-Length: {}", SESSION.len());
    let chunked = "Transfer-Encoding: chunked";
    let chunks = |body: &str| format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    let packed = |codings: &str| format!("{length}\r\n{codings}");
    for (headers, body, status, reason) in [
        (chunked, "zz\r\n", 400, "invalidArgument"),
        (chunked, "ffffffffffffffffffff\r\n", 400, "invalidArgument"),
        (chunked, "10\r\n{\"id\"✂", 400, "invalidArgument"),
        ("Content-Length: 500", "{\"id\"✂", 400, "invalidArgument"),
        (chunked, &chunks(&" ".repeat(300_000)), 413, "uploadTooLarge"),
        (&packed("Content-Encoding: gzip\r\nContent-Encoding: br"), SESSION, 415, "unsupportedMediaType"),
        (&packed("Content-Encoding: gzip, br"), SESSION, 415, "unsupportedMediaType"),
        (&packed("Content-Encoding: identity\r\nContent-Encoding: br"), SESSION, 415, "unsupportedMediaType"),
        (&packed("Content-Encoding: gzip\r\nContent-Encoding: gzip"), SESSION, 415, "unsupportedMediaType"),
        (&packed("Content-Encoding: gzip"), SESSION, 400, "invalidArgument"),
    ] {
        let (found, answer) = put(&server, &token, headers, body);
        assert_eq!(found, status, "{headers}: {answer}");
        assert!(answer.contains(reason), "{headers}: {answer}");
    }
    for headers in [length.clone(), packed("Content-Encoding: identity"), packed("Content-Encoding:")] {
        assert_eq!(put(&server, &token, &headers, SESSION).0, 200, "{headers}");
    }
    assert_eq!(put(&server, &token, chunked, &chunks(SESSION)).0, 200);
}
