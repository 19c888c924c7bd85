//! What can be asked of a destination and how it may fail, whatever API it speaks: all that `sync` knows of any of them.
//!
//! A destination has three verbs: put a session under its id, list a window or what has changed, delete.

use crate::session::Session;
use jiff::Timestamp;
use std::pin::Pin;
use std::time::Duration;

/// What a destination says, some time.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

/// One account's place for sessions. Dropping an answer gives up waiting for it; what was asked may happen all the same.
pub trait Destination: Send + Sync {
    /// Puts a session in its wire form under its id; tells what the destination now has.
    fn put<'a>(&'a self, id: &'a str, body: String) -> Answer<'a, Session>;

    /// The sessions that lie in a window, and perhaps some that reach into it: destinations differ at the edges. A list that
    /// would be too large is a [`Failure::Park`], never a part of it.
    fn list(&self, window: Window) -> Answer<'_, Listing>;

    /// What was changed and deleted since the list that `continues` comes from; without it, lately. Without
    /// [`Listing::next`] there is no such list; [`Failure::Park`] if `continues` means nothing any more.
    fn changes<'a>(&'a self, continues: Option<&'a str>) -> Answer<'a, Listing>;

    /// Deletes a session. One that is not there is as good as deleted.
    fn delete<'a>(&'a self, id: &'a str) -> Answer<'a, ()>;

    /// Waits for what must not be cut off when the process ends, with a login for instance.
    fn settle(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Half-open interval of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    pub start: Timestamp,
    pub end: Timestamp,
}

/// What a destination lists.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// Those of other applications too; they may lack what ours have.
    pub sessions: Vec<Session>,
    /// Ids of sessions that were deleted; only a list of changes tells of them.
    pub deleted: Vec<String>,
    /// Continues a list of changes, now or later.
    pub next: Option<String>,
}

/// Why a request did not do what it should.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// It may work later; the server may have said when. `of_server` if other sessions would fare no better.
    Retry { after: Option<Duration>, of_server: bool, reason: String },
    /// This request will never be taken as it is; others may.
    Park { reason: String },
    /// Nothing of this account will be taken for now.
    Stop { why: Stop, reason: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stop {
    /// The token is not accepted: somebody has to provide another.
    Credentials,
    /// The token is accepted, and good for something else.
    Permission,
    /// The API is closed, gone or not enabled.
    Closed,
}

impl Failure {
    pub fn reason(&self) -> &str {
        match self {
            Self::Retry { reason, .. } | Self::Park { reason } | Self::Stop { reason, .. } => reason,
        }
    }

    /// No answer, or one that is not the API's.
    pub fn unreachable(reason: impl Into<String>) -> Self {
        Self::Retry { after: None, of_server: true, reason: reason.into() }
    }
}
