//! What the courier is told, and what it wants done.

use super::Halt;
use crate::destination::Failure;
use crate::store::halts::Rest;
use crate::store::outbox::{Due, Fetched, First, Verdict};
use crate::store::sessions::SessionRow;
use crate::sync::Heard;
use jiff::Timestamp;
use std::sync::mpsc::Sender;
use std::time::Duration;
use tokio::sync::oneshot;

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
    /// Somebody wants to know whether anybody is there.
    Ping(oneshot::Sender<()>),
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
    /// Remember, over a restart too, how long the destination wants to be left alone, or that this is over.
    Rest(Option<Rest>),
    /// None of the sessions that were asked for is in flight any more.
    Withheld(Sender<()>),
    /// Yes, somebody is there.
    Pong(oneshot::Sender<()>),
    /// Nothing is sent for longer than a moment.
    Halt(Halt),
    /// The same goes on, for so long from now: nothing that is worth telling again, but somebody may look.
    Prolong(Halt),
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
