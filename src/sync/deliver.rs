//! Sends what is queued: several sessions at once, never one twice, each until the server has it.

use super::{Progress, Route, retry};
use crate::api::{Failure, Stop};
use crate::events;
use crate::session::Session;
use crate::store;
use crate::store::outbox::{self, Due};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long a stopped account rests before it is probed with one session.
const CLOSED_PAUSE: Duration = Duration::from_secs(6 * 3600);
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(600);

/// How long to wait after the store failed, with a full disk for instance.
const STORE_PAUSE: Duration = Duration::from_secs(10);

/// Rows fetched beyond those that can be sent at once, so that the store is not asked for each.
const FETCH_AHEAD: usize = 64;

/// What becomes of a session after an attempt.
#[derive(Debug, PartialEq)]
enum Decision {
    Retry { pause: Duration },
    Park,
    Stop { why: Stop, pause: Duration },
}

/// Decides on a failed attempt. `attempts` counts this one.
fn decide(failure: &Failure, attempts: u32, settings: &crate::config::DeliverySettings, random: f64) -> Decision {
    match failure {
        Failure::Retry { after, .. } => {
            let jittered = retry::pause(attempts, settings.retry_first.get(), settings.retry_longest.get(), random);
            Decision::Retry { pause: after.map_or(jittered, |after| after.max(jittered)) }
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
    Answered,
    Retrying,
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
        stopped: false,
    };
    while !*stop.borrow() {
        delivery.fill().await;
        let alarm = delivery.alarm().await;
        tokio::select! {
            Some(finished) = delivery.attempts.join_next() => delivery.finish(finished.ok()),
            () = delivery.route.wake.notified() => delivery.look = true,
            () = sleep_until(alarm) => delivery.look = true,
            _ = stop.changed() => break,
        }
    }
    while let Some(finished) = delivery.attempts.join_next().await {
        delivery.finish(finished.ok());
    }
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
    rest: Option<Timestamp>,
    /// The account was stopped: one session probes before the others follow.
    stopped: bool,
}

impl Delivery {
    /// Sends as many as may be sent now.
    async fn fill(&mut self) {
        if self.rest.is_some_and(|until| Timestamp::now() < until) {
            return;
        }
        self.rest = None;
        let most = if self.stopped { 1 } else { self.route.delivery.concurrency };
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
    async fn alarm(&mut self) -> Option<Timestamp> {
        if self.rest.is_some() {
            return self.rest;
        }
        if !self.waiting.is_empty() || self.look {
            // Only a finished attempt makes room.
            return None;
        }
        let account = self.route.account;
        let in_flight = !self.in_flight.is_empty();
        match self.route.store.call(move |c| outbox::next_due(c, account)).await {
            // What is in flight counts as due all along; its end wakes the loop anyway.
            Ok(next) => next.filter(|next| !in_flight || *next > Timestamp::now()),
            Err(error) => {
                self.store_failed(&error);
                self.rest
            }
        }
    }

    fn finish(&mut self, finished: Option<(i64, Finished)>) {
        // `None` is a panicked attempt, and panics abort.
        let Some((row, finished)) = finished else { return };
        self.in_flight.remove(&row);
        match finished {
            Finished::Answered if self.stopped => {
                self.stopped = false;
                self.look = true;
                self.route.halted.send_replace(None);
                events::account_resumed(&self.route.name);
            }
            Finished::Answered | Finished::Retrying => {}
            Finished::Stopped { why, pause, reason } => {
                if self.rest.is_none() {
                    self.rest = Some(after(pause));
                    events::account_stopped(&self.route.name, &reason, pause.as_secs());
                    self.route.halted.send_replace(Some((why, reason)));
                    self.route.tell(Progress::Halted);
                }
                self.stopped = true;
                self.look = true;
                self.waiting.clear();
            }
            Finished::StoreFailed => {
                self.rest = Some(after(STORE_PAUSE));
                self.look = true;
                self.waiting.clear();
            }
        }
    }

    fn store_failed(&mut self, error: &store::Error) {
        events::store_failed("reading the outbox", error);
        self.rest = Some(after(STORE_PAUSE));
        self.look = true;
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
    Ok(Finished::Answered)
}

async fn failed(route: &Route, due: Due, failure: &Failure) -> Result<Finished, store::Error> {
    let now = Timestamp::now();
    let attempts = due.attempts.saturating_add(1);
    let (row, id, reason) = (due.row, due.session_id.clone(), failure.reason().to_owned());
    let words = reason.clone();
    Ok(match decide(failure, attempts, &route.delivery, fastrand::f64()) {
        Decision::Retry { pause } => {
            let next = after(pause);
            route.store.call(move |c| outbox::failed(c, &due, next, &words, now)).await?;
            events::session_retry(&route.name, &id, attempts, pause.as_secs(), &reason);
            route.tell(Progress::Retrying { session: row, attempts, reason });
            Finished::Retrying
        }
        Decision::Park => {
            route.store.call(move |c| outbox::park(c, &due, &words, now)).await?;
            events::session_parked(&route.name, &id, &reason);
            route.tell(Progress::Parked { session: row, reason });
            Finished::Answered
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

/// Sleeps until a time of the wall clock, or for ever.
async fn sleep_until(time: Option<Timestamp>) {
    match time {
        Some(time) => {
            let left = Duration::try_from(time.duration_since(Timestamp::now())).unwrap_or(Duration::ZERO);
            tokio::time::sleep(left).await;
        }
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
        let retry = |after| Failure::Retry { after, reason: String::new() };
        let Decision::Retry { pause } = decide(retry(None), 2) else { panic!("no retry") };
        assert!((3.9..4.1).contains(&pause.as_secs_f64()));
        let Decision::Retry { pause } = decide(retry(Some(seconds(90))), 2) else { panic!("no retry") };
        assert_eq!(pause, seconds(90), "the server knows better");
        let Decision::Retry { pause } = decide(retry(Some(seconds(1))), 10) else { panic!("no retry") };
        assert!(pause > seconds(1000), "but not than a long row of failures");
        assert_eq!(decide(Failure::Park { reason: String::new() }, 1), Decision::Park);
        let stop = Failure::Stop { why: Stop::Closed, reason: String::new() };
        assert_eq!(decide(stop, 1), Decision::Stop { why: Stop::Closed, pause: CLOSED_PAUSE });
    }
}
