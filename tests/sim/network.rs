//! What is between the daemon and the server: requests and answers under way, each with a delay of its own.

use super::destination::{Answer, Destination};
use super::oracle::Oracle;
use super::plan::{Plan, chance, pick};
use super::planted::Bug;
use fastrand::Rng;
use fitferry::destination::{Failure, Listing};
use fitferry::store::outbox::Due;
use fitferry::sync::Now;
use fitferry::sync::courier::Event;
use fitferry::sync::reconcile::Question;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

enum Parcel {
    Session {
        due: Due,
        /// What the server gets to see, which is another revision if a bug is planted.
        carried: Due,
    },
    Question(Question),
}

struct Flight {
    parcel: Parcel,
    /// When it arrives at the server, or the answer at the client.
    at: Duration,
    answer: Option<(Answer, Vec<u8>, Listing)>,
}

/// What the client hears.
pub enum Heard {
    OfSession { due: Due, answer: Answer, echo: Vec<u8> },
    OfQuestion { question: Question, answer: Answer, listing: Listing },
}

pub struct Network {
    flights: Vec<Flight>,
    /// The account's server of today comes first.
    destinations: [Destination; 2],
    /// What was sent before, by session, for a bug.
    old: BTreeMap<String, Due>,
}

impl Network {
    pub fn new(plan: &Plan) -> Self {
        let destinations = [Destination::new(plan.flavour), Destination::new(plan.flavour)];
        Self { flights: Vec::new(), destinations, old: BTreeMap::new() }
    }

    pub fn destination(&mut self) -> &mut Destination {
        &mut self.destinations[0]
    }

    /// The one that is not the account's now.
    pub fn other(&self) -> &Destination {
        &self.destinations[1]
    }

    pub fn switch(&mut self) {
        self.destinations.swap(0, 1);
    }

    pub fn send(&mut self, due: Due, rng: &mut Rng, now: Now, bug: Option<Bug>) {
        let mut carried = due.clone();
        if bug == Some(Bug::OlderOverNewer) {
            let older = self.old.insert(due.session_id.clone(), due.clone());
            carried = older.filter(|_| chance(rng, 500)).unwrap_or(carried);
        }
        self.depart(Parcel::Session { due, carried }, rng, now);
    }

    pub fn ask(&mut self, question: Question, rng: &mut Rng, now: Now) {
        self.depart(Parcel::Question(question), rng, now);
    }

    fn depart(&mut self, parcel: Parcel, rng: &mut Rng, now: Now) {
        self.flights.push(Flight { parcel, at: now.steady + delay(rng), answer: None });
    }

    pub fn is_empty(&self) -> bool {
        self.flights.is_empty()
    }

    /// When something arrives next.
    pub fn next(&self) -> Option<Duration> {
        self.flights.iter().map(|flight| flight.at).min()
    }

    /// Lets something arrive whose time has come. Returns what the client hears. `truth` is the server's time of day.
    pub fn arrive(
        &mut self,
        rng: &mut Rng,
        faults: u32,
        oracle: &mut Oracle,
        now: Now,
        truth: Timestamp,
    ) -> Option<Heard> {
        let ready: Vec<usize> = (0..self.flights.len()).filter(|index| self.flights[*index].at <= now.steady).collect();
        let index = *pick(rng, &ready);
        if let Some((answer, echo, listing)) = self.flights[index].answer.take() {
            return Some(match self.flights.swap_remove(index).parcel {
                Parcel::Session { due, .. } => Heard::OfSession { due, answer, echo },
                Parcel::Question(question) => Heard::OfQuestion { question, answer, listing },
            });
        }
        let destination = &mut self.destinations[0];
        let flight = &mut self.flights[index];
        let (answer, echo, listing) = match &flight.parcel {
            Parcel::Session { carried, .. } => {
                let (answer, echo) = take(destination, carried, rng, faults, oracle, truth);
                (answer, echo, Listing::default())
            }
            Parcel::Question(question) => {
                let (answer, listing) = tell(destination, question, rng, faults);
                (answer, Vec::new(), listing)
            }
        };
        flight.at =
            now.steady + if answer == Answer::Broken("timed out") { Duration::from_secs(60) } else { delay(rng) };
        flight.answer = Some((answer, echo, listing));
        None
    }

    /// The client is gone. What was on its way arrives, or does not.
    pub fn cut(&mut self, rng: &mut Rng, faults: u32, oracle: &mut Oracle, truth: Timestamp) {
        for flight in std::mem::take(&mut self.flights) {
            if let Parcel::Session { carried, .. } = &flight.parcel
                && flight.answer.is_none()
                && rng.bool()
            {
                take(&mut self.destinations[0], carried, rng, faults, oracle, truth);
            }
        }
    }
}

/// A session arrives.
fn take(
    destination: &mut Destination,
    due: &Due,
    rng: &mut Rng,
    faults: u32,
    oracle: &mut Oracle,
    truth: Timestamp,
) -> (Answer, Vec<u8>) {
    let (is_taken, answer) = destination.decide(rng, faults, due.body.as_deref().unwrap_or_default());
    if !is_taken {
        return (answer, Vec::new());
    }
    oracle.applied(due, destination.sessions.get(&due.session_id));
    let echo = match &due.body {
        Some(body) => destination.put(body, truth).content_hash(),
        None => {
            destination.delete(&due.session_id);
            Vec::new()
        }
    };
    (answer, echo)
}

/// A question arrives.
fn tell(destination: &Destination, question: &Question, rng: &mut Rng, faults: u32) -> (Answer, Listing) {
    if let Some((_, answer)) = destination.trouble(rng, faults) {
        return (answer, Listing::default());
    }
    let listing = match question {
        Question::Changes(token) => destination.changes(token.as_deref()),
        Question::Window(window) => destination.list(*window),
    };
    let refusal = Answer::Status { status: 400, retry_after: None, reason: "invalidArgument" };
    listing.map_or((refusal, Listing::default()), |listing| (Answer::Taken, listing))
}

/// Mostly quick, and sometimes as slow as a client bears.
fn delay(rng: &mut Rng) -> Duration {
    let millis = if chance(rng, 50) { rng.u64(1000..50_000) } else { rng.u64(1..200) };
    Duration::from_millis(millis)
}

/// What the courier hears of an answer.
pub fn event(due: Due, answer: &Answer, echo: Vec<u8>, rng: &mut Rng, now: Now, bug: Option<Bug>) -> Event {
    let mut result = answer.failure(now.wall).map_or(Ok(echo), Err);
    let mut random = rng.f64();
    if let Some(bug) = bug {
        bug.hear(answer, &mut result, &mut random);
    }
    Event::Answered { due, result, random }
}

/// What a comparison hears of an answer.
pub fn listing(answer: &Answer, mut listing: Listing, now: Now, bug: Option<Bug>) -> Result<Listing, Failure> {
    let mut failure = answer.failure(now.wall);
    if let Some(bug) = bug {
        bug.list(&mut listing, &mut failure);
    }
    failure.map_or(Ok(listing), Err)
}
