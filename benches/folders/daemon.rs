//! The real daemon as a benchmark drives it, and folders of small workouts for it.

use super::fit;
use std::io::{BufRead, BufReader, Lines};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

/// When the first workout began, Unix seconds. Until 1998, FIT takes a time for the count of a device whose clock was not set.
const FIRST: i64 = 1_000_000_000;

pub fn run(index: i64) -> Vec<u8> {
    fit::Run { records: 1, ..fit::Run::at(FIRST + index * 7200) }.build()
}

pub fn program(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fitferry"));
    command.arg("--state-dir").arg(state).env("FITFERRY_LOG__FORMAT", "json").env("FITFERRY_LOG__LEVEL", "debug");
    command
}

pub fn watch(state: &Path, folder: &Path) -> Command {
    let mut command = program(state);
    command.args(["run", "--listen", "127.0.0.1:0", "--watch"]).arg(folder);
    command
}

pub type Log = Lines<BufReader<ChildStderr>>;

/// A process that does not outlive the benchmark, however that ends.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn start(command: &mut Command) -> (Running, Log) {
    let mut daemon = command.stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(daemon.stderr.take().unwrap()).lines();
    (Running(daemon), log)
}

/// The next line of the log that tells of this event.
pub fn wait(log: &mut Log, event: &str) -> String {
    log.map(Result::unwrap).find(|line| line.contains(event)).unwrap()
}

/// A folder of so many files that are all known and delivered.
pub fn deliver(folder: &Path, state: &Path, count: i64) {
    std::fs::create_dir(folder).unwrap();
    for index in 0..count {
        std::fs::write(folder.join(format!("{index}.fit")), run(index)).unwrap();
    }
    let mut import = program(state);
    let status = import.arg("import").arg(folder).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
}
