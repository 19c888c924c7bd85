//! Notices when the database begins to fail and when it works again: the log tells of each once, however much work there is.

use super::Error;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long nothing may have failed before it is said to work again. What failed is tried again sooner; meanwhile, on a full
/// disk, small things fit now and then.
const CALM: Duration = Duration::from_secs(60);

/// Where there is much to do, so many successes in a row say the same: more than fit into what is free now and then.
const MANY: u32 = 200;

/// How one kind of work with a database goes.
pub struct Health {
    work: &'static str,
    log: Log,
    course: Mutex<Course>,
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
        Self { work, log, course: Mutex::new(Course::Good) }
    }

    /// Takes note of how it went, and tells the log of a change.
    pub fn note<T>(&self, outcome: Result<T, Error>) -> Result<T, Error> {
        // Whoever closed it knows.
        if matches!(outcome, Err(Error::Closed)) {
            return outcome;
        }
        let mut course = self.course.lock().unwrap_or_else(PoisonError::into_inner);
        let changed = course.take(outcome.is_ok(), Instant::now());
        match &outcome {
            Err(error) if changed => (self.log.fails)(self.work, error),
            Ok(_) if changed => (self.log.works)(self.work),
            _ => {}
        }
        drop(course);
        outcome
    }
}

/// How it went lately. Pure: time comes in.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Course {
    Good,
    /// When it failed last, and how often it worked since.
    Bad {
        last: Instant,
        worked: u32,
    },
}

impl Course {
    /// Takes an outcome in; returns whether it is news.
    fn take(&mut self, works: bool, now: Instant) -> bool {
        let before = *self;
        *self = match (before, works) {
            (Self::Good, true) => Self::Good,
            (_, false) => Self::Bad { last: now, worked: 0 },
            (Self::Bad { last, worked }, true) => {
                let worked = worked + 1;
                let is_over = worked >= MANY || now.saturating_duration_since(last) >= CALM;
                if is_over { Self::Good } else { Self::Bad { last, worked } }
            }
        };
        (*self == Self::Good) != (before == Self::Good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is news of outcomes at these seconds.
    fn news(outcomes: impl IntoIterator<Item = (u64, bool)>) -> Vec<(u64, bool)> {
        let (mut course, began) = (Course::Good, Instant::now());
        let is_news = |(second, works): &(u64, bool)| course.take(*works, began + Duration::from_secs(*second));
        outcomes.into_iter().filter(is_news).collect()
    }

    /// A file that does not fit is tried every ten seconds, and smaller ones fit meanwhile.
    #[test]
    fn a_full_disk_is_told_once() {
        let hour = (0..3600).map(|second| (second, second % 10 != 0));
        assert_eq!(news(hour), [(0, false)]);
        let freed = (0..3600).map(|second| (second, second % 10 != 0 || second > 1800));
        assert_eq!(news(freed), [(0, false), (1860, true)]);
    }

    #[test]
    fn it_works_again_after_a_while_or_many_successes() {
        assert_eq!(news([(0, true), (5, false), (64, true), (66, true), (67, true)]), [(5, false), (66, true)]);
        let many = [(0, false)].into_iter().chain((0..300).map(|_| (1, true))).chain([(2, false)]);
        assert_eq!(news(many), [(0, false), (1, true), (2, false)]);
        let few = [(0, false)].into_iter().chain((1..MANY).map(|_| (1, true))).chain([(2, false), (3, true)]);
        assert_eq!(news(few), [(0, false)]);
    }
}
