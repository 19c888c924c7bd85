//! When the watcher looks through its folder, and what follows from what it finds there.

use super::pace::Pace;
use super::scan::{Found, Scan};
use super::settle::{Rest, Track};
use super::{Ask, Candidate, Known, Next, Scanned, Watcher, roots};
use std::io;
use std::path::PathBuf;
use std::time::Duration;

impl Watcher {
    /// Scans the folder if it was away or is not the same as before.
    pub(super) fn look(&mut self) {
        if self.root.has_changed() || self.root.away.is_some() && !self.is_scanned() {
            self.scan_root();
        }
    }

    /// Whether the whole folder is being looked through.
    pub(super) fn is_scanned(&self) -> bool {
        self.scans.iter().any(|scan| scan.is_root)
    }

    /// Goes on with the first scan until it finds a candidate, has to rest or ends.
    pub(super) fn scan_on(&mut self, known: &mut Ask<'_>) -> Option<Candidate> {
        let now = self.now();
        let scan = self.scans.front_mut()?;
        let found = loop {
            if scan.pace.as_mut().is_some_and(|pace| pace.rests(self.began.elapsed())) {
                return None;
            }
            match scan.next() {
                Some(Ok(Found::Disk(disk))) => {
                    self.pulse.at(&disk.path);
                    self.root.crossed(&disk.path);
                    self.news.push_back(Next::Crossed { disk });
                    self.tell_of_watching();
                    return None;
                }
                Some(Ok(Found::File(path, stamp, links))) => {
                    self.pulse.at(&path);
                    if let Some(track) = self.tracks.get(&path) {
                        scan.fresh += u64::from(!track.has_failed());
                        // Nobody may have told that it goes on growing.
                        if track.stamp != stamp {
                            let track = Track::growing(stamp, now).written(track.is_written);
                            self.tracks.insert(path, track);
                        }
                        continue;
                    }
                    let known = known(&path, stamp, scan.is_root.then_some(scan.began));
                    scan.fresh += u64::from(known == Known::No);
                    match known {
                        Known::Settled => {
                            scan.settled += 1;
                            continue;
                        }
                        Known::No => {
                            // An event has but one of a file's names.
                            if scan.is_told && links == 1 {
                                self.unheard.found(&path, now);
                            }
                            scan.hurry();
                        }
                        Known::Seen => {}
                    }
                    let next = self.readings.next(&path, now);
                    if next > now {
                        self.tracks.insert(path, Track::growing(stamp, next));
                        continue;
                    }
                    scan.candidates += 1;
                    self.readings.begin(now, known == Known::No);
                    let age_at_most = self.root.looked().map(|then| now.saturating_sub(then));
                    let (rest, closed, failed) = (Rest::None, false, None);
                    return Some(self.candidate(Candidate { path, stamp, rest, closed, failed, age_at_most }));
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        let scan = self.scans.pop_front()?;
        match found {
            Err(error) => self.away(error),
            Ok(()) => self.scanned(scan),
        }
        None
    }

    fn away(&mut self, error: io::Error) {
        self.root.distrust();
        let why = error.to_string();
        if self.root.away.as_ref() != Some(&why) {
            self.root.away = Some(why);
            self.news.push_back(Next::Away { error });
        }
    }

    fn scanned(&mut self, scan: Scan) {
        let rested = scan.pace.map(|pace| pace.rested()).unwrap_or_default();
        let Scan { dir, is_root, files, candidates, settled, fresh, began, barred, disks, waited, read, .. } = scan;
        self.pulse.at(&dir);
        // A server that was away for an hour is no reason to poll its share once in two days.
        let waited = self.pulse.waited().saturating_sub(waited);
        // What is new is read once.
        let read = self.readings.of_new().saturating_sub(read);
        let (now, took) = (self.now(), began.elapsed().saturating_sub(waited + read + rested));
        if is_root {
            // Its disk may have gone while it was looked through.
            if let Err(error) = self.root.sentinel() {
                return self.away(error);
            }
            let began = now.saturating_sub(began.elapsed());
            self.root.scan_ended((began, now), took, &disks);
            self.unheard.looked(began.saturating_sub(self.rules.settle));
        }
        let scan = Scanned {
            is_root,
            files,
            candidates,
            settled,
            fresh,
            barred: barred.len(),
            identity: roots::identity(&dir),
        };
        if is_root && self.root.away.take().is_some() {
            self.news.push_back(Next::Back);
        }
        self.tell_of_watching();
        let reopened = self.barred.reopened(&dir, &barred);
        let first = barred.first().map(|(path, error)| (path.clone(), copy(error)));
        let barred = self.barred.take(barred);
        self.news.extend(barred.into_iter().map(|(path, error)| Next::Barred { path, error }));
        self.news.push_back(Next::Scanned { scan, barred: first, disks, took });
        if reopened {
            // It could not be listened to before.
            self.root.distrust();
            self.scan_root();
        }
    }

    /// Listens first, so that nothing falls between.
    pub(super) fn scan_root(&mut self) {
        let now = self.now();
        self.scans.clear();
        let root = &mut self.root;
        self.pulse.at(root.path());
        root.scan_begins(now);
        if let Err(error) = root.sentinel() {
            return self.away(error);
        }
        root.listen(&mut self.hints, now);
        let mut scan = Scan::of_root(root.path().to_path_buf(), root.tells_everything());
        (scan.waited, scan.read) = (self.pulse.waited(), self.readings.of_new());
        self.scans.push_back(scan);
        self.tell_of_watching();
    }

    /// The same because it is time to.
    pub(super) fn scan_in_time(&mut self) {
        let is_awaited = self.root.is_awaited();
        self.scan_root();
        let now = self.now();
        if let Some(scan) = self.scans.front_mut().filter(|_| !is_awaited) {
            scan.pace = Some(Pace::new(now));
        }
    }

    /// When the first scan goes on, if it rests.
    pub(super) fn next_work(&self) -> Option<Duration> {
        self.scans.front()?.pace?.next_work(self.now())
    }

    /// Somebody waits for what comes after the first scan.
    pub(super) fn hurry(&mut self) {
        self.scans.front_mut().into_iter().for_each(Scan::hurry);
    }

    pub(super) fn tell_of_watching(&mut self) {
        let every = self.root.pause(&self.rules);
        self.news.extend(self.root.news().map(|mode| Next::Watching { mode, every }));
    }

    /// A new folder is scanned once more, as its event comes before it is listened to.
    pub(super) fn scan_inside(&mut self, path: PathBuf, is_new: bool) {
        if is_new {
            let now = self.now();
            self.unheard.told_of_new(path.clone(), now);
            self.again.push_back((now + self.rules.settle, path.clone()));
        }
        self.scan_once(path);
    }

    /// Unless that waits to be done already, or is a part of what does.
    pub(super) fn scan_once(&mut self, path: PathBuf) {
        // What the first one has passed it does not come back to.
        let is_waiting = self.scans.iter().skip(1).any(|scan| path.starts_with(&scan.dir));
        if !is_waiting {
            self.hurry();
            self.scans.push_back(Scan::of_inside(path));
        }
    }
}

fn copy(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}
