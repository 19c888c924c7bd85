//! What is between the daemon and the server: requests and answers under way, each with a delay of its own.

use super::destination::{Answer, Destination, Stored};
use super::oracle::Oracle;
use super::plan::{chance, pick};
use super::planted::Bug;
use fastrand::Rng;
use fitferry::store::outbox::Due;
use fitferry::sync::Now;
use fitferry::sync::courier::Event;
use std::collections::BTreeMap;
use std::time::Duration;

struct Flight {
    due: Due,
    /// What the server gets to see, which is another revision if a bug is planted.
    carried: Due,
    /// When it arrives at the server, or the answer at the client.
    at: Duration,
    answer: Option<Answer>,
}

#[derive(Default)]
pub struct Network {
    flights: Vec<Flight>,
    pub destination: Destination,
    /// What was sent before, by session, for a bug.
    old: BTreeMap<String, Due>,
}

impl Network {
    pub fn send(&mut self, due: Due, rng: &mut Rng, now: Now, bug: Option<Bug>) {
        let mut carried = due.clone();
        if bug == Some(Bug::OlderOverNewer) {
            let older = self.old.insert(due.session_id.clone(), due.clone());
            carried = older.filter(|_| chance(rng, 500)).unwrap_or(carried);
        }
        self.flights.push(Flight { due, carried, at: now.steady + delay(rng), answer: None });
    }

    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// When something arrives next.
    pub fn next(&self) -> Option<Duration> {
        self.flights.iter().map(|flight| flight.at).min()
    }

    /// Lets something arrive whose time has come. Returns what the client hears.
    pub fn arrive(&mut self, rng: &mut Rng, faults: u32, oracle: &mut Oracle, now: Now) -> Option<(Due, Answer)> {
        let ready: Vec<usize> = (0..self.flights.len()).filter(|index| self.flights[*index].at <= now.steady).collect();
        let index = *pick(rng, &ready);
        if let Some(answer) = self.flights[index].answer.clone() {
            return Some((self.flights.swap_remove(index).due, answer));
        }
        let (is_taken, answer) = self.destination.decide(rng, faults, &self.flights[index].carried);
        if is_taken {
            let carried = self.flights[index].carried.clone();
            self.apply(&carried, oracle);
        }
        let flight = &mut self.flights[index];
        flight.at =
            now.steady + if answer == Answer::Broken("timed out") { Duration::from_secs(60) } else { delay(rng) };
        flight.answer = Some(answer);
        None
    }

    /// The client is gone. What was on its way arrives, or does not.
    pub fn cut(&mut self, rng: &mut Rng, faults: u32, oracle: &mut Oracle) {
        for flight in std::mem::take(&mut self.flights) {
            if flight.answer.is_none() && rng.bool() {
                let (is_taken, _) = self.destination.decide(rng, faults, &flight.carried);
                if is_taken {
                    self.apply(&flight.carried, oracle);
                }
            }
        }
    }

    fn apply(&mut self, due: &Due, oracle: &mut Oracle) {
        let sessions = &mut self.destination.sessions;
        oracle.applied(due, sessions.get(&due.session_id).map(|stored| stored.revision));
        match &due.body {
            Some(body) => {
                let stored = Stored { revision: due.revision, body: body.clone() };
                sessions.insert(due.session_id.clone(), stored);
            }
            None => drop(sessions.remove(&due.session_id)),
        }
    }
}

/// Mostly quick, and sometimes as slow as a client bears.
fn delay(rng: &mut Rng) -> Duration {
    let millis = if chance(rng, 50) { rng.u64(1000..50_000) } else { rng.u64(1..200) };
    Duration::from_millis(millis)
}

/// What the courier hears of an answer.
pub fn event(due: Due, answer: &Answer, rng: &mut Rng, now: Now, bug: Option<Bug>) -> Event {
    let mut result = answer.result(due.body.as_deref().unwrap_or_default(), now.wall);
    let mut random = rng.f64();
    if let Some(bug) = bug {
        bug.hear(answer, &mut result, &mut random);
    }
    Event::Answered { due, result, random }
}
