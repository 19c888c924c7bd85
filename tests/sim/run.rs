//! One schedule from its seed to the judgement: rough times, then calm, then a restart with nothing new.

use super::disk::Disk;
use super::plan::{Plan, chance};
use super::planted::Bug;
use super::world::{SCAN_EVERY, World};
use std::fmt;
use std::time::Duration;

/// In calm everything is delivered after this much simulated time, besides what rate and budget take: the longest pause
/// that a server can ask for, and twice a stopped account. A clock that was wrong holds nothing up.
const CALM: Duration = Duration::from_secs((25 + 2 * 6 + 17 * 6 + 3 * 25) * 3600);

/// Passes that compare everything, piece by piece, wherever the first begins.
fn passes(plan: &Plan) -> u32 {
    if plan.spacing > 6 { 16 } else { 5 }
}

/// Where there is a list of changes, the recent past itself is looked at by the first pass after so long, and when a process
/// starts. A stopped account is not asked for six hours.
const DAY: Duration = Duration::from_secs((25 + 6) * 3600);

/// A stopped account is not asked for so long.
const STOPPED: Duration = Duration::from_secs(6 * 3600);

/// Of a thousand times, how often that is waited for.
const WAITS: u32 = 20;

/// Steps that the calm takes at most; more is a loop.
const MOST_STEPS: u32 = 50_000;

/// How long nothing is to be sent after a restart with nothing new.
const SILENCE: Duration = Duration::from_secs(7 * 3600);

/// A promise that was not kept.
#[derive(Debug)]
pub struct Failure {
    pub seed: u64,
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, what } = self;
        writeln!(f, "seed {seed}: {what}")?;
        write!(
            f,
            "replay: FITFERRY_SIM_SEED={seed} FITFERRY_SIM_SCHEDULES=1 cargo test --test integration every_schedule"
        )
    }
}

/// What many schedules came to.
#[derive(Default)]
pub struct Totals {
    pub schedules: u64,
    pub steps: u64,
    pub shortest: u32,
}

impl Totals {
    fn count(&mut self, steps: u32) {
        self.shortest = if self.schedules == 0 { steps } else { self.shortest.min(steps) };
        self.schedules += 1;
        self.steps += u64::from(steps);
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} schedules, {} steps, at least {} each", self.schedules, self.steps, self.shortest)
    }
}

pub fn one(seed: u64, bug: Option<Bug>, disk: &mut Disk, totals: &mut Totals) -> Result<(), Failure> {
    let mut world = World::new(seed, bug, disk, false);
    let result = play(&mut world);
    totals.count(world.steps);
    result.map_err(|what| Failure { seed, what })
}

/// The same run again, told step by step.
pub fn trace(seed: u64, bug: Option<Bug>) -> String {
    let mut disk = Disk::new(bug);
    let mut world = World::new(seed, bug, &mut disk, true);
    let result = play(&mut world);
    let mut lines = world.trace.take().unwrap_or_default();
    lines.extend(result.err());
    lines.join("\n")
}

fn play(world: &mut World<'_>) -> Result<(), String> {
    while world.steps < world.plan.steps {
        if !world.step() {
            skip(world, None);
        }
        verdict(world)?;
    }
    world.calm_down();
    let patience = world.steady + CALM + owed_time(&world.plan);
    if world.plan.meddling > 0 {
        // Others do not stop, and twice is more than once.
        for _ in 0..world.rng.u32(..3) {
            notice(world, patience)?;
            (0..3).for_each(|_| world.meddle());
        }
    }
    notice(world, patience)?;
    if world.plan.reconcile.mass < 1000 {
        // What is left for a person is looked at.
        world.comparison.order(false);
        settle(world, world.comparison.passes, world.steady, patience)?;
    }
    world.oracle.finish_elsewhere(&world.network.other().sessions);
    let sessions = std::mem::take(&mut world.network.destination().sessions);
    world.oracle.finish(&world.disk.connection, &sessions);
    world.network.destination().sessions = sessions;
    verdict(world)?;
    silence(world)
}

/// Goes on until whatever others did is noticed.
fn notice(world: &mut World<'_>, patience: Duration) -> Result<(), String> {
    let mut until = world.steady;
    if chance(&mut world.rng, WAITS) {
        until += DAY + world.plan.reconcile.every.get();
    } else {
        // A new process looks at the recent past at once.
        world.stop();
    }
    settle(world, world.comparison.passes + passes(&world.plan), until, patience)
}

/// A new process with nothing new sends nothing, and writes nothing of what it knows.
fn silence(world: &mut World<'_>) -> Result<(), String> {
    // What still waits is never taken, and is only compared by a new process.
    let queued = world.disk.queued();
    let before = world.disk.fingerprint(&queued);
    world.oracle.expect_silence();
    world.restart(false);
    let end = world.steady + SILENCE;
    let is_over = |world: &World<'_>| is_quiet(world) && world.shell.alarm.is_none() && world.comparison.passes > 1;
    while world.steady < end && !is_over(world) {
        if !world.step() {
            skip(world, Some(end));
        }
        verdict(world)?;
    }
    let after = world.disk.fingerprint(&queued);
    match before.iter().zip(&after).find(|(before, after)| before != after) {
        Some((before, after)) => Err(format!("P7: nothing is new, and {before} became {after}")),
        None => Ok(()),
    }
}

/// How long a queue may take by the limits alone.
fn owed_time(plan: &Plan) -> Duration {
    let days = plan
        .limits
        .daily
        .map_or(0, |daily| 2 + 4 * u32::try_from(plan.workouts).unwrap() / u32::try_from(daily).unwrap());
    Duration::from_secs(86_400) * days + (plan.reconcile.every.get() + STOPPED) * (3 * passes(plan) + 2)
}

/// Goes on until nothing is left to be done.
fn settle(world: &mut World<'_>, passes: u32, until: Duration, patience: Duration) -> Result<(), String> {
    loop {
        if !world.step() {
            let is_late = world.comparison.passes >= passes && world.steady >= until;
            let is_compared = world.comparison.rests() && is_late;
            if is_quiet(world) && is_compared && world.oracle.is_drained(&world.disk.connection) {
                return Ok(());
            }
            if world.shell.alarm.is_none() && world.comparison.alarm().is_none() && is_quiet(world) {
                return Err("P6: a session waits, and nobody will wake up for it".to_owned());
            }
            if world.steady > patience || world.steps > MOST_STEPS {
                let what = if is_quiet(world) { "a session waits" } else { "a file or a request waits" };
                return Err(format!("P6: {what} after {:?} and {} steps", world.steady, world.steps));
            }
            skip(world, None);
        }
        verdict(world)?;
    }
}

fn is_quiet(world: &World<'_>) -> bool {
    world.network.is_empty() && world.queue.is_empty() && world.shell.events.is_empty() && !world.is_unread()
}

/// Lets time pass until something can happen.
fn skip(world: &mut World<'_>, end: Option<Duration>) {
    let until = [world.network.next(), world.shell.alarm, world.comparison.alarm(), Some(world.next_scan), end];
    let until = until.into_iter().flatten().min().unwrap_or(world.steady);
    world.steady = world.steady.max(until);
    if world.steady >= world.next_scan {
        if world.is_rough || world.is_unread() {
            world.scan();
        } else {
            // It would find nothing, and takes its time.
            world.next_scan = world.steady + SCAN_EVERY;
        }
    }
}

fn verdict(world: &mut World<'_>) -> Result<(), String> {
    if let Some(complaint) = world.oracle.manners.jitter_complaint() {
        world.oracle.complain(complaint);
    }
    world.oracle.violation.take().map_or(Ok(()), Err)
}
