//! Copies every session of an account, of every application, from its API into the embedded server or a file: the rescue
//! before a cloud closes.
//!
//! The source is listed from the oldest session to the newest, and whatever the target lacks is taken. Then it is listed
//! again, from the beginning, beside a fresh look at what the target has, until a whole pass finds nothing to take: that
//! is what *verified* means. Every step can be repeated, so a pull may end at any instant; a bookmark beside the target
//! saves listing again what is done.

mod agreed;
mod bookmark;
mod durable;
mod embedded;
mod json_lines;
mod known;
mod listed;
mod listing;
mod passes;
mod peer;
mod refusals;
mod windows;

use crate::api::Client;
use crate::config::{Account, Config};
use crate::destination::Window;
use crate::ferry::{self, StartFailure};
use agreed::Agreed;
use bookmark::{Bookmark, Deal};
use embedded::Embedded;
use jiff::Timestamp;
use json_lines::JsonLines;
use listed::{Digest, Listed};
use passes::{Pull, Target};
use peer::Peer;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// What is to be pulled, for whom, and to where.
pub struct Job<'a> {
    pub config: &'a Config,
    pub account: &'a Account,
    pub from: Timestamp,
    /// Up to the present if there is none.
    pub to: Option<Timestamp>,
    /// What "the present" is: a little later than now.
    pub present: Timestamp,
    /// A file instead of the embedded server.
    pub output: Option<PathBuf>,
    /// How long a server may fail without any success in between.
    pub patience: Duration,
}

/// What a pull tells on its way.
pub enum Told {
    /// How far the present pass has come, which is the first or a later one, and how many sessions it saw.
    At { pass: u32, until: Timestamp, sessions: u64 },
    /// A server fails, and is asked again after a pause.
    Waiting { server: String, reason: String, pause: Duration },
}

pub type Tell = Arc<dyn Fn(Told) + Send + Sync>;

/// How a pull ended.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    pub account: String,
    pub source: String,
    /// The file, or the embedded server.
    pub target: String,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Sessions that the source has and the target now has too.
    pub sessions: u64,
    /// How many of them this run brought.
    pub taken: u64,
    /// Whether the last pass found nothing to take.
    pub verified: bool,
    /// Sessions that the target will not take, the first of them, and the file that has all.
    pub refused: u64,
    pub refusals: Vec<Refused>,
    pub refused_file: Option<PathBuf>,
    /// Sessions that somebody edited in the embedded server since a pull last saw both sides agree: they stay. And the first
    /// of them.
    pub edited: u64,
    pub edited_sessions: Vec<String>,
    /// Sessions that were different in every pass, the first of them.
    pub differing: Vec<String>,
    /// Sessions of the file that the source does not list, or no longer; they stay.
    pub others: Option<u64>,
}

/// A session that the target will not take, and its words.
#[derive(Clone, Debug, Serialize)]
pub struct Refused {
    pub session: String,
    pub reason: String,
    #[serde(skip)]
    key: Digest,
}

impl Refused {
    fn new(session: &Listed, reason: String) -> Self {
        Self { session: session.name().to_owned(), reason, key: session.key }
    }
}

/// Why a pull ended before its time. What it has done is done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{server}: {reason}; the same command continues where this one stopped")]
    Later { server: String, reason: String },
    #[error("{server} does not take the credentials: {reason}")]
    Credentials { server: String, reason: String },
    #[error("another fitferry pull fills {what}; try again when it is done")]
    Busy { what: String },
    #[error("{server} refuses to list even the window from {} to {}: {reason}", window.start, window.end)]
    Unlistable { server: String, window: Window, reason: String },
    #[error(
        "{} is of another pull ({theirs}), this is {ours}; finish that one with its own flags, or delete that file{target} \
         to begin anew",
        path.display()
    )]
    OtherDeal { path: PathBuf, theirs: String, ours: String, target: String },
    #[error("{} is not what fitferry pull leaves there; delete it{target} to begin anew", path.display())]
    NotABookmark { path: PathBuf, target: String },
    #[error("{} is shorter than {} says; delete both to begin anew", path.display(), bookmark.display())]
    Shorter { path: PathBuf, bookmark: PathBuf },
    #[error("line {line} of {} is not a session; give --output a file of its own", path.display())]
    NotSessions { path: PathBuf, line: u64 },
    #[error(transparent)]
    Start(#[from] StartFailure),
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

impl Error {
    fn io(path: &Path) -> impl Fn(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_path_buf(), source }
    }
}

/// Pulls until everything is there and verified, or until that cannot be. Blocks at times: it wants a thread of its own.
pub async fn run(job: &Job<'_>, tell: Tell) -> Result<Summary, Error> {
    let client = Client::new(ferry::client_settings(job.config, job.account, job.config.settings.server.listen.get())?);
    let deal = Deal {
        source: job.account.destination.identity().to_owned(),
        account: job.account.name.clone(),
        from: job.from,
        to: job.to,
    };
    let source = Peer::new(client.map_err(StartFailure::from)?, deal.source.clone(), job, Arc::clone(&tell));
    let agreed = job.config.state_dir.join(format!("pull-{}.agreed", job.account.name));
    let agreed = job.output.is_none().then(|| Agreed::find(agreed, &deal));
    let (bookmark, target) = match &job.output {
        Some(path) => {
            let bookmark_path = durable::beside(path, ".pull");
            let bookmark = Bookmark::find(bookmark_path.clone(), deal, &format!(" and {}", path.display()))?;
            let file = JsonLines::open(path, &bookmark_path, bookmark.place)?;
            (bookmark, Target::File(file))
        }
        None => {
            let path = job.config.state_dir.join(format!("pull-{}.json", job.account.name));
            let bookmark = Bookmark::find(path, deal, "")?;
            (bookmark, Target::Server(Embedded::open(job, Arc::clone(&tell)).await?))
        }
    };
    let to = job.to.unwrap_or(job.present);
    let mut pull = Pull { source, target, bookmark, tell, from: job.from, to, agreed };
    let result = pull.run().await;
    pull.target.close();
    result
}
