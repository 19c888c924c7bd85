//! What watching folders costs: a start on 100,000 known files, the way of a file from its closing to the server, and ten
//! minutes in which nothing happens.
//!
//! `cargo bench --bench folders -- [known] [latency] [idle]`, all of them by default. Drives the real binary. Linux only, as it
//! reads `/proc`; strace, find, inotifywait and curl are used where they are there.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, and fails loudly"
)]

#[path = "folders/api.rs"]
#[expect(dead_code, reason = "what else it tells is for the benchmark of lives")]
mod api;
#[path = "folders/daemon.rs"]
mod daemon;
#[path = "../tests/support/fit.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod fit;
#[path = "folders/usage.rs"]
mod usage;

use api::{Api, Put};
use daemon::{deliver, program, run, start, wait, watch};
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};
use usage::Usage;

const MANY: i64 = 100_000;
const SOME: i64 = 10_000;
const FILES: i64 = 200;

/// Files in the folder that are no workouts.
const PHOTOS: i64 = 1000;

/// Threads and connections that starting needed are given up by then.
const AFTERMATH: Duration = Duration::from_secs(100);

/// How long the daemon is watched while it has nothing to do.
const IDLE: Duration = Duration::from_secs(600);

/// Between files that are dropped, so that each finds a daemon at rest.
const REST: Duration = Duration::from_millis(50);

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|wanted| wanted == name);
    if is_wanted("latency") {
        latency();
    }
    if is_wanted("known") {
        known();
    }
    if is_wanted("idle") {
        idle();
    }
}

/// The same with a configuration that says what becomes of the sessions of removed files.
fn watch_with(state: &Path, folder: &Path, on_removed: &str) -> Command {
    let config = state.with_extension("toml");
    let folders = format!("folders = [{{ path = '{}', on_removed = '{on_removed}' }}]\n", folder.display());
    std::fs::write(&config, folders).unwrap();
    let mut command = program(state);
    command.args(["run", "--listen", "127.0.0.1:0", "--config"]).arg(config);
    command
}

fn known() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, state) = (dir.path().join("workouts"), dir.path().join("state"));
    deliver(&folder, &state, MANY);
    (0..PHOTOS).for_each(|photo| std::fs::write(folder.join(format!("{photo}.jpg")), "a photo").unwrap());
    // They get their verdicts when they have rested.
    let (daemon, mut log) = start(watch(&state, &folder).env("FITFERRY_WATCH__SALVAGE_AFTER", "1s"));
    (0..PHOTOS).for_each(|_| drop(wait(&mut log, "file.ignored")));
    drop(daemon);
    println!("\nA start on {MANY} known files and {PHOTOS} photos");
    for on_removed in ["keep", "keep", "keep", "delete", "delete", "delete"] {
        let began = Instant::now();
        let (daemon, mut log) = start(&mut watch_with(&state, &folder, on_removed));
        wait(&mut log, "daemon.ready");
        let ready = began.elapsed();
        let scan = wait(&mut log, "scan.done");
        let scan: serde_json::Value = serde_json::from_str(&scan).unwrap();
        assert_eq!((&scan["files"], &scan["candidates"]), (&(MANY + PHOTOS).into(), &0.into()));
        let peak = usage::peak_kb(&daemon.0) as f64 / 1024.0;
        println!(
            "  {on_removed:6}  ready after {:4.0} ms; scan {:5} ms; peak memory {peak:5.1} MB",
            ready.as_secs_f64() * 1e3,
            scan["millis"]
        );
        drop(daemon);
    }
    let began = Instant::now();
    let mut find = Command::new("find");
    find.arg(&folder).args(["-printf", "%s %T@ %i %p\\n"]).stdout(Stdio::null());
    if find.status().is_ok_and(|status| status.success()) {
        println!("  find -printf of the same  {:6.0} ms", began.elapsed().as_secs_f64() * 1e3);
    }
    match opens(&folder, &state) {
        Some(opens) => {
            println!("  files opened by the scan  {opens:6}");
            assert_eq!(opens, 0);
        }
        None => println!("  strace is not here: opens are not counted"),
    }
}

/// How many of the folder's files a start opens.
fn opens(folder: &Path, state: &Path) -> Option<usize> {
    let record = folder.with_extension("strace");
    let mut command = Command::new("strace");
    command.args(["-f", "--seccomp-bpf", "-e", "trace=open,openat,openat2", "-o"]).arg(&record);
    command.arg(env!("CARGO_BIN_EXE_fitferry")).arg("--state-dir").arg(state);
    command.env("FITFERRY_LOG__FORMAT", "json").env("FITFERRY_LOG__LEVEL", "debug");
    command.args(["run", "--listen", "127.0.0.1:0", "--watch"]).arg(folder).stderr(Stdio::piped()).process_group(0);
    let mut daemon = command.spawn().ok()?;
    let mut log = BufReader::new(daemon.stderr.take()?).lines();
    wait(&mut log, "scan.done");
    stop_group(&mut daemon);
    let calls = std::fs::read_to_string(record).unwrap();
    Some(calls.lines().filter(|call| call.contains(".fit\"") || call.contains(".jpg\"")).count())
}

fn latency() {
    println!("\nFrom the closing of a file to its PUT, {FILES} files one by one, ms");
    let dir = tempfile::tempdir().unwrap();
    let (folder, api) = (dir.path().join("workouts"), Api::start());
    std::fs::create_dir(&folder).unwrap();
    let mut command = watch(&dir.path().join("state"), &folder);
    command.env("FITFERRY_DESTINATION__URL", format!("http://{}/fitness/v1", api.address));
    command.env("FITFERRY_DESTINATION__TOKEN", "token");
    let (daemon, mut log) = start(&mut command);
    wait(&mut log, "reconcile.done");
    // Until it was looked through again, what comes into an empty folder is compared first.
    std::fs::write(folder.join("first.fit"), run(-1)).unwrap();
    api.puts.recv().unwrap();
    while !wait(&mut log, "scan.done").contains("\"files\":1") {}
    std::thread::sleep(REST);
    // Whoever does not read it holds up who writes it.
    std::thread::spawn(move || log.for_each(drop));
    print("fitferry", &drop_files(&folder, &api.puts));
    drop(daemon);

    let folder = dir.path().join("loop");
    std::fs::create_dir(&folder).unwrap();
    let script = "inotifywait -m -q -e close_write --format %w%f \"$0\" | while read -r file; do
        curl -s -o /dev/null -X PUT --data-binary @\"$file\" \"http://$1/fitness/v1/users/me/sessions/${file##*/}\"
    done";
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    if !is_there("inotifywait") || !is_there("curl") {
        println!("  inotifywait and curl are not here: nothing to compare with");
        return;
    }
    let mut shell = Command::new("sh");
    let mut shell =
        shell.args(["-c", script]).arg(&folder).arg(api.address.to_string()).process_group(0).spawn().unwrap();
    // It does not say when it listens.
    std::thread::sleep(Duration::from_secs(1));
    print("inotifywait and curl", &drop_files(&folder, &api.puts));
    stop_group(&mut shell);
}

/// Ends a process that leads a group, and all that it has started.
fn stop_group(leader: &mut Child) {
    Command::new("kill").args(["--", &format!("-{}", leader.id())]).status().unwrap();
    leader.wait().unwrap();
}

fn drop_files(folder: &Path, puts: &Receiver<Put>) -> Vec<Duration> {
    let mut waits = Vec::new();
    for index in 0..FILES {
        std::fs::write(folder.join(format!("{index}.fit")), run(index)).unwrap();
        let closed = Instant::now();
        waits.push(puts.recv().unwrap().at.duration_since(closed));
        std::thread::sleep(REST);
    }
    waits.sort();
    waits
}

fn print(who: &str, waits: &[Duration]) {
    let at = |share: usize| waits[(waits.len() - 1) * share / 100].as_secs_f64() * 1e3;
    println!("  {who:24} p50 {:6.1}   p99 {:6.1}   most {:6.1}", at(50), at(99), at(100));
}

/// Starts the daemon on known files and watches it do nothing.
fn idle() {
    let dir = tempfile::tempdir().unwrap();
    let (folder, state) = (dir.path().join("workouts"), dir.path().join("state"));
    deliver(&folder, &state, SOME);
    let began = Instant::now();
    let (daemon, mut log) = start(&mut watch(&state, &folder));
    let watched = wait(&mut log, "folder.watched");
    wait(&mut log, "scan.done");
    let watched: serde_json::Value = serde_json::from_str(&watched).unwrap();
    println!("\nThe daemon on {SOME} known files, {} s of doing nothing", IDLE.as_secs());
    println!("  scanned after             {:6.0} ms, by {}", began.elapsed().as_secs_f64() * 1e3, watched["mode"]);
    std::thread::sleep(AFTERMATH);
    let before = Usage::of(&daemon.0);
    std::thread::sleep(IDLE);
    let spent = Usage::of(&daemon.0).since(&before);
    println!("  resident                  {:6.1} MB        (bar: 12)", spent.resident_kb as f64 / 1024.0);
    println!(
        "  processor                 {:8.4} %      (bar: 0.005)",
        100.0 * spent.processor.as_secs_f64() / IDLE.as_secs_f64()
    );
    println!(
        "  wake-ups a minute         {:6.1}           (bar: 2)",
        spent.switches as f64 * 60.0 / IDLE.as_secs_f64()
    );
    drop(daemon);
    // What each scan costs, apart: so many of them, one after the other.
    let scans = 10;
    let (daemon, mut log) = start(watch(&state, &folder).env("FITFERRY_WATCH__SCAN_EVERY", "1s"));
    (0..3).for_each(|_| drop(wait(&mut log, "scan.done")));
    let before = Usage::of(&daemon.0);
    (0..scans).for_each(|_| drop(wait(&mut log, "scan.done")));
    let spent = Usage::of(&daemon.0).since(&before);
    println!("  processor for one scan    {:6.1} ms", spent.processor.as_secs_f64() * 1e3 / f64::from(scans));
    drop(daemon);
}
