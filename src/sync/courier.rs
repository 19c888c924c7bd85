//! Delivery as a pure machine: events and the time go in, actions come out. It never sends one session twice at once, and
//! forgets nothing that is not written down: all that must last is in the outbox.

pub use super::breaker::Halt;
use super::breaker::{Breaker, Ruling};
use super::pace::{EXHAUSTED, Lanes, Pace};
use super::{Heard, Now, retry};
use crate::config::Limits;
use crate::destination::{Failure, Stop};
use crate::store::outbox::{Due, Fetched, First, Verdict};
use crate::store::sessions::SessionRow;
use jiff::{SignedDuration, Timestamp};
use std::collections::{HashSet, VecDeque};
use std::sync::mpsc::Sender;
use std::time::Duration;

/// How long a stopped account rests before it is probed with one session.
pub const CLOSED_PAUSE: Duration = Duration::from_secs(6 * 3600);
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(600);

/// How long to wait after the store failed, with a full disk for instance.
const STORE_PAUSE: Duration = Duration::from_secs(10);

/// While nobody answers, the destination is asked this often at least: what is new should not wait when it is back.
const LONGEST_OUTAGE_PAUSE: Duration = Duration::from_secs(300);

/// A pause of the whole account that is at least this long is told, once.
const TELL_PAUSE: Duration = Duration::from_secs(60);

/// The clock may be set while we wait for a time of day, so it is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(300);

/// No session is due later than this, or the longest pause of the settings; the clock was wrong when it was queued.
const LONGEST_DUE: SignedDuration = SignedDuration::from_hours(25);

/// Rows fetched beyond those that can be sent at once, so that the store is not asked for each.
const FETCH_AHEAD: usize = 64;

/// When and in which order sessions are sent.
#[derive(Clone, Copy, Debug)]
pub struct Schedule {
    /// Upper bound of the pause after a session's first failure; it doubles up to the longest.
    pub retry_first: Duration,
    pub retry_longest: Duration,
    pub first: First,
}

/// What happened.
#[derive(Debug)]
pub enum Event {
    /// Something was queued.
    Queued,
    /// Time has passed, or the outbox may have changed.
    Woken,
    /// There is a reason to try again at once, whatever was wrong.
    Probe,
    /// What a question to the destination told of the account.
    Heard(Heard),
    /// Nothing more is to be sent.
    Stopping,
    /// Somebody decides about these sessions: none is sent until the release. Whoever asks is answered by
    /// [`Action::Withheld`], and is the only one to ask until then.
    Withhold { rows: Vec<SessionRow>, ready: Sender<()> },
    /// It is decided, and written down.
    Release,
    /// What [`Action::Fetch`] found.
    Fetched(Fetched),
    /// What the destination said to an [`Action::Send`]: a hash of what it has now, or nothing after a deletion.
    Answered { due: Due, result: Result<Vec<u8>, Failure>, random: f64 },
    /// An [`Action::Record`] is durable.
    Recorded { row: SessionRow, news: News },
    /// An [`Action::Record`] is lost: the session is as it was, and will be sent again.
    NotRecorded { row: SessionRow },
    /// The store could not be asked.
    StoreFailed,
}

/// What is to be done.
#[derive(Debug)]
pub enum Action {
    /// Ask the outbox for what is due. What is due later than `latest` was queued by a wrong clock.
    Fetch {
        limit: usize,
        latest: Timestamp,
        first: First,
    },
    Send(Due),
    /// Write down what became of a session, and tell the news once it is durable.
    Record {
        due: Due,
        verdict: Verdict,
        news: News,
    },
    /// Bring sessions back into the queue that were set aside.
    PutBack(Vec<SessionRow>),
    /// Whatever waits for its time is due now.
    Hasten,
    /// Remember, over a restart too, that nothing is to be sent before this.
    Rest(Timestamp),
    /// None of the sessions that were asked for is in flight any more.
    Withheld(Sender<()>),
    /// Nothing is sent for longer than a moment.
    Halt(Halt),
    /// The destination takes sessions again.
    Resume,
}

/// What there is to tell of an attempt.
#[derive(Clone, Debug, PartialEq)]
pub enum News {
    Delivered { due: Due },
    Retrying { due: Due, next: Timestamp, pause: Duration, reason: String },
    Parked { due: Due, reason: String },
}

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
    /// The part of it that the destination asked for: no new session is a reason to come earlier.
    asked: Option<Duration>,
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
    /// What is fetched next is to tell whether the account is stopped, or one session wrong.
    second_opinion: bool,
    /// What was told last, until the destination takes sessions again.
    halted: Option<Halt>,
}

impl Courier {
    /// `rest` is what the destination asked for before a restart, if it is not over yet.
    pub fn new(schedule: Schedule, limits: &Limits, rest: Option<Timestamp>, now: Now) -> Self {
        let left =
            rest.and_then(|rest| Duration::try_from(rest.min(latest(&schedule, now)).duration_since(now.wall)).ok());
        let rest = left.map(|left| now.steady.saturating_add(left));
        Self {
            schedule,
            breaker: Breaker::default(),
            lanes: Lanes::new(limits.concurrency),
            waiting: VecDeque::new(),
            in_flight: HashSet::new(),
            look: true,
            fetching: false,
            next_due: None,
            rest,
            asked: rest,
            paced: None,
            again: HashSet::new(),
            troubles: 0,
            stopping: false,
            withheld: HashSet::new(),
            withholder: None,
            second_opinion: false,
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
                (self.rest, self.asked) = (None, None);
                self.look = true;
                actions.push(Action::Hasten);
            }
            Event::Heard(heard) => self.heard(heard, now, &mut actions),
            Event::Stopping => self.stopping = true,
            Event::Withhold { rows, ready } => {
                self.withheld = rows.into_iter().collect();
                self.withholder = Some(ready);
                self.waiting.retain(|due| !self.withheld.contains(&due.row));
            }
            Event::Release => {
                self.withheld.clear();
                self.look = true;
            }
            Event::Fetched(fetched) => self.fetched(fetched, now),
            Event::Answered { due, result, random } => self.answered(due, result, random, now, &mut actions),
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
        let until = self.rest.max(self.paced).filter(|until| *until > now.steady);
        if let Some(until) = until {
            return Some(until - now.steady);
        }
        if self.stopping || self.fetching || self.look || !self.waiting.is_empty() {
            // Only an event helps.
            return None;
        }
        let left = self.next_due?.duration_since(now.wall);
        Some(Duration::try_from(left).unwrap_or_default().min(LONGEST_SLEEP))
    }

    /// A login can end, and be renewed, while there is nothing to deliver.
    fn heard(&mut self, heard: Heard, now: Now, actions: &mut Vec<Action>) {
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
            Heard::Welcome if self.asked <= Some(now.steady) && self.halted.as_ref().is_some_and(|halt| halt.asked) => {
                self.rest = None;
                self.look = true;
                self.halted = None;
                actions.push(Action::Resume);
            }
            Heard::Welcome | Heard::Nothing => {}
        }
    }

    /// One session alone says that the account is stopped: if there is another one, it is asked before that is believed.
    fn doubt(&mut self) {
        if self.breaker.doubtful().is_some() {
            self.rest = self.asked;
            self.second_opinion = true;
        }
    }

    fn fetched(&mut self, mut fetched: Fetched, now: Now) {
        self.fetching = false;
        self.look |= fetched.more;
        self.next_due = fetched.next;
        if std::mem::take(&mut self.second_opinion)
            && let Some(accused) = self.breaker.doubtful()
        {
            fetched.due.retain(|due| due.row != accused);
            if fetched.due.is_empty() && self.in_flight.is_empty() {
                self.rest(CLOSED_PAUSE, now);
            }
        }
        if self.rest.is_some() {
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
            if let Err(wait) = pace.take(now) {
                self.waiting.push_front(due);
                self.paced = Some(now.steady.saturating_add(wait));
                self.exhausted(pace, now, actions);
                return;
            }
            self.in_flight.insert(due.row);
            actions.push(Action::Send(due));
        }
    }

    fn answered(
        &mut self,
        due: Due,
        result: Result<Vec<u8>, Failure>,
        random: f64,
        now: Now,
        actions: &mut Vec<Action>,
    ) {
        let jittered = self.pause(due.attempts.saturating_add(1), random);
        match result {
            Ok(echo) => {
                self.lanes.succeeded();
                // During a rest this is an answer to what was sent before it.
                if self.rest.is_none() {
                    self.troubles = 0;
                    if self.breaker.taken(due.row) {
                        self.look = true;
                        actions.extend(self.halted.take().map(|_| Action::Resume));
                    }
                }
                let news = News::Delivered { due: due.clone() };
                actions.push(Action::Record { due, verdict: Verdict::Delivered(echo), news });
            }
            Err(Failure::Retry { after, of_server: false, reason }) => {
                let pause = after.map_or(jittered, |after| after.max(jittered));
                actions.push(self.put_back(due, pause, reason, now));
            }
            Err(Failure::Retry { after, of_server: true, reason }) => {
                let pause = self.trouble(after, &reason, random, now, actions);
                // The first to fail may be the cause of it all, and waits for its own time. Later ones are not to blame.
                let pause = if self.troubles > 1 { pause } else { pause.max(jittered) };
                actions.push(self.put_back(due, pause, reason, now));
            }
            Err(Failure::Park { reason }) => match self.breaker.refused(due.row) {
                Ruling::Park | Ruling::StepBack => actions.push(park(due, reason)),
                Ruling::Stop { back } => {
                    if !back.is_empty() {
                        actions.push(Action::PutBack(back));
                    }
                    self.stop(Stop::Closed, format!("the server refuses every session: {reason}"), now, actions);
                    actions.push(self.put_back(due, jittered, reason, now));
                }
            },
            // Nothing of this session, nor of what it is sent with, can be the reason.
            Err(Failure::Stop { why: Stop::Credentials, reason }) => {
                self.breaker.open();
                self.stop(Stop::Credentials, reason, now, actions);
                self.done(due.row);
            }
            Err(Failure::Stop { why, reason }) => match self.breaker.stopped(due.row) {
                Ruling::Park => actions.push(park(due, reason)),
                Ruling::StepBack => actions.push(self.put_back(due, jittered, reason, now)),
                Ruling::Stop { .. } => {
                    self.stop(why, reason.clone(), now, actions);
                    self.doubt();
                    actions.push(self.put_back(due, jittered, reason, now));
                }
            },
        }
    }

    fn pause(&self, failures: u32, random: f64) -> Duration {
        retry::pause(failures, self.schedule.retry_first, self.schedule.retry_longest, random)
    }

    /// The destination as a whole struggles: it is left alone for a while, and then asked with one session.
    fn trouble(
        &mut self,
        after: Option<Duration>,
        reason: &str,
        random: f64,
        now: Now,
        actions: &mut Vec<Action>,
    ) -> Duration {
        if self.rest.is_none() {
            self.troubles = self.troubles.saturating_add(1);
            self.lanes.struggled();
        }
        self.breaker.open();
        let pause = self.pause(self.troubles, random).min(LONGEST_OUTAGE_PAUSE).max(after.unwrap_or_default());
        self.rest(pause, now);
        self.asked = self.asked.max(after.map(|after| now.steady.saturating_add(after)));
        if pause >= TELL_PAUSE {
            // An answer to what was sent before may have asked for more.
            let left = self.rest.unwrap_or_default().saturating_sub(now.steady);
            actions.push(Action::Rest(later(now, left)));
        }
        if pause >= TELL_PAUSE && self.halted.is_none() {
            self.halt(Halt::pause(reason, pause), actions);
        }
        pause
    }

    fn stop(&mut self, why: Stop, reason: String, now: Now, actions: &mut Vec<Action>) {
        let pause = pause_of(why);
        self.rest(pause, now);
        if !self.halted.as_ref().is_some_and(|halt| halt.stopped) {
            self.halt(Halt { reason, credentials: why != Stop::Closed, asked: false, stopped: true, pause }, actions);
        }
    }

    fn halt(&mut self, halt: Halt, actions: &mut Vec<Action>) {
        self.halted = Some(halt.clone());
        actions.push(Action::Halt(halt));
    }

    fn put_back(&self, due: Due, pause: Duration, reason: String, now: Now) -> Action {
        let next = later(now, pause);
        let news = News::Retrying { due: due.clone(), next, pause, reason: reason.clone() };
        Action::Record { due, verdict: Verdict::Retry { next, reason }, news }
    }

    /// Whoever waits for a session should know if that is until tomorrow.
    fn exhausted(&mut self, pace: &Pace, now: Now, actions: &mut Vec<Action>) {
        if let Some(pause) = pace.exhausted(now)
            && pause >= TELL_PAUSE
            && self.halted.is_none()
        {
            // So that the first one that is taken tells that it is over.
            self.breaker.open();
            self.halt(Halt::pause(EXHAUSTED, pause), actions);
        }
    }

    /// Sends nothing more for a while.
    fn rest(&mut self, pause: Duration, now: Now) {
        self.rest = self.rest.max(Some(now.steady.saturating_add(pause)));
        self.look = true;
        self.waiting.clear();
    }
}

pub fn pause_of(why: Stop) -> Duration {
    match why {
        Stop::Credentials | Stop::Permission => CREDENTIALS_PAUSE,
        Stop::Closed => CLOSED_PAUSE,
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

fn park(due: Due, reason: String) -> Action {
    let news = News::Parked { due: due.clone(), reason: reason.clone() };
    Action::Record { due, verdict: Verdict::Park { reason }, news }
}

#[cfg(test)]
mod tests;
