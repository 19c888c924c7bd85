//! A state directory on a disk of its own that can be filled, or on one that cannot be written, seen by one process and its
//! children only.

use super::mounts;
use super::program::Place;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a shell script that finds the state directory, of so many megabytes, as `$STATE` and the program as `$PROGRAM`.
/// `None` where that is not possible.
pub fn command(place: &Place, megabytes: u32, script: &str) -> Option<Command> {
    let script = format!("mount -t tmpfs -o size={megabytes}m tmpfs \"$STATE\"\n{script}");
    let command = mounts::command(place, &script)?;
    fs::create_dir(place.state()).unwrap();
    Some(command)
}

/// The program, with the state directory as it is, and on a disk that cannot be written. `None` where that is not possible.
pub fn read_only(place: &Place) -> Option<Command> {
    mounts::are_possible()?;
    let mount = "mount --bind \"$0\" \"$0\" && mount -o remount,bind,ro \"$0\"";
    let script = format!("{mount} && ! touch \"$0/any\" 2>/dev/null && exec \"$@\"");
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", &script]).arg(place.state()).arg(env!("CARGO_BIN_EXE_fitferry"));
    Some(place.complete(command))
}

/// The way into the process's own view of its disk.
pub fn inside(process: u32, place: &Place) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/root{}", place.state().display()))
}

/// Takes everything that is free, and no byte more; removing the file makes room again.
pub fn fill(folder: &Path) -> PathBuf {
    let ballast = folder.join("ballast");
    let mut file = File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    ballast
}
