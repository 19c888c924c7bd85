//! Folders that do not answer, as a share whose server is gone: nobody but their own thread waits for them, and people are told.

use super::{Owner, Unseen};
use crate::events;
use crate::store::{Store, folders};
use crate::watch::{Folder, Pulse};
use jiff::Timestamp;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

/// Nothing takes so long that is not stuck, or as good as that.
const PATIENCE: Duration = Duration::from_secs(30);

/// A large export on a slow disk takes longer to be read.
const READING: Duration = Duration::from_secs(900);

/// How often to look while somebody is busy, and while nobody is: an idle daemon should not wake all the time.
const TICK: Duration = Duration::from_secs(2);
const IDLE_TICK: Duration = Duration::from_secs(60);

/// A folder and its thread's pulse.
pub struct Watched {
    owner: Owner,
    path: PathBuf,
    pulse: Pulse,
    unseen: Arc<Unseen>,
    is_stuck: bool,
}

impl Watched {
    pub fn new(owner: &Owner, folder: &Folder, pulse: &Pulse, unseen: &Arc<Unseen>) -> Self {
        let (owner, path, pulse, unseen) = (owner.clone(), folder.path.clone(), pulse.clone(), Arc::clone(unseen));
        Self { owner, path, pulse, unseen, is_stuck: false }
    }

    fn look(&mut self, store: &Store) {
        let patience = if self.pulse.is_reading() { READING } else { PATIENCE };
        let stuck = self.pulse.busy().filter(|(pause, _)| *pause >= patience);
        if stuck.is_some() == self.is_stuck {
            return;
        }
        self.is_stuck = stuck.is_some();
        let (person, path) = (&self.owner.0, self.path.clone());
        let words = stuck.map(|(pause, at)| {
            events::folder_stuck(&person.name, &path, &at, pause.as_secs());
            // The others are not to wait for it.
            self.unseen.remove(&path);
            let since = Timestamp::now().checked_sub(pause).unwrap_or(Timestamp::UNIX_EPOCH);
            format!("no answer since {since:.0}, when {} was looked at; is its server there?", at.display())
        });
        if words.is_none() {
            events::folder_answers(&person.name, &path);
        }
        let account = person.account;
        // It is only to be shown.
        store.submit(move |c| folders::set_stuck(c, account, &path, words.as_deref()), drop);
    }
}

/// Ends when nobody holds the other end any more. On a thread of its own, as the runtime's timers wake three times for each
/// of these pauses.
pub fn look_after(mut watched: Vec<Watched>, store: &Store, stopped: &Receiver<()>) {
    loop {
        watched.iter_mut().for_each(|folder| folder.look(store));
        let is_busy = watched.iter().any(|folder| folder.is_stuck || folder.pulse.busy().is_some());
        let pause = if is_busy { TICK } else { IDLE_TICK };
        if stopped.recv_timeout(pause) == Err(RecvTimeoutError::Disconnected) {
            return;
        }
    }
}
