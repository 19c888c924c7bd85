//! The threads that watch the folders, one for each: a share that does not answer holds up nobody else.

mod early;
mod incomplete;
mod settled;
mod stuck;
mod thread;

use super::ground::Ground;
use super::moves::{self, Moving};
use super::removals::{Looks, Removals};
use crate::config::{self, Config};
use crate::events;
use crate::ferry::Ferry;
use crate::intake::Person;
use crate::room::Room;
use crate::sqlite::{Health, Log};
use crate::store::folders::{self, Remembered, Troubles};
use crate::store::{absent, disks};
use crate::sync::Route;
use crate::watch::{Folder, Hint, HintSender, Pulse, Rules, Watcher};
pub use early::Early;
use incomplete::Incomplete;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use stuck::Watched;
use thread::{FolderThread, Submitted};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::task::JoinSet;
use tokio::time::timeout;

const LOG: Log = Log { fails: |what, error| events::store_failed(what, error), works: events::store_works };

/// How long a start waits until every folder is listened to. One that does not answer comes later.
const BEGIN: Duration = Duration::from_secs(10);

/// How long a stop waits for files that are being read, which are read again at the next start otherwise.
const END: Duration = Duration::from_secs(3);

pub type Owner = (Person, Route);

/// The watching threads, and the way to end them.
pub struct Folders {
    senders: Vec<HintSender>,
    threads: Vec<JoinHandle<()>>,
    /// Closed when the last of them listens to its folder, and when it has ended.
    begun: Receiver<()>,
    ended: Receiver<()>,
    /// Whoever looks for folders that are stuck ends with it.
    #[expect(dead_code, reason = "dropping it is the signal")]
    looking: std::sync::mpsc::Sender<()>,
    /// What else looks after them ends with it, too.
    tasks: JoinSet<()>,
    /// Where they may be waiting for room.
    room: Arc<Room>,
}

impl Folders {
    /// Starts watching every account's folders, which are listened to already.
    pub fn watch(config: &Config, ferry: &Ferry, early: Early) -> io::Result<Self> {
        let (begins, begun) = channel(1);
        let (ends, ended) = channel(1);
        let (looking, stopped) = std::sync::mpsc::channel();
        let mut starting = Starting {
            config,
            ferry,
            early,
            health: Arc::new(Health::new("recording files", LOG)),
            begins,
            ends,
            watched: Vec::new(),
            started: Self {
                senders: Vec::new(),
                threads: Vec::new(),
                begun,
                ended,
                looking,
                tasks: JoinSet::new(),
                room: Arc::clone(&ferry.room),
            },
        };
        for owner in 0..config.accounts.len() {
            starting.account(owner)?;
        }
        // Each thread has its own of the senders, which end here.
        let Starting { watched, started, .. } = starting;
        let store = ferry.store.clone();
        std::thread::Builder::new()
            .name("stuck".to_owned())
            .spawn(move || stuck::look_after(watched, &store, &stopped))?;
        Ok(started)
    }

    /// Waits until the first scans are running, but not for ever.
    pub async fn begin(&mut self) {
        let _ = timeout(BEGIN, self.begun.recv()).await;
    }

    /// Ends after the files that are being read, if that is soon.
    pub async fn stop(mut self) {
        self.senders.iter().for_each(HintSender::stop);
        self.room.wake();
        if timeout(END, self.ended.recv()).await.is_ok() {
            self.threads.into_iter().for_each(|thread| drop(thread.join()));
        }
    }
}

/// How long deliveries wait until all folders were looked through.
const PATIENCE: Duration = Duration::from_secs(60);

/// The folders of an account that were not looked through yet, and those that were not there or empty, or held what was not
/// read, when they were.
pub struct Unseen {
    folders: Mutex<HashSet<PathBuf>>,
    missing: Mutex<HashSet<PathBuf>>,
    route: Route,
}

impl Unseen {
    /// One was looked through, or cannot be. Tells when all were.
    fn remove(&self, folder: &Path) {
        // Whoever panicked with it ended the process.
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.remove(folder);
        if folders.is_empty() {
            // What was read before this is in the store before whatever is asked of it from now on.
            self.route.scanned.send_if_modified(|scanned| !std::mem::replace(scanned, true));
        }
    }

    /// What waits is not held back for ever: what is not read by then is compared when it comes.
    async fn give_up(self: Arc<Self>) {
        tokio::time::sleep(PATIENCE).await;
        let folders = std::mem::take(&mut *self.folders.lock().unwrap_or_else(PoisonError::into_inner));
        for folder in folders {
            events::folder_slow(&self.route.name, &folder, PATIENCE.as_secs());
            self.remove(&folder);
        }
    }

    /// Whether one is missing, as far as one can tell. Returns whether that is news.
    fn set_missing(&self, folder: &Path, is_missing: bool) -> bool {
        let mut missing = self.missing();
        let is_news = if is_missing { missing.insert(folder.to_path_buf()) } else { missing.remove(folder) };
        self.route.complete.store(missing.is_empty(), Ordering::SeqCst);
        if is_news && missing.is_empty() {
            // Nothing has to be compared any more.
            self.route.bell.ring();
        }
        is_news
    }

    fn is_missing(&self, folder: &Path) -> bool {
        self.missing().contains(folder)
    }

    fn missing(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.missing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Starting<'a> {
    config: &'a Config,
    ferry: &'a Ferry,
    early: Early,
    health: Arc<Health>,
    begins: Sender<()>,
    ends: Sender<()>,
    watched: Vec<Watched>,
    started: Folders,
}

impl Starting<'_> {
    fn account(&mut self, index: usize) -> io::Result<()> {
        let folders = &self.config.accounts[index].folders;
        let owner: Owner = (self.ferry.people[index].clone(), self.ferry.routes[index].clone());
        let paths: Vec<PathBuf> = folders.iter().map(|folder| folder.path.clone()).collect();
        let [unseen, missing] = [(); 2].map(|()| Mutex::new(paths.iter().cloned().collect()));
        let watched = absent::watched(&self.ferry.store.reader().map_err(io::Error::other)?, owner.0.account);
        let looks = Arc::new(Looks::new(&paths, watched.map_err(io::Error::other)?));
        let unseen = Arc::new(Unseen { folders: unseen, missing, route: owner.1.clone() });
        let (account, health) = (owner.0.account, Arc::clone(&self.health));
        self.ferry.store.submit(move |c| folders::keep(c, account, &paths), move |kept| drop(health.note(kept)));
        let mut movers = Vec::new();
        for folder in folders {
            let moving = Moving::new(folder);
            let is_moved = moving.is_wanted();
            let sender = self.folder(folder, owner.clone(), (Arc::clone(&unseen), Arc::clone(&looks)), moving)?;
            if is_moved {
                // What was delivered and not moved before a stop.
                sender.send(Hint::Move { anew: true });
                movers.push(sender);
            }
        }
        self.started.tasks.spawn(Arc::clone(&unseen).give_up());
        if !movers.is_empty() {
            self.started.tasks.spawn(moves::listen(owner.1.done.clone(), movers));
        }
        Ok(())
    }

    fn folder(
        &mut self,
        settings: &config::Folder,
        owner: Owner,
        (unseen, looks): (Arc<Unseen>, Arc<Looks>),
        moving: Moving,
    ) -> io::Result<HintSender> {
        let watch = &self.config.settings.watch;
        let rules = Rules {
            settle: watch.settle.get(),
            salvage_after: watch.salvage_after.get(),
            scan_every: watch.scan_every.get(),
            poll_every: watch.poll_every.get(),
        };
        let removals = Removals::new(watch, settings.on_removed, looks);
        let store = self.ferry.store.clone();
        let known = store.reader().map_err(io::Error::other)?;
        let config::Folder { path, watch, sentinel, .. } = settings.clone();
        let account = owner.0.account;
        let Remembered { missed, identity } = folders::remembered(&known, account, &path).map_err(io::Error::other)?;
        let [disks, met] = disks::remembered(&known, account, &path).map_err(io::Error::other)?;
        let was_missed = missed.map(|missed| ago(Timestamp::now().duration_since(missed)));
        let folder = Folder { path, watching: watch, was_missed, sentinel };
        // Each is there once.
        let listening = self.early.take(&folder.path).ok_or(io::ErrorKind::NotFound)?;
        let (sender, pulse) = (listening.sender.clone(), Pulse::default());
        // Already to listen to it may take for ever.
        pulse.at(&folder.path);
        self.watched.push(Watched::new(&owner, &folder, &pulse, &unseen));
        let ground = Ground { root: identity, disks, met };
        let (troubles, incomplete) = (Troubles::default(), Incomplete::default());
        let (submitted, health) = (Submitted::default(), Arc::clone(&self.health));
        let folder = FolderThread {
            owner,
            folder,
            ground,
            missed,
            known,
            settled: None,
            store,
            submitted,
            health,
            unseen,
            pulse,
            troubles,
            incomplete,
        };
        let (begins, ends) = (self.begins.clone(), self.ends.clone());
        let run = move || {
            let Some(hints) = listening.hints() else { return };
            let watcher = Watcher::new(folder.folder.clone(), rules, hints, folder.pulse.clone());
            drop(begins);
            folder.run(watcher, removals, moving);
            drop(ends);
        };
        self.started.threads.push(std::thread::Builder::new().name("folder".to_owned()).spawn(run)?);
        self.started.senders.push(sender.clone());
        Ok(sender)
    }
}

/// Nothing for a time in the future, which is that of a clock that was wrong.
fn ago(duration: SignedDuration) -> Duration {
    Duration::try_from(duration).unwrap_or_default()
}
