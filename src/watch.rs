//! Hints and scans in, candidate files out: finds the files of a watched folder that may have something new, and decides
//! when each is complete enough to be read.
//!
//! Events are hints: they can be lost, and network mounts send none. A scan is the truth. Whoever reads a candidate
//! reports back how it went, and the watcher remembers only those that it will have to look at again.

mod barred;
mod disks;
mod events;
mod loss;
mod mode;
pub mod names;
mod pace;
mod pulse;
mod readings;
mod roots;
mod scan;
mod scans;
mod settle;
#[cfg(test)]
mod tests;
mod tracks;
mod unheard;

pub use events::{Hint, HintSender, Hints};
pub use loss::Loss;
pub use mode::{Mode, Why, blind};
pub use pulse::Pulse;
pub use roots::Identity;
pub use settle::{Finding, Rest, Rules};

use crate::config::Watching;
use crate::store::Stamp;
use crate::store::disks::Disk;
use barred::Barred;
use readings::Readings;
use roots::Root;
use scan::Scan;
use settle::{FIRST_PAUSE, Failure, Track};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};
use tracks::Tracks;
use unheard::Unheard;

/// How often to see whether the watched folder itself is there, and still the same: nothing else tells of a disk that is
/// mounted over it. It costs one system call.
const ROOT_PAUSE: Duration = Duration::from_secs(60);

/// The same while it is away, and somebody may be waiting for it.
const AWAY_PAUSE: Duration = Duration::from_secs(5);

/// Hints that are taken before something else has its turn.
const MOST_HINTS: usize = 1000;

/// A watched folder.
#[derive(Clone, Debug, Default)]
pub struct Folder {
    pub path: PathBuf,
    /// How its new files are noticed.
    pub watching: Watching,
    /// How long ago events did not tell of a file in an earlier run, if they did not.
    pub was_missed: Option<Duration>,
    /// Without this file below it, it counts as away.
    pub sentinel: Option<PathBuf>,
}

/// What is known of a file as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known {
    /// It has a verdict that holds.
    Settled,
    /// It was looked at, and is to be looked at again; or nobody can tell.
    Seen,
    No,
}

/// Says what is known of a file, without opening it. Of a file that a scan of the whole folder has come to, what was known when
/// the scan began is enough: it is told when that was.
pub type Ask<'a> = dyn FnMut(&Path, Stamp, Option<Instant>) -> Known + 'a;

/// A file to be read now.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub path: PathBuf,
    pub stamp: Stamp,
    pub rest: Rest,
    /// An event told that it was closed, and none that it was written to since.
    pub closed: bool,
    /// Why it could not be read the last time.
    pub failed: Option<io::ErrorKind>,
    /// It cannot have been as it is for longer, by our own clock: that of a share, or of a machine that has just started,
    /// may be any.
    pub age_at_most: Option<Duration>,
}

/// What the watcher wants next.
#[derive(Debug)]
pub enum Next {
    Read(Candidate),
    /// The folder is watched from now on, in this way, and scanned so often.
    Watching {
        mode: Mode,
        every: Duration,
    },
    /// The folder could not be read, or not for this other reason, or can be read again.
    Away {
        error: io::Error,
    },
    Back,
    /// A folder inside cannot be read.
    Barred {
        path: PathBuf,
        error: io::Error,
    },
    /// There is nothing of this name any more, or something else.
    Gone {
        path: PathBuf,
    },
    /// Somebody wants done files moved, see [`Hint::Move`].
    Move {
        anew: bool,
    },
    /// A disk is mounted inside, and its files come next.
    Crossed {
        disk: Disk,
    },
    Scanned {
        scan: Scanned,
        /// The first folder inside that could not be read.
        barred: Option<(PathBuf, io::Error)>,
        /// All that are mounted inside.
        disks: Vec<Disk>,
        took: Duration,
    },
    /// Events were lost, so everything is looked at.
    Rescan(Loss),
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
    /// Files of which nothing was known, or is not yet: some may be known under another name.
    pub fresh: u64,
    /// Folders inside that could not be read.
    pub barred: usize,
    pub identity: Option<Identity>,
}

/// What happened to a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Touched,
    Written,
    Closed,
}

/// Watches a folder. Drive it with [`Watcher::next`] from one thread.
pub struct Watcher {
    root: Root,
    rules: Rules,
    hints: Hints,
    began: Instant,
    tracks: Tracks,
    failures: HashMap<PathBuf, Failure>,
    readings: Readings,
    barred: Barred,
    unheard: Unheard,
    scans: VecDeque<Scan>,
    /// New folders that are to be scanned once more, and when.
    again: VecDeque<(Duration, PathBuf)>,
    last_look: Duration,
    news: VecDeque<Next>,
    pulse: Pulse,
}

impl Watcher {
    /// Listens to the folder, and begins to scan it.
    pub fn new(folder: Folder, rules: Rules, hints: Hints, pulse: Pulse) -> Self {
        let mut watcher = Self {
            root: Root::new(folder),
            rules,
            hints,
            began: Instant::now(),
            tracks: Tracks::new(rules),
            failures: HashMap::new(),
            readings: Readings::default(),
            barred: Barred::default(),
            unheard: Unheard::default(),
            scans: VecDeque::new(),
            again: VecDeque::new(),
            last_look: Duration::ZERO,
            news: VecDeque::new(),
            pulse,
        };
        watcher.scan_root();
        watcher
    }

    /// Waits for the next thing to do. `known` is asked for every file that a scan finds.
    pub fn next(&mut self, known: &mut Ask<'_>) -> Next {
        let mut taken = 0;
        loop {
            if let Some(news) = self.news.pop_front() {
                return news;
            }
            // Hints first: a file that somebody has just finished should not wait for a scan of thousands. But whoever writes
            // all the time does not keep the others from being read.
            let hint = if taken < MOST_HINTS { self.hints.try_next() } else { None };
            taken = if hint.is_some() { taken + 1 } else { 0 };
            match hint {
                Some(Hint::Stop) => return Next::Stopped,
                Some(hint) => {
                    self.take(hint);
                    continue;
                }
                None => {}
            }
            self.on_time();
            if let Some(candidate) = self.due(known) {
                return Next::Read(candidate);
            }
            if let Some(candidate) = self.scan_on(known) {
                return Next::Read(candidate);
            }
            if !self.news.is_empty() || !self.scans.is_empty() && self.next_work().is_none() {
                continue;
            }
            self.pulse.rest();
            let hint = self.hints.wait(self.pause());
            self.pulse.at(self.root.path());
            match hint {
                Some(Hint::Stop) => return Next::Stopped,
                Some(hint) => self.take(hint),
                None => {}
            }
        }
    }

    /// Scans everything again when what was found has probably come to rest: each further time that is waited for longer.
    pub fn scan_again(&mut self, time: u32) {
        let then = self.now() + self.rules.settle.saturating_mul(5_u32.saturating_pow(time.saturating_sub(1)));
        self.root.scan_by(then);
        self.hurry();
    }

    /// Begins the scans whose time has come.
    fn on_time(&mut self) {
        let now = self.now();
        if now >= self.root.next_scan(&self.rules) && !self.is_scanned() {
            self.scan_in_time();
        }
        if let Some(path) = self.unheard.take_due(now) {
            self.root.missed(path, now);
            self.unheard.forget();
            self.tell_of_watching();
        }
        if now >= self.next_look() {
            self.last_look = now;
            self.look();
        }
        while let Some((_, path)) = self.again.pop_front_if(|(due, _)| *due <= now) {
            self.scan_once(path);
        }
    }

    /// Sends hints to this watcher from other threads.
    pub fn sender(&self) -> HintSender {
        self.hints.sender()
    }

    /// What became of a candidate.
    pub fn report(&mut self, candidate: &Candidate, finding: Finding) {
        let Candidate { path, stamp, closed, .. } = candidate;
        self.tracks.remove(path);
        let failure = self.failures.remove(path);
        let now = self.now();
        self.readings.end(path, now);
        let track = match finding {
            Finding::Settled | Finding::Gone => return,
            Finding::Failed(kind) => {
                let failure = Failure::after(failure, kind, &self.rules);
                self.failures.insert(path.clone(), failure);
                Track::failed(*stamp, now, failure.pause)
            }
            Finding::Changed => Track::growing(*stamp, now),
            Finding::Unproven => Track::unproven(*stamp, now),
            Finding::Unfinished => {
                Track::unfinished(*stamp, now, age(path).min(candidate.age_at_most.unwrap_or(Duration::MAX)))
            }
        };
        self.tracks.insert(path.clone(), track.shut(*closed));
    }

    fn take(&mut self, hint: Hint) {
        match hint {
            Hint::Touched(path) => self.hinted(path, Cause::Touched),
            Hint::Written(path) => self.hinted(path, Cause::Written),
            Hint::Closed(path) => self.hinted(path, Cause::Closed),
            Hint::Gone(path) => {
                let is_written = self.tracks.get(&path).is_some_and(|track| track.is_written);
                self.gone(&path);
                if is_there(&path).is_ok_and(|is_there| is_there) {
                    // Where two have exchanged their names, the other is told of first.
                    self.hinted(path, if is_written { Cause::Written } else { Cause::Closed });
                }
            }
            Hint::Retry(path) => self.retry(path),
            Hint::Lost(loss) => {
                self.news.push_back(Next::Rescan(loss));
                // New folders may be among what was lost, and would never be listened to.
                self.root.distrust();
                self.unheard.forget();
                self.scans.clear();
                self.again.clear();
                self.scan_root();
            }
            Hint::Deaf(deaf) => {
                self.root.deafened(deaf, self.began.elapsed());
                self.tell_of_watching();
            }
            Hint::Move { anew } => self.news.push_back(Next::Move { anew }),
            Hint::Stop => {}
        }
    }

    /// Something happened to a path: a file is tracked from its present state, a folder is scanned.
    fn hinted(&mut self, path: PathBuf, cause: Cause) {
        self.unheard.told(&path);
        let Ok(below) = path.strip_prefix(self.root.path()) else { return };
        self.pulse.at(&path);
        if below.as_os_str().is_empty() {
            self.scan_root();
            return;
        }
        let Ok(metadata) = std::fs::symlink_metadata(&path) else {
            self.gone(&path);
            return;
        };
        if metadata.is_dir() {
            if !names::ignored_path(below) {
                self.scan_inside(path, cause == Cause::Closed);
            }
        } else if names::ignored(below).is_none() {
            self.hinted_file(path, Stamp::of(&metadata), cause);
        }
    }

    fn hinted_file(&mut self, path: PathBuf, stamp: Stamp, cause: Cause) {
        let now = self.now();
        let track = self.tracks.get(&path);
        let is_written = cause == Cause::Written || track.is_some_and(|track| track.is_written);
        let is_closed = match cause {
            Cause::Closed => true,
            Cause::Written => false,
            // Many give a file its time after they have closed it.
            Cause::Touched => track.is_some_and(|track| track.is_closed),
        };
        let known = track.filter(|track| track.stamp == stamp);
        // Somebody may just have made it readable.
        let failed = known.is_some_and(Track::has_failed);
        let closed = cause == Cause::Closed || failed;
        // An event about a file that has not changed does not start its rest again.
        if known.is_none() || closed || cause == Cause::Written {
            let track =
                if closed { Track::closed(stamp, self.readings.next(&path, now)) } else { Track::growing(stamp, now) };
            self.tracks.insert(path, track.written(is_written).shut(is_closed));
        }
    }

    /// A path is not there any more, or something else is.
    fn gone(&mut self, path: &Path) {
        self.unheard.told(path);
        self.tracks.remove(path);
        self.failures.remove(path);
        if path == self.root.path() {
            // A new folder may have the inode of the old one.
            self.root.distrust();
            self.scan_root();
        } else if path.starts_with(self.root.path()) {
            self.news.push_back(Next::Gone { path: path.to_path_buf() });
        }
    }

    /// A file is to be read again later, as if for the first time.
    fn retry(&mut self, path: PathBuf) {
        self.failures.remove(&path);
        if path.starts_with(self.root.path())
            && let Ok(metadata) = std::fs::symlink_metadata(&path)
        {
            let track = Track::failed(Stamp::of(&metadata), self.now(), FIRST_PAUSE);
            self.tracks.insert(path, track);
        }
    }

    /// The next tracked file whose time has come.
    fn due(&mut self, known: &mut Ask<'_>) -> Option<Candidate> {
        let now = self.now();
        while let Some((path, track)) = self.tracks.take_due(now) {
            self.pulse.at(&path);
            let Ok(metadata) = std::fs::symlink_metadata(&path) else {
                self.gone(&path);
                continue;
            };
            let stamp = Stamp::of(&metadata);
            if stamp != track.stamp {
                // Had it been written to, an event would tell of it before its rest is over.
                let growing = Track::growing(stamp, now).written(track.is_written).shut(track.is_closed);
                self.tracks.insert(path, growing);
                continue;
            }
            // A change of mode or owner, or an open for writing without a write, changes nothing.
            if track.is_written || known(&path, stamp, None) != Known::Settled {
                self.readings.begin(now, true);
                let age_at_most = Some(now.saturating_sub(track.since()));
                let (rest, closed) = (track.rest(), track.is_closed);
                return Some(self.candidate(Candidate { path, stamp, rest, closed, failed: None, age_at_most }));
            }
        }
        None
    }

    fn candidate(&self, candidate: Candidate) -> Candidate {
        let failed = self.failures.get(&candidate.path).map(|failure| failure.kind);
        Candidate { failed, ..candidate }
    }

    fn next_look(&self) -> Duration {
        self.last_look + if self.root.away.is_some() { AWAY_PAUSE } else { ROOT_PAUSE.min(self.rules.scan_every) }
    }

    fn pause(&self) -> Duration {
        let again = self.again.front().map(|(due, _)| *due);
        // The next scan comes after the one that is under way.
        let scan = (!self.is_scanned()).then(|| self.root.next_scan(&self.rules));
        let next = self.tracks.next_due().into_iter().chain(again).chain(self.unheard.next_due());
        next.chain(self.next_work()).chain(scan).fold(self.next_look(), Duration::min).saturating_sub(self.now())
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

/// How long ago a file, or what is known of it, was changed; none for a time in the future. A copy may have been given the
/// time of its original before it was complete: the time of that counts.
fn age(path: &Path) -> Duration {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return Duration::ZERO };
    let changed = SystemTime::UNIX_EPOCH + Duration::from_secs(u64::try_from(metadata.ctime()).unwrap_or_default());
    let latest = metadata.modified().map_or(changed, |modified| modified.max(changed));
    SystemTime::now().duration_since(latest).unwrap_or_default()
}
