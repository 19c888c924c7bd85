//! One folder: what its watcher finds is read and handed to the store.

use super::super::ghosts;
use super::super::ground::Ground;
use super::super::moves::Moving;
use super::super::removals::Removals;
use super::incomplete::Incomplete;
use super::settled::Settled;
use super::{Owner, Unseen};
use crate::crash;
use crate::descriptors::words;
use crate::events;
use crate::formats::{READER_VERSION, Reading};
use crate::intake::{self, Assessment, Links, Person, Seen};
use crate::sqlite::Health;
use crate::store::disks::{self, Disk};
use crate::store::folders::Troubles;
use crate::store::{Account, Error, Stamp, Store, accounts, files, folders};
use crate::sync::Route;
use crate::watch::{
    Candidate, Finding, Folder, Hint, HintSender, Known, Mode, Next, Pulse, Rest, Scanned, Watcher, Why, is_there,
};
use jiff::Timestamp;
use rusqlite::Connection;
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub struct FolderThread {
    pub owner: Owner,
    pub folder: Folder,
    /// Where it was when something was last concluded from what is missed there.
    pub ground: Ground,
    /// When events last did not tell of a file.
    pub missed: Option<Timestamp>,
    /// Only reads.
    pub known: Connection,
    /// What it said when a scan of the whole folder had found the first file.
    pub settled: Option<Settled>,
    pub store: Store,
    pub submitted: Submitted,
    /// One full disk fails thousands of files: the log is told once.
    pub health: Arc<Health>,
    pub unseen: Arc<Unseen>,
    pub pulse: Pulse,
    pub troubles: Troubles,
    pub incomplete: Incomplete,
}

/// Files whose verdict is on its way to the disk: a scan and an event may both find a file within that moment.
#[derive(Clone, Default)]
pub struct Submitted(Arc<Mutex<HashMap<PathBuf, Stamp>>>);

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

impl FolderThread {
    /// Until it is stopped.
    pub fn run(mut self, mut watcher: Watcher, mut removals: Removals, mut moving: Moving) {
        let sender = watcher.sender();
        let path = self.folder.path.clone();
        loop {
            let next = watcher.next(&mut |path, stamp, scan| self.known(path, stamp, scan));
            if sender.is_stopped() {
                // Whoever looked at what did not answer meanwhile has nobody to tell any more.
                return removals.stop(&self.owner);
            }
            let name = &self.owner.0.name;
            match next {
                Next::Stopped => return,
                Next::Read(candidate) if self.waits_for_room(&sender) => {
                    // Whatever was known of it is old by now.
                    watcher.report(&candidate, Finding::Changed);
                }
                Next::Read(candidate) => {
                    self.pulse.reads(&candidate.path);
                    let finding = self.read(&candidate, &sender);
                    self.pulse.at(&candidate.path);
                    watcher.report(&candidate, finding);
                    self.incomplete.read().into_iter().for_each(|time| watcher.scan_again(time));
                }
                Next::Watching { mode, every } => self.watching(&mode, every),
                Next::Away { error } => {
                    self.settled = None;
                    self.unseen.remove(&path);
                    self.missing();
                    let reason = words(&error);
                    events::folder_away(name, &path, &reason);
                    self.note(move |c, account, path| folders::set_away(c, account, path, &reason));
                }
                Next::Back => events::folder_back(name, &path),
                Next::Barred { path, error } => {
                    events::folder_unreadable(name, &path, &words(&error));
                    let words = trouble(&path, &error, 1, removals.remark());
                    self.note_trouble(|troubles| troubles.barred = troubles.barred.take().or(Some(words)));
                }
                Next::Crossed { disk } => self.crossed(disk),
                Next::Scanned { scan, barred, disks, took } => {
                    self.unseen.remove(&path);
                    if scan.is_root {
                        self.settled = None;
                        let words =
                            barred.map(|(inside, error)| trouble(&inside, &error, scan.barred, removals.remark()));
                        self.note_trouble(|troubles| troubles.barred = words);
                    }
                    if scan.is_root && scan.barred == 0 {
                        if scan.files == 0 {
                            self.missing();
                        } else if scan.fresh == 0 {
                            self.unseen.set_missing(&path, false);
                        }
                        let is_missing = self.unseen.is_missing(&path);
                        self.incomplete
                            .scanned(is_missing, scan.files)
                            .into_iter()
                            .for_each(|time| watcher.scan_again(time));
                    }
                    let name = &self.owner.0.name;
                    if scan.is_root && moving.is_wanted() {
                        sender.send(Hint::Move { anew: true });
                    }
                    events::scan_done(name, &path, scan.files, scan.candidates, took.as_millis());
                    let now = self.ground.after(scan, disks);
                    let grounds = (&self.ground, &now);
                    match removals.scanned(&path, scan, grounds, &self.owner, &self.known, &self.pulse) {
                        Ok(true) => {
                            self.ground = now;
                            // The other one is perhaps looked through just now.
                            removals.waits().into_iter().for_each(|time| watcher.scan_again(time));
                        }
                        Ok(false) => removals.is_early().into_iter().for_each(|time| watcher.scan_again(time)),
                        Err(error) => self.failed("looking for removed files", &error),
                    }
                    // Nothing in it, or not all of it to be seen: perhaps a disk is missing.
                    if scan.is_root && scan.files > 0 && scan.barred == 0 {
                        self.forget_ghosts(&path, Some(scan));
                    }
                }
                Next::Gone { path } => self.forget_ghosts(&path, None),
                Next::Move { anew } => {
                    match moving.go_on(anew, &self.owner, &self.known) {
                        Ok(true) => sender.send(Hint::Move { anew: false }),
                        Ok(false) => {}
                        Err(error) => self.failed("moving files", &error),
                    }
                    self.note_trouble(|troubles| troubles.unmoved = moving.trouble());
                }
                Next::Rescan(loss) => events::folder_rescan(name, &path, loss.reason(), loss.hint()),
            }
        }
    }

    /// Waits while there is little room on the disk of the memory. Whether it had to.
    fn waits_for_room(&self, sender: &HintSender) -> bool {
        let room = &self.owner.1.room;
        if room.lacking().is_none() {
            return false;
        }
        // Nobody should think that it is the folder that does not answer, nor wait until it was looked through.
        self.pulse.rest();
        self.unseen.remove(&self.folder.path);
        room.wait(|| sender.is_stopped());
        self.pulse.at(&self.folder.path);
        true
    }

    /// What comes back may have been delivered by a memory before this one: it is compared before it is sent.
    fn missing(&self) {
        if self.unseen.set_missing(&self.folder.path, true) {
            self.note(|c, account, _| accounts::be_wary(c, account));
        }
    }

    fn failed(&self, what: &str, error: &Error) {
        // It is closed when all has stopped, and does not wait for a folder that does not answer.
        if !matches!(error, Error::Closed) {
            events::store_failed(what, error);
            self.store.suspect(error);
        }
    }

    fn forget_ghosts(&self, path: &Path, scan: Option<Scanned>) {
        if let Err(error) = ghosts::forget(&self.owner, path, scan, &self.known, &self.pulse) {
            self.failed("forgetting files that are gone", &error);
        }
    }

    /// Tells and notes how the folder is watched.
    fn watching(&mut self, mode: &Mode, every: Duration) {
        let (name, path) = (&self.owner.0.name, &self.folder.path);
        let (word, reason) = match mode {
            Mode::Events => ("events", None),
            Mode::Polling(why) => ("polling", Some(why.to_string())),
        };
        if let Mode::Polling(Why::Deaf(deaf)) = mode {
            events::folder_unwatchable(name, path, &deaf.error, deaf.hint);
        }
        events::folder_watched(name, path, word, reason.as_deref(), every.as_secs());
        self.missed = match mode {
            Mode::Polling(Why::Missed(_)) => Some(Timestamp::now()),
            Mode::Polling(Why::MissedBefore) => self.missed,
            Mode::Events | Mode::Polling(_) => None,
        };
        let missed = self.missed;
        self.note(move |c, account, path| folders::set_mode(c, account, path, (word, reason.as_deref(), missed)));
    }

    /// Remembers a disk before anything is read from it: it may be gone before everything was looked through.
    fn crossed(&mut self, disk: Disk) {
        if self.ground.meet(&disk) {
            // What is on it may have been delivered by a memory before this one, too.
            self.missing();
            self.note(move |c, account, path| disks::meet(c, account, path, &disk));
        }
    }

    /// Writes down what people should look after, if that is news.
    fn note_trouble(&mut self, change: impl FnOnce(&mut Troubles)) {
        let before = self.troubles.clone();
        change(&mut self.troubles);
        if self.troubles != before {
            let troubles = self.troubles.clone();
            self.note(move |c, account, path| folders::set_troubles(c, account, path, &troubles));
        }
    }

    /// Writes down what is only to be shown, or can be found out again.
    fn note(&self, write: impl FnOnce(&Connection, Account, &Path) -> rusqlite::Result<()> + Send + 'static) {
        let (account, path) = (self.owner.0.account, self.folder.path.clone());
        let health = Arc::clone(&self.health);
        self.store.submit(move |c| write(c, account, &path), move |written| drop(health.note(written)));
    }

    /// In doubt a file is read again, which does no harm.
    fn known(&mut self, path: &Path, stamp: Stamp, scan: Option<Instant>) -> Known {
        if scan.is_some_and(|scan| self.settled_for(scan).contains(path, stamp)) {
            return Known::Settled;
        }
        // In this order: it leaves the one when it is in the other.
        if self.submitted.contains(path, stamp) {
            return Known::Settled;
        }
        let account = self.owner.0.account;
        let known = match files::settled(&self.known, account, path, stamp, READER_VERSION) {
            Ok(Some(_)) => Ok(Known::Settled),
            Ok(None) => files::was_seen(&self.known, account, path, stamp)
                .map(|seen| if seen { Known::Seen } else { Known::No }),
            Err(error) => Err(error),
        };
        known.unwrap_or_else(|error| {
            self.store.suspect(&error.into());
            Known::Seen
        })
    }

    /// What was settled when this scan asked for the first time. If nobody can tell, each file is asked for by itself.
    fn settled_for(&mut self, scan: Instant) -> &Settled {
        // The one before it is not kept beside it.
        self.settled.take_if(|settled| settled.scan != scan);
        self.settled.get_or_insert_with(|| {
            let loaded = Settled::load(&self.known, self.owner.0.account, &self.folder.path, scan);
            loaded.unwrap_or_else(|error| {
                self.store.suspect(&error.into());
                Settled::none(scan)
            })
        })
    }

    fn read(&self, candidate: &Candidate, sender: &HintSender) -> Finding {
        let (person, route) = &self.owner;
        let path = &candidate.path;
        let mut read = match intake::read(path, &person.rules, Links::Refused) {
            Ok(read) if read.changed => return Finding::Changed,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Finding::Changed,
            Ok(read) => read,
            // Some shares list names that nobody can open.
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_there(path).is_ok_and(|is_there| is_there) => {
                return Finding::Gone;
            }
            Err(error) => {
                // Told and written down when it is news, and not each time.
                if candidate.failed != Some(error.kind()) {
                    let reason = words(&error);
                    events::file_unreadable(&person.name, path, &reason);
                    let reason = format!("cannot be read: {reason}");
                    let reading = Reading::unknown(reason.clone());
                    let seen = Seen::new(path, candidate.stamp, reading, Assessment::Wait(reason));
                    self.submit(person, route, seen, sender, true);
                }
                return Finding::Failed(error.kind());
            }
        };
        if candidate.failed.is_some() {
            // It was passed over when all else was looked through.
            self.note(|c, account, _| accounts::be_wary(c, account));
        }
        // Somebody may still write to it, unless it has rested for long.
        read.mixed = candidate.rest != Rest::Long && self.is_mixed(person, path, &read, candidate.closed);
        let finding = Finding::of(read.proof(), candidate.rest);
        let assessment = match finding {
            Finding::Unproven => return finding,
            Finding::Unfinished => read.assess_unfinished(Timestamp::now()),
            _ => read.assess(Timestamp::now()),
        };
        let seen = read.seen(path, assessment);
        crash::point("folders.read");
        self.submit(person, route, seen, sender, false);
        finding
    }

    fn is_mixed(&self, person: &Person, path: &Path, read: &intake::Read, closed: bool) -> bool {
        intake::is_mixed(&self.known, person.account, path, read, closed).unwrap_or_else(|error| {
            self.store.suspect(&error.into());
            false
        })
    }

    /// Hands a judged file to the store, without waiting: files share commits, and the next one can be read meanwhile.
    fn submit(&self, person: &Person, route: &Route, seen: Seen, sender: &HintSender, quiet: bool) {
        let (person, bell, sender, path) = (person.clone(), route.bell.clone(), sender.clone(), seen.path());
        let done = route.done.clone();
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
                    if receipt.changed.is_empty() {
                        done.notify_one();
                    } else {
                        bell.ring();
                    }
                }
                Err(_) => sender.send(Hint::Retry(path)),
            }
        });
    }
}

/// What people are told of folders inside that cannot be read.
fn trouble(first: &Path, error: &io::Error, count: usize, remark: &str) -> String {
    let others = if count > 1 { format!(" (nor can {} more)", count - 1) } else { String::new() };
    format!("{} cannot be read: {}{others}{remark}", first.display(), words(error))
}
