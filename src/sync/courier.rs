//! Delivery as a pure machine: events and the time go in, actions come out. It never sends one session twice at once, and
//! forgets nothing that is not written down: all that must last is in the outbox.

mod answers;
mod messages;

pub use super::breaker::Halt;
pub use answers::{CLOSED_PAUSE, pause_of};
pub use messages::{Action, Event, News, Schedule};

use super::breaker::Breaker;
use super::pace::{Lanes, Pace, TELL_PAUSE};
use super::{Heard, Now};
use crate::config::Limits;
use crate::destination::Stop;
use crate::store::outbox::{Due, Fetched, First};
use crate::store::sessions::SessionRow;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashSet, VecDeque};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// How long to wait after the store failed, with a full disk for instance.
const STORE_PAUSE: Duration = Duration::from_secs(10);

/// The clock may be set while we wait for a time of day, so it is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(300);

/// No session is due later than this, or the longest pause of the settings; the clock was wrong when it was queued.
const LONGEST_DUE: SignedDuration = SignedDuration::from_hours(25);

/// Sessions that were not tried yet and are, before their time, at a destination that refuses everything: so many between
/// two others. What arrives there all day is not to become a storm.
const EARLY_PROBES: u32 = 3;

/// Rows fetched beyond those that can be sent at once, so that the store is not asked for each.
const FETCH_AHEAD: usize = 64;

/// One account's delivery.
pub struct Courier {
    schedule: Schedule,
    breaker: Breaker,
    lanes: Lanes,
    /// Fetched and not yet sent.
    waiting: VecDeque<Due>,
    /// Sent, or answered and not yet written down.
    in_flight: HashSet<SessionRow>,
    /// Whether the outbox may hold something that is due and not fetched.
    look: bool,
    fetching: bool,
    /// When the next session is due that was not at the last look.
    next_due: Option<Timestamp>,
    /// Nothing is sent before this moment, as the destination or the store wants to be left alone.
    rest: Option<Duration>,
    /// Nothing is sent before this moment, as that would be faster than the limits.
    paced: Option<Duration>,
    /// Fetched while an older revision of theirs was in flight.
    again: HashSet<SessionRow>,
    /// Failures of the destination in a row, counting a whole wave of them as one.
    troubles: u32,
    stopping: bool,
    /// Sessions that somebody decides about, and who waits until none of them is in flight.
    withheld: HashSet<SessionRow>,
    withholder: Option<Sender<()>>,
    /// What is fetched next is to tell whether the account is stopped, or what was tried of it wrong.
    second_opinion: bool,
    /// The rest that was lifted for it.
    lifted: Option<Duration>,
    /// Probes before their time that may still be made, and whether the one under way is one.
    early: u32,
    is_early: bool,
    /// The session that was sent alone, to see.
    probe: Option<SessionRow>,
    /// What is being fetched is not what is to be tried next.
    is_stale: bool,
    /// What was told last, until the destination takes sessions again.
    halted: Option<Halt>,
}

impl Courier {
    pub fn new(schedule: Schedule, limits: &Limits) -> Self {
        Self {
            schedule,
            breaker: Breaker::default(),
            lanes: Lanes::new(limits.concurrency),
            waiting: VecDeque::new(),
            in_flight: HashSet::new(),
            look: true,
            fetching: false,
            next_due: None,
            rest: None,
            paced: None,
            again: HashSet::new(),
            troubles: 0,
            stopping: false,
            withheld: HashSet::new(),
            withholder: None,
            second_opinion: false,
            lifted: None,
            early: 0,
            is_early: false,
            probe: None,
            is_stale: false,
            halted: None,
        }
    }

    /// Takes an event in and says what is to be done.
    pub fn handle(&mut self, event: Event, pace: &mut Pace, now: Now) -> Vec<Action> {
        let mut actions = Vec::new();
        match event {
            Event::Queued => {
                self.look = true;
                self.doubt();
            }
            Event::Woken => self.look = true,
            Event::Probe => {
                (self.rest, self.paced) = (None, None);
                pace.disturb();
                self.look = true;
                actions.extend([Action::Hasten, Action::Rest(None)]);
            }
            Event::Heard(heard) => self.heard(heard, pace, now, &mut actions),
            Event::Stopping => self.stopping = true,
            Event::Withhold { rows, ready } => {
                self.withheld = rows.into_iter().collect();
                self.withholder = Some(ready);
                self.waiting.retain(|due| !self.withheld.contains(&due.row));
            }
            Event::Ping(asking) => actions.push(Action::Pong(asking)),
            Event::Release => {
                self.withheld.clear();
                self.look = true;
            }
            Event::Fetched(fetched) => {
                let is_drained = fetched.due.is_empty() && !fetched.more && fetched.next.is_none();
                self.fetched(fetched);
                if is_drained && self.in_flight.is_empty() {
                    self.idle(now, &mut actions);
                }
            }
            Event::Answered { due, result, random } => {
                self.answered(due, result, random, pace, now, &mut actions);
            }
            Event::Recorded { row, news } => {
                self.done(row);
                if let News::Retrying { next, .. } = news {
                    self.next_due = Some(self.next_due.map_or(next, |due| due.min(next)));
                }
            }
            Event::NotRecorded { row } => {
                self.done(row);
                self.rest(STORE_PAUSE, now);
            }
            Event::StoreFailed => {
                self.fetching = false;
                if std::mem::take(&mut self.second_opinion) {
                    self.rest = self.rest.max(self.lifted);
                }
                self.rest(STORE_PAUSE, now);
            }
        }
        if self.withheld.is_disjoint(&self.in_flight) {
            actions.extend(self.withholder.take().map(Action::Withheld));
        }
        self.fill(pace, now, &mut actions);
        actions
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// How long to wait at most until the next [`Event::Woken`]; for ever without one.
    pub fn alarm(&self, now: Now) -> Option<Duration> {
        // It may be over by the time we are asked, but nothing goes on before somebody says so.
        if let Some(until) = self.rest.max(self.paced) {
            return Some(until.saturating_sub(now.steady));
        }
        if self.stopping || self.fetching || self.look || !self.waiting.is_empty() {
            // Only an event helps.
            return None;
        }
        let left = self.next_due?.duration_since(now.wall);
        Some(Duration::try_from(left).unwrap_or_default().min(LONGEST_SLEEP))
    }

    /// A login can end, and be renewed, while there is nothing to deliver.
    fn heard(&mut self, heard: Heard, pace: &Pace, now: Now, actions: &mut Vec<Action>) {
        match heard {
            Heard::Refused(why, reason) => {
                if self.halted.as_ref().is_some_and(|halt| halt.stopped) {
                    return;
                }
                self.breaker.open();
                let pause = pause_of(why);
                self.rest(pause, now);
                let halt = Halt { reason, credentials: why != Stop::Closed, asked: true, stopped: true, pause };
                self.halt(halt, actions);
            }
            // That we may ask does not say that we may send, unless asking was all that went wrong.
            Heard::Welcome if pace.resting(now).is_none() && self.halted.as_ref().is_some_and(|halt| halt.asked) => {
                self.rest = None;
                self.look = true;
                self.halted = None;
                actions.push(Action::Resume);
            }
            Heard::Welcome | Heard::Nothing => {}
        }
    }

    /// One session alone says that the account is stopped, or some of many: if there is one that was not tried, it is before
    /// that is believed.
    fn doubt(&mut self) {
        let is_worth_it = self.breaker.doubtful().is_some() || self.breaker.is_refused() && self.early > 0;
        if is_worth_it && self.rest.is_some() {
            self.lifted = self.rest;
            self.rest = None;
            self.second_opinion = true;
        }
    }

    /// Of what was fetched for it only what was not tried counts. Without any, the rest goes on.
    fn hear_others(&mut self, due: &mut Vec<Due>) {
        let is_refused = self.breaker.is_refused();
        match self.breaker.doubtful() {
            Some(accused) => due.retain(|due| due.row != accused),
            None if is_refused => due.retain(|due| due.attempts == 0),
            None => return,
        }
        if due.is_empty() && self.in_flight.is_empty() {
            self.rest = self.rest.max(self.lifted);
        } else if is_refused {
            (self.early, self.is_early) = (self.early.saturating_sub(1), true);
        }
    }

    fn fetched(&mut self, mut fetched: Fetched) {
        self.fetching = false;
        self.look |= fetched.more;
        self.next_due = fetched.next;
        if std::mem::take(&mut self.second_opinion) {
            self.hear_others(&mut fetched.due);
        }
        if std::mem::take(&mut self.is_stale) || self.rest.is_some() {
            self.look = true;
            return;
        }
        for due in fetched.due {
            if self.in_flight.contains(&due.row) {
                self.again.insert(due.row);
            } else if !self.withheld.contains(&due.row) {
                self.waiting.push_back(due);
            }
        }
    }

    /// Nothing is left that could show that a pause is over: then it is when its time has come.
    fn idle(&mut self, now: Now, actions: &mut Vec<Action>) {
        let is_over = self.rest.is_none_or(|until| until <= now.steady);
        let pause = self.halted.take_if(|halt| is_over && !halt.stopped);
        actions.extend(pause.map(|_| Action::Resume));
    }

    fn done(&mut self, row: SessionRow) {
        self.in_flight.remove(&row);
        self.look |= self.again.remove(&row);
    }

    /// Sends as many as may be sent now.
    fn fill(&mut self, pace: &mut Pace, now: Now, actions: &mut Vec<Action>) {
        if self.stopping || self.rest.is_some_and(|until| now.steady < until) {
            return;
        }
        self.rest = None;
        if self.paced.is_some_and(|until| now.steady < until) {
            return;
        }
        self.paced = None;
        let most = if self.breaker.is_open() { 1 } else { self.lanes.open() };
        while self.in_flight.len() < most {
            let Some(due) = self.waiting.pop_front() else {
                if self.look && !self.fetching {
                    (self.look, self.fetching) = (false, true);
                    // What is in flight is still in the outbox, and comes first.
                    let limit = self.in_flight.len() + FETCH_AHEAD;
                    let first = if self.breaker.is_open() { First::LeastTried } else { self.schedule.first };
                    actions.push(Action::Fetch { limit, latest: latest(&self.schedule, now), first });
                }
                return;
            };
            if self.in_flight.contains(&due.row) {
                continue;
            }
            if let Some((left, reason)) = pace.resting(now) {
                return self.wait(left, reason, now, actions);
            }
            if let Err(wait) = pace.take(now) {
                self.waiting.push_front(due);
                self.paced = Some(now.steady.saturating_add(wait));
                self.exhausted(pace, now, actions);
                return;
            }
            self.in_flight.insert(due.row);
            self.probe = self.breaker.is_open().then_some(due.row);
            actions.push(Action::Send(due));
        }
    }

    /// Whoever waits for a session should know if that is until tomorrow.
    fn exhausted(&mut self, pace: &Pace, now: Now, actions: &mut Vec<Action>) {
        if let Some(pause) = pace.exhausted(now)
            && pause >= TELL_PAUSE
            && self.halted.is_none()
        {
            // So that the first one that is taken tells that it is over.
            self.breaker.open();
            self.halt(Halt::budget(pause), actions);
        }
    }

    /// The destination wants to be left alone, as somebody else heard, or another run.
    fn wait(&mut self, left: Duration, reason: &str, now: Now, actions: &mut Vec<Action>) {
        self.rest(left, now);
        if left >= TELL_PAUSE && self.halted.is_none() {
            self.breaker.open();
            self.halt(Halt::pause(reason, left), actions);
        }
    }

    /// Sends nothing more for a while.
    fn rest(&mut self, pause: Duration, now: Now) {
        self.rest = self.rest.max(Some(now.steady.saturating_add(pause)));
        self.look = true;
        self.waiting.clear();
    }
}

fn latest(schedule: &Schedule, now: Now) -> Timestamp {
    let longest = SignedDuration::try_from(schedule.retry_longest).unwrap_or(LONGEST_DUE);
    now.wall.saturating_add(longest.max(LONGEST_DUE)).unwrap_or(Timestamp::MAX)
}

fn later(now: Now, pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(LONGEST_DUE);
    now.wall.saturating_add(pause).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests;
