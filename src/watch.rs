//! Hints and scans in, candidate files out: finds the files of the watched folders that may have something new, and
//! decides when each is complete enough to be read.
//!
//! Events are hints: they can be lost, and network mounts send none. A scan is the truth. Whoever reads a candidate
//! reports back how it went, and the watcher remembers only those that it will have to look at again.

mod events;
pub mod names;
mod scan;
mod settle;

pub use events::{Hint, HintSender, Hints, hint_for};
pub use settle::{Finding, Rules};

use crate::store::Stamp;
use settle::Track;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

/// A folder is looked at this often while it is away.
const AWAY_PAUSE: Duration = Duration::from_secs(30);

/// How long a file that could not be read, or not be recorded, is left alone.
const FAILED_PAUSE: Duration = Duration::from_secs(10);

/// A watched folder; `owner` is the index of its account.
#[derive(Clone, Debug)]
pub struct Folder {
    pub owner: usize,
    pub path: PathBuf,
}

/// A file to be read now.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub folder: usize,
    pub path: PathBuf,
    pub stamp: Stamp,
    /// Nothing more is expected: take what is there, whatever its condition.
    pub last_call: bool,
}

/// What the watcher wants next.
#[derive(Debug)]
pub enum Next {
    Read(Candidate),
    /// A folder could not be read, or can be read again.
    Away {
        folder: usize,
        error: std::io::Error,
    },
    Back {
        folder: usize,
    },
    Scanned {
        folder: usize,
        files: u64,
        candidates: u64,
        took: Duration,
    },
    /// Events were lost, so everything is looked at.
    Rescan(&'static str),
    Stopped,
}

/// Watches folders. Drive it with [`Watcher::next`] from one thread.
pub struct Watcher {
    folders: Vec<Folder>,
    rules: Rules,
    hints: Hints,
    began: Instant,
    /// Files that must be looked at again.
    tracks: HashMap<PathBuf, (usize, Track)>,
    /// When, as time since the beginning.
    schedule: BTreeSet<(Duration, PathBuf)>,
    scans: VecDeque<scan::Scan>,
    last_scan: Duration,
    away: Vec<bool>,
    news: VecDeque<Next>,
}

impl Watcher {
    /// `hints` must listen already, so that nothing falls between it and the first scan.
    pub fn new(folders: Vec<Folder>, rules: Rules, hints: Hints) -> Self {
        let away = vec![false; folders.len()];
        let mut watcher = Self {
            folders,
            rules,
            hints,
            began: Instant::now(),
            tracks: HashMap::new(),
            schedule: BTreeSet::new(),
            scans: VecDeque::new(),
            last_scan: Duration::ZERO,
            away,
            news: VecDeque::new(),
        };
        watcher.scan_all();
        watcher
    }

    /// Waits for the next thing to do. `is_settled` says whether a file has a verdict that still holds; it is asked for
    /// every file that a scan finds, and must not open it.
    pub fn next(&mut self, is_settled: &mut dyn FnMut(usize, &Path, Stamp) -> bool) -> Next {
        loop {
            if let Some(news) = self.news.pop_front() {
                return news;
            }
            // Hints first: a file that somebody has just finished should not wait for a scan of thousands.
            match self.hints.try_next() {
                Some(Hint::Stop) => return Next::Stopped,
                Some(hint) => {
                    self.take(hint);
                    continue;
                }
                None => {}
            }
            if let Some(candidate) = self.due() {
                // A change of mode or owner, or an open for writing without a write, changes nothing.
                if is_settled(candidate.folder, &candidate.path, candidate.stamp) {
                    continue;
                }
                return Next::Read(candidate);
            }
            if let Some(candidate) = self.scan_on(is_settled) {
                return Next::Read(candidate);
            }
            if !self.news.is_empty() || !self.scans.is_empty() {
                continue;
            }
            match self.hints.wait(self.pause()) {
                Some(Hint::Stop) => return Next::Stopped,
                Some(hint) => self.take(hint),
                None if self.now() >= self.next_scan() => self.scan_all(),
                None => {}
            }
        }
    }

    /// Sends hints to this watcher from other threads.
    pub fn sender(&self) -> HintSender {
        self.hints.sender()
    }

    /// What became of a candidate.
    pub fn report(&mut self, candidate: &Candidate, finding: Finding) {
        let Candidate { folder, path, stamp, .. } = candidate;
        self.forget(path);
        let (now, age) = (self.now(), age(*stamp));
        match finding {
            Finding::Settled | Finding::Gone => {}
            Finding::Failed => self.track(*folder, path.clone(), Track::failed(*stamp, now, FAILED_PAUSE)),
            Finding::Changed => self.track(*folder, path.clone(), Track::growing(*stamp, now)),
            Finding::Unproven => self.track(*folder, path.clone(), Track::unproven(*stamp, now)),
            Finding::Unfinished => self.track(*folder, path.clone(), Track::unfinished(*stamp, now, age)),
        }
    }

    fn take(&mut self, hint: Hint) {
        match hint {
            Hint::Written(path) => self.hinted(&path, false),
            Hint::Closed(path) => self.hinted(&path, true),
            Hint::Retry(path) => {
                if let Some(folder) = self.folder_of(&path)
                    && let Ok(metadata) = std::fs::symlink_metadata(&path)
                {
                    let track = Track::failed(Stamp::of(&metadata), self.now(), FAILED_PAUSE);
                    self.track(folder, path, track);
                }
            }
            Hint::Lost(reason) => {
                self.news.push_back(Next::Rescan(reason));
                self.scan_all();
            }
            Hint::Stop => {}
        }
    }

    /// Something happened to a path: a file is tracked from its present state, a folder is scanned.
    fn hinted(&mut self, path: &Path, closed: bool) {
        let Some(folder) = self.folder_of(path) else { return };
        let root = &self.folders[folder].path;
        let below = path.strip_prefix(root).unwrap_or(path);
        if below.as_os_str().is_empty() {
            return;
        }
        let Ok(metadata) = std::fs::symlink_metadata(path) else {
            self.forget(path);
            return;
        };
        if metadata.is_dir() {
            if names::ignored_path(below) {
                return;
            }
            self.scans.push_back(scan::Scan::new(folder, path.to_path_buf()));
            return;
        }
        let (stamp, now) = (Stamp::of(&metadata), self.now());
        let known = self.tracks.get(path).is_some_and(|(_, track)| track.stamp == stamp);
        // An event about a file that has not changed, our own reading for instance, does not start its rest again.
        let wanted = metadata.is_file() && names::ignored(below).is_none();
        if wanted && (!known || closed) {
            let track = if closed { Track::closed(stamp, now) } else { Track::growing(stamp, now) };
            self.forget(path);
            self.track(folder, path.to_path_buf(), track);
        }
    }

    /// The next tracked file whose time has come.
    fn due(&mut self) -> Option<Candidate> {
        let now = self.now();
        while let Some((due, path)) = self.schedule.first() {
            if *due > now {
                return None;
            }
            let path = path.clone();
            let (folder, track) = self.forget(&path)?;
            let Ok(metadata) = std::fs::symlink_metadata(&path) else { continue };
            let stamp = Stamp::of(&metadata);
            if stamp == track.stamp {
                let last_call = track.is_last_call();
                return Some(Candidate { folder, path, stamp, last_call });
            }
            self.track(folder, path, Track::growing(stamp, now));
        }
        None
    }

    /// Goes on with the first scan until it finds a candidate or ends.
    fn scan_on(&mut self, is_settled: &mut dyn FnMut(usize, &Path, Stamp) -> bool) -> Option<Candidate> {
        let scan = self.scans.front_mut()?;
        let folder = scan.folder;
        let found = loop {
            match scan.next() {
                Some(Ok((path, stamp))) => {
                    if self.tracks.contains_key(&path) || is_settled(folder, &path, stamp) {
                        continue;
                    }
                    scan.candidates += 1;
                    return Some(Candidate { folder, path, stamp, last_call: false });
                }
                Some(Err(error)) => break Err(error),
                None => break Ok(()),
            }
        };
        let scan = self.scans.pop_front()?;
        match found {
            Err(error) if scan.dir == self.folders[folder].path => {
                if !std::mem::replace(&mut self.away[folder], true) {
                    self.news.push_back(Next::Away { folder, error });
                }
            }
            // A folder inside that is gone or closed says nothing about the others.
            Err(_) => {}
            Ok(()) => {
                if scan.dir == self.folders[folder].path && std::mem::take(&mut self.away[folder]) {
                    self.hints.watch_again(&scan.dir);
                    self.news.push_back(Next::Back { folder });
                }
                let (files, candidates, took) = (scan.files, scan.candidates, scan.began.elapsed());
                self.news.push_back(Next::Scanned { folder, files, candidates, took });
            }
        }
        None
    }

    fn scan_all(&mut self) {
        self.scans.clear();
        for (index, folder) in self.folders.iter().enumerate() {
            self.scans.push_back(scan::Scan::new(index, folder.path.clone()));
        }
        self.last_scan = self.now();
    }

    fn next_scan(&self) -> Duration {
        let every = self.rules.scan_every;
        self.last_scan + if self.away.contains(&true) { every.min(AWAY_PAUSE) } else { every }
    }

    fn pause(&self) -> Duration {
        let due = self.schedule.first().map_or(Duration::MAX, |(due, _)| *due);
        due.min(self.next_scan()).saturating_sub(self.now())
    }

    fn track(&mut self, folder: usize, path: PathBuf, track: Track) {
        self.schedule.insert((track.due(&self.rules), path.clone()));
        self.tracks.insert(path, (folder, track));
    }

    fn forget(&mut self, path: &Path) -> Option<(usize, Track)> {
        let (folder, track) = self.tracks.remove(path)?;
        self.schedule.remove(&(track.due(&self.rules), path.to_path_buf()));
        Some((folder, track))
    }

    fn folder_of(&self, path: &Path) -> Option<usize> {
        self.folders.iter().position(|folder| path.starts_with(&folder.path))
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// How long ago a file says that it was changed; none for a time in the future.
fn age(stamp: Stamp) -> Duration {
    let mtime = u64::try_from(stamp.mtime_ns).map(Duration::from_nanos).unwrap_or_default();
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + mtime).unwrap_or_default()
}
