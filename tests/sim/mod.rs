//! The simulator: the real core and the real SQLite in a world where a seed decides what happens, and everything does.
//! `docs/reliability.md` tells what is simulated, what is judged, and how a run is replayed.

mod comparison;
pub mod destination;
mod disk;
mod folder;
mod ledger;
mod limits;
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
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Seeds that failed once, and what was wrong.
const KEPT: [(u64, &str); 0] = [];

/// A planted bug is to be seen within so many schedules.
const SEEN_WITHIN: u64 = 3000;

fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |value| value.parse().expect(name))
}

/// Runs schedules on two threads, until one of them fails.
fn run_all(first: u64, count: u64, bug: Option<Bug>) -> (Totals, Option<Failure>) {
    let next = AtomicU64::new(first);
    let worker = || {
        let mut disk = Disk::new(bug);
        let mut totals = Totals::default();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= first + count {
                return (totals, None);
            }
            if let Err(failure) = run::one(seed, bug, &mut disk, &mut totals) {
                next.store(first + count, Ordering::Relaxed);
                return (totals, Some(failure));
            }
        }
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(worker);
        let (mut totals, failure) = worker();
        let (others, other_failure) = other.join().unwrap();
        totals.add(&others);
        (totals, failure.or(other_failure))
    })
}

#[test]
fn every_schedule_keeps_the_promises() {
    let first = number("FITFERRY_SIM_SEED", 1);
    let count = number("FITFERRY_SIM_SCHEDULES", if cfg!(debug_assertions) { 1000 } else { 20_000 });
    let began = Instant::now();
    let (totals, failure) = run_all(first, count, None);
    let seconds = began.elapsed().as_secs_f64();
    eprintln!("seeds {first} to {}: {totals}, {seconds:.1} s", first + count - 1);
    if let Some(failure) = failure {
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
    let is_wanted = |bug: &Bug| match &wanted {
        Some(name) => format!("{bug:?}") == *name,
        None => !planted::RARE.contains(bug),
    };
    for bug in planted::ALL.into_iter().filter(is_wanted) {
        let (totals, failure) = run_all(1, number("FITFERRY_SIM_SCHEDULES", SEEN_WITHIN), Some(bug));
        let failure = failure.unwrap_or_else(|| panic!("{bug:?} was not seen: {totals}"));
        eprintln!("{bug:?}: {} after {} schedules", failure.what, totals.schedules + 1);
    }
}

/// A seed is worth nothing if it does not tell the same story each time.
#[test]
fn a_seed_is_one_run() {
    for seed in 1..20 {
        assert_eq!(run::trace(seed, None), run::trace(seed, None));
    }
}
