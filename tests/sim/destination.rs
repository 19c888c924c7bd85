//! The server of the simulation: what it holds, and all the ways in which it may answer, or not.

use super::folder::{LOST, REFUSED};
use super::plan::{chance, pick};
use fastrand::Rng;
use fitferry::api;
use fitferry::destination::Failure;
use fitferry::store::outbox::Due;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// What holds for all requests for a while.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weather {
    #[default]
    Fair,
    /// Nobody listens.
    Down,
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
    /// A portal answers everything with a page.
    Captive,
}

/// Rough weather, and the calm between.
pub const WEATHERS: [Weather; 11] = [
    Weather::Fair,
    Weather::Fair,
    Weather::Fair,
    Weather::Down,
    Weather::Overloaded,
    Weather::Unauthorized,
    Weather::Closed,
    Weather::Gone,
    Weather::Refusing,
    Weather::Refusing,
    Weather::Captive,
];

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
    /// As the client hands it on.
    pub fn result(&self, body: &str, now: Timestamp) -> Result<Vec<u8>, Failure> {
        match self {
            Self::Taken => Ok(body.len().to_be_bytes().to_vec()),
            Self::Status { status, retry_after, reason } => {
                let retry_after = retry_after.map(|seconds| seconds.to_string());
                let body = format!(r#"{{"error":{{"errors":[{{"reason":"{reason}"}}]}}}}"#);
                Err(api::classify(*status, retry_after.as_deref(), body.as_bytes(), now, &[]))
            }
            Self::Broken(what) => Err(Failure::unreachable(*what)),
        }
    }
}

/// What the server holds of one session.
pub struct Stored {
    pub revision: i64,
    pub body: String,
}

#[derive(Default)]
pub struct Destination {
    pub sessions: BTreeMap<String, Stored>,
    pub weather: Weather,
}

impl Destination {
    /// What becomes of a request: whether the server takes the session, and what the client hears.
    pub fn decide(&self, rng: &mut Rng, faults: u32, due: &Due) -> (bool, Answer) {
        let status = |status, reason| (false, Answer::Status { status, retry_after: None, reason });
        match self.weather {
            Weather::Down => return (false, Answer::Broken("cannot connect")),
            Weather::Overloaded => return (false, overloaded(rng)),
            Weather::Unauthorized => return status(401, "authError"),
            Weather::Closed => return status(403, "accessNotConfigured"),
            Weather::Gone => return status(404, "notFound"),
            Weather::Refusing => return status(400, "invalidArgument"),
            Weather::Captive => return (false, Answer::Broken("the answer is not the API's")),
            Weather::Fair => {}
        }
        let body = due.body.as_deref().unwrap_or_default();
        let is_taken = !is(body, REFUSED) && !is(body, LOST);
        if chance(rng, faults) {
            return match rng.u32(..9) {
                0 => (false, Answer::Broken("cannot connect")),
                1 => (false, Answer::Broken("reset before it was read")),
                2 => (is_taken, Answer::Broken("reset before the answer")),
                3 => (is_taken, Answer::Broken("timed out")),
                4 => (is_taken, Answer::Broken("the answer breaks off")),
                5 => (false, overloaded(rng)),
                6 => status(500, "backendError"),
                7 => status(408, "timeout"),
                _ => status(*pick(rng, &[400, 401, 403, 404, 409]), "forNoReason"),
            };
        }
        match (is(body, REFUSED), is(body, LOST)) {
            (true, _) => status(400, "invalidArgument"),
            (_, true) => status(404, "notFound"),
            _ => (true, Answer::Taken),
        }
    }
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
