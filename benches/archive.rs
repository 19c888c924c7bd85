//! A bulk export of 5,000 activities: how fast it is read, how often over, and what dropping it costs the first time, the
//! second, and with one more activity in it.
//!
//! `cargo bench --bench archive`; `-- ACTIVITIES` for another number. Drives the real binary beside a server that counts.
//! Linux only, as it reads `/proc`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, and fails loudly"
)]

#[path = "../tests/support"]
#[expect(dead_code, reason = "the tests use all of it")]
mod support {
    pub mod archive;
    pub mod catalogue;
    pub mod fault_server;
    pub mod fit;
    pub mod http;
    pub mod program;
    pub mod strava;
    pub mod wait;
    pub mod xml;
}

use fitferry::formats::{self, Flow, Options};
use std::fs::{self, File};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use support::fault_server::FaultServer;
use support::program::Place;
use support::strava::Export;

/// Readings of the archive alone.
const ROUNDS: usize = 5;

fn main() {
    let count: i64 = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(5000);
    let place = Place::new();
    let path = place.dir.path().join("export.zip");
    fs::write(&path, Export::of(count).zip()).unwrap();
    println!("\nAn export of {count} activities, {:.1} MB", path.metadata().unwrap().len() as f64 / 1e6);
    (0..ROUNDS).for_each(|_| read(&path));

    let server = FaultServer::start("right");
    let token = place.dir.path().join("token");
    fs::write(&token, "right").unwrap();
    fs::write(place.config(), server.destination(&token)).unwrap();
    let sessions = Export::of(count).session_ids().len();
    import("dropped", &path, &place, &server, sessions);
    let again = place.dir.path().join("export (1).zip");
    fs::copy(&path, &again).unwrap();
    import("again, another name", &again, &place, &server, 0);
    fs::write(&path, Export::of(count + 1).zip()).unwrap();
    import("rewritten, one more", &path, &place, &server, 1);
    assert_eq!(server.sessions().len(), sessions + 1);
}

/// Reads it alone, and counts what it asks of the file.
fn read(path: &Path) {
    let (file, before, began) = (File::open(path).unwrap(), bytes_read(), Instant::now());
    let mut workouts = 0;
    let told = &mut |member: formats::Member| {
        workouts += member.reading.workouts.len();
        Flow::Continue(())
    };
    formats::read_file(&file, &Options::default(), told).unwrap();
    let seconds = began.elapsed().as_secs_f64();
    let share = (bytes_read() - before) as f64 / path.metadata().unwrap().len() as f64;
    println!("  reading alone       {seconds:6.2} s, {workouts} records, {share:.2} times its bytes asked for");
}

/// What this process has asked of files until now.
fn bytes_read() -> u64 {
    let counts = fs::read_to_string("/proc/self/io").unwrap();
    counts.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

fn import(what: &str, path: &Path, place: &Place, server: &FaultServer, puts: usize) {
    let (began, before) = (Instant::now(), server.seen().len());
    let written = || server.puts().values().sum::<u32>();
    let put_before = written();
    let mut command = place.command();
    let mut child = command
        .arg("import")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        most = resident(child.id()).unwrap_or(most);
        std::thread::park_timeout(Duration::from_millis(2));
    };
    let (seconds, requests) = (began.elapsed().as_secs_f64(), server.seen().len() - before);
    println!("  {what:20}{seconds:6.2} s, {requests:5} requests, at most {:.1} MB", most as f64 / 1000.0);
    assert!(status.success(), "{what}: {status}");
    assert_eq!(written() - put_before, u32::try_from(puts).unwrap(), "{what}");
}

/// The most that a process has had, in kilobytes.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse().ok())
}
