//! Decides whose fault a refusal is, the session's or the destination's, and so when the whole account stops. Pure.

use crate::store::sessions::SessionRow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// So many sessions refused in a row, and none taken, are not their own fault.
const REFUSED_IN_ROW: usize = 10;

/// A session that is answered as if the account were stopped, this often, while others were taken in between, is itself
/// what is wrong.
const SUSPICIONS: u32 = 5;

/// What an answer means.
#[derive(Debug, PartialEq)]
pub enum Ruling {
    /// It is this session's own: a person has to look at it.
    Park,
    /// It may be either: the session is put back, and another one will show.
    StepBack,
    /// It is the account's. These sessions were set aside wrongly.
    Stop { back: Vec<SessionRow> },
}

/// Why nothing is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Halt {
    pub reason: String,
    /// Whether only a person with new credentials can change that.
    pub credentials: bool,
    /// Whether a question found it out, and not a delivery.
    pub asked: bool,
    /// Whether the API is closed, or refuses us; otherwise it only wants to be left alone for a while.
    pub stopped: bool,
    pub pause: Duration,
}

impl Halt {
    /// Passes by itself.
    pub fn pause(reason: &str, pause: Duration) -> Self {
        Self { reason: reason.to_owned(), credentials: false, asked: false, stopped: false, pause }
    }
}

#[derive(Default)]
pub struct Breaker {
    /// Nothing of the account is sent but one session at a time, to see whether it is over.
    is_open: bool,
    /// Refused since the last session was taken.
    refused: Vec<SessionRow>,
    /// Put back when the account stopped. If others are taken later, their refusal was their own.
    put_back: HashSet<SessionRow>,
    guilty: HashSet<SessionRow>,
    /// Answered as if the account were stopped, and nothing was heard of the others since.
    accused: Option<SessionRow>,
    suspects: HashMap<SessionRow, u32>,
    /// The account stopped on the word of one session only, for want of others.
    is_doubtful: bool,
}

impl Breaker {
    pub fn is_open(&self) -> bool {
        self.is_open
    }

    /// The session on whose word alone the account stopped: any other is worth a probe before its time.
    pub fn doubtful(&self) -> Option<SessionRow> {
        self.accused.filter(|_| self.is_doubtful)
    }

    /// The destination wants to be left alone, or is not there: one session at a time from now on.
    pub fn open(&mut self) {
        self.is_open = true;
    }

    /// A session was taken. Returns whether that ends a stop.
    pub fn taken(&mut self, row: SessionRow) -> bool {
        self.is_doubtful = false;
        self.refused.clear();
        self.guilty.extend(self.put_back.drain());
        self.guilty.remove(&row);
        self.suspects.remove(&row);
        if let Some(accused) = self.accused.take()
            && accused != row
        {
            *self.suspects.entry(accused).or_default() += 1;
        }
        std::mem::take(&mut self.is_open)
    }

    /// A session was refused for what it is.
    pub fn refused(&mut self, row: SessionRow) -> Ruling {
        if self.guilty.remove(&row) {
            return Ruling::Park;
        }
        if self.is_open && !self.put_back.is_empty() {
            self.put_back.insert(row);
            return Ruling::Stop { back: Vec::new() };
        }
        if !self.refused.contains(&row) {
            self.refused.push(row);
        }
        if self.refused.len() < REFUSED_IN_ROW {
            return Ruling::Park;
        }
        self.is_open = true;
        let back = std::mem::take(&mut self.refused);
        self.put_back.extend(&back);
        Ruling::Stop { back }
    }

    /// A session was answered as if nothing of the account could be sent.
    pub fn stopped(&mut self, row: SessionRow) -> Ruling {
        let stop = Ruling::Stop { back: Vec::new() };
        if self.is_open {
            self.is_doubtful &= self.accused == Some(row);
            return stop;
        }
        if self.suspects.get(&row).is_some_and(|times| *times >= SUSPICIONS) {
            self.suspects.remove(&row);
            return Ruling::Park;
        }
        if self.accused.is_none() {
            self.accused = Some(row);
            return Ruling::StepBack;
        }
        self.is_open = true;
        self.is_doubtful = self.accused == Some(row);
        stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stop(back: &[SessionRow]) -> Ruling {
        Ruling::Stop { back: back.to_vec() }
    }

    #[test]
    fn ten_refusals_in_a_row_are_the_accounts_but_only_once() {
        let mut breaker = Breaker::default();
        let bad: Vec<SessionRow> = (0..10).collect();
        (0..9).for_each(|row| assert_eq!(breaker.refused(row), Ruling::Park));
        assert_eq!(breaker.refused(9), stop(&bad));
        assert_eq!(breaker.refused(10), stop(&[]), "a probe is not lost either");
        assert!(breaker.taken(11));
        for row in 0..=10 {
            assert_eq!(breaker.refused(row), Ruling::Park, "another one was taken: {row} is bad by itself");
        }
        assert!(!breaker.is_open());
    }

    #[test]
    fn single_refusals_are_their_own() {
        let mut breaker = Breaker::default();
        for row in 0..100 {
            assert_eq!(breaker.refused(row), Ruling::Park);
            assert!(!breaker.taken(1000 + row));
        }
    }

    #[test]
    fn an_account_stops_when_two_sessions_say_so_or_one_twice() {
        for second in [1, 2] {
            let mut breaker = Breaker::default();
            assert_eq!(breaker.stopped(1), Ruling::StepBack);
            assert_eq!(breaker.stopped(second), stop(&[]));
            assert_eq!(breaker.doubtful(), (second == 1).then_some(1));
            assert_eq!(breaker.stopped(3), stop(&[]));
            assert_eq!(breaker.doubtful(), None);
            assert!(breaker.taken(4) && !breaker.is_open());
        }
    }

    #[test]
    fn one_session_cannot_stop_the_others_for_ever() {
        let mut breaker = Breaker::default();
        for other in 0..SUSPICIONS {
            assert_eq!(breaker.stopped(1), Ruling::StepBack);
            assert!(!breaker.taken(100 + i64::from(other)));
        }
        assert_eq!(breaker.stopped(1), Ruling::Park);
    }
}
