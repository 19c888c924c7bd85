//! The watched folders themselves: whether each is there, whether it is still the one that is listened to, and when it is
//! looked through.

use super::events::{Deaf, Hints};
use super::mode::{Mode, Why, blind};
use super::{Folder, Rules};
use crate::config::Watching;
use crate::store::disks::Disk;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A polled folder is scanned for no more than one part of this many of the time.
const POLLED_SHARE: u32 = 50;

/// Events that failed are trusted again after so long without a failure: who works with hard links, or writes while the machine
/// is out of breath, may be told of everything otherwise.
const CLEAN: Duration = Duration::from_secs(86_400);

/// How often it is tried to listen to a folder where that failed.
const TRY_AGAIN: Duration = Duration::from_secs(600);

/// Tells a folder from another that has taken its name: device and inode.
pub type Identity = (u64, u64);

pub struct Root {
    pub folder: Folder,
    /// Why it could not be read when it was last tried, if it could not.
    pub away: Option<String>,
    /// How its new files are noticed.
    pub mode: Mode,
    listened: Option<Identity>,
    /// Whether a whole scan has ended since it is listened to: from then on events tell of everything, or fail to.
    is_known: bool,
    /// How it is watched, until it is told.
    news: Option<Mode>,
    /// When events that failed are trusted again, if they do not fail until then.
    trusted: Duration,
    /// When the last scan began or ended, and how long it took.
    scanned: Duration,
    took: Duration,
    /// When the last whole scan began that has ended.
    looked: Option<Duration>,
    /// When it was last tried to listen to it.
    tried: Duration,
    /// When it is to be scanned before that, as somebody waits for it.
    soon: Option<Duration>,
}

impl Root {
    pub fn new(folder: Folder) -> Self {
        let trusted = folder.was_missed.map_or(Duration::ZERO, |ago| CLEAN.saturating_sub(ago));
        let mode = if trusted.is_zero() { Mode::Events } else { Mode::Polling(Why::MissedBefore) };
        let (scanned, took) = (Duration::ZERO, Duration::ZERO);
        Self {
            folder,
            away: None,
            mode,
            listened: None,
            is_known: false,
            news: None,
            trusted,
            scanned,
            took,
            looked: None,
            tried: Duration::ZERO,
            soon: None,
        }
    }

    pub fn path(&self) -> &Path {
        &self.folder.path
    }

    /// Whether the folder that is listened to has gone, or another one has its name, or its disk is not mounted.
    pub fn has_changed(&self) -> bool {
        identity(self.path()) != self.listened || self.sentinel().is_err()
    }

    /// An error if the file is missing that shows that the folder's disk is mounted.
    pub fn sentinel(&self) -> io::Result<()> {
        let Some(sentinel) = &self.folder.sentinel else { return Ok(()) };
        match std::fs::symlink_metadata(self.path().join(sentinel)) {
            Ok(_) => Ok(()),
            Err(error) => {
                let what =
                    format!("its sentinel {} cannot be seen ({error}); is its disk mounted?", sentinel.display());
                Err(io::Error::new(error.kind(), what))
            }
        }
    }

    /// Listens to the folder that is there, unless that is so already.
    pub fn listen(&mut self, hints: &mut Hints, now: Duration) {
        // Before listening: should it be replaced in between, this is noticed.
        let found = identity(self.path());
        // Somebody may have raised the limit that stood in the way.
        let is_deaf = matches!(self.mode, Mode::Polling(Why::Deaf(_)));
        let is_same = found == self.listened;
        if is_same && !(is_deaf && now >= self.tried + TRY_AGAIN) {
            return;
        }
        (self.listened, self.is_known, self.tried) = (found, false, now);
        if found.is_some() {
            let mode = self.choose(hints);
            let before = std::mem::replace(&mut self.mode, mode);
            // A limit is told of once, in whatever folder inside it is met the next time.
            let is_news = self.away.is_some() || !is_same_trouble(&before, &self.mode);
            self.news = is_news.then(|| self.mode.clone());
        }
    }

    /// Where it is polled all the same, events are still welcome: they come sooner.
    fn choose(&self, hints: &mut Hints) -> Mode {
        if self.folder.watching == Watching::Polling {
            return Mode::Polling(Why::Asked);
        }
        match (hints.listen(self.path()), self.folder.watching, blind(self.path()), &self.mode) {
            (Err(deaf), _, None, _) | (Err(deaf), Watching::Events, ..) => Mode::Polling(Why::Deaf(deaf)),
            (_, Watching::Auto, Some(kind), _) => Mode::Polling(Why::FileSystem(kind)),
            (_, Watching::Auto, None, Mode::Polling(why @ (Why::Missed(_) | Why::MissedBefore | Why::Inside(..)))) => {
                Mode::Polling(why.clone())
            }
            _ => Mode::Events,
        }
    }

    /// A new folder inside cannot be listened to. Whoever is polled hears of it all the same.
    pub fn deafened(&mut self, deaf: Deaf, now: Duration) {
        if matches!(self.mode, Mode::Events) {
            self.mode = Mode::Polling(Why::Deaf(deaf));
            (self.news, self.tried) = (Some(self.mode.clone()), now);
        }
    }

    /// A file was found of which no event told: from now on it is polled, unless the settings rule that out.
    pub fn missed(&mut self, path: PathBuf, now: Duration) {
        self.trusted = now + CLEAN;
        if self.folder.watching == Watching::Auto && matches!(self.mode, Mode::Events) {
            self.mode = Mode::Polling(Why::Missed(path));
            self.news = Some(self.mode.clone());
        }
    }

    /// A disk is mounted inside it: of some kinds no event tells what others write.
    pub fn crossed(&mut self, path: &Path) {
        if self.folder.watching == Watching::Auto
            && matches!(self.mode, Mode::Events)
            && let Some(kind) = blind(path)
        {
            self.mode = Mode::Polling(Why::Inside(path.to_path_buf(), kind));
            self.news = Some(self.mode.clone());
        }
    }

    /// Whether an event should have told of every file that a scan from now on finds new.
    pub fn tells_everything(&self) -> bool {
        self.is_known && matches!(self.mode, Mode::Events | Mode::Polling(Why::Missed(_) | Why::MissedBefore))
    }

    /// How it is watched, once. Nobody wants to know of a folder that is away.
    pub fn news(&mut self) -> Option<Mode> {
        if self.away.is_some() { None } else { self.news.take() }
    }

    /// The next time, listens anew whatever is there.
    pub fn distrust(&mut self) {
        self.listened = None;
        self.is_known = false;
    }

    pub fn scan_begins(&mut self, now: Duration) {
        self.soon = None;
        self.scanned = now;
    }

    /// A whole scan has ended, which met these disks inside.
    pub fn scan_ended(&mut self, (began, now): (Duration, Duration), took: Duration, disks: &[Disk]) {
        (self.scanned, self.took, self.looked) = (now, took, Some(began));
        self.is_known = self.listened.is_some();
        let is_over = match self.mode {
            Mode::Polling(Why::Inside(..)) => !disks.iter().any(|disk| blind(&disk.path).is_some()),
            Mode::Polling(Why::Missed(_) | Why::MissedBefore) => now >= self.trusted,
            Mode::Events | Mode::Polling(_) => false,
        };
        if is_over {
            // Disks that were mounted since are listened to as well then.
            self.distrust();
            self.mode = Mode::Events;
        }
    }

    /// When the last whole scan began that has ended: what it did not find has come since.
    pub fn looked(&self) -> Option<Duration> {
        self.looked
    }

    /// When it is to be scanned again.
    pub fn next_scan(&self, rules: &Rules) -> Duration {
        let next = self.scanned + self.pause(rules);
        self.soon.map_or(next, |soon| next.min(soon))
    }

    /// It is to be scanned then, or before.
    pub fn scan_by(&mut self, then: Duration) {
        self.soon = Some(self.soon.map_or(then, |soon| soon.min(then)));
    }

    /// Whether somebody waits for the next scan: it is the first one, or events do not tell of everything, or somebody has said so.
    pub fn is_awaited(&self) -> bool {
        self.looked.is_none() || self.away.is_some() || self.soon.is_some() || !matches!(self.mode, Mode::Events)
    }

    /// Between two scans.
    pub fn pause(&self, rules: &Rules) -> Duration {
        match self.mode {
            Mode::Events => rules.scan_every,
            // It is scanned no less often than before.
            Mode::Polling(_) => {
                let every = rules.poll_every.min(rules.scan_every);
                every.max(self.took.saturating_mul(POLLED_SHARE)).min(rules.longest())
            }
        }
    }
}

/// Whether a folder has no events, and had none before for the same reason.
fn is_same_trouble(before: &Mode, now: &Mode) -> bool {
    matches!((before, now), (Mode::Polling(Why::Deaf(before)), Mode::Polling(Why::Deaf(now))) if before.hint == now.hint)
}

/// Of the folder that is there now.
pub fn identity(path: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_polled_is_scanned_no_less_often_than_before() {
        let seconds = Duration::from_secs;
        for (scan_every, poll_every, took, pause) in
            [(3600, 60, 0, 60), (2, 60, 0, 2), (3600, 60, 3, 150), (2, 60, 1, 50), (2, 60, 3, 60)]
        {
            let rules = Rules {
                settle: Duration::ZERO,
                salvage_after: Duration::ZERO,
                scan_every: seconds(scan_every),
                poll_every: seconds(poll_every),
            };
            let mut root = Root::new(Folder::default());
            assert_eq!(root.pause(&rules), seconds(scan_every));
            root.missed("a.fit".into(), Duration::ZERO);
            root.scan_ended((Duration::ZERO, Duration::ZERO), seconds(took), &[]);
            assert_eq!(root.pause(&rules), seconds(pause), "{rules:?}");
        }
    }
}
