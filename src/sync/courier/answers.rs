//! What an answer of the destination means: for the session, for the account, and for how long.

use super::{Action, Courier, EARLY_PROBES, Halt, News, later};
use crate::destination::{Failure, Stop};
use crate::store::outbox::{Due, Verdict};
use crate::sync::breaker::Ruling;
use crate::sync::pace::{Pace, TELL_PAUSE};
use crate::sync::{Now, retry};
use std::time::Duration;

/// How long a stopped account rests before it is probed with one session.
pub const CLOSED_PAUSE: Duration = Duration::from_secs(6 * 3600);
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(600);

/// While nobody answers, the destination is asked this often at least: what is new should not wait when it is back.
const LONGEST_OUTAGE_PAUSE: Duration = Duration::from_secs(300);

impl Courier {
    pub(super) fn answered(
        &mut self,
        due: Due,
        result: Result<Vec<u8>, Failure>,
        random: f64,
        pace: &mut Pace,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let jittered = self.pause(due.attempts.saturating_add(1), random);
        let is_probe = self.probe.take_if(|row| *row == due.row).is_some();
        let is_early = is_probe && std::mem::take(&mut self.is_early);
        // One that comes before its time says nothing of how long to wait.
        let counts = is_probe && !is_early;
        match result {
            Ok(echo) => {
                self.lanes.succeeded();
                // During a rest this is an answer to what was sent before it.
                if self.rest.is_some() || pace.resting(now).is_some() {
                    self.breaker.passed();
                } else {
                    self.troubles = 0;
                    if self.breaker.taken(due.row) {
                        // They were fetched to be tried, and not in order.
                        self.waiting.clear();
                        self.look = true;
                        actions.extend(self.halted.take().map(|_| Action::Resume));
                    }
                }
                let news = News::Delivered { due: due.clone() };
                actions.push(Action::Record { due, verdict: Verdict::Delivered(echo), news });
            }
            // It may be this session's own failure, until others fail as well.
            Err(Failure::Retry { after, of_server: false, reason }) if !self.breaker.failed(due.row) => {
                self.struggled();
                let pause = after.map_or(jittered, |after| after.max(jittered));
                actions.push(self.put_back(due, pause, reason, now));
            }
            Err(Failure::Retry { after, reason, .. }) => {
                let pause = self.trouble(after, &reason, random, pace, now, actions);
                // The first to fail may be the cause of it all, and waits for its own time. Later ones are not to blame.
                let pause = if self.troubles > 1 { pause } else { pause.max(jittered) };
                actions.push(self.put_back(due, pause, reason, now));
            }
            Err(Failure::Park { reason }) => {
                let ruling = self.breaker.refused(due.row, counts);
                self.obey(ruling, due, (Stop::Closed, reason), jittered, is_early, now, actions);
            }
            // Nothing of this session, nor of what it is sent with, can be the reason.
            Err(Failure::Stop { why: Stop::Credentials, reason }) => {
                self.breaker.open();
                self.stop(Stop::Credentials, reason, pause_of(Stop::Credentials), now, actions);
                self.done(due.row);
            }
            Err(Failure::Stop { why, reason }) => {
                let ruling = self.breaker.stopped(due.row, counts);
                self.obey(ruling, due, (why, reason), jittered, is_early, now, actions);
            }
        }
    }

    /// Does what was ruled of a session that was refused.
    #[expect(clippy::too_many_arguments, reason = "all that there is to know of an answer")]
    fn obey(
        &mut self,
        ruling: Ruling,
        due: Due,
        (why, reason): (Stop, String),
        jittered: Duration,
        is_early: bool,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        match ruling {
            Ruling::Park => return actions.push(park(due, reason)),
            Ruling::StepBack if is_early => {
                (self.rest, self.look) = (self.rest.max(self.lifted), true);
                self.waiting.clear();
            }
            Ruling::StepBack if self.breaker.is_open() => {
                // What was fetched before is from the same part of the queue.
                self.waiting.clear();
                (self.look, self.is_stale) = (true, self.fetching);
            }
            Ruling::StepBack => {}
            Ruling::Stop => {
                self.stop(why, reason.clone(), pause_of(why), now, actions);
                self.doubt();
            }
            Ruling::Refuses { back, pause } => {
                if !back.is_empty() {
                    actions.push(Action::PutBack(back));
                }
                self.early = EARLY_PROBES;
                // That questions are answered again would not end this.
                self.halted.take_if(|halt| halt.asked);
                self.stop(Stop::Closed, format!("the server refuses every session: {reason}"), pause, now, actions);
            }
        }
        actions.push(self.put_back(due, jittered, reason, now));
    }

    fn pause(&self, failures: u32, random: f64) -> Duration {
        retry::pause(failures, self.schedule.retry_first, self.schedule.retry_longest, random)
    }

    /// A whole wave of failures counts as one.
    fn struggled(&mut self) {
        if self.rest.is_none() {
            self.lanes.struggled();
        }
    }

    /// The destination as a whole struggles: it is left alone for a while, and then asked with one session.
    fn trouble(
        &mut self,
        after: Option<Duration>,
        reason: &str,
        random: f64,
        pace: &mut Pace,
        now: Now,
        actions: &mut Vec<Action>,
    ) -> Duration {
        if self.rest.is_none() {
            self.troubles = self.troubles.saturating_add(1);
        }
        self.struggled();
        self.breaker.open();
        let pause = self.pause(self.troubles, random).min(LONGEST_OUTAGE_PAUSE).max(after.unwrap_or_default());
        self.rest(pause, now);
        let asked = after.and_then(|after| pace.leave_alone(after, reason, now));
        actions.extend(asked.map(|rest| Action::Rest(Some(rest))));
        if self.halted.is_some() {
            self.prolong(now, actions);
        } else if pause >= TELL_PAUSE {
            self.halt(Halt::pause(reason, pause), actions);
        }
        pause
    }

    fn stop(&mut self, why: Stop, reason: String, pause: Duration, now: Now, actions: &mut Vec<Action>) {
        self.rest(pause, now);
        if self.halted.as_ref().is_some_and(|halt| halt.stopped) {
            self.prolong(now, actions);
        } else {
            self.halt(Halt { reason, credentials: why != Stop::Closed, asked: false, stopped: true, pause }, actions);
        }
    }

    /// What was told goes on, until the end of the rest.
    fn prolong(&mut self, now: Now, actions: &mut Vec<Action>) {
        if let Some(halt) = &mut self.halted {
            halt.pause = self.rest.unwrap_or_default().saturating_sub(now.steady);
            actions.push(Action::Prolong(halt.clone()));
        }
    }

    pub(super) fn halt(&mut self, halt: Halt, actions: &mut Vec<Action>) {
        self.halted = Some(halt.clone());
        actions.push(Action::Halt(halt));
    }

    fn put_back(&self, due: Due, pause: Duration, reason: String, now: Now) -> Action {
        let next = later(now, pause);
        let news = News::Retrying { due: due.clone(), next, pause, reason: reason.clone() };
        Action::Record { due, verdict: Verdict::Retry { next, reason }, news }
    }
}

pub fn pause_of(why: Stop) -> Duration {
    match why {
        Stop::Credentials | Stop::Permission => CREDENTIALS_PAUSE,
        Stop::Closed => CLOSED_PAUSE,
    }
}

fn park(due: Due, reason: String) -> Action {
    let news = News::Parked { due: due.clone(), reason: reason.clone() };
    Action::Record { due, verdict: Verdict::Park { reason }, news }
}
