//! Hints and scans in, candidate files out: finds the files of the watched folders that may have something new, and
//! decides when each is complete enough to be read.
//!
//! Events are hints: they can be lost, and network mounts send none. A scan is the truth. Whoever reads a candidate
//! reports back how it went, and the watcher remembers only those that it will have to look at again.

mod closed;
mod events;
pub mod names;
mod roots;
mod scan;
mod settle;
#[cfg(test)]
mod tests;
mod tracks;

pub use events::{Deaf, Hint, HintSender, Hints};
pub use roots::Identity;
pub use settle::{Finding, Rules};

use crate::store::Stamp;
use closed::Closed;
use roots::Root;
use scan::Scan;
use settle::{FIRST_PAUSE, Failure, Track};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use tracks::Tracks;

/// How often to see whether the watched folders themselves are there, and still the same: nothing else tells of a disk
/// that is mounted over one. It costs one system call each.
const ROOTS_PAUSE: Duration = Duration::from_secs(30);

/// The same while one of them is away, and somebody may be waiting for it.
const AWAY_PAUSE: Duration = Duration::from_secs(5);

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
    /// Why it could not be read the last time.
    pub failed: Option<io::ErrorKind>,
}

/// What the watcher wants next.
#[derive(Debug)]
pub enum Next {
    Read(Candidate),
    /// A folder is listened to from now on, or cannot be.
    Listening {
        folder: usize,
        result: Result<(), Deaf>,
    },
    /// A folder could not be read, or can be read again.
    Away {
        folder: usize,
        error: io::Error,
    },
    Back {
        folder: usize,
    },
    /// A folder inside a watched one cannot be read.
    Closed {
        folder: usize,
        path: PathBuf,
        error: io::Error,
    },
    Scanned {
        folder: usize,
        scan: Scanned,
        took: Duration,
    },
    /// Events were lost, so everything is looked at.
    Rescan(&'static str),
    Stopped,
}

/// What a scan found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Of the whole watched folder, and not of one inside it.
    pub is_root: bool,
    pub files: u64,
    pub candidates: u64,
    /// Files that are as they were when they got their verdict.
    pub settled: u64,
    /// Folders inside that could not be read.
    pub closed: usize,
    pub identity: Option<Identity>,
}

/// Watches folders. Drive it with [`Watcher::next`] from one thread.
pub struct Watcher {
    roots: Vec<Root>,
    rules: Rules,
    hints: Hints,
    began: Instant,
    tracks: Tracks,
    failures: HashMap<PathBuf, Failure>,
    closed: Closed,
    scans: VecDeque<Scan>,
    /// New folders that are to be scanned once more, and when.
    again: VecDeque<(Duration, usize, PathBuf)>,
    last_scan: Duration,
    last_look: Duration,
    news: VecDeque<Next>,
}

impl Watcher {
    /// Listens to the folders, and begins to scan them.
    pub fn new(folders: Vec<Folder>, rules: Rules, hints: Hints) -> Self {
        let mut watcher = Self {
            roots: folders.into_iter().map(Root::new).collect(),
            rules,
            hints,
            began: Instant::now(),
            tracks: Tracks::new(rules),
            failures: HashMap::new(),
            closed: Closed::default(),
            scans: VecDeque::new(),
            again: VecDeque::new(),
            last_scan: Duration::ZERO,
            last_look: Duration::ZERO,
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
            self.on_time();
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
                None => {}
            }
        }
    }

    /// Begins the scans whose time has come.
    fn on_time(&mut self) {
        let now = self.now();
        if self.scans.is_empty() && now >= self.next_scan() {
            self.scan_all();
        }
        if now >= self.next_look() {
            self.last_look = now;
            self.look();
        }
        while let Some((_, folder, path)) = self.again.pop_front_if(|(due, ..)| *due <= now) {
            self.scans.push_back(Scan::of_inside(folder, path));
        }
    }

    /// Scans the folders that were away or are not the same as before.
    fn look(&mut self) {
        for folder in 0..self.roots.len() {
            let is_scanned = self.scans.iter().any(|scan| scan.is_root && scan.folder == folder);
            let root = &self.roots[folder];
            if root.has_changed() || root.away && !is_scanned {
                self.scan_root(folder);
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
        self.tracks.remove(path);
        let failure = self.failures.remove(path);
        let (now, age) = (self.now(), age(*stamp));
        match finding {
            Finding::Settled | Finding::Gone => {}
            Finding::Failed(kind) => {
                let failure = Failure::after(failure, kind, &self.rules);
                self.failures.insert(path.clone(), failure);
                self.tracks.insert(*folder, path.clone(), Track::failed(*stamp, now, failure.pause));
            }
            Finding::Changed => self.tracks.insert(*folder, path.clone(), Track::growing(*stamp, now)),
            Finding::Unproven => self.tracks.insert(*folder, path.clone(), Track::unproven(*stamp, now)),
            Finding::Unfinished => self.tracks.insert(*folder, path.clone(), Track::unfinished(*stamp, now, age)),
        }
    }

    fn take(&mut self, hint: Hint) {
        match hint {
            Hint::Written(path) => self.hinted(path, false),
            Hint::Closed(path) => self.hinted(path, true),
            Hint::Gone(path) => self.gone(&path),
            Hint::Retry(path) => self.retry(path),
            Hint::Lost(reason) => {
                self.news.push_back(Next::Rescan(reason));
                // New folders may be among what was lost, and would never be listened to.
                self.roots.iter_mut().for_each(Root::distrust);
                self.scan_all();
            }
            Hint::Stop => {}
        }
    }

    /// Something happened to a path: a file is tracked from its present state, a folder is scanned.
    fn hinted(&mut self, path: PathBuf, closed: bool) {
        let Some(folder) = self.folder_of(&path) else { return };
        let below = path.strip_prefix(self.roots[folder].path()).unwrap_or(&path);
        if below.as_os_str().is_empty() {
            self.scan_root(folder);
            return;
        }
        let Ok(metadata) = std::fs::symlink_metadata(&path) else {
            self.gone(&path);
            return;
        };
        if metadata.is_dir() {
            if !names::ignored_path(below) {
                self.scan_inside(folder, path, closed);
            }
        } else if metadata.is_file() && names::ignored(below).is_none() {
            self.hinted_file(folder, path, Stamp::of(&metadata), closed);
        }
    }

    fn hinted_file(&mut self, folder: usize, path: PathBuf, stamp: Stamp, closed: bool) {
        let now = self.now();
        let known = self.tracks.get(&path).filter(|track| track.stamp == stamp);
        // Somebody may just have made it readable.
        let failed = known.is_some_and(Track::has_failed);
        // An event about a file that has not changed, our own reading for instance, does not start its rest again.
        if known.is_none() || closed || failed {
            let track = if closed || failed { Track::closed(stamp, now) } else { Track::growing(stamp, now) };
            self.tracks.insert(folder, path, track);
        }
    }

    /// A path is not there any more, or something else is.
    fn gone(&mut self, path: &Path) {
        self.tracks.remove(path);
        self.failures.remove(path);
        if let Some(folder) = self.roots.iter().position(|root| root.path() == path) {
            // A new folder may have the inode of the old one.
            self.roots[folder].distrust();
            self.scan_root(folder);
        }
    }

    /// A file is to be read again later, as if for the first time.
    fn retry(&mut self, path: PathBuf) {
        self.failures.remove(&path);
        if let Some(folder) = self.folder_of(&path)
            && let Ok(metadata) = std::fs::symlink_metadata(&path)
        {
            let track = Track::failed(Stamp::of(&metadata), self.now(), FIRST_PAUSE);
            self.tracks.insert(folder, path, track);
        }
    }

    /// The next tracked file whose time has come.
    fn due(&mut self) -> Option<Candidate> {
        let now = self.now();
        while let Some((folder, path, track)) = self.tracks.take_due(now) {
            let Ok(metadata) = std::fs::symlink_metadata(&path) else {
                self.failures.remove(&path);
                continue;
            };
            let stamp = Stamp::of(&metadata);
            if stamp == track.stamp {
                return Some(self.candidate(folder, path, stamp, track.is_last_call()));
            }
            self.tracks.insert(folder, path, Track::growing(stamp, now));
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
                    if self.tracks.get(&path).is_some() {
                        continue;
                    }
                    if is_settled(folder, &path, stamp) {
                        scan.settled += 1;
                        continue;
                    }
                    scan.candidates += 1;
                    return Some(self.candidate(folder, path, stamp, false));
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

    fn candidate(&self, folder: usize, path: PathBuf, stamp: Stamp, last_call: bool) -> Candidate {
        let failed = self.failures.get(&path).map(|failure| failure.kind);
        Candidate { folder, path, stamp, last_call, failed }
    }

    fn away(&mut self, folder: usize, error: io::Error) {
        let root = &mut self.roots[folder];
        root.distrust();
        if !std::mem::replace(&mut root.away, true) {
            self.news.push_back(Next::Away { folder, error });
        }
    }

    fn scanned(&mut self, scan: Scan) {
        let Scan { folder, dir, is_root, files, candidates, settled, began, closed, .. } = scan;
        let scan =
            Scanned { is_root, files, candidates, settled, closed: closed.len(), identity: roots::identity(&dir) };
        if is_root && std::mem::take(&mut self.roots[folder].away) {
            self.news.push_back(Next::Back { folder });
            self.tell_of_listening(folder);
        }
        let reopened = self.closed.reopened(&dir, &closed);
        let closed = self.closed.take(closed);
        self.news.extend(closed.into_iter().map(|(path, error)| Next::Closed { folder, path, error }));
        self.news.push_back(Next::Scanned { folder, scan, took: began.elapsed() });
        if reopened {
            // It could not be listened to before.
            self.roots[folder].distrust();
            self.scan_root(folder);
        }
    }

    fn scan_all(&mut self) {
        self.scans.clear();
        self.again.clear();
        for folder in 0..self.roots.len() {
            self.scan_root(folder);
        }
        self.last_scan = self.now();
    }

    /// Listens first, so that nothing falls between.
    fn scan_root(&mut self, folder: usize) {
        let root = &mut self.roots[folder];
        root.listen(&mut self.hints);
        self.scans.retain(|scan| scan.folder != folder);
        self.scans.push_back(Scan::of_root(folder, root.path().to_path_buf()));
        self.tell_of_listening(folder);
    }

    fn tell_of_listening(&mut self, folder: usize) {
        let news = self.roots[folder].news();
        self.news.extend(news.map(|result| Next::Listening { folder, result }));
    }

    /// A new folder is scanned once more, as its event comes before it is listened to.
    fn scan_inside(&mut self, folder: usize, path: PathBuf, is_new: bool) {
        if is_new {
            self.again.push_back((self.now() + self.rules.settle, folder, path.clone()));
        }
        self.scans.push_back(Scan::of_inside(folder, path));
    }

    fn next_scan(&self) -> Duration {
        self.last_scan + self.rules.scan_every
    }

    fn next_look(&self) -> Duration {
        self.last_look
            + if self.roots.iter().any(|root| root.away) { AWAY_PAUSE } else { ROOTS_PAUSE.min(self.rules.scan_every) }
    }

    fn pause(&self) -> Duration {
        let again = self.again.front().map(|(due, ..)| *due);
        let next = self.tracks.next_due().into_iter().chain(again);
        next.fold(self.next_scan().min(self.next_look()), Duration::min).saturating_sub(self.now())
    }

    fn folder_of(&self, path: &Path) -> Option<usize> {
        self.roots.iter().position(|root| path.starts_with(root.path()))
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }
}

/// Whether there is something of this name. An error means that nobody can tell.
pub fn is_there(path: &Path) -> io::Result<bool> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(false),
        Err(error) => Err(error),
    }
}

/// How long ago a file says that it was changed; none for a time in the future.
fn age(stamp: Stamp) -> Duration {
    let mtime = u64::try_from(stamp.mtime_ns).map(Duration::from_nanos).unwrap_or_default();
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH + mtime).unwrap_or_default()
}
