//! How soon a start is ready, and a stop at its end, with all that there is to do.
//!
//! `cargo bench --bench lives -- [ready] [stop]`, both by default. Drives the real binary.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints its figures, and fails loudly")]

#[path = "folders/api.rs"]
#[expect(dead_code, reason = "what else it tells is for the benchmark of folders")]
mod api;
#[path = "folders/daemon.rs"]
mod daemon;
#[path = "../tests/support/fit.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod fit;

use api::Api;
use daemon::{Running, deliver, run, start, wait, watch};
use std::collections::BTreeMap;
use std::process::{Command, ExitStatus};
use std::sync::atomic::Ordering;
use std::time::Instant;

const KNOWN: i64 = 10_000;
const STARTS: usize = 20;

/// What waits when a stop is asked for.
const WAITING: i64 = 3_000;

/// How long the server thinks about each session, milliseconds: some of them longer than a stop may take.
const DELAYS: [u64; 5] = [0, 100, 1_000, 4_000, 20_000];

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if is_wanted("ready") {
        ready();
    }
    if is_wanted("stop") {
        stop();
    }
}

fn ready() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, state) = (dir.path().join("workouts"), dir.path().join("state"));
    deliver(&folder, &state, KNOWN);
    println!("\nFrom the start to ready, {KNOWN} known files, {STARTS} starts each, ms (bar: 100)");
    for end in ["stop", "kill"] {
        let mut waits: Vec<f64> = (0..STARTS)
            .map(|_| {
                let began = Instant::now();
                let (mut daemon, mut log) = start(&mut watch(&state, &folder));
                wait(&mut log, "daemon.ready");
                let ready = began.elapsed();
                if end == "stop" {
                    terminate(&mut daemon);
                }
                ready.as_secs_f64() * 1e3
            })
            .collect();
        waits.sort_by(f64::total_cmp);
        let (least, median, most) = (waits[0], waits[STARTS / 2], waits[STARTS - 1]);
        println!("  after a {end}: least {least:5.0}   median {median:5.0}   most {most:5.0}");
    }
}

fn terminate(daemon: &mut Running) -> ExitStatus {
    Command::new("kill").arg(daemon.0.id().to_string()).status().unwrap();
    daemon.0.wait().unwrap()
}

/// Stops while files are read, and sessions are on their way to a server that takes its time. In the end all of them have
/// to be there, and only those twice of which no answer was heard.
fn stop() {
    println!("\nFrom SIGTERM to the end, while {WAITING} files are read and delivered, ms (bar: 5,000)");
    let dir = tempfile::tempdir().unwrap();
    let (folder, state, api) = (dir.path().join("workouts"), dir.path().join("state"), Api::start());
    std::fs::create_dir(&folder).unwrap();
    let command = || {
        let mut command = watch(&state, &folder);
        command.env("FITFERRY_DESTINATION__URL", format!("http://{}/fitness/v1", api.address));
        command.env("FITFERRY_DESTINATION__TOKEN", "token");
        command
    };
    let mut puts: BTreeMap<String, usize> = BTreeMap::new();
    let mut note = |request: String| *puts.entry(request).or_default() += 1;
    let mut count = 0;
    for delay in DELAYS {
        (0..WAITING).for_each(|_| {
            std::fs::write(folder.join(format!("{count}.fit")), run(count)).unwrap();
            count += 1;
        });
        // What was on its way at the end of the life before.
        api.puts.try_iter().for_each(|put| note(put.request));
        api.delay.store(delay, Ordering::Relaxed);
        let (mut daemon, log) = start(&mut command());
        std::thread::spawn(move || log.for_each(drop));
        // The first ones tell that it is at work.
        (0..4).for_each(|_| note(api.puts.recv().unwrap().request));
        let began = Instant::now();
        let status = terminate(&mut daemon);
        println!("  answers after {delay:6} ms: {:6.0}   ({status})", began.elapsed().as_secs_f64() * 1e3);
        assert!(status.success());
    }
    api.delay.store(0, Ordering::Relaxed);
    let (_daemon, log) = start(&mut command());
    std::thread::spawn(move || log.for_each(drop));
    while puts_of(&state) < count {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    api.puts.try_iter().for_each(|put| *puts.entry(put.request).or_default() += 1);
    let twice = puts.values().filter(|times| **times > 1).count();
    println!("  all {count} sessions are there; {twice} were sent twice, as their answers were not heard");
    assert_eq!(i64::try_from(puts.len()).unwrap(), count);
}

/// How many sessions the daemon knows to be delivered.
fn puts_of(state: &std::path::Path) -> i64 {
    let status = daemon::program(state).args(["status", "--json"]).output().unwrap();
    let status: serde_json::Value = serde_json::from_slice(&status.stdout).unwrap();
    status["accounts"][0]["delivered"].as_i64().unwrap_or_default()
}
