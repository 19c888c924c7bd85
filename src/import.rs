//! One pass over files that somebody named: takes them in, and follows their sessions until they are delivered. The same
//! whether the command itself delivers or a running daemon does it for the command.

use crate::intake::{self, Person, Receipt, Seen};
use crate::room::{self, Low};
use crate::store::outbox::{self, Standing};
use crate::store::sessions::{self, SessionRow};
use crate::store::{Error, Verdict, accounts};
use crate::sync::{Progress, Route};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};
use tokio::runtime::{self, Runtime};
use tokio::sync::broadcast::{self, error::RecvError};

/// Failures in a row, without a delivery between them, after which the server counts as down.
const PATIENCE: u32 = 3;

/// A session whose next attempt is later than this is not waited for.
const SOON: SignedDuration = SignedDuration::from_mins(1);

/// So few sessions that asking where they stand costs nothing.
const FEW: usize = 50;

const STOPPING: &str = "fitferry is stopping";

/// Asking where many stand keeps the store from what it is there for: it rests this many times as long as that took.
const REST: u32 = 20;

/// What an import tells on its way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Told {
    /// What came of a file.
    File(FileResult),
    /// Sessions that are still on their way.
    Left(u64),
    Done(Summary),
    /// There is no room for more, in words.
    NoRoom(String),
    /// The import itself failed.
    Failed(String),
}

/// What came of one file of an import.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FileResult {
    pub file: String,
    pub verdict: Verdict,
    pub reason: Option<String>,
}

/// How an import ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// Sessions that are new or have new content.
    pub changed: u64,
    /// How many of those the server has now.
    pub delivered: u64,
    pub parked: Vec<Parked>,
    /// Sessions that stay queued, because the server is down or refuses everything.
    pub queued: u64,
    /// Why they stay queued.
    pub reason: Option<String>,
    /// Whether only a person with new credentials can change that.
    pub credentials: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Parked {
    pub session: String,
    pub reason: String,
}

/// Runs an import on a thread of its own kind: it blocks. Ends early only if whoever listens is gone.
pub fn run(route: &Route, person: &Person, files: impl Iterator<Item = io::Result<Seen>>, told: &Sender<Told>) {
    let result = take_all(route, person, files, told).and_then(|(sessions, low)| match low {
        None => follow(route, sessions, told).map(Told::Done),
        Some(low) => Ok(Told::NoRoom(room::words(&low))),
    });
    // Nobody may be listening any more; the files are taken in all the same.
    let _ = told.send(result.unwrap_or_else(|error| Told::Failed(error.to_string())));
}

/// The sessions of the files of an import.
#[derive(Default)]
struct Sessions {
    all: HashSet<SessionRow>,
    changed: HashSet<SessionRow>,
}

/// Takes files in without waiting for each to be durable, so that they share commits. Returns their sessions, and what
/// lacked room for more.
fn take_all(
    route: &Route,
    person: &Person,
    files: impl Iterator<Item = io::Result<Seen>>,
    told: &Sender<Told>,
) -> Result<(Sessions, Option<Low>), Error> {
    let (receipts, received) = channel();
    let mut sessions = Sessions::default();
    let mut collect = |(path, receipt): (PathBuf, Result<Receipt, Error>)| {
        let Receipt { verdict, reason, sessions: of_file, changed, .. } = receipt?;
        sessions.all.extend(of_file);
        sessions.changed.extend(changed);
        let file = path.display().to_string();
        let _ = told.send(Told::File(FileResult { file, verdict, reason }));
        Ok::<(), Error>(())
    };
    let (mut broken, mut low) = (None, None);
    for seen in files {
        low = route.room.lacking();
        if low.is_some() {
            break;
        }
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                broken = Some(error);
                break;
            }
        };
        let (person, receipts, bell, path) = (person.clone(), receipts.clone(), route.bell.clone(), seen.path());
        let name = person.name.clone();
        let write = move |connection: &rusqlite::Connection| {
            // What somebody brings may have been brought to a memory before this one.
            accounts::be_wary(connection, person.account)?;
            intake::record(connection, &person, &seen, Timestamp::now())
        };
        route.store.submit(write, move |receipt| {
            if let Ok(receipt) = &receipt {
                intake::tell(&name, &path, receipt);
                if !receipt.changed.is_empty() {
                    bell.ring();
                }
            }
            let _ = receipts.send((path, receipt));
        });
        while let Ok(receipt) = received.try_recv() {
            collect(receipt)?;
        }
    }
    drop(receipts);
    received.into_iter().try_for_each(collect)?;
    match broken {
        // What came before is taken in; what did not come must not look as if it were.
        Some(error) => Err(Error::Failed(format!("not all files were handed over: {error}"))),
        None => Ok((sessions, low)),
    }
}

/// Waits until every session is delivered or parked, or until there is no hope for now.
fn follow(route: &Route, sessions: Sessions, told: &Sender<Told>) -> Result<Summary, Error> {
    let timer = runtime::Builder::new_current_thread().enable_time().build();
    let timer = timer.map_err(|error| Error::Failed(format!("there is no timer: {error}")))?;
    // Listening first: what is delivered between the question and the listening would never be told.
    let mut progress = route.progress.subscribe();
    let Sessions { all, changed } = sessions;
    let mut following = Following {
        route,
        left: all,
        summary: Summary::default(),
        failures: 0,
        parked: HashSet::new(),
        told: HashSet::new(),
        unsure: false,
        rested: Instant::now(),
    };
    following.ask()?;
    while following.goes_on()? {
        if told.send(Told::Left(count(&following.left))).is_err() {
            break;
        }
        match next(&timer, &mut progress, following.patience()) {
            Ok(news) => following.take(news)?,
            // Some news were missed: the store knows.
            Err(RecvError::Lagged(_)) => following.unsure = true,
            Err(RecvError::Closed) => following.summary.reason = Some(STOPPING.to_owned()),
        }
    }
    let Following { left, parked, mut summary, .. } = following;
    summary.queued = count(&left);
    summary.changed = count(&changed);
    summary.delivered = count(&changed.iter().filter(|row| !left.contains(row) && !parked.contains(row)).collect());
    Ok(summary)
}

struct Following<'a> {
    route: &'a Route,
    left: HashSet<SessionRow>,
    summary: Summary,
    failures: u32,
    parked: HashSet<SessionRow>,
    /// Delivered, as we were told, at whatever revision.
    told: HashSet<SessionRow>,
    /// Whether the store may know more than we were told.
    unsure: bool,
    /// When it may be asked again.
    rested: Instant,
}

/// The next news, or nothing if there are none for so long.
fn next(
    timer: &Runtime,
    progress: &mut broadcast::Receiver<Progress>,
    patience: Option<Duration>,
) -> Result<Option<Progress>, RecvError> {
    let Some(patience) = patience else { return progress.blocking_recv().map(Some) };
    let news = timer.block_on(async { tokio::time::timeout(patience, progress.recv()).await });
    news.map_or(Ok(None), |news| news.map(Some))
}

fn count<T>(rows: &HashSet<T>) -> u64 {
    u64::try_from(rows.len()).unwrap_or(u64::MAX)
}

impl Following<'_> {
    /// Whether there is anything left to wait for.
    fn goes_on(&mut self) -> Result<bool, Error> {
        if self.left.is_empty() && !self.told.is_empty() {
            // What was delivered may have a newer revision by now.
            self.left = std::mem::take(&mut self.told);
            self.ask()?;
        } else if self.unsure && (self.left.len() <= FEW || self.rested <= Instant::now()) {
            self.ask()?;
        }
        Ok(!self.left.is_empty() && self.summary.reason.is_none())
    }

    /// How long to wait for news before the store is asked; nothing if only news matter.
    fn patience(&self) -> Option<Duration> {
        self.unsure.then(|| self.rested.saturating_duration_since(Instant::now()))
    }

    /// Asks the store where the sessions stand.
    fn ask(&mut self) -> Result<(), Error> {
        let began = Instant::now();
        let rows: Vec<SessionRow> = self.left.iter().copied().collect();
        let standings = self.route.store.call_blocking(move |connection| {
            rows.into_iter().map(|row| Ok((row, outbox::standing(connection, row)?))).collect::<Result<Vec<_>, _>>()
        })?;
        let soon = Timestamp::now().saturating_add(SOON).unwrap_or(Timestamp::MAX);
        let mut hopeless = None;
        let mut hope = false;
        for (row, standing) in standings {
            match standing {
                Standing::Delivered => drop(self.left.remove(&row)),
                Standing::Parked { reason } => self.park(row, reason)?,
                Standing::Queued { due, .. } if due < soon => hope = true,
                Standing::Queued { due, reason } => {
                    hopeless.get_or_insert(format!("{}; next attempt at {due:.0}", reason.unwrap_or_default()));
                }
            }
        }
        if !hope {
            self.summary.reason = hopeless;
        }
        self.halted();
        self.unsure = false;
        self.rested = Instant::now() + began.elapsed() * REST;
        Ok(())
    }

    /// An account that was stopped before anybody listened says nothing more.
    fn halted(&mut self) {
        if let Some(halt) = &*self.route.halted.borrow() {
            self.summary.credentials = halt.credentials;
            self.summary.reason = Some(halt.reason.clone());
        } else if let Some(hindrance) = &*self.route.hindrance.borrow()
            && hindrance.failures >= PATIENCE
        {
            self.summary.reason = Some(hindrance.reason.clone());
        } else if let Some(reason) = self.route.exhaustion() {
            // A look at what is there may have used the budget up before anything was sent.
            self.summary.reason = Some(reason.to_owned());
        } else if let Some(reason) = self.route.resting() {
            // And so may the answer to it have been that it is the wrong time to ask.
            self.summary.reason = Some(reason);
        }
    }

    fn take(&mut self, news: Option<Progress>) -> Result<(), Error> {
        match news {
            None | Some(Progress::Compared) => {}
            Some(Progress::Stopping) => self.summary.reason = Some(STOPPING.to_owned()),
            Some(Progress::Delivered(row)) => {
                self.failures = 0;
                if self.left.remove(&row) {
                    self.told.insert(row);
                    // The last ones may all be waiting for a time that is far away.
                    self.unsure |= self.left.len() <= FEW;
                }
            }
            Some(Progress::Parked { session, reason }) => {
                self.failures = 0;
                self.park(session, reason)?;
            }
            Some(Progress::Retrying { reason }) => {
                self.failures += 1;
                self.unsure = true;
                if self.failures >= PATIENCE {
                    self.summary.reason = Some(reason);
                }
            }
            Some(Progress::Adopted) => {
                self.failures = 0;
                self.unsure = true;
            }
            Some(Progress::Halted) => self.halted(),
        }
        Ok(())
    }

    fn park(&mut self, row: SessionRow, reason: String) -> Result<(), Error> {
        if self.left.remove(&row) {
            self.parked.insert(row);
            let session = self.route.store.call_blocking(move |connection| sessions::id_of(connection, row))?;
            self.summary.parked.push(Parked { session, reason });
        }
        Ok(())
    }
}
