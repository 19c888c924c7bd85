//! A daemon with mounts of its own, seen by nobody else: what it watches can be taken away under its eyes.

use super::mounts;
use super::program::{Daemon, Place};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of a disk that is mounted in the daemon's view only.
pub struct Disk {
    pub files: PathBuf,
    /// Where it is mounted, by the same name in every view.
    place: PathBuf,
}

impl Disk {
    /// A disk for this place, not mounted yet.
    pub fn new(place: &Place, at: &Path) -> Self {
        Self::named(place, at, "disk")
    }

    pub fn named(place: &Place, at: &Path, name: &str) -> Self {
        let files = place.dir.path().join(name);
        fs::create_dir(&files).unwrap();
        Self { files, place: at.to_path_buf() }
    }

    pub fn mount(&self, daemon: &Daemon) {
        Self::inside(daemon, &["mount", "--bind"], &[&self.files, &self.place]);
    }

    /// At once, whoever has its files open.
    pub fn pull(&self, daemon: &Daemon) {
        Self::inside(daemon, &["umount", "--lazy"], &[&self.place]);
    }

    pub fn forbid_writing(&self, daemon: &Daemon) {
        Self::inside(daemon, &["mount", "-o", "remount,bind,ro"], &[&self.place]);
    }

    fn inside(daemon: &Daemon, command: &[&str], paths: &[&Path]) {
        let process = daemon.id().to_string();
        let mut enter = Command::new("nsenter");
        enter.args(["-t", &process, "--user", "--mount", "--preserve-credentials"]).args(command).args(paths);
        let output = enter.output().unwrap();
        assert!(output.status.success(), "{enter:?}: {output:?}");
    }
}

/// Starts the daemon of a place that has a configuration, with the disk mounted. `None` where that is not possible.
pub fn start(place: &Place, disk: &Disk) -> Option<Daemon> {
    mounts::are_possible()?;
    let mut unshare = Command::new("unshare");
    let script = "mount --bind \"$1\" \"$2\" && shift 2 && exec \"$0\" \"$@\"";
    unshare.args(["-rm", "sh", "-c", script, env!("CARGO_BIN_EXE_fitferry")]).args([&disk.files, &disk.place]);
    let mut command = place.complete(unshare);
    // The shell needs to find mount.
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
        .args(["run", "--listen", "127.0.0.1:0"])
        .env("FITFERRY_LOG__FORMAT", "json")
        .env("FITFERRY_LOG__LEVEL", "debug");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    Some(daemon)
}
