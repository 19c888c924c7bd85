//! The program as somebody who may not read everything: nobody refuses root anything.

use crate::support::program::Place;
use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Any user who is not root.
pub const NOBODY: u32 = 65_534;

/// Someone other than root, with the place and these paths for their own.
pub struct Nobody {
    /// A copy of the program that they may run, if we are root.
    program: Option<PathBuf>,
}

impl Nobody {
    pub fn of(place: &Place, owned: &[&Path]) -> Self {
        let program = place.dir.path().join("fitferry");
        // By a process of its own: what another test starts while we write it would hold it open, and nobody could run it.
        let copied = Command::new("cp").arg(env!("CARGO_BIN_EXE_fitferry")).arg(&program).status().unwrap();
        assert!(copied.success());
        let own = |path: &Path| chown(path, Some(NOBODY), Some(NOBODY)).is_ok();
        let is_root = [place.dir.path(), &place.folder(), &program].into_iter().chain(owned.iter().copied()).all(own);
        Self { program: is_root.then_some(program) }
    }

    /// Whether it is somebody else than we are.
    pub fn is_another(&self) -> bool {
        self.program.is_some()
    }

    pub fn command(&self, place: &Place) -> Command {
        let Some(program) = &self.program else { return place.command() };
        let mut command = place.command_of(program);
        command.uid(NOBODY).gid(NOBODY);
        command
    }

    /// The command that watches the folder.
    pub fn run(&self, place: &Place) -> Command {
        let mut command = self.command(place);
        command.args(["run", "--listen", "127.0.0.1:0", "--watch"]).arg(place.folder());
        command.env("FITFERRY_LOG__FORMAT", "json");
        command
    }
}

/// Gives a file or folder, with this mode, to somebody.
pub fn own(path: &Path, owner: u32, mode: u32) {
    chown(path, Some(owner), Some(owner)).unwrap();
    chmod(path, mode);
}

pub fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}
