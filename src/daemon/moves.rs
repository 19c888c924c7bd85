//! Moves files that are done with, where a folder asks for it: when that is so, where they go, and what is remembered of it.
//! Nothing is replaced, and nothing deleted.

mod copies;
mod rename;

use super::folders::Owner;
use crate::config::{Afterwards, Folder};
use crate::crash;
use crate::events;
use crate::intake::{self, Person};
use crate::store::moves::{self, Ready, Wanted};
use crate::store::{Error, Stamp, files};
use crate::watch::{Hint, HintSender};
use copies::Copies;
use jiff::Timestamp;
use rename::{hint_for, move_one};
use rusqlite::Connection;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;

/// Files looked at before others have their turn.
const BATCH: usize = 200;

/// Deliveries within this time are one reason to look.
const PAUSE: Duration = Duration::from_secs(1);

/// A folder whose files may be moved.
pub struct Moving {
    wanted: Wanted,
    /// Where done and rejected files go.
    places: [PathBuf; 2],
    /// The last file that was looked at; nothing if all were.
    after: Option<PathBuf>,
    copies: Copies,
    /// Why files cannot be moved, in words, by kind: the reason of one hides not that of another. As of the last time that all
    /// were looked at, and since then.
    told: BTreeMap<String, String>,
    failed: BTreeMap<String, String>,
}

/// What a folder wants to be moved.
pub fn wanted(folder: &Folder) -> Wanted {
    let [done, rejected] = [folder.on_done, folder.on_rejected].map(|after| after == Afterwards::Move);
    Wanted { done, rejected }
}

/// Why a file that is done with stays where it is, if that is for good: the same is in place already.
pub fn copy_in_place(ready: &Ready, folder: &Path) -> Option<PathBuf> {
    copies::find(&ready.path, &moves::places(folder)[usize::from(ready.rejected)])
}

/// A file at its new place.
struct Moved {
    ready: Ready,
    to: PathBuf,
    now: Stamp,
}

/// Why a file could not be moved.
type Failure = (PathBuf, io::Error);

impl Moving {
    pub fn new(folder: &Folder) -> Self {
        let places = moves::places(&folder.path);
        let (copies, told) = (Copies::default(), BTreeMap::new());
        Self { wanted: wanted(folder), places, after: None, copies, told, failed: BTreeMap::new() }
    }

    /// Whether there is anything to do.
    pub fn is_wanted(&self) -> bool {
        self.wanted.any()
    }

    /// Why files cannot be moved, in words.
    pub fn trouble(&self) -> Option<String> {
        (!self.told.is_empty()).then(|| self.told.values().map(String::as_str).collect::<Vec<_>>().join("; "))
    }

    /// Moves the next files that are done with; with `anew`, from the first of them. Whether there may be more.
    pub fn go_on(&mut self, anew: bool, owner: &Owner, known: &Connection) -> Result<bool, Error> {
        if anew {
            self.after = Some(PathBuf::new());
            self.failed.clear();
            self.copies.begin();
        }
        self.next(owner, known)
    }

    fn folder(&self) -> &Path {
        self.places[0].parent().unwrap_or(&self.places[0])
    }

    fn next(&mut self, owner: &Owner, known: &Connection) -> Result<bool, Error> {
        let Some(after) = self.after.take() else { return Ok(false) };
        let (person, route) = owner;
        let [done, rejected] = &self.places;
        let ready = moves::ready(known, person.account, self.folder(), &[done, rejected], self.wanted, &after, BATCH)?;
        let is_more = ready.len() == BATCH;
        let last = ready.last().map(|ready| ready.path.clone());
        let (moved, failures) = self.move_all(ready, person, known)?;
        if !moved.is_empty() {
            crash::point("moves.renamed");
            let (writer, told) = (person.clone(), moved.iter().map(Moved::paths).collect::<Vec<_>>());
            if route.store.call_blocking(move |connection| write(connection, &writer, &moved, Timestamp::now()))? {
                route.bell.ring();
            }
            crash::point("moves.written");
            told.iter().for_each(|(from, to)| events::file_moved(&person.name, from, to));
        }
        for (path, error) in failures {
            let kind = error.kind().to_string();
            if !self.told.contains_key(&kind) && !self.failed.contains_key(&kind) {
                events::folder_move_failed(&person.name, self.folder(), &path, &error, hint_for(&error));
            }
            let words = format!("cannot move {} and perhaps others: {error}; {}", path.display(), hint_for(&error));
            self.failed.entry(kind).or_insert(words);
        }
        self.after = last.filter(|_| is_more);
        if is_more {
            self.told.extend(self.failed.clone());
        } else {
            self.told = std::mem::take(&mut self.failed);
        }
        Ok(is_more)
    }

    /// Renames files; those that have changed or cannot be moved stay. The first failure of each kind is returned, too.
    fn move_all(
        &mut self,
        ready: Vec<Ready>,
        person: &Person,
        known: &Connection,
    ) -> rusqlite::Result<(Vec<Moved>, Vec<Failure>)> {
        let month = Timestamp::now().to_zoned(person.rules.zone.clone()).strftime("%Y-%m").to_string();
        let (mut moved, mut failures) = (Vec::new(), Vec::<Failure>::new());
        let mut folders = BTreeSet::new();
        for ready in ready {
            let place = &self.places[usize::from(ready.rejected)];
            if let Some(copy) = self.copies.look(&ready, place) {
                copy.iter().for_each(|copy| events::file_stays(&person.name, &ready.path, copy));
                continue;
            }
            let folder = place.join(&month);
            let mut is_free = |to: &Path| match files::row(known, person.account, to)? {
                Some(other) => moves::tells_no_more(known, other, ready.file),
                None => Ok(true),
            };
            match move_one(&ready, place, &folder, &mut is_free)? {
                Ok(Some((to, now))) => {
                    moved.push(Moved { ready, to, now });
                    folders.insert(folder);
                }
                Ok(None) => {}
                Err(error) if failures.iter().any(|(_, other)| other.kind() == error.kind()) => {}
                Err(error) => failures.push((ready.path, error)),
            }
        }
        for folder in folders {
            // What is written down of files must not outlive a power cut that they do not; not every file system can.
            let _ = File::open(folder).and_then(|folder| folder.sync_all());
        }
        Ok((moved, failures))
    }
}

impl Moved {
    fn paths(&self) -> (PathBuf, PathBuf) {
        (self.ready.path.clone(), self.to.clone())
    }
}

/// Looks for files to be moved whenever some may be done with; never ends.
pub async fn listen(done: Arc<Notify>, senders: Vec<HintSender>) {
    loop {
        done.notified().await;
        senders.iter().for_each(|sender| sender.send(Hint::Move { anew: true }));
        tokio::time::sleep(PAUSE).await;
    }
}

/// Writes down where files are now; a file whose place in the memory was taken meanwhile is read again. Whether that
/// changed any session.
fn write(connection: &Connection, person: &Person, moved: &[Moved], at: Timestamp) -> rusqlite::Result<bool> {
    let mut has_changed = false;
    for Moved { ready, to, now } in moved {
        // It was there once, and is not any more; or it is the same one, read before this was written.
        if let Some(other) = files::row(connection, person.account, to)? {
            if !moves::tells_no_more(connection, other, ready.file)? {
                continue;
            }
            has_changed |= intake::forget(connection, person, other, at)?.changed > 0;
        }
        moves::set_path(connection, ready, to, *now)?;
    }
    Ok(has_changed)
}
