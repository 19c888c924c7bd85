//! The whole way: 10,000 small workouts from a folder into the embedded server with full durability, and what the daemon
//! costs while nothing happens.
//!
//! `cargo bench --bench import`. Drives the real binary. Linux only, as it reads `/proc`.

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

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const WORKOUTS: i64 = 10_000;
const ROUNDS: usize = 3;

/// Threads and connections that starting needed are given up by then.
const AFTERMATH: Duration = Duration::from_secs(100);

/// How long the daemon is watched while it has nothing to do.
const IDLE: Duration = Duration::from_secs(60);

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
    let state = dir.path().join("state-0");
    let seconds = import(&folder, &state);
    println!("  the same again, all known {seconds:6.2} s");
    idle(&folder, &state);
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

/// Starts the daemon on the known files and watches it do nothing.
fn idle(folder: &Path, state: &Path) {
    let began = Instant::now();
    let mut command = program(state);
    command.args(["run", "--listen", "127.0.0.1:0", "--watch"]).arg(folder).env("FITFERRY_LOG__LEVEL", "debug");
    let mut daemon = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut log = BufReader::new(daemon.stderr.take().unwrap()).lines().map(Result::unwrap);
    assert!(log.any(|line| line.contains("daemon.ready")));
    let ready = began.elapsed();
    assert!(log.any(|line| line.contains("scan.done")));
    let scanned = began.elapsed();
    println!("\nThe daemon on {WORKOUTS} known files");
    println!("  ready after               {:6.0} ms", ready.as_secs_f64() * 1e3);
    println!("  scanned after             {:6.0} ms", scanned.as_secs_f64() * 1e3);
    std::thread::sleep(AFTERMATH);
    let before = Usage::of(&daemon);
    std::thread::sleep(IDLE);
    let after = Usage::of(&daemon);
    let seconds = IDLE.as_secs_f64();
    println!("  resident while idle       {:6.1} MB", after.resident_kb as f64 / 1024.0);
    println!("  processor while idle      {:6.3} %", (after.ticks - before.ticks) as f64 / seconds);
    println!("  wake-ups while idle       {:6.1} a minute", (after.switches - before.switches) as f64 * 60.0 / seconds);
    daemon.kill().unwrap();
    daemon.wait().unwrap();
}

struct Usage {
    resident_kb: u64,
    /// Hundredths of a second, over all threads.
    ticks: u64,
    /// Voluntary context switches of all threads: each is the end of a waking.
    switches: u64,
}

impl Usage {
    fn of(process: &Child) -> Self {
        let proc = Path::new("/proc").join(process.id().to_string());
        let number = |text: &str, key: &str| -> u64 {
            let line = text.lines().find(|line| line.starts_with(key)).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        };
        let status = std::fs::read_to_string(proc.join("status")).unwrap();
        let stat = std::fs::read_to_string(proc.join("stat")).unwrap();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let tasks = std::fs::read_dir(proc.join("task")).unwrap();
        let switches = tasks.map(|task| {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            number(&status, "voluntary_ctxt_switches")
        });
        Self {
            resident_kb: number(&status, "VmRSS"),
            ticks: fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap(),
            switches: switches.sum(),
        }
    }
}
