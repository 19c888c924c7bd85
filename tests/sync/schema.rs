//! What we send, held against Google's own description of its API.

use super::deliver::place_for;
use crate::project::samples;
use crate::support::fault_server::FaultServer;
use crate::support::{foreign, wait};
use std::io::Write;
use std::process::Stdio;

#[test]
fn our_requests_are_those_of_the_discovery_document() {
    let Some(mut python) = foreign::python("check_requests.py") else { return };
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    for entry in std::fs::read_dir(samples::folder()).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, place.folder().join(path.file_name().unwrap())).unwrap();
    }
    let mut daemon = place.start();
    for _ in 0..3 {
        daemon.wait_for("session.delivered");
    }
    wait::until_true("a list", || server.seen().iter().any(|seen| seen.method == "GET"));
    let mut child = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for seen in server.seen() {
        let request = serde_json::json!({"method": seen.method, "path": seen.path, "body": seen.body});
        writeln!(stdin, "{request}").unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let counts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(counts["update"].as_u64() >= Some(3) && counts["list"].as_u64() >= Some(1), "{counts}");
}
