//! The life of the daemon's process in the simulation: its commits, and its ends by a crash, a power cut or a stop.

use super::comparison::Comparison;
use super::disk::{Job, Outcome};
use super::plan::{chance, pick};
use super::planted::Bug;
use super::shell::Shell;
use super::world::World;
use fitferry::store::{self, accounts, outbox};
use fitferry::sync::courier::Event;
use std::rc::Rc;
use std::time::Duration;

/// Of a thousand starts, at how many the folder's disk is missing.
const FOLDER_AWAY: u32 = 100;

/// How long a daemon that stops waits for what is in flight.
const DRAIN: Duration = Duration::from_secs(3);

impl World<'_> {
    /// The writing thread takes what waits, or a part of it, and commits.
    pub fn commit(&mut self) {
        let group = self.group();
        let now = self.now();
        if self.is_rough && chance(&mut self.rng, self.plan.disk_full) && self.disk.can_be_full() {
            self.note(|| format!("the disk is full for {} jobs", group.len()));
            self.disk.lose(&group, &self.person, now.wall);
            group.into_iter().for_each(|job| self.fail(job));
            return;
        }
        let outcomes = self.disk.commit(&group, &self.person, now.wall);
        self.note(|| format!("commits {} jobs", group.len()));
        // What was written after it is looked at the next time. Where clocks are never wrong there is nothing to be seen.
        let looked = match group.last() {
            Some(Job::Fetch { now, .. }) if self.plan.clock_jumps > 0 => Some(*now),
            _ => None,
        };
        for (job, outcome) in group.into_iter().zip(outcomes) {
            match outcome {
                Ok(outcome) => {
                    self.settle(&job);
                    self.finish(job, outcome);
                }
                Err(error) => self.oracle.complain(format!("the store failed: {error}")),
            }
        }
        if let Some(looked) = looked {
            self.oracle.looked(&self.disk.connection, now.wall.max(looked));
        }
    }

    fn group(&mut self) -> Vec<Job> {
        let most = self.queue.len();
        let size = self.rng.usize(1..=most);
        self.queue.drain(..size).collect()
    }

    /// Tells the oracle what is durable now.
    fn settle(&mut self, job: &Job) {
        let now = self.now();
        match job {
            Job::Record { due, verdict, now: at, .. } => self.oracle.recorded(due, verdict, *at, now),
            Job::PutBack { rows, .. } => self.oracle.put_back(rows),
            Job::Hasten { .. } => self.oracle.hastened(),
            Job::Rest(None) => self.oracle.manners.resumed(),
            Job::Intake { path, seen, records } if job.is_taken() => {
                self.oracle.filed(path, seen.stamp, records.clone());
            }
            Job::Intake { path, .. } => self.oracle.doubted(path),
            Job::Rest(Some(rest)) => self.oracle.manners.written(rest.until, now),
            Job::Work(_) => self.oracle.manners.worked(),
            Job::Fetch { .. } | Job::SeenOnly { .. } => {}
        }
    }

    /// Tells whoever waits that a job is durable.
    fn finish(&mut self, job: Job, outcome: Outcome) {
        match (job, outcome) {
            (_, Outcome::Fetched(fetched)) => self.shell.tell(Event::Fetched(fetched)),
            (_, Outcome::Taken(receipt)) => {
                let is_new = !receipt.changed.is_empty() && self.bug != Some(Bug::LostWake);
                self.shell.wake |= is_new;
                self.comparison.bell |= is_new;
            }
            (_, Outcome::Worked { made, repaired }) => {
                if !self.comparison.is_obeying() {
                    self.oracle.repaired(&repaired);
                }
                let now = self.now();
                let left = self.comparison.worked(Ok(made), now);
                self.attend(left);
            }
            (Job::Record { due, news, .. }, _) => {
                if self.bug != Some(Bug::DoneBeforeCommit) {
                    self.shell.tell(Event::Recorded { row: due.row, news });
                }
            }
            (Job::SeenOnly { .. }, _) => {}
            _ => self.shell.tell(Event::Woken),
        }
    }

    /// Tells whoever waits that a job is lost.
    fn fail(&mut self, job: Job) {
        if let Some(event) = self.bug.and_then(|bug| bug.failed(&job)) {
            return self.shell.tell(event);
        }
        match job {
            Job::Record { due, .. } => self.shell.tell(Event::NotRecorded { row: due.row }),
            Job::Intake { path, .. } => drop(self.folder.hints.insert(path)),
            Job::SeenOnly { .. } => {}
            Job::Work(_) => {
                self.oracle.manners.not_worked();
                let now = self.now();
                let left = self.comparison.worked(Err(store::Error::DiskFull("full".to_owned())), now);
                self.attend(left);
            }
            job => {
                if matches!(job, Job::Rest(Some(_))) {
                    self.oracle.rest_lost();
                }
                if let Job::PutBack { rows, .. } = &job {
                    self.oracle.ledger.not_put_back(rows);
                }
                self.shell.tell(Event::StoreFailed);
            }
        }
    }

    /// The process or the power goes, at any point; another process starts.
    pub fn crash(&mut self) {
        let now = self.now();
        let group = if self.queue.is_empty() { Vec::new() } else { self.group() };
        let way = self.rng.u32(..3);
        match way {
            0 => self.disk.lose(&group, &self.person, now.wall),
            1 => {
                // Committed, and nobody is told any more.
                let outcomes = self.disk.commit(&group, &self.person, now.wall);
                for (job, outcome) in group.iter().zip(outcomes) {
                    match outcome {
                        Ok(_) => self.settle(job),
                        Err(error) => self.oracle.complain(format!("the store failed: {error}")),
                    }
                }
            }
            _ => {}
        }
        self.note(|| format!("crash ({way})"));
        self.end();
        let power = self.rng.bool();
        self.steady += Duration::from_secs(*pick(&mut self.rng, &[0, 1, 60, 86_400]));
        self.restart(power);
    }

    /// The daemon is told to stop, waits for what is in flight, and starts anew.
    pub fn stop(&mut self) {
        self.note(|| "stop".to_owned());
        self.feed(Event::Stopping);
        self.comparison.stop();
        let deadline = self.steady + DRAIN;
        while self.shell.in_flight() > 0 && self.steady < deadline {
            if !self.shell.events.is_empty() {
                self.hear();
            } else if !self.queue.is_empty() {
                self.commit();
            } else if self.network.next().is_some_and(|next| next <= self.steady) {
                self.arrive();
            } else {
                self.steady = self.network.next().unwrap_or(deadline).min(deadline);
            }
        }
        self.end();
        while !self.queue.is_empty() {
            self.commit();
        }
        self.oracle.ledger.closed();
        self.restart(false);
    }

    /// Whatever is on its way arrives, or does not.
    pub fn end(&mut self) {
        let (faults, truth) = (self.plan.request_faults, self.truth());
        self.network.cut(&mut self.rng, faults, &mut self.oracle, truth);
    }

    /// What `Ferry::start` does.
    pub fn restart(&mut self, power: bool) {
        self.disk.reopen(power, self.bug);
        let now = self.now();
        let connection = &self.disk.connection;
        let place = if self.is_elsewhere { "elsewhere" } else { "there" };
        let account = accounts::ensure(connection, "me", place).unwrap();
        self.person.account = account;
        self.oracle.restarted(connection, account, now);
        outbox::queue_difference(connection, account, now.wall).unwrap();
        if self.bug != Some(Bug::BackupUnnoticed) {
            accounts::set_wary(connection, account, true).unwrap();
        }
        if let Some(bug) = self.bug {
            connection.execute_batch(bug.sql_at_start()).unwrap();
            outbox::queue_difference(connection, account, now.wall).unwrap();
        }
        self.shell = Shell::start(&self.plan, connection, account, now, self.bug);
        let (pace, seed) = (Rc::clone(&self.shell.pace), self.rng.u64(..));
        self.comparison = Comparison::start(&self.plan, account, pace, seed, now, self.bug);
        let left = self.comparison.poll(now);
        self.queue.clear();
        self.attend(left);
        self.folder.hints.clear();
        self.folder.is_away = self.is_rough && chance(&mut self.of_disks, FOLDER_AWAY);
        self.scan();
    }
}
