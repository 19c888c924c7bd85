//! Sends what is queued: several sessions at once, never one twice, each until the server has it.

use super::{Halt, Progress, Route, retry};
use crate::api::{Failure, Stop};
use crate::events;
use crate::session::Session;
use crate::store;
use crate::store::outbox::{self, Due};
use crate::store::sessions::SessionRow;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// How long a stopped account rests before it is probed with one session.
pub const CLOSED_PAUSE: Duration = Duration::from_secs(6 * 3600);
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(600);

/// How long to wait after the store failed, with a full disk for instance.
const STORE_PAUSE: Duration = Duration::from_secs(10);

/// What is in flight may take this long to be answered and recorded once we are told to stop. What is cut off is still
/// queued, and will be put again.
const DRAIN: Duration = Duration::from_secs(3);

/// So many sessions refused in a row, and none taken, are not their own fault.
const REFUSED_IN_ROW: usize = 10;

/// A pause of the whole account that is at least this long is told, once.
const TELL_PAUSE: Duration = Duration::from_secs(60);

/// The clock may be set while we wait for a time of day, so it is looked at this often.
const LONGEST_SLEEP: Duration = Duration::from_secs(300);

/// No session is due later than this, or the longest pause of the settings; the clock was wrong when it was queued.
const LONGEST_DUE: SignedDuration = SignedDuration::from_hours(25);

/// Rows fetched beyond those that can be sent at once, so that the store is not asked for each.
const FETCH_AHEAD: usize = 64;

/// What becomes of a session after an attempt.
#[derive(Debug, PartialEq)]
enum Decision {
    Retry {
        pause: Duration,
        /// The other sessions would fare no better until then.
        of_server: bool,
    },
    Park,
    Stop {
        why: Stop,
        pause: Duration,
    },
}

/// Decides on a failed attempt. `attempts` counts this one.
fn decide(failure: &Failure, attempts: u32, settings: &crate::config::DeliverySettings, random: f64) -> Decision {
    match failure {
        Failure::Retry { after, of_server, .. } => {
            let jittered = retry::pause(attempts, settings.retry_first.get(), settings.retry_longest.get(), random);
            let pause = after.map_or(jittered, |after| after.max(jittered));
            Decision::Retry { pause, of_server: *of_server }
        }
        Failure::Park { .. } => Decision::Park,
        Failure::Stop { why, .. } => {
            let pause = match why {
                Stop::Credentials => CREDENTIALS_PAUSE,
                Stop::Closed => CLOSED_PAUSE,
            };
            Decision::Stop { why: *why, pause }
        }
    }
}

/// What the loop learns from a finished attempt.
enum Finished {
    /// The server took the session, or refused this one.
    Delivered,
    /// The server refused this one, in these words.
    Refused {
        row: SessionRow,
        reason: String,
    },
    Retrying,
    /// The server wants to be left alone, or is not there.
    Paused {
        pause: Duration,
        reason: String,
    },
    Stopped {
        why: Stop,
        pause: Duration,
        reason: String,
    },
    StoreFailed,
}

/// Delivers until told to stop; then waits for what is in flight, so that what was applied is recorded.
pub async fn run(route: Route, mut stop: watch::Receiver<bool>) {
    let mut delivery = Delivery {
        route,
        waiting: VecDeque::new(),
        in_flight: HashSet::new(),
        attempts: JoinSet::new(),
        look: true,
        rest: None,
        probing: false,
        refused: Vec::new(),
    };
    while !*stop.borrow() {
        delivery.fill().await;
        let alarm = delivery.alarm().await;
        tokio::select! {
            Some(finished) = delivery.attempts.join_next() => delivery.finish(finished.ok()).await,
            () = delivery.route.wake.notified() => delivery.look = true,
            () = delivery.route.probe.notified() => {
                delivery.rest = None;
                delivery.look = true;
            }
            () = sleep_until(alarm) => delivery.look = true,
            _ = stop.changed() => break,
        }
    }
    let drain = async { while delivery.attempts.join_next().await.is_some() {} };
    // What is still in flight then is dropped with the set.
    let _ = tokio::time::timeout(DRAIN, drain).await;
}

struct Delivery {
    route: Route,
    /// Fetched and not yet sent.
    waiting: VecDeque<Due>,
    in_flight: HashSet<i64>,
    attempts: JoinSet<(i64, Finished)>,
    /// Whether the store may hold something that is due and not fetched.
    look: bool,
    /// Nothing is sent before this time.
    rest: Option<Instant>,
    /// The server did not take anything: one session probes before the others follow.
    probing: bool,
    /// Sessions that were refused since the last one was taken.
    refused: Vec<SessionRow>,
}

impl Delivery {
    /// Sends as many as may be sent now.
    async fn fill(&mut self) {
        if self.rest.is_some_and(|until| Instant::now() < until) {
            return;
        }
        self.rest = None;
        let most = if self.probing { 1 } else { self.route.delivery.concurrency };
        while self.in_flight.len() < most {
            if self.waiting.is_empty() {
                self.fetch().await;
            }
            let Some(due) = self.waiting.pop_front() else { return };
            if self.in_flight.insert(due.row) {
                let (row, route) = (due.row, self.route.clone());
                self.attempts.spawn(async move { (row, attempt(&route, due).await) });
            }
        }
    }

    async fn fetch(&mut self) {
        if !self.look {
            return;
        }
        self.look = false;
        let account = self.route.account;
        // What is in flight is still in the outbox, and comes first.
        let limit = self.in_flight.len() + FETCH_AHEAD;
        match self.route.store.call(move |c| outbox::due(c, account, Timestamp::now(), limit)).await {
            Ok(due) => {
                self.look = due.len() == limit;
                self.waiting.extend(due.into_iter().filter(|due| !self.in_flight.contains(&due.row)));
            }
            Err(error) => self.store_failed(&error),
        }
    }

    /// When to look again if nothing happens.
    async fn alarm(&mut self) -> Option<Instant> {
        if self.rest.is_some() {
            return self.rest;
        }
        if !self.waiting.is_empty() || self.look {
            // Only a finished attempt makes room.
            return None;
        }
        let account = self.route.account;
        let (in_flight, now) = (!self.in_flight.is_empty(), Timestamp::now());
        let longest = SignedDuration::try_from(self.route.delivery.retry_longest.get()).unwrap_or(LONGEST_DUE);
        let latest = now.saturating_add(longest.max(LONGEST_DUE)).unwrap_or(Timestamp::MAX);
        match self.route.store.call(move |c| outbox::next_due(c, account, now, latest)).await {
            // What is in flight counts as due all along; its end wakes the loop anyway.
            Ok(next) => next.filter(|next| !in_flight || *next > now).map(|next| {
                let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
                Instant::now() + left.min(LONGEST_SLEEP)
            }),
            Err(error) => {
                self.store_failed(&error);
                self.rest
            }
        }
    }

    async fn finish(&mut self, finished: Option<(i64, Finished)>) {
        // `None` is a panicked attempt, and panics abort.
        let Some((row, finished)) = finished else { return };
        self.in_flight.remove(&row);
        match finished {
            // During a rest this is an answer to what was sent before it.
            Finished::Delivered if self.rest.is_none() => self.resume(),
            Finished::Delivered | Finished::Retrying => {}
            Finished::Refused { row, reason } => self.refused(row, reason).await,
            Finished::Paused { pause, reason } => {
                self.rest(pause);
                self.probing = true;
                if pause >= TELL_PAUSE && self.route.halted.borrow().is_none() {
                    events::account_paused(&self.route.name, &reason, pause.as_secs());
                    self.halt(Halt { reason, credentials: false, stopped: false });
                }
            }
            Finished::Stopped { why, pause, reason } => self.stop(why, pause, reason),
            Finished::StoreFailed => self.rest(STORE_PAUSE),
        }
    }

    fn stop(&mut self, why: Stop, pause: Duration, reason: String) {
        self.rest(pause);
        self.probing = true;
        if !self.route.halted.borrow().as_ref().is_some_and(|halt| halt.stopped) {
            events::account_stopped(&self.route.name, &reason, pause.as_secs());
            self.halt(Halt { reason, credentials: why == Stop::Credentials, stopped: true });
        }
    }

    /// One session may be wrong; when all are, the server is: they go back into the queue, and the account stops.
    async fn refused(&mut self, row: SessionRow, reason: String) {
        let is_probe = self.probing && self.refused.len() >= REFUSED_IN_ROW;
        if !self.refused.contains(&row) {
            self.refused.push(row);
        }
        if self.refused.len() < REFUSED_IN_ROW {
            return;
        }
        // A probe stays parked, so that the next one is another session.
        if !is_probe {
            let rows = self.refused.clone();
            if let Err(error) = self.route.store.call(move |c| outbox::unpark(c, &rows, Timestamp::now())).await {
                self.store_failed(&error);
            }
        }
        self.refused.truncate(REFUSED_IN_ROW);
        self.stop(Stop::Closed, CLOSED_PAUSE, format!("the server refuses every session: {reason}"));
    }

    /// Sends nothing more for a while.
    fn rest(&mut self, pause: Duration) {
        self.rest = self.rest.max(Some(Instant::now() + pause));
        self.look = true;
        self.waiting.clear();
    }

    fn halt(&self, halt: Halt) {
        self.route.halted.send_replace(Some(halt));
        self.route.tell(Progress::Halted);
    }

    /// The server takes sessions, perhaps again.
    fn resume(&mut self) {
        self.refused.clear();
        if !std::mem::take(&mut self.probing) {
            return;
        }
        self.look = true;
        if self.route.halted.send_replace(None).is_some() {
            events::account_resumed(&self.route.name);
        }
    }

    fn store_failed(&mut self, error: &store::Error) {
        events::store_failed("reading the outbox", error);
        self.rest(STORE_PAUSE);
    }
}

/// One attempt with one session, until its outcome is durable.
///
/// What could not be recorded is still queued and will be sent again, which the API takes as the same session.
async fn attempt(route: &Route, due: Due) -> Finished {
    let sent = route.client.put(&due.session_id, due.body.clone()).await;
    let recorded = match sent {
        Ok(echo) => delivered(route, due, &echo).await,
        Err(failure) => failed(route, due, &failure).await,
    };
    recorded.unwrap_or_else(|error| {
        events::store_failed("recording a delivery", &error);
        Finished::StoreFailed
    })
}

async fn delivered(route: &Route, due: Due, echo: &Session) -> Result<Finished, store::Error> {
    let (account, now, echo) = (route.account, Timestamp::now(), echo_hash(echo));
    let Due { row, session_id, revision, attempts, .. } = due.clone();
    route.store.call(move |c| outbox::delivered(c, account, &due, &echo, now)).await?;
    events::session_delivered(&route.name, &session_id, revision, attempts.saturating_add(1));
    route.tell(Progress::Delivered(row));
    Ok(Finished::Delivered)
}

async fn failed(route: &Route, due: Due, failure: &Failure) -> Result<Finished, store::Error> {
    let now = Timestamp::now();
    let attempts = due.attempts.saturating_add(1);
    let (row, id, reason) = (due.row, due.session_id.clone(), failure.reason().to_owned());
    let words = reason.clone();
    Ok(match decide(failure, attempts, &route.delivery, fastrand::f64()) {
        Decision::Retry { pause, of_server } => {
            let next = after(pause);
            route.store.call(move |c| outbox::failed(c, &due, next, &words, now)).await?;
            events::session_retry(&route.name, &id, attempts, pause.as_secs(), &reason);
            route.tell(Progress::Retrying { reason: reason.clone() });
            if of_server { Finished::Paused { pause, reason } } else { Finished::Retrying }
        }
        Decision::Park => {
            route.store.call(move |c| outbox::park(c, &due, &words, now)).await?;
            events::session_parked(&route.name, &id, &reason);
            route.tell(Progress::Parked { session: row, reason: reason.clone() });
            Finished::Refused { row, reason }
        }
        Decision::Stop { why, pause } => Finished::Stopped { why, pause, reason },
    })
}

/// What the server made of a session, without the one member that changes with every write.
fn echo_hash(echo: &Session) -> Vec<u8> {
    let content = Session { modified_time_millis: None, ..echo.clone() };
    Sha256::digest(serde_json::to_vec(&content).unwrap_or_default()).to_vec()
}

fn after(pause: Duration) -> Timestamp {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    Timestamp::now().saturating_add(pause).unwrap_or(Timestamp::MAX)
}

/// Sleeps until then, or for ever.
async fn sleep_until(time: Option<Instant>) {
    match time {
        Some(time) => tokio::time::sleep_until(time).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::DeliverySettings;

    #[test]
    fn decisions() {
        let settings = DeliverySettings::default();
        let decide = |failure: Failure, attempts| decide(&failure, attempts, &settings, 1.0);
        let seconds = Duration::from_secs;
        let retry = |after| Failure::Retry { after, of_server: false, reason: String::new() };
        let Decision::Retry { pause, .. } = decide(retry(None), 2) else { panic!("no retry") };
        assert!((3.9..4.1).contains(&pause.as_secs_f64()));
        let Decision::Retry { pause, .. } = decide(retry(Some(seconds(90))), 2) else { panic!("no retry") };
        assert_eq!(pause, seconds(90), "the server knows better");
        let Decision::Retry { pause, .. } = decide(retry(Some(seconds(1))), 10) else { panic!("no retry") };
        assert!(pause > seconds(1000), "but not than a long row of failures");
        assert_eq!(decide(Failure::Park { reason: String::new() }, 1), Decision::Park);
        let stop = Failure::Stop { why: Stop::Closed, reason: String::new() };
        assert_eq!(decide(stop, 1), Decision::Stop { why: Stop::Closed, pause: CLOSED_PAUSE });
    }
}
