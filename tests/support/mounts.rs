//! Disks that only one process and its children see mounted.

use super::foreign;
use super::program::Place;
use std::process::Command;

/// `None` where this user may not mount anything for themselves.
pub fn are_possible() -> Option<()> {
    let usable = Command::new("unshare").args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).output();
    let is_possible = usable.is_ok_and(|output| output.status.success());
    foreign::given(is_possible, "no mount namespaces for this user").then_some(())
}

/// Runs a shell script that may mount what it likes, and finds the program as `$PROGRAM`, the folder as `$WATCH` and the state
/// directory as `$STATE`. `None` where that is not possible.
pub fn command(place: &Place, script: &str) -> Option<Command> {
    are_possible()?;
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script]);
    command.env("STATE", place.state()).env("WATCH", place.folder()).env("PROGRAM", env!("CARGO_BIN_EXE_fitferry"));
    command.env("CONFIG", place.config()).env("HOME", place.dir.path()).env("FITFERRY_LOG__FORMAT", "json");
    Some(command)
}
