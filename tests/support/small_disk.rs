//! A state directory on a disk of its own that can be filled, seen by one process and its children only.

use super::program::Place;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a shell script that finds the state directory, of one megabyte, as `$STATE` and the program as `$PROGRAM`.
/// `None` where that is not possible.
pub fn command(place: &Place, script: &str) -> Option<Command> {
    let usable = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    if !usable.is_ok_and(|output| output.status.success()) {
        eprintln!("no mount namespaces for this user: nothing checked");
        return None;
    }
    fs::create_dir(place.state()).unwrap();
    let mut command = Command::new("unshare");
    let script = format!("mount -t tmpfs -o size=1m tmpfs \"$STATE\"\n{script}");
    command.args(["-rm", "sh", "-c", &script]);
    command.env("STATE", place.state()).env("WATCH", place.folder()).env("PROGRAM", env!("CARGO_BIN_EXE_fitferry"));
    command.env("CONFIG", place.config()).env("HOME", place.dir.path()).env("FITFERRY_LOG__FORMAT", "json");
    Some(command)
}

/// The way into the process's own view of its disk.
pub fn inside(process: u32, place: &Place) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/root{}", place.state().display()))
}

/// Takes everything that is free, and no byte more; removing the file makes room again.
pub fn fill(folder: &Path) -> PathBuf {
    let ballast = folder.join("ballast");
    let mut size = 1 << 20;
    while size > 0 && fs::write(&ballast, vec![0; size]).is_err() {
        size -= 4096;
    }
    ballast
}
