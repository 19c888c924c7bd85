//! A destination in memory: what it holds and lists, what others do there, and all the ways in which it may answer, or not.

use super::folder::{LOST, REFUSED};
use super::plan::{chance, pick};
use fastrand::Rng;
use fitferry::api;
use fitferry::destination::{Failure, Listing, Window};
use fitferry::session::{Application, Session};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What holds for all requests for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    #[default]
    Fair,
    /// Nobody listens.
    Down,
    /// 500 for everything, whatever is asked.
    Failing,
    /// 503 or 429, with or without a word on when to come back.
    Overloaded,
    /// 401.
    Unauthorized,
    /// 403 for an API that is not enabled.
    Closed,
    /// 404 for everything.
    Gone,
    /// 400 for everything.
    Refusing,
    /// 400 for every session; lists are answered.
    Strict,
    /// A portal answers everything with a page.
    Captive,
}

/// Rough weather, and the calm between.
pub const WEATHERS: [Weather; 12] = [
    Weather::Fair,
    Weather::Fair,
    Weather::Fair,
    Weather::Down,
    Weather::Failing,
    Weather::Overloaded,
    Weather::Unauthorized,
    Weather::Closed,
    Weather::Gone,
    Weather::Refusing,
    Weather::Refusing,
    Weather::Captive,
];

/// Those of a server that refuses every session for a while, and then none.
pub const REFUSALS: [Weather; 3] = [Weather::Fair, Weather::Strict, Weather::Strict];

/// What becomes of one request.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Taken,
    Status {
        status: u16,
        retry_after: Option<u64>,
        reason: &'static str,
    },
    /// No answer, or none that can be read; the session may have been taken all the same.
    Broken(&'static str),
}

impl Answer {
    /// As the client hands it on, if it is not a success.
    pub fn failure(&self, now: Timestamp) -> Option<Failure> {
        match self {
            Self::Taken => None,
            Self::Status { status, retry_after, reason } => {
                let retry_after = retry_after.map(|seconds| seconds.to_string());
                let body = format!(r#"{{"error":{{"errors":[{{"reason":"{reason}"}}]}}}}"#);
                Some(api::classify(*status, retry_after.as_deref(), body.as_bytes(), now, &[]))
            }
            Self::Broken(what) => Some(Failure::unreachable(*what)),
        }
    }
}

/// How this server differs from others.
#[derive(Clone, Copy, Debug)]
pub struct Flavour {
    /// Whether it has a list of changes.
    pub has_feed: bool,
    /// Whether a window lists what ends in it, and not what overlaps it.
    pub ends: bool,
    /// Sessions in a list at most; more are refused.
    pub most: usize,
    /// Sessions on a page of the list of changes.
    pub page: usize,
    /// Whether it adds to what it is given.
    pub adds: bool,
}

/// What the server holds of one session.
#[derive(Clone, Debug)]
pub struct Stored {
    pub session: Session,
    /// As it was put, unless others have changed it.
    pub body: Option<String>,
}

pub struct Destination {
    pub flavour: Flavour,
    pub sessions: BTreeMap<String, Stored>,
    pub weather: Weather,
    /// Which sessions changed, in order.
    changes: Vec<String>,
    deleted: BTreeSet<String>,
    /// How often all tokens became worthless; a token tells it, and a place in the changes.
    epoch: usize,
}

impl Destination {
    pub fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            sessions: BTreeMap::new(),
            weather: Weather::Fair,
            changes: Vec::new(),
            deleted: BTreeSet::new(),
            epoch: 0,
        }
    }

    pub fn put(&mut self, body: &str, now: Timestamp) -> Session {
        let mut session: Session = serde_json::from_str(body).unwrap();
        session.modified_time_millis = Some(now.as_millisecond());
        if self.flavour.adds {
            session.description.get_or_insert_default();
            let application = session.application.get_or_insert_with(Application::default);
            application.package_name = Some("added.by.the.server".to_owned());
        }
        self.changed(&session.id);
        let stored = Stored { session: session.clone(), body: Some(body.to_owned()) };
        self.sessions.insert(session.id.clone(), stored);
        session
    }

    /// Somebody else puts or changes a session.
    pub fn put_by_others(&mut self, mut session: Session, now: Timestamp) {
        session.modified_time_millis = Some(now.as_millisecond());
        self.changed(&session.id);
        self.sessions.insert(session.id.clone(), Stored { session, body: None });
    }

    fn changed(&mut self, id: &str) {
        self.deleted.remove(id);
        self.changes.push(id.to_owned());
    }

    pub fn delete(&mut self, id: &str) {
        if self.sessions.remove(id).is_some() {
            self.changed(id);
            self.deleted.insert(id.to_owned());
        }
    }

    /// It is gone, and no list of changes tells of it.
    pub fn lose(&mut self, id: &str) {
        self.sessions.remove(id);
    }

    /// From now on, tokens of before mean nothing.
    pub fn forget_tokens(&mut self) {
        self.epoch += 1;
    }

    /// What a window lists; nothing if it is too much.
    pub fn list(&self, window: Window) -> Option<Listing> {
        let (from, to) = (window.start.as_millisecond(), window.end.as_millisecond());
        let is_listed = |session: &&Session| {
            let (start, end) = (session.start_time_millis, session.end_time_millis);
            if self.flavour.ends { from <= end && end < to } else { from < end && start < to && end <= to + 86_400_000 }
        };
        let sessions: Vec<Session> =
            self.sessions.values().map(|stored| &stored.session).filter(is_listed).cloned().collect();
        (sessions.len() <= self.flavour.most).then(|| Listing { sessions, ..Listing::default() })
    }

    /// A page of what changed; nothing if the token means nothing.
    pub fn changes(&self, token: Option<&str>) -> Option<Listing> {
        if !self.flavour.has_feed {
            let sessions = self.sessions.values().map(|stored| stored.session.clone()).collect();
            return Some(Listing { sessions, ..Listing::default() });
        }
        let from = match token {
            Some(token) => {
                let (epoch, place) = token.split_once('-')?;
                place.parse().ok().filter(|_| epoch.parse() == Ok(self.epoch))?
            }
            None => 0,
        };
        let mut to = self.changes.len().min(from + self.flavour.page);
        // No page is empty but the last.
        let tells = |id: &String| self.sessions.contains_key(id) || self.deleted.contains(id);
        while to < self.changes.len() && !self.changes[from..to].iter().any(tells) {
            to += 1;
        }
        let ids: BTreeSet<&String> = self.changes[from..to].iter().collect();
        let sessions = ids.iter().filter_map(|id| self.sessions.get(*id)).map(|stored| stored.session.clone());
        let deleted = ids.iter().filter(|id| self.deleted.contains(**id)).map(|id| (*id).clone());
        Some(Listing {
            sessions: sessions.collect(),
            deleted: deleted.collect(),
            next: Some(format!("{}-{to}", self.epoch)),
        })
    }

    /// What becomes of a session on its way here: whether it is taken, and what the client hears.
    pub fn decide(&self, rng: &mut Rng, faults: u32, body: &str) -> (bool, Answer) {
        if self.weather == Weather::Strict {
            return (false, status(400, "invalidArgument"));
        }
        let is_taken = !is(body, REFUSED) && !is(body, LOST);
        if let Some((may_be_taken, answer)) = self.trouble(rng, faults) {
            return (may_be_taken && is_taken, answer);
        }
        match (is(body, REFUSED), is(body, LOST)) {
            (true, _) => (false, status(400, "invalidArgument")),
            (_, true) => (false, status(404, "notFound")),
            _ => (true, Answer::Taken),
        }
    }

    /// What goes wrong with a request, if anything does: whether it has its effect all the same, and what the client hears.
    pub fn trouble(&self, rng: &mut Rng, faults: u32) -> Option<(bool, Answer)> {
        let answer = match self.weather {
            Weather::Down => Answer::Broken("cannot connect"),
            Weather::Failing => status(500, "backendError"),
            Weather::Overloaded => overloaded(rng),
            Weather::Unauthorized => status(401, "authError"),
            Weather::Closed => status(403, "accessNotConfigured"),
            Weather::Gone => status(404, "notFound"),
            Weather::Refusing => status(400, "invalidArgument"),
            Weather::Captive => Answer::Broken("the answer is not the API's"),
            Weather::Fair | Weather::Strict if chance(rng, faults) => {
                return Some(match rng.u32(..9) {
                    0 => (false, Answer::Broken("cannot connect")),
                    1 => (false, Answer::Broken("reset before it was read")),
                    2 => (true, Answer::Broken("reset before the answer")),
                    3 => (true, Answer::Broken("timed out")),
                    4 => (true, Answer::Broken("the answer breaks off")),
                    5 => (false, overloaded(rng)),
                    6 => (false, status(500, "backendError")),
                    7 => (false, status(408, "timeout")),
                    _ => (false, status(*pick(rng, &[400, 401, 403, 404, 409]), "forNoReason")),
                });
            }
            Weather::Fair | Weather::Strict => return None,
        };
        Some((false, answer))
    }
}

fn status(status: u16, reason: &'static str) -> Answer {
    Answer::Status { status, retry_after: None, reason }
}

/// Whether a session's name begins so.
pub fn is(body: &str, kind: &str) -> bool {
    body.contains(&format!("\"name\":\"{kind} "))
}

fn overloaded(rng: &mut Rng) -> Answer {
    let retry_after = chance(rng, 600).then(|| *pick(rng, &[1, 30, 90, 600, 7200, 90_000]));
    let (status, reason) = *pick(rng, &[(503, "backendError"), (429, "rateLimitExceeded"), (502, ""), (504, "")]);
    Answer::Status { status, retry_after, reason }
}
