//! The embedded server as the target of a pull: the one that runs already, or one of our own for as long as it takes.

use super::known::Known;
use super::listed::Listed;
use super::listing::{Listing, Step};
use super::peer::{Peer, Refusal};
use super::refusals::Refusals;
use super::{Error, Job, Refused, Tell};
use crate::api::Client;
use crate::config::{Account, Destination};
use crate::ferry::{self, Lock, StartFailure};
use crate::owner;
use crate::server::{Ears, LARGEST_LIST, Server};
use jiff::Timestamp;
use std::fs::{File, TryLockError};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Bytes of an id that can stand in a URL. Our server takes fewer, and says so.
const LONGEST_ID: usize = 4096;

pub struct Embedded {
    peer: Arc<Peer>,
    /// Puts in flight at once.
    concurrency: usize,
    refusals: Refusals,
    server: Option<Server>,
    _locks: (File, Option<Lock>),
}

impl Embedded {
    /// Finds the server of the state directory, or starts it.
    pub async fn open(job: &Job<'_>, tell: Tell) -> Result<Self, Error> {
        let (config, name) = (job.config, &job.account.name);
        let dir = &config.state_dir;
        let failed = |source| StartFailure::StateDir { dir: dir.clone(), source };
        ferry::enter(dir)?;
        let only = only_one(dir).map_err(failed)?;
        let only = only.ok_or_else(|| Error::Busy { what: format!("the server of {}", dir.display()) })?;
        // Whoever runs a server holds this lock, unless it is a server alone: a daemon that started now would lean on
        // ours, which ends with the pull.
        let lock = match Lock::take_in_turn(dir, ferry::TURN).await {
            Ok(lock) => Some(lock),
            Err(StartFailure::Locked { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        // Nobody else has to find a server that ends by itself, so it takes any free port.
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let (server, address) = ferry::start_server(config, Ears::At(anywhere))?;
        let lock = lock.filter(|_| server.is_some());
        let account = Account { destination: Destination::Embedded, ..job.account.clone() };
        let client = Client::new(ferry::client_settings(config, &account, address)?).map_err(StartFailure::from)?;
        let peer = Peer::new(client, "the embedded server".to_owned(), job, tell);
        let refusals = Refusals::new(dir.join(format!("pull-{name}.refused.jsonl")));
        let concurrency = config.settings.delivery.concurrency;
        Ok(Self { peer: Arc::new(peer), concurrency, refusals, server, _locks: (only, lock) })
    }

    /// Everything that the account has there.
    pub async fn known(&mut self) -> Result<Known, Error> {
        self.refusals.begin();
        let mut known = Known::default();
        let mut listing = Listing::new(&self.peer, Timestamp::MIN, Timestamp::MAX, LARGEST_LIST);
        while let Some(step) = listing.next().await? {
            let Step::Page(sessions) = step else { continue };
            for session in sessions {
                known.has(session.key, session.kept_content(), session.modified);
            }
        }
        Ok(known)
    }

    /// Puts sessions, several at once. When this returns, they are durable, or refused.
    pub async fn take(&mut self, sessions: &[Listed]) -> Result<Vec<Refused>, Error> {
        let mut refused = Vec::new();
        let mut puts = JoinSet::new();
        let mut waiting = sessions.iter();
        loop {
            while puts.len() < self.concurrency
                && let Some(session) = waiting.next()
            {
                let (peer, session) = (Arc::clone(&self.peer), session.clone());
                puts.spawn(async move { put(&peer, &session).await.map(|result| (session, result)) });
            }
            let Some(done) = puts.join_next().await else { return Ok(refused) };
            let Ok(done) = done else { continue };
            if let (session, Err(reason)) = done? {
                self.refusals.add(&session, &reason)?;
                refused.push(Refused::new(&session, reason));
            }
        }
    }

    /// The sessions that were refused since [`Embedded::known`] are all there are: leaves them in a file of their own.
    pub fn settle_refusals(&mut self) -> Result<Option<&Path>, Error> {
        self.refusals.settle()
    }

    pub fn close(self) {
        if let Some(server) = self.server {
            server.stop();
        }
    }
}

async fn put(peer: &Peer, session: &Listed) -> Result<Result<(), Refusal>, Error> {
    match &session.id {
        None => Ok(Err("it has no id".to_owned())),
        // They mean something else in a path, however they are written.
        Some(id) if id == "." || id == ".." || id.len() > LONGEST_ID => {
            Ok(Err("its id cannot stand in a URL".to_owned()))
        }
        Some(id) => Ok(peer.put(id, &session.to_put()).await?.map(drop)),
    }
}

/// Two pulls into one server would each take the other's for its own; nothing if there is one already.
fn only_one(dir: &Path) -> std::io::Result<Option<File>> {
    let lock = owner::open_or_create(&dir.join("pull.lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
