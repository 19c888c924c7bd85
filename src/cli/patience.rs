//! A word to whoever waits for a disk that does not answer: such a call of the system has no end, and says nothing.

use super::output;
use crate::escape;
use crate::watch::Pulse;
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// Most files are read by then.
const LONG: Duration = Duration::from_secs(5);

/// How often it is looked at.
const TICK: Duration = Duration::from_secs(1);

/// Until this is dropped, people are told when a path takes its time, once for each.
pub struct Patience {
    pulse: Pulse,
    _ends: Sender<()>,
}

impl Patience {
    pub fn of(path: &Path) -> Self {
        let (ends, ended) = channel();
        let pulse = Pulse::default();
        pulse.at(path);
        let seen = pulse.clone();
        // Where there can be no thread, nothing is missing but the word.
        let _ = thread::Builder::new().spawn(move || {
            let mut told = None;
            while ended.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                let busy = seen.busy().filter(|(pause, _)| *pause >= LONG).map(|(_, path)| path);
                if let Some(path) = busy.filter(|path| told.as_ref() != Some(path)) {
                    let path = told.insert(path);
                    output::complain(&format!(
                        "still looking at {}: it is large, or its disk does not answer",
                        escape::path(path)
                    ));
                }
            }
        });
        Self { pulse, _ends: ends }
    }

    /// It is this one's turn.
    pub fn at(&self, path: &Path) {
        self.pulse.at(path);
    }
}
