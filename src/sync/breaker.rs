//! Decides whose fault a refusal is, the session's or the destination's, and so when the whole account stops. Pure.

use super::pace::EXHAUSTED;
use crate::store::sessions::SessionRow;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// So many sessions refused in a row, and none taken, may not be their own fault: others are tried, from anywhere in the
/// queue.
const REFUSED_IN_ROW: usize = 10;

/// So many of those, refused as well, say that the destination refuses everything.
const PROBES: usize = 5;

/// How long it is left alone then, for the first time; each further probe that is refused doubles it.
const FIRST_STOP: Duration = Duration::from_secs(300);
const LONGEST_STOP: Duration = Duration::from_secs(6 * 3600);

/// So many different sessions failed in a row, and none taken: it is the destination that fails.
const FAILED_IN_ROW: usize = 3;

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
    /// It is the account's.
    Stop,
    /// The destination refuses whatever it is sent, and is left alone for so long. These sessions were set aside wrongly.
    Refuses { back: Vec<SessionRow>, pause: Duration },
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

    /// The requests of the day are used up.
    pub fn budget(pause: Duration) -> Self {
        Self::pause(EXHAUSTED, pause)
    }

    pub fn is_budget(&self) -> bool {
        self.reason == EXHAUSTED
    }
}

#[derive(Default)]
pub struct Breaker {
    /// Nothing of the account is sent but one session at a time, to see whether it is over.
    is_open: bool,
    /// Refused since the last session was taken, and set aside.
    refused: Vec<SessionRow>,
    /// Refused after those, or set aside wrongly: in the queue. If others are taken later, their refusal was their own.
    put_back: HashSet<SessionRow>,
    /// How many of these were tried to see whether anything is taken at all.
    probes: usize,
    /// How often the account stopped for want of any that is.
    stops: u32,
    guilty: HashSet<SessionRow>,
    /// Set aside as guilty since the last session was taken: if nothing is taken at all, that was no reason.
    convicted: Vec<SessionRow>,
    /// Failed since the last session was taken, in a way that may be their own.
    failed: HashSet<SessionRow>,
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

    /// Whether the account is stopped because nothing that was sent is taken: what was not tried yet is worth a probe
    /// before its time.
    pub fn is_refused(&self) -> bool {
        self.stops > 0
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
        self.failed.clear();
        self.convicted.clear();
        (self.probes, self.stops) = (0, 0);
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

    /// A session was taken that was sent before the others were left alone: those that were refused until then are bad by
    /// themselves, unless it is since then that nothing is taken.
    pub fn passed(&mut self) {
        if self.stops == 0 {
            self.refused.clear();
            self.probes = 0;
            self.guilty.extend(self.put_back.drain());
        }
    }

    /// A session met a failure that may be its own. Returns whether it is the destination's.
    pub fn failed(&mut self, row: SessionRow) -> bool {
        if !self.is_open {
            self.failed.insert(row);
        }
        self.is_open || self.failed.len() >= FAILED_IN_ROW
    }

    /// A session was refused for what it is. `is_probe` if it was sent to see whether another one is taken.
    pub fn refused(&mut self, row: SessionRow, is_probe: bool) -> Ruling {
        if self.guilty.remove(&row) {
            self.convicted.push(row);
            return Ruling::Park;
        }
        if self.is_in_doubt() {
            return self.refused_again(row, is_probe);
        }
        let is_new = !self.refused.contains(&row);
        if is_new && self.refused.len() + 1 == REFUSED_IN_ROW {
            (self.is_open, self.is_doubtful) = (true, false);
            self.put_back.insert(row);
            return Ruling::StepBack;
        }
        if is_new {
            self.refused.push(row);
        }
        Ruling::Park
    }

    /// So many were refused that it is the next ones that show why.
    fn is_in_doubt(&self) -> bool {
        !self.put_back.is_empty()
    }

    fn refused_again(&mut self, row: SessionRow, is_probe: bool) -> Ruling {
        let is_new = !self.refused.contains(&row) && self.put_back.insert(row);
        // What was under way already tells of the same part of the queue.
        if !is_probe {
            return Ruling::StepBack;
        }
        self.probes += 1;
        // Once there is nothing else to be tried, the first ones come again.
        if is_new && self.probes < PROBES {
            return Ruling::StepBack;
        }
        let pause = FIRST_STOP.saturating_mul(1_u32.checked_shl(self.stops).unwrap_or(u32::MAX)).min(LONGEST_STOP);
        self.stops = self.stops.saturating_add(1);
        let mut back = std::mem::take(&mut self.refused);
        back.append(&mut self.convicted);
        self.put_back.extend(&back);
        Ruling::Refuses { back, pause }
    }

    /// A session was answered as if nothing of the account could be sent.
    pub fn stopped(&mut self, row: SessionRow, is_probe: bool) -> Ruling {
        if self.is_in_doubt() {
            return self.refused_again(row, is_probe);
        }
        if self.is_open {
            self.is_doubtful &= self.accused == Some(row);
            return Ruling::Stop;
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
        Ruling::Stop
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses(back: &[SessionRow], minutes: u64) -> Ruling {
        Ruling::Refuses { back: back.to_vec(), pause: Duration::from_secs(minutes * 60) }
    }

    #[test]
    fn refusals_in_a_row_are_the_accounts_once_others_were_tried() {
        let mut breaker = Breaker::default();
        let bad: Vec<SessionRow> = (0..9).collect();
        bad.iter().for_each(|row| assert_eq!(breaker.refused(*row, false), Ruling::Park));
        assert!(!breaker.is_open());
        for (row, is_probe) in [(9, false), (10, false), (20, true), (30, true), (40, true), (50, true)] {
            assert_eq!(breaker.refused(row, is_probe), Ruling::StepBack, "{row}");
            assert!(breaker.is_open() && !breaker.is_refused());
        }
        assert_eq!(breaker.refused(60, true), refuses(&bad, 5));
        for minutes in [10, 20, 40, 80, 160, 320, 360, 360] {
            assert_eq!(breaker.refused(60, false), Ruling::StepBack, "late");
            assert_eq!(breaker.refused(70, true), refuses(&[], minutes));
        }
        assert!(breaker.is_refused() && breaker.taken(11) && !breaker.is_refused());
        for row in (0..=10).chain([20, 70]) {
            assert_eq!(breaker.refused(row, false), Ruling::Park, "another one was taken: {row} is bad by itself");
        }
        assert!(!breaker.is_open());
    }

    #[test]
    fn bad_ones_in_a_row_stop_nobody_if_another_is_taken() {
        let mut breaker = Breaker::default();
        (0..9).for_each(|row| assert_eq!(breaker.refused(row, false), Ruling::Park));
        assert_eq!(breaker.refused(9, false), Ruling::StepBack);
        assert!(breaker.taken(20) && !breaker.is_open());
        assert_eq!(breaker.refused(9, false), Ruling::Park);
        (10..17).for_each(|row| assert_eq!(breaker.refused(row, false), Ruling::Park, "counted anew"));
    }

    /// It was under way when the destination wanted to be left alone.
    #[test]
    fn one_that_was_taken_during_a_rest_ends_doubts_and_no_stop() {
        let mut breaker = Breaker::default();
        (0..10).for_each(|row| drop(breaker.refused(row, false)));
        breaker.passed();
        for row in 9..19 {
            assert_eq!(breaker.refused(row, true), Ruling::Park, "{row} is bad by itself");
        }
        assert_eq!(breaker.refused(19, true), Ruling::StepBack, "counted anew");
        let rulings: Vec<Ruling> = (20..25).map(|row| breaker.refused(row, true)).collect();
        assert!(matches!(&rulings[4], Ruling::Refuses { back, .. } if back.len() == 10), "{rulings:?}");
        breaker.passed();
        assert_eq!(breaker.refused(25, true), refuses(&[], 10), "that was sent before");
    }

    /// What was bad once may be put right, and refused with all others.
    #[test]
    fn the_guilty_are_put_back_with_the_others() {
        let mut breaker = Breaker::default();
        (0..10).for_each(|row| drop(breaker.refused(row, false)));
        assert!(breaker.taken(20));
        assert_eq!(breaker.refused(9, false), Ruling::Park, "guilty");
        let refusals: Vec<Ruling> = (30..45).map(|row| breaker.refused(row, true)).collect();
        let back: Vec<SessionRow> = (30..39).chain([9]).collect();
        assert_eq!(refusals[14], refuses(&back, 5));
    }

    /// There is nothing else to be tried.
    #[test]
    fn a_short_queue_is_tried_twice() {
        let mut breaker = Breaker::default();
        (0..9).for_each(|row| assert_eq!(breaker.refused(row, false), Ruling::Park));
        assert_eq!(breaker.refused(9, false), Ruling::StepBack);
        assert_eq!(breaker.stopped(10, true), Ruling::StepBack, "whatever the words are");
        assert!(matches!(breaker.refused(9, true), Ruling::Refuses { back, .. } if back.len() == 9));
    }

    #[test]
    fn a_destination_fails_when_several_sessions_in_a_row_say_so() {
        let mut breaker = Breaker::default();
        for other in 10..20 {
            assert!(!breaker.failed(1) && !breaker.failed(2) && !breaker.failed(1), "two are no proof");
            breaker.taken(other);
        }
        let failed: Vec<bool> = (1..=5).map(|row| breaker.failed(row)).collect();
        assert_eq!(failed, [false, false, true, true, true]);
        breaker.open();
        assert!(breaker.failed(1), "a probe speaks for all");
        assert!(breaker.taken(2) && !breaker.failed(1));
    }

    #[test]
    fn single_refusals_are_their_own() {
        let mut breaker = Breaker::default();
        for row in 0..100 {
            assert_eq!(breaker.refused(row, false), Ruling::Park);
            assert!(!breaker.taken(1000 + row));
        }
    }

    #[test]
    fn an_account_stops_when_two_sessions_say_so_or_one_twice() {
        for second in [1, 2] {
            let mut breaker = Breaker::default();
            assert_eq!(breaker.stopped(1, false), Ruling::StepBack);
            assert_eq!(breaker.stopped(second, false), Ruling::Stop);
            assert_eq!(breaker.doubtful(), (second == 1).then_some(1));
            assert_eq!(breaker.stopped(3, false), Ruling::Stop);
            assert_eq!(breaker.doubtful(), None);
            assert!(breaker.taken(4) && !breaker.is_open());
        }
    }

    #[test]
    fn one_session_cannot_stop_the_others_for_ever() {
        let mut breaker = Breaker::default();
        for other in 0..SUSPICIONS {
            assert_eq!(breaker.stopped(1, false), Ruling::StepBack);
            assert!(!breaker.taken(100 + i64::from(other)));
        }
        assert_eq!(breaker.stopped(1, false), Ruling::Park);
    }
}
