//! The sessions' disk is full, and has room again.

use crate::support::http;
use crate::support::incident::Log;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The server inside a mount namespace of its own, where its state directory is a disk of 16 megabytes: more than its log of writes takes.
fn on_a_small_disk(place: &Place) -> Option<Daemon> {
    let usable = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    if !usable.is_ok_and(|output| output.status.success()) {
        eprintln!("no mount namespaces for this user: nothing checked");
        return None;
    }
    fs::create_dir(place.state()).unwrap();
    let script = "mount -t tmpfs -o size=16m tmpfs \"$STATE\" && exec \"$PROGRAM\" serve --state-dir \"$STATE\" \
                  --listen 127.0.0.1:0";
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script]);
    command.env("STATE", place.state()).env("PROGRAM", env!("CARGO_BIN_EXE_fitferry"));
    command.env("HOME", place.dir.path()).env("FITFERRY_LOG__FORMAT", "json");
    Some(Daemon::spawn(&mut command))
}

/// Every client is told of every failure; the log is told when it begins and when it is over.
#[test]
fn the_log_tells_it_once() {
    let place = Place::new();
    let Some(mut server) = on_a_small_disk(&place) else { return };
    server.wait_for("daemon.ready");
    let inside = PathBuf::from(format!("/proc/{}/root{}", server.id(), place.state().display()));
    let token = fs::read_to_string(inside.join("server-token")).unwrap();
    let address = server.address();
    let put = |id: usize| {
        let body = format!(
            "{{\"id\":\"{id}\",\"name\":\"n\",\"description\":\"{}\",\"startTimeMillis\":1,\"endTimeMillis\":2,\
             \"activityType\":8,\"application\":{{\"name\":\"t\"}}}}",
            "d".repeat(5000)
        );
        let path = format!("/fitness/v1/users/me/sessions/{id}");
        http::request(address, "PUT", &path, token.trim(), &body).unwrap().status
    };
    let ballast = inside.join("ballast");
    let mut size = 16 << 20;
    while size > 0 && fs::write(&ballast, vec![0; size]).is_err() {
        size -= 4096;
    }
    let failed = (0..200).filter(|id| put(*id) == 503).count();
    assert!(failed > 100, "{failed} of 200 failed");
    let path = "/fitness/v1/users/me/sessions";
    assert_eq!(http::request(address, "GET", path, token.trim(), "").unwrap().status, 200, "reading goes on");
    let mut log = Log::default();
    log.hear(0, &mut server);
    fs::remove_file(&ballast).unwrap();
    wait::until_true("the end of it", || put(1000) == 200 && !server.events("server.store_works").is_empty());
    log.hear(3, &mut server);
    let alert = "FitferryStoreFailed for fitferry: 0 to 3";
    log.fires(&place, &["server.store_failed"], &[alert], &["server.store_failed"]);
    let (_, events) = server.terminate();
    let told = |name: &str| events.iter().filter(|event| event["event"] == name).count();
    assert_eq!((told("server.store_failed"), told("server.store_works")), (1, 1));
}
