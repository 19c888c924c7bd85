//! A state directory on a disk that is full: nothing is lost, and everything goes on once there is room.

use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The daemon inside a mount namespace of its own, where its state directory is a disk of one megabyte.
fn on_a_small_disk(place: &Place) -> Option<Daemon> {
    let usable = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    if !usable.is_ok_and(|output| output.status.success()) {
        eprintln!("no mount namespaces for this user: nothing checked");
        return None;
    }
    fs::create_dir(place.state()).unwrap();
    let script = "mount -t tmpfs -o size=1m tmpfs \"$STATE\" && exec \"$PROGRAM\" run --state-dir \"$STATE\" \
                  --watch \"$WATCH\" --listen 127.0.0.1:0";
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script]);
    command.env("STATE", place.state()).env("WATCH", place.folder()).env("PROGRAM", env!("CARGO_BIN_EXE_fitferry"));
    command.env("HOME", place.dir.path()).env("FITFERRY_LOG__FORMAT", "json");
    Some(Daemon::spawn(&mut command))
}

#[test]
fn a_full_disk_delays_and_loses_nothing() {
    let place = Place::new();
    let Some(mut daemon) = on_a_small_disk(&place) else { return };
    daemon.wait_for("daemon.ready");
    // The way into the daemon's own view of its disk.
    let inside = PathBuf::from(format!("/proc/{}/root{}", daemon.id(), place.state().display()));
    let token = fs::read_to_string(inside.join("server-token")).unwrap();
    let ballast = inside.join("ballast");
    // Everything that is free, and no byte more.
    let mut size = 1 << 20;
    while size > 0 && fs::write(&ballast, vec![0; size]).is_err() {
        size -= 4096;
    }
    for day in 0..20 {
        place.drop_file(&format!("{day}.fit"), Run::at(1_600_000_000 + day * 86_400).build());
    }
    let failed = daemon.wait_for("store.failed");
    assert!(failed["error"].as_str().unwrap().contains("disk"), "{failed}");
    fs::remove_file(&ballast).unwrap();
    let path = format!("/fitness/v1/users/me/sessions?{}", crate::support::program::ALL);
    crate::support::wait::until_true("every session", || {
        let answer = crate::support::http::request(daemon.address(), "GET", &path, token.trim(), "");
        answer.is_some_and(|answer| crate::support::program::sessions(&answer).len() == 20)
    });
}
