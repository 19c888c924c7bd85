//! Hints from the operating system: which path something happened to. The only place that knows the `notify` crate.

use super::loss::Loss;
use super::roots::{self, Identity};
use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{Config, Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Hints waiting at most; beyond this a scan is cheaper.
const MOST_HINTS: usize = 8192;

/// Something that makes the watcher look.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    /// Something was made here, or is said of it that was not: its mode, its owner, its times.
    Touched(PathBuf),
    /// Somebody writes to this path.
    Written(PathBuf),
    /// Somebody finished with this path: closed it, or moved it here.
    Closed(PathBuf),
    /// This file or folder was removed, or moved away.
    Gone(PathBuf),
    /// Its verdict could not be recorded; it is to be read again later.
    Retry(PathBuf),
    /// Files may be done with, and are to be moved; if `anew`, from the first of them.
    Move {
        anew: bool,
    },
    /// Hints were lost.
    Lost(Loss),
    /// A new folder inside cannot be listened to.
    Deaf(Deaf),
    Stop,
}

/// Where hints arrive.
pub struct Hints {
    hints: Receiver<Hint>,
    sender: HintSender,
    watcher: notify::Result<RecommendedWatcher>,
    /// How it went to listen to a folder before anybody watched it, and which it was.
    ahead: Option<(Identity, Result<(), Deaf>)>,
}

/// Why a folder has no events, and what helps.
#[derive(Clone, Debug, PartialEq)]
pub struct Deaf {
    pub error: String,
    pub hint: &'static str,
}

impl Deaf {
    fn of(error: &notify::Error) -> Self {
        Self { error: error.to_string(), hint: hint_for(error) }
    }
}

/// Sends hints from other threads.
#[derive(Clone)]
pub struct HintSender {
    hints: SyncSender<Hint>,
    /// Why hints were lost that nobody was told of yet.
    lost: Arc<Mutex<Option<Loss>>>,
    is_stopped: Arc<AtomicBool>,
}

impl HintSender {
    /// Never blocks: what finds no place is replaced by a scan.
    pub fn send(&self, hint: Hint) {
        let Err(TrySendError::Full(hint)) = self.hints.try_send(hint) else { return };
        let mut lost = self.lost();
        match hint {
            // What the system itself has lost is the better reason.
            Hint::Lost(loss) => *lost = Some(loss),
            _ => *lost = lost.or(Some(Loss::TooMany)),
        }
    }

    fn lost(&self) -> MutexGuard<'_, Option<Loss>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Comes before everything else, and needs no place: the watcher may never take anything again.
    pub fn stop(&self) {
        self.is_stopped.store(true, Ordering::Release);
        // Wakes it. Where there is no place it does not sleep; an error may also mean that it has ended already.
        let _ = self.hints.try_send(Hint::Stop);
    }

    pub fn is_stopped(&self) -> bool {
        self.is_stopped.load(Ordering::Acquire)
    }

    fn stopped(&self) -> Option<Hint> {
        self.is_stopped().then_some(Hint::Stop)
    }
}

impl Hints {
    /// A source without any folder yet.
    pub fn open() -> Self {
        let (sender, hints) = sync_channel(MOST_HINTS);
        let sender = HintSender { hints: sender, lost: Arc::default(), is_stopped: Arc::default() };
        let callback = sender.clone();
        // As scans do: what is behind a link belongs to somebody else.
        let config = Config::default().with_follow_symlinks(false);
        let watcher = RecommendedWatcher::new(move |event| translate(event, &callback), config);
        Self { hints, sender, watcher, ahead: None }
    }

    /// A source that hears of nothing but what is sent to it.
    #[cfg(test)]
    pub fn deaf() -> Self {
        Self { watcher: Err(notify::Error::generic("deaf")), ..Self::open() }
    }

    /// Listens to a folder that somebody will watch soon.
    pub fn listen_ahead(&mut self, folder: &Path) {
        // Before listening: should it be replaced in between, this is noticed.
        let found = roots::identity(folder);
        self.ahead = found.map(|found| (found, self.listen(folder)));
    }

    /// Listens to the folder that is there now and to everything below it, and no longer to one that had its name
    /// before. Should that fail, scans still find the files.
    pub fn listen(&mut self, folder: &Path) -> Result<(), Deaf> {
        if let Some((found, listened)) = self.ahead.take()
            && roots::identity(folder) == Some(found)
        {
            return listened;
        }
        let watcher = self.watcher.as_mut().map_err(|error| Deaf::of(error))?;
        // The first time there is nothing to leave.
        let _ = watcher.unwatch(folder);
        // With the slash, a folder that is a symbolic link is entered.
        subscribe(watcher, &folder.join("")).map_err(|error| Deaf::of(&error))
    }

    pub fn sender(&self) -> HintSender {
        self.sender.clone()
    }

    pub fn try_next(&mut self) -> Option<Hint> {
        self.sender.stopped().or_else(|| self.hints.try_recv().ok()).or_else(|| self.lost())
    }

    /// Waits for a hint, or until the pause is over.
    pub fn wait(&mut self, pause: Duration) -> Option<Hint> {
        match self.hints.recv_timeout(pause) {
            Ok(hint) => Some(hint),
            // We hold a sender ourselves, so it cannot be disconnected.
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => self.lost(),
        }
    }

    /// Told once the queue is empty, so that the scan comes after everything that was not lost.
    fn lost(&self) -> Option<Hint> {
        self.sender.lost().take().map(Hint::Lost)
    }
}

/// Subscribes to a folder and everything below it that may be read. The library gives up at the first folder that may
/// not, so its neighbours are subscribed to one by one then.
fn subscribe(watcher: &mut RecommendedWatcher, folder: &Path) -> notify::Result<()> {
    let Err(error) = watcher.watch(folder, RecursiveMode::Recursive) else { return Ok(()) };
    let is_inside = error.paths.first().is_some_and(|path| path != folder);
    if !is_inside || !is_denied(&error) {
        return Err(error);
    }
    for entry in std::fs::read_dir(folder)?.flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            continue;
        }
        match subscribe(watcher, &entry.path()) {
            Err(error) if !is_denied(&error) => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

fn is_denied(error: &notify::Error) -> bool {
    matches!(&error.kind, notify::ErrorKind::Io(io) if io.kind() == io::ErrorKind::PermissionDenied)
}

fn hint_for(error: &notify::Error) -> &'static str {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "raise the limit: sysctl fs.inotify.max_user_watches=524288 (and fs.inotify.max_user_instances=512)"
        }
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(24) => {
            "raise the limits: sysctl fs.inotify.max_user_instances=512, and LimitNOFILE= of the service; then restart it"
        }
        _ if is_denied(error) => "let the user that fitferry runs as read the folder",
        _ => "files are found by scans; see watch.scan_every",
    }
}

fn translate(event: notify::Result<Event>, hints: &HintSender) {
    let event = match event {
        Ok(event) => event,
        // Nothing is lost: the event of the folder came before.
        Err(error) if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) => {
            return hints.send(Hint::Deaf(Deaf::of(&error)));
        }
        Err(_) => return hints.send(Hint::Lost(Loss::Failed)),
    };
    // First, because we cause these ourselves by reading. That the system tells of opens at all cannot be changed before
    // version 9 of the library, which lets one choose: until then whoever reads many files wakes its thread, and can make the
    // queue overflow, which costs a scan.
    if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
        return;
    }
    // An overflow may carry no path at all.
    if event.need_rescan() {
        hints.send(Hint::Lost(Loss::Overflow));
        return;
    }
    // A rename carries the old and the new name; the old one is gone.
    let Some(path) = event.paths.into_iter().next_back() else { return };
    hints.send(match event.kind {
        EventKind::Access(_) | EventKind::Create(CreateKind::Folder) => Hint::Closed(path),
        EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both | RenameMode::Any)) => Hint::Closed(path),
        EventKind::Modify(ModifyKind::Name(RenameMode::From)) => Hint::Gone(path),
        EventKind::Modify(ModifyKind::Data(_)) => Hint::Written(path),
        EventKind::Create(_) | EventKind::Modify(_) => Hint::Touched(path),
        EventKind::Remove(_) => Hint::Gone(path),
        EventKind::Any | EventKind::Other => return,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_place_is_told_afterwards_with_the_best_reason() {
        for (last, loss) in [(Hint::Written("a".into()), Loss::TooMany), (Hint::Lost(Loss::Overflow), Loss::Overflow)] {
            let mut hints = Hints::deaf();
            let sender = hints.sender();
            for _ in 0..=MOST_HINTS {
                sender.send(Hint::Closed("a".into()));
            }
            sender.send(last);
            sender.send(Hint::Closed("a".into()));
            let told: Vec<Hint> = std::iter::from_fn(|| hints.try_next()).collect();
            assert_eq!((told.len(), told.last()), (MOST_HINTS + 1, Some(&Hint::Lost(loss))));
        }
    }
}
