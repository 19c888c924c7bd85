//! Hints from the operating system: which path something happened to. The only place that knows the `notify` crate.

use notify::event::{AccessKind, AccessMode, CreateKind, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

/// Hints waiting at most; beyond this a scan is cheaper.
const MOST_HINTS: usize = 8192;

/// Something that makes the watcher look.
#[derive(Clone, Debug, PartialEq)]
pub enum Hint {
    /// Somebody writes to this path.
    Written(PathBuf),
    /// Somebody finished with this path: closed it, or moved it here.
    Closed(PathBuf),
    /// Its verdict could not be recorded; it is to be read again later.
    Retry(PathBuf),
    /// Hints were lost.
    Lost(&'static str),
    Stop,
}

/// Where hints arrive.
pub struct Hints {
    hints: Receiver<Hint>,
    sender: HintSender,
    watcher: Option<RecommendedWatcher>,
}

/// Sends hints from other threads.
#[derive(Clone)]
pub struct HintSender {
    hints: SyncSender<Hint>,
    lost: Arc<AtomicBool>,
}

impl HintSender {
    /// Never blocks: what finds no place is replaced by a scan.
    pub fn send(&self, hint: Hint) {
        if self.hints.try_send(hint).is_err() {
            self.lost.store(true, Ordering::Release);
        }
    }

    /// Blocks until there is a place, for the one hint that nothing can replace.
    pub fn stop(&self) {
        // An error means that the watcher has ended already.
        let _ = self.hints.send(Hint::Stop);
    }
}

impl Hints {
    /// A source without any folder yet. The error is why there can be no events at all; scans still work.
    pub fn new() -> (Self, Option<notify::Error>) {
        let (sender, hints) = sync_channel(MOST_HINTS);
        let sender = HintSender { hints: sender, lost: Arc::default() };
        let callback = sender.clone();
        match notify::recommended_watcher(move |event| translate(event, &callback)) {
            Ok(watcher) => (Self { hints, sender, watcher: Some(watcher) }, None),
            Err(error) => (Self { hints, sender, watcher: None }, Some(error)),
        }
    }

    /// Listens to a folder and everything below it.
    pub fn watch(&mut self, folder: &Path) -> notify::Result<()> {
        match &mut self.watcher {
            Some(watcher) => watcher.watch(folder, RecursiveMode::Recursive),
            None => Ok(()),
        }
    }

    /// Listens again to a folder that was away. Should that fail, scans still find its files.
    pub fn watch_again(&mut self, folder: &Path) {
        if let Some(watcher) = &mut self.watcher {
            let _ = watcher.unwatch(folder);
            let _ = watcher.watch(folder, RecursiveMode::Recursive);
        }
    }

    pub fn sender(&self) -> HintSender {
        self.sender.clone()
    }

    pub fn try_next(&mut self) -> Option<Hint> {
        self.hints.try_recv().ok().or_else(|| self.lost())
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
        self.sender.lost.swap(false, Ordering::AcqRel).then_some(Hint::Lost("too many events at once"))
    }
}

/// Explains why a folder cannot be listened to, and what helps.
pub fn hint_for(error: &notify::Error) -> &'static str {
    match &error.kind {
        notify::ErrorKind::MaxFilesWatch => {
            "raise the limit: sysctl fs.inotify.max_user_watches=524288 (and fs.inotify.max_user_instances=512)"
        }
        notify::ErrorKind::Io(io) if io.raw_os_error() == Some(24) => {
            "raise the limits: sysctl fs.inotify.max_user_instances=512, and LimitNOFILE= of the service"
        }
        notify::ErrorKind::PathNotFound => "create the folder, or correct the path in the configuration",
        notify::ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::PermissionDenied => {
            "let the user that fitferry runs as read the folder"
        }
        _ => "files are found by scans; see watch.scan_every",
    }
}

fn translate(event: notify::Result<Event>, hints: &HintSender) {
    let Ok(event) = event else {
        hints.send(Hint::Lost("the watcher failed"));
        return;
    };
    // First, because we cause these ourselves by reading.
    if matches!(event.kind, EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write)) {
        return;
    }
    // An overflow may carry no path at all.
    if event.need_rescan() {
        hints.send(Hint::Lost("the system's event queue overflowed"));
        return;
    }
    let closed = match event.kind {
        EventKind::Access(_) | EventKind::Create(CreateKind::Folder) => true,
        EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Both | RenameMode::Any)) => true,
        EventKind::Create(_) | EventKind::Modify(_) => false,
        _ => return,
    };
    // A rename carries the old and the new name; the old one is gone.
    if let Some(path) = event.paths.into_iter().next_back() {
        hints.send(if closed { Hint::Closed(path) } else { Hint::Written(path) });
    }
}
