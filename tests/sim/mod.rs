//! The simulator: the real core and the real SQLite in a world where a seed decides what happens, and everything does.
//! `docs/reliability.md` tells what is simulated, what is judged, and how a run is replayed.

mod asked;
mod comparison;
mod complaints;
pub mod destination;
mod disk;
mod folder;
mod ledger;
mod limits;
mod mass;
mod network;
mod oracle;
mod others;
mod plan;
mod planted;
mod process;
mod run;
mod shell;
mod telling;
mod world;

use disk::Disk;
use planted::Bug;
use run::{Failure, Totals};
use std::ops::Range;
use std::process::{Child, Command, ExitStatus};
use std::time::Instant;

/// Seeds that failed once, and what was wrong.
const KEPT: [(u64, &str); 5] = [
    (3951, "moved to another server and back, a session was taken for restored that had only been meant to be"),
    (32_536, "a list from before a deletion was read made what was deleted count as there"),
    (50_312, "an empty page was taken for the end of the list of changes"),
    (452_482, "moved to another server and back, it was forgotten that a session had been put again at the first one"),
    (
        496_950,
        "moved to another server and back, a session that was refused when it was put again counted as put again",
    ),
];

/// A planted bug is to be seen within so many schedules.
const SEEN_WITHIN: u64 = 3000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect(name))
}

/// After so many failures nobody reads more of them.
const MOST_FAILURES: usize = 20;

/// Runs schedules until one of them fails.
fn run_all(seeds: Range<u64>, bug: Option<Bug>) -> (Totals, Option<Failure>) {
    let (mut disk, mut totals) = (Disk::new(bug), Totals::default());
    let failure = seeds.into_iter().find_map(|seed| run::one(seed, bug, &mut disk, &mut totals).err());
    (totals, failure)
}

/// As many processes as there are processors, as the threads of one process wait for each other: SQLite counts its memory.
#[test]
fn every_schedule_keeps_the_promises() {
    let first = number("FITFERRY_SIM_SEED", 1);
    let count = number("FITFERRY_SIM_SCHEDULES", if cfg!(debug_assertions) { 1000 } else { 20_000 });
    let workers = std::thread::available_parallelism().map_or(2, |number| number.get() as u64).min(count);
    let began = Instant::now();
    let starts: Vec<u64> = (0..=workers).map(|worker| first + count * worker / workers).collect();
    let children: Vec<Child> = starts.windows(2).map(|bounds| worker(bounds[0], bounds[1])).collect();
    let ended: Vec<_> = children.into_iter().map(|mut child| child.wait().unwrap()).collect();
    eprintln!("seeds {first} to {}: {:.1} s", first + count - 1, began.elapsed().as_secs_f64());
    assert!(ended.iter().all(ExitStatus::success), "see above");
}

/// Runs the schedules of some seeds in a process of its own.
fn worker(first: u64, end: u64) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sim::schedules_of_a_worker", "--nocapture"])
        .env("FITFERRY_SIM_WORKER", format!("{first} {end}"))
        .spawn()
        .unwrap()
}

/// Does nothing but as such a process.
#[test]
fn schedules_of_a_worker() {
    let Ok(bounds) = std::env::var("FITFERRY_SIM_WORKER") else { return };
    let (first, end) = bounds.split_once(' ').unwrap();
    let seeds = first.parse().unwrap()..end.parse().unwrap();
    let (mut disk, mut totals) = (Disk::new(None), Totals::default());
    let failures = seeds.into_iter().filter_map(|seed| run::one(seed, None, &mut disk, &mut totals).err());
    let failures: Vec<Failure> = failures.take(MOST_FAILURES).inspect(|failure| eprintln!("{failure}")).collect();
    eprintln!("seeds {bounds}: {totals}");
    if let Some(failure) = failures.first() {
        let trace = run::trace(failure.seed, None);
        panic!("{trace}\n{failure}");
    }
    assert!(totals.shortest >= plan::STEPS, "a schedule of {} steps", totals.shortest);
}

#[test]
fn seeds_that_failed_once_stay_mended() {
    let mut disk = Disk::new(None);
    for (seed, what) in KEPT {
        let result = run::one(seed, None, &mut disk, &mut Totals::default());
        assert!(result.is_ok(), "{what}: {}", result.unwrap_err());
    }
}

#[test]
fn every_planted_bug_is_seen() {
    // All of them, or the one that somebody is after.
    let wanted = std::env::var("FITFERRY_SIM_BUG").ok();
    let is_wanted = |bug: &Bug| wanted.as_ref().is_none_or(|name| format!("{bug:?}") == *name);
    for bug in planted::ALL.into_iter().filter(is_wanted) {
        let (totals, failure) = run_all(1..1 + number("FITFERRY_SIM_SCHEDULES", SEEN_WITHIN), Some(bug));
        let failure = failure.unwrap_or_else(|| panic!("{bug:?} was not seen: {totals}"));
        eprintln!("{bug:?}: {} after {} schedules", failure.what, totals.schedules);
    }
}

/// A seed is worth nothing if it does not tell the same story each time.
#[test]
fn a_seed_is_one_run() {
    for seed in 1..20 {
        assert_eq!(run::trace(seed, None), run::trace(seed, None));
    }
}
