//! When the watcher looks through its folders, and what follows from what it finds there.

use super::scan::{Found, Scan};
use super::settle::{Rest, Track};
use super::{Candidate, Known, Next, Scanned, Watcher, roots};
use crate::store::Stamp;
use std::io;
use std::path::{Path, PathBuf};

impl Watcher {
    /// Scans the folders that were away or are not the same as before.
    pub(super) fn look(&mut self) {
        for folder in 0..self.roots.len() {
            let root = &self.roots[folder];
            if root.has_changed() || root.away && !self.is_scanned(folder) {
                self.scan_root(folder);
            }
        }
    }

    /// Whether the whole folder is being looked through.
    pub(super) fn is_scanned(&self, folder: usize) -> bool {
        self.scans.iter().any(|scan| scan.is_root && scan.folder == folder)
    }

    /// Goes on with the first scan until it finds a candidate or ends.
    pub(super) fn scan_on(&mut self, known: &mut dyn FnMut(usize, &Path, Stamp) -> Known) -> Option<Candidate> {
        let now = self.now();
        let scan = self.scans.front_mut()?;
        let folder = scan.folder;
        let found = loop {
            match scan.next() {
                Some(Ok(Found::Disk(disk))) => {
                    self.pulse.at(&disk.path);
                    self.roots[folder].crossed(&disk.path);
                    self.news.push_back(Next::Crossed { folder, disk });
                    self.tell_of_watching(folder);
                    return None;
                }
                Some(Ok(Found::File(path, stamp, links))) => {
                    self.pulse.at(&path);
                    if let Some(track) = self.tracks.get(&path) {
                        scan.fresh += u64::from(!track.has_failed());
                        // Nobody may have told that it goes on growing.
                        if track.stamp != stamp {
                            let track = Track::growing(stamp, now).written(track.is_written);
                            self.tracks.insert(folder, path, track);
                        }
                        continue;
                    }
                    let known = known(folder, &path, stamp);
                    scan.fresh += u64::from(known == Known::No);
                    match known {
                        Known::Settled => {
                            scan.settled += 1;
                            continue;
                        }
                        // An event has but one of a file's names.
                        Known::No if scan.is_told && links == 1 => self.unheard.found(folder, &path, now),
                        Known::No | Known::Seen => {}
                    }
                    scan.candidates += 1;
                    self.readings.begin(now, known == Known::No);
                    let age_at_most = self.roots[folder].looked().map(|then| now.saturating_sub(then));
                    let (rest, closed, failed) = (Rest::None, false, None);
                    return Some(self.candidate(Candidate { folder, path, stamp, rest, closed, failed, age_at_most }));
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        let scan = self.scans.pop_front()?;
        match found {
            Err(error) => self.away(folder, error),
            Ok(()) => self.scanned(scan),
        }
        None
    }

    fn away(&mut self, folder: usize, error: io::Error) {
        let root = &mut self.roots[folder];
        root.distrust();
        if !std::mem::replace(&mut root.away, true) {
            self.news.push_back(Next::Away { folder, error });
        }
    }

    fn scanned(&mut self, scan: Scan) {
        let Scan {
            folder, dir, is_root, files, candidates, settled, fresh, began, barred, disks, waited, read, ..
        } = scan;
        self.pulse.at(&dir);
        // A server that was away for an hour is no reason to poll its share once in two days.
        let waited = self.pulse.waited().saturating_sub(waited);
        // What is new is read once.
        let read = self.readings.of_new().saturating_sub(read);
        let (now, took) = (self.now(), began.elapsed().saturating_sub(waited + read));
        if is_root {
            // Its disk may have gone while it was looked through.
            if let Err(error) = self.roots[folder].sentinel() {
                return self.away(folder, error);
            }
            self.roots[folder].scan_ended((now.saturating_sub(began.elapsed()), now), took, &disks);
        }
        let scan = Scanned {
            is_root,
            files,
            candidates,
            settled,
            fresh,
            unread: self.tracks.failed(folder),
            barred: barred.len(),
            identity: roots::identity(&dir),
        };
        if is_root && std::mem::take(&mut self.roots[folder].away) {
            self.news.push_back(Next::Back { folder });
        }
        self.tell_of_watching(folder);
        let reopened = self.barred.reopened(&dir, &barred);
        let first = barred.first().map(|(path, error)| (path.clone(), copy(error)));
        let barred = self.barred.take(barred);
        self.news.extend(barred.into_iter().map(|(path, error)| Next::Barred { folder, path, error }));
        self.news.push_back(Next::Scanned { folder, scan, barred: first, disks, took });
        if reopened {
            // It could not be listened to before.
            self.roots[folder].distrust();
            self.scan_root(folder);
        }
    }

    pub(super) fn scan_all(&mut self) {
        self.scans.clear();
        self.again.clear();
        for folder in 0..self.roots.len() {
            self.scan_root(folder);
        }
    }

    /// Listens first, so that nothing falls between.
    pub(super) fn scan_root(&mut self, folder: usize) {
        let now = self.now();
        self.scans.retain(|scan| scan.folder != folder);
        let root = &mut self.roots[folder];
        self.pulse.at(root.path());
        root.scan_begins(now);
        if let Err(error) = root.sentinel() {
            return self.away(folder, error);
        }
        root.listen(&mut self.hints, now);
        let mut scan = Scan::of_root(folder, root.path().to_path_buf(), root.tells_everything());
        (scan.waited, scan.read) = (self.pulse.waited(), self.readings.of_new());
        self.scans.push_back(scan);
        self.tell_of_watching(folder);
    }

    pub(super) fn tell_of_watching(&mut self, folder: usize) {
        let root = &mut self.roots[folder];
        let every = root.pause(&self.rules);
        self.news.extend(root.news().map(|mode| Next::Watching { folder, mode, every }));
    }

    /// A new folder is scanned once more, as its event comes before it is listened to.
    pub(super) fn scan_inside(&mut self, folder: usize, path: PathBuf, is_new: bool) {
        if is_new {
            self.again.push_back((self.now() + self.rules.settle, folder, path.clone()));
        }
        self.scan_once(folder, path);
    }

    /// Unless that waits to be done already, or is a part of what does.
    pub(super) fn scan_once(&mut self, folder: usize, path: PathBuf) {
        // What the first one has passed it does not come back to.
        let is_waiting = self.scans.iter().skip(1).any(|scan| scan.folder == folder && path.starts_with(&scan.dir));
        if !is_waiting {
            self.scans.push_back(Scan::of_inside(folder, path));
        }
    }
}

fn copy(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
