//! Since when files are missed, and the end of those whose time of grace is over.

use super::super::folders::Owner;
use super::GROUP;
use super::looks::Looks;
use super::renamed;
use super::survey::Missed;
use crate::crash;
use crate::events;
use crate::intake;
use crate::store::{Error, absent};
use jiff::{SignedDuration, Timestamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Grace {
    pub time: SignedDuration,
    looks: Arc<Looks>,
    /// Whether sessions are at stake whose time is not over.
    pub is_running: bool,
    /// Which other folder was waited for when it was, and after how many scans in a row.
    awaited: Option<PathBuf>,
    pub waits: u32,
}

impl Grace {
    pub fn new(time: SignedDuration, looks: Arc<Looks>) -> Self {
        Self { time, looks, is_running: false, awaited: None, waits: 0 }
    }

    /// Notes which files are missed, and forgets those whose time is over. Where sessions of a folder are at stake, all others
    /// have to be looked through after that.
    pub fn believe(&mut self, owner: &Owner, missed: Vec<Missed>, folder: Option<&Path>) -> Result<(), Error> {
        let (person, route) = owner;
        let (account, now, watched) = (person.account, Timestamp::now(), self.looks.clock.now());
        let (noted, new): (Vec<_>, Vec<_>) = missed.into_iter().partition(|missed| missed.since.is_some());
        if !new.is_empty() {
            let files: Vec<i64> = new.iter().map(|missed| missed.file).collect();
            let paths = route.store.call_blocking(move |c| absent::miss(c, account, &files, (now, watched)))?;
            crash::point("removals.missed");
            let seconds = u64::try_from(self.time.as_secs()).unwrap_or_default();
            if folder.is_some() {
                paths.iter().for_each(|path| events::file_missed(&person.name, path, seconds));
            } else {
                renamed::tell(&person.name, &paths);
            }
        }
        if !noted.is_empty() {
            route.store.call_blocking(move |c| absent::set_watched(c, account, watched))?;
        }
        let mut due = Vec::new();
        let mut unseen = None;
        for Missed { file, since } in noted {
            let Some(end) = since.map(|since| since.saturating_add(self.time)).filter(|end| *end <= watched) else {
                continue;
            };
            match folder.and_then(|folder| self.looks.unseen_since(folder, end)) {
                None => due.push(file),
                other => unseen = other,
            }
        }
        if let Some(folder) = folder {
            self.wait_for(owner, folder, unseen);
        }
        due.chunks(GROUP).try_for_each(|group| forget(owner, group.to_vec(), now))
    }

    /// Another folder, as files may have been moved there; told once.
    fn wait_for(&mut self, owner: &Owner, folder: &Path, other: Option<PathBuf>) {
        self.waits = if other.is_some() { self.waits.saturating_add(1) } else { 0 };
        if other != self.awaited {
            if let Some(other) = &other {
                events::folder_awaited(&owner.0.name, folder, other);
            }
            self.awaited = other;
        }
    }

    /// Writes down how much of the time is over.
    pub fn stop(&self, owner: &Owner) {
        if self.is_running {
            let (account, watched) = (owner.0.account, self.looks.clock.now());
            // Should it fail, more of it is left, and no harm is done.
            let _ = owner.1.store.call_blocking(move |c| absent::set_watched(c, account, watched));
        }
    }
}

fn forget(owner: &Owner, files: Vec<i64>, now: Timestamp) -> Result<(), Error> {
    let (person, route) = owner;
    let writer = person.clone();
    let forgotten = route.store.call_blocking(move |connection| {
        let mut forgotten = Vec::with_capacity(files.len());
        for file in files {
            if absent::is_missed(connection, file)? {
                forgotten.push(intake::forget(connection, &writer, file, now)?);
            }
        }
        Ok(forgotten)
    })?;
    crash::point("removals.forgotten");
    route.bell.ring();
    for intake::Forgotten { path, deleted, .. } in &forgotten {
        let tell = if *deleted > 0 { events::file_forgotten } else { events::file_let_go };
        tell(&person.name, path, *deleted);
    }
    Ok(())
}
