//! The thread that watches the folders: reads what the watcher finds, and hands it to the store.

use super::removals::Removals;
use crate::config::{Config, OnRemoved};
use crate::crash;
use crate::events;
use crate::ferry::Ferry;
use crate::formats::{READER_VERSION, Reading};
use crate::intake::{self, Assessment, Person, Seen};
use crate::sqlite::{Health, Log};
use crate::store::{Stamp, Store, files};
use crate::sync::Route;
use crate::watch::{Candidate, Finding, Folder, Hint, HintSender, Hints, Next, Rules, Watcher};
use jiff::Timestamp;
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

const LOG: Log = Log { fails: |what, error| events::store_failed(what, error), works: events::store_works };

/// The watching thread, and the way to end it.
pub struct Folders {
    sender: HintSender,
    thread: JoinHandle<()>,
}

impl Folders {
    /// Starts watching every account's folders. When this returns, the first scan is running.
    pub fn watch(config: &Config, ferry: &Ferry) -> io::Result<Self> {
        let watch = &config.settings.watch;
        let rules = Rules {
            settle: watch.settle.get(),
            salvage_after: watch.salvage_after.get(),
            scan_every: watch.scan_every.get(),
        };
        let owners = config.accounts.iter().enumerate();
        let folders: Vec<Folder> = owners
            .flat_map(|(owner, account)| {
                account.folders.iter().map(move |folder| Folder { owner, path: folder.path.clone() })
            })
            .collect();
        let deleting = config.accounts.iter().flat_map(|account| &account.folders);
        let deleting: Vec<bool> = deleting.map(|folder| folder.on_removed == OnRemoved::Delete).collect();
        let removals = Removals::new(watch, deleting);
        let known = ferry.store.reader().map_err(io::Error::other)?;
        let store = ferry.store.clone();
        let owners: Vec<Owner> = ferry.people.iter().cloned().zip(ferry.routes.iter().cloned()).collect();
        let hints = Hints::open();
        let sender = hints.sender();
        let (begun, begins) = channel();
        let run = move || {
            let watcher = Watcher::new(folders.clone(), rules, hints);
            // The daemon may have stopped already.
            let _ = begun.send(());
            let unseen = (0..folders.len()).collect();
            let health = Arc::new(Health::new("recording files", LOG));
            let submitted = Submitted::default();
            Intake { folders, owners, known, store, submitted, health, unseen }.run(watcher, removals);
        };
        let thread = std::thread::Builder::new().name("folders".to_owned()).spawn(run)?;
        begins.recv().map_err(io::Error::other)?;
        Ok(Self { sender, thread })
    }

    /// Ends after the file that is being read.
    pub fn stop(self) {
        self.sender.stop();
        let _ = self.thread.join();
    }
}

pub type Owner = (Person, Route);

struct Intake {
    folders: Vec<Folder>,
    owners: Vec<Owner>,
    /// Only reads.
    known: Connection,
    store: Store,
    submitted: Submitted,
    /// One full disk fails thousands of files: the log is told once.
    health: Arc<Health>,
    /// Folders that were not looked through yet.
    unseen: HashSet<usize>,
}

/// Files whose verdict is on its way to the disk: a scan and an event may both find a file within that moment.
#[derive(Clone, Default)]
struct Submitted(Arc<Mutex<HashMap<PathBuf, Stamp>>>);

impl Submitted {
    fn files(&self) -> MutexGuard<'_, HashMap<PathBuf, Stamp>> {
        // Whoever panicked with it ended the process.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, path: &Path, stamp: Stamp) {
        self.files().insert(path.to_path_buf(), stamp);
    }

    fn remove(&self, path: &Path) {
        self.files().remove(path);
    }

    fn contains(&self, path: &Path, stamp: Stamp) -> bool {
        self.files().get(path) == Some(&stamp)
    }
}

impl Intake {
    fn run(mut self, mut watcher: Watcher, mut removals: Removals) {
        let sender = watcher.sender();
        loop {
            let next = watcher.next(&mut |folder, path, stamp| self.is_settled(folder, path, stamp));
            match next {
                Next::Stopped => return,
                Next::Read(candidate) => {
                    let finding = self.read(&candidate, &sender);
                    watcher.report(&candidate, finding);
                }
                Next::Listening { folder, result } => {
                    let (owner, folder) = self.owner(folder);
                    match result {
                        Ok(()) => events::folder_watched(&owner.0.name, &folder.path, "events"),
                        Err(deaf) => {
                            events::folder_unwatchable(&owner.0.name, &folder.path, &deaf.error, deaf.hint);
                        }
                    }
                }
                Next::Away { folder, error } => {
                    self.looked_through(folder);
                    let (owner, folder) = self.owner(folder);
                    events::folder_away(&owner.0.name, &folder.path, &error);
                }
                Next::Back { folder } => {
                    let (owner, folder) = self.owner(folder);
                    events::folder_back(&owner.0.name, &folder.path);
                }
                Next::Closed { folder, path, error } => {
                    let (owner, _) = self.owner(folder);
                    events::folder_unreadable(&owner.0.name, &path, &error);
                }
                Next::Scanned { folder: index, scan, took } => {
                    self.looked_through(index);
                    let (owner, folder) = self.owner(index);
                    let (name, path) = (&owner.0.name, &folder.path);
                    events::scan_done(name, path, scan.files, scan.candidates, took.as_millis());
                    if let Err(error) = removals.scanned(index, path, scan, owner, &self.known) {
                        events::store_failed("looking for removed files", &error);
                        self.store.suspect(&error);
                    }
                }
                Next::Rescan(reason) => events::folder_rescan(reason),
            }
        }
    }

    /// Tells when all of an account's folders were looked through once.
    fn looked_through(&mut self, folder: usize) {
        self.unseen.remove(&folder);
        let owner = self.folders[folder].owner;
        if !self.unseen.iter().any(|folder| self.folders[*folder].owner == owner) {
            // What was read before this is in the store before whatever is asked of it from now on.
            self.owners[owner].1.scanned.send_if_modified(|scanned| !std::mem::replace(scanned, true));
        }
    }

    fn owner(&self, folder: usize) -> (&Owner, &Folder) {
        let folder = &self.folders[folder];
        (&self.owners[folder.owner], folder)
    }

    /// Whether a file has a verdict that still holds. In doubt it is read again, which does no harm.
    fn is_settled(&self, folder: usize, path: &Path, stamp: Stamp) -> bool {
        // In this order: it leaves the one when it is in the other.
        if self.submitted.contains(path, stamp) {
            return true;
        }
        let account = self.owner(folder).0.0.account;
        match files::settled(&self.known, account, path, stamp, READER_VERSION) {
            Ok(settled) => settled.is_some(),
            Err(error) => {
                self.store.suspect(&error.into());
                false
            }
        }
    }

    fn read(&self, candidate: &Candidate, sender: &HintSender) -> Finding {
        let (person, route) = self.owner(candidate.folder).0;
        let path = &candidate.path;
        let mut read = match intake::read(path, &person.rules) {
            Ok(read) if read.changed => return Finding::Changed,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Finding::Gone,
            Err(error) => {
                // Told and written down when it is news, and not each time.
                if candidate.failed != Some(error.kind()) {
                    events::file_unreadable(&person.name, path, &error);
                    let reason = format!("cannot be read: {error}");
                    let reading = Reading::unknown(reason.clone());
                    let seen = Seen::new(path, candidate.stamp, reading, Assessment::Wait(reason));
                    self.submit(person, route, seen, sender, true);
                }
                return Finding::Failed(error.kind());
            }
        };
        let proven = read.reading.is_complete();
        let mut assessment = read.assess(Timestamp::now());
        let mut finding = Finding::Settled;
        if !proven && !candidate.last_call {
            if read.reading.flaw().is_none() {
                return Finding::Unproven;
            }
            finding = Finding::Unfinished;
            let reason = read.reading.flaw().unwrap_or_default();
            assessment = Assessment::Wait(format!("{reason}; it may still be growing"));
        }
        let seen = read.seen(path, assessment);
        crash::point("folders.read");
        self.submit(person, route, seen, sender, false);
        finding
    }

    /// Hands a judged file to the store, without waiting: files share commits, and the next one can be read meanwhile.
    fn submit(&self, person: &Person, route: &Route, seen: Seen, sender: &HintSender, quiet: bool) {
        let (person, bell, sender, path) = (person.clone(), route.bell.clone(), sender.clone(), seen.path());
        let (name, submitted, health) = (person.name.clone(), self.submitted.clone(), self.health.clone());
        if !matches!(seen.assessment, Assessment::Wait(_) | Assessment::TakeSome(_)) {
            submitted.add(&path, seen.stamp);
        }
        let write = move |connection: &Connection| intake::record(connection, &person, &seen, Timestamp::now());
        self.store.submit(write, move |receipt| {
            crash::point("folders.recorded");
            submitted.remove(&path);
            match health.note(receipt) {
                Ok(receipt) => {
                    if !quiet {
                        intake::tell(&name, &path, &receipt);
                    }
                    if !receipt.changed.is_empty() {
                        bell.ring();
                    }
                }
                Err(_) => sender.send(Hint::Retry(path)),
            }
        });
    }
}
