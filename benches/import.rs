//! The whole way: 10,000 small workouts from a folder into the embedded server with full durability.
//!
//! `cargo bench --bench import`. Drives the real binary.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, and fails loudly"
)]

#[path = "../tests/support/fit.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod fit;
#[path = "../tests/support/xml.rs"]
mod xml;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const WORKOUTS: i64 = 10_000;
const ROUNDS: usize = 3;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("workouts");
    std::fs::create_dir(&folder).unwrap();
    let bytes = generate(&folder);
    println!("\n{WORKOUTS} workouts (FIT, GPX, TCX in turn), {:.1} MB", bytes as f64 / 1e6);
    for round in 0..ROUNDS {
        let state = dir.path().join(format!("state-{round}"));
        let seconds = import(&folder, &state);
        println!("  cold import, delivered    {seconds:6.2} s   {:6.0} workouts/s", WORKOUTS as f64 / seconds);
    }
    let seconds = import(&folder, &dir.path().join("state-0"));
    println!("  the same again, all known {seconds:6.2} s");
}

fn generate(folder: &Path) -> u64 {
    let mut bytes = 0;
    for index in 0..WORKOUTS {
        let start = 1_000_000_000 + index * 43_200;
        let (name, content) = match index % 3 {
            0 => (format!("{index}.fit"), fit::Run { records: 60, ..fit::Run::at(start) }.build()),
            1 => (format!("{index}.gpx"), xml::gpx(start, 3600, 60, "running").into_bytes()),
            _ => (format!("{index}.tcx"), xml::tcx(start, 3600, 60, "Running").into_bytes()),
        };
        bytes += u64::try_from(content.len()).unwrap();
        std::fs::write(folder.join(name), content).unwrap();
    }
    bytes
}

fn program(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fitferry"));
    command.arg("--state-dir").arg(state).env("FITFERRY_LOG__FORMAT", "json");
    command
}

fn import(folder: &Path, state: &Path) -> f64 {
    let began = Instant::now();
    let status = program(state).arg("import").arg(folder).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
    began.elapsed().as_secs_f64()
}
