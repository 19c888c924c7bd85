//! What a person decides about sessions that wait to be sent, and about files that are gone: the same whether the command itself writes it down or a
//! running daemon does it for the command.

use crate::events;
use crate::intake::{self, Person};
use crate::store::files;
use crate::store::outbox;
use crate::store::waiting::{self, Meant, Refused, Which};
use crate::store::{Account, Error, Store};
use crate::sync::{Progress, Route};
use crate::watch;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is to become of which sessions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub accounts: Vec<String>,
    pub verb: Verb,
    pub which: Which,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// They are due now.
    Retry,
    /// They are not to be sent, at this revision.
    Discard,
}

/// What came of an order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub sessions: usize,
    /// Those that were named and cannot be meant.
    pub refused: Vec<Refused>,
    /// How many of them are looked up at the server before they are sent.
    #[serde(default)]
    pub looked_up: usize,
    /// Why none of them is sent for now, whatever was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<String>,
}

impl Outcome {
    pub fn add(&mut self, other: Self) {
        self.sessions += other.sessions;
        self.refused.extend(other.refused);
        self.looked_up += other.looked_up;
        self.held = self.held.take().or(other.held);
    }
}

/// Carries an order out beside the loops that deliver.
pub fn run(routes: &[Route], order: &Order) -> Result<Outcome, String> {
    let mut outcome = Outcome::default();
    for name in &order.accounts {
        let route = routes.iter().find(|route| *route.name == **name);
        let route = route.ok_or_else(|| format!("the running daemon has no account \"{name}\""))?;
        outcome.add(match order.verb {
            Verb::Retry => retry(route, &order.which).map_err(|error| error.to_string())?,
            Verb::Discard => discard(route, &order.which)?,
        });
    }
    Ok(outcome)
}

fn retry(route: &Route, which: &Which) -> Result<Outcome, Error> {
    let mut outcome = write_retry(&route.store, route.account, which.clone())?;
    if outcome.sessions > 0 {
        events::sessions_hastened(&route.name, outcome.sessions);
        // Somebody says that it may work now; what the server asked for is kept all the same.
        let halt = route.halted.borrow().clone();
        let is_stopped = halt.as_ref().is_some_and(|halt| halt.stopped);
        outcome.held = halt.filter(|halt| !halt.stopped).map(|halt| halt.reason);
        if is_stopped { &route.probe } else { &route.bell }.deliver.notify_one();
        // A look that failed is tried again too, and what was parked before a restart is to be looked up.
        route.probe.reconcile.notify_one();
        route.bell.reconcile.notify_one();
    }
    Ok(outcome)
}

/// What is in flight is waited for: the server may be taking it just now.
fn discard(route: &Route, which: &Which) -> Result<Outcome, String> {
    let said = |error: Error| error.to_string();
    let (account, which) = (route.account, which.clone());
    let meant = route.store.call_blocking(move |c| waiting::find(c, account, &which)).map_err(said)?;
    let rows = meant.waiting.iter().map(|target| target.row).collect();
    let withheld = route.withhold(rows).ok_or("fitferry is stopping")?;
    let discarded = write_discard(&route.store, account, meant);
    drop(withheld);
    route.done.notify_one();
    let (outcome, done) = discarded.map_err(said)?;
    for target in done {
        events::session_discarded(&route.name, &target.id, target.revision);
        route.tell(Progress::Parked { session: target.row, reason: "discarded".to_owned() });
    }
    Ok(outcome)
}

/// Carries an order out for an account that nobody delivers for.
pub fn write(store: &Store, account: Account, verb: Verb, which: Which) -> Result<Outcome, Error> {
    match verb {
        Verb::Retry => write_retry(store, account, which),
        Verb::Discard => {
            let meant = store.call_blocking(move |c| waiting::find(c, account, &which))?;
            write_discard(store, account, meant).map(|(outcome, _)| outcome)
        }
    }
}

/// What came of files that a person says are gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Forgot {
    pub files: usize,
    /// Sessions that no other file tells of: they are to be deleted.
    pub deleted: usize,
}

impl Forgot {
    pub fn add(&mut self, other: &Self) {
        self.files += other.files;
        self.deleted += other.deleted;
    }
}

/// Forgets files that are gone, as far as this process can see too, and what they told.
pub fn forget(store: &Store, person: &Person, paths: Vec<PathBuf>) -> Result<Forgot, Error> {
    let gone: Vec<PathBuf> = paths.into_iter().filter(|path| matches!(watch::is_there(path), Ok(false))).collect();
    let writer = person.clone();
    let forgotten = store.call_blocking(move |connection| {
        let mut forgotten = Vec::with_capacity(gone.len());
        for path in gone {
            if let Some(file) = files::row(connection, writer.account, &path)? {
                forgotten.push(intake::forget(connection, &writer, file, Timestamp::now())?);
            }
        }
        Ok(forgotten)
    })?;
    forgotten.iter().for_each(|file| events::file_forgotten(&person.name, &file.path, file.deleted));
    Ok(Forgot { files: forgotten.len(), deleted: forgotten.iter().map(|file| file.deleted).sum() })
}

fn write_retry(store: &Store, account: Account, which: Which) -> Result<Outcome, Error> {
    store.call_blocking(move |connection| {
        let meant = waiting::find(connection, account, &which)?;
        waiting::retry(connection, account, &meant, Timestamp::now())?;
        let rows = meant.waiting.iter().chain(&meant.overruled).map(|target| target.row);
        let looked_up = outbox::count_unchecked(connection, rows)?;
        let sessions = meant.waiting.len() + meant.overruled.len();
        Ok(Outcome { sessions, refused: meant.refused, looked_up, held: None })
    })
}

fn write_discard(store: &Store, account: Account, meant: Meant) -> Result<(Outcome, Vec<waiting::Target>), Error> {
    store.call_blocking(move |connection| {
        let Meant { waiting: targets, overruled, mut refused } = meant;
        let mut done = Vec::with_capacity(targets.len());
        for target in targets {
            if waiting::discard(connection, account, &target, Timestamp::now())? {
                done.push(target);
            } else {
                refused.push(Refused::is_gone(&target));
            }
        }
        refused.extend(overruled.iter().map(Refused::is_not_waiting));
        Ok((Outcome { sessions: done.len(), refused, ..Outcome::default() }, done))
    })
}
