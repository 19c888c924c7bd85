//! Notices when the database begins to fail and when it works again: the log tells of each once, however much work there is.

use super::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing may have failed before it is said to work again: on a full disk, small sessions fit now and then.
const CALM: Duration = Duration::from_secs(5);

/// How one kind of work with a database goes.
pub struct Health {
    work: &'static str,
    log: Log,
    /// While it is failing.
    failed_last: Mutex<Option<Instant>>,
}

/// What tells the log, of the work by this name.
#[derive(Clone, Copy)]
pub struct Log {
    pub fails: fn(&str, &Error),
    pub works: fn(&str),
}

impl Health {
    /// `work` is what the log calls it.
    pub const fn new(work: &'static str, log: Log) -> Self {
        Self { work, log, failed_last: Mutex::new(None) }
    }

    /// Takes note of how it went, and tells the log of a change.
    pub fn note<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        let mut failed_last = self.failed_last.lock().unwrap_or_else(PoisonError::into_inner);
        match (&outcome, *failed_last) {
            (Ok(_), Some(last)) if last.elapsed() >= CALM => {
                *failed_last = None;
                (self.log.works)(self.work);
            }
            (Ok(_), _) => {}
            (Err(error), before) => {
                *failed_last = Some(Instant::now());
                if before.is_none() {
                    (self.log.fails)(self.work, error);
                }
            }
        }
        drop(failed_last);
        outcome
    }
}
