//! The oracle's watch over manners: the rate, the day's budget, pauses that the server asked for, and jitter.

use super::destination::Answer;
use super::plan::Plan;
use fitferry::config::Limits;
use fitferry::store::outbox::Due;
use fitferry::store::sessions::SessionRow;
use fitferry::sync::Now;
use fitferry::sync::courier::Schedule;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

/// Pauses shorter than this are not kept over a restart.
const KEPT_PAUSE: Duration = Duration::from_secs(60);

/// A server that asks for more has made a mistake.
const LONGEST_REST: Duration = Duration::from_secs(86_400);

/// So many jitters, each of 0 to 1, are not all within [`TOO_NEAR`] of one end, unless something is rotten: the odds against
/// it are five hundred million to one.
const JITTERS: u32 = 3;
const TOO_NEAR: f64 = 0.001;

/// So many different sessions that fail in a row, and none taken: it is the server, and it is probed with one.
const FAILED_IN_ROW: usize = 3;

/// A server that refuses everything is sent no more than this within five minutes: one in its turn, and three that are new
/// before and after it.
const MOST_TRIED: usize = 7;
const TURN: Duration = Duration::from_secs(300);

/// So many probes of a server that fails take longer than [`LONGEST_STORM`], whatever the jitter.
const PROBES: usize = 12;
const LONGEST_STORM: Duration = Duration::from_secs(1);

pub struct Manners {
    limits: Limits,
    schedule: Schedule,
    /// Sends of this process, while there is a rate.
    sends: Vec<Duration>,
    day: Option<(Date, u64)>,
    /// The day's requests that are known on disk.
    durable_day: Option<(Date, u64)>,
    /// Those before the comparison last wanted to write something.
    spending: Option<(Date, u64)>,
    /// What a server asked for that this process heard.
    rest: Option<Duration>,
    /// What of that is on disk, by both clocks.
    durable_rest: Option<(Duration, Timestamp)>,
    /// What the answer to a question asked for, until that is on disk.
    told: Option<(Duration, Timestamp)>,
    /// What was asked for last could not be written down, or not by this clock.
    is_unwritten: bool,
    /// Whether the account is stopped, and only probed.
    pub halted: bool,
    /// Whether it is stopped because every session is refused, and what was sent since.
    pub is_refused: bool,
    tried: VecDeque<Duration>,
    /// Failed since the last session was taken, each for itself, and whether other things went wrong since then.
    failing: BTreeSet<SessionRow>,
    is_troubled: bool,
    /// Sends while the server fails.
    probes: VecDeque<Duration>,
    jitters: u32,
    /// The least and the greatest of them, 0 to 1.
    jitter_range: (f64, f64),
}

impl Manners {
    pub fn new(plan: &Plan) -> Self {
        Self {
            limits: plan.limits.clone(),
            schedule: plan.schedule,
            sends: Vec::new(),
            day: None,
            durable_day: None,
            spending: None,
            rest: None,
            durable_rest: None,
            told: None,
            is_unwritten: false,
            halted: false,
            is_refused: false,
            tried: VecDeque::new(),
            failing: BTreeSet::new(),
            is_troubled: false,
            probes: VecDeque::new(),
            jitters: 0,
            jitter_range: (1.0, 0.0),
        }
    }

    /// What is wrong with sending now, while so many are in flight.
    pub fn sent(&mut self, now: Now, flying: usize) -> Option<&'static str> {
        let complaint = self.requested(now);
        if flying >= self.limits.concurrency {
            return Some("beyond the requests at once");
        }
        if self.halted && flying > 0 {
            return Some("beside the probe of a stopped account");
        }
        if self.is_refused {
            self.tried.push_back(now.steady);
            self.tried.retain(|at| *at + TURN > now.steady);
            if self.tried.len() > MOST_TRIED {
                return Some("again and again, though the server refuses every session");
            }
        }
        if self.failing.len() >= FAILED_IN_ROW {
            if flying > 0 {
                return Some("beside the probe of a server that fails whatever it is sent");
            }
            self.probes.push_back(now.steady);
            if self.probes.len() > PROBES {
                let first = self.probes.pop_front().unwrap_or_default();
                if now.steady - first < LONGEST_STORM {
                    return Some("though the server fails whatever it is sent");
                }
            }
        }
        complaint
    }

    /// Refusals in a row after which a stop is due: those that raise doubts, those that are under way then and those that are
    /// tried from elsewhere, and as many that were so before, and turned out to be bad by themselves.
    pub fn longest_streak(&self) -> usize {
        10 + 2 * (self.limits.concurrency + 5)
    }

    /// What is wrong with any request now.
    pub fn requested(&mut self, now: Now) -> Option<&'static str> {
        if self.rest.is_some_and(|rest| now.steady < rest) {
            return Some("while the server wants to be left alone");
        }
        let date = now.wall.to_zoned(self.limits.zone.clone()).date();
        let today = self.day.filter(|(day, _)| *day == date).map_or(0, |(_, count)| count) + 1;
        self.day = Some((date, today));
        if self.limits.daily.is_some_and(|daily| today > daily) {
            return Some("beyond the budget of the day");
        }
        if let Some(rate) = self.limits.rate {
            self.sends.push(now.steady);
            let mut count = 0.0;
            for from in self.sends.iter().rev() {
                count += 1.0;
                if count > self.limits.burst + rate * (now.steady - *from).as_secs_f64() + 1e-6 {
                    return Some("faster than the rate");
                }
            }
        }
        None
    }

    pub fn answered(&mut self, due: &Due, answer: &Answer, now: Now) {
        match answer {
            Answer::Taken => {
                (self.is_troubled, self.failing) = (false, BTreeSet::new());
                self.probes.clear();
            }
            Answer::Status { status: 408 | 409 | 500, .. } => drop(self.failing.insert(due.row)),
            _ => self.is_troubled = true,
        }
        self.asked(answer, now);
    }

    fn asked(&mut self, answer: &Answer, now: Now) {
        if let Answer::Status { retry_after: Some(seconds), .. } = answer {
            let rest = now.steady + Duration::from_secs(*seconds).min(LONGEST_REST);
            self.rest = self.rest.max(Some(rest));
        }
    }

    /// A question was answered. What that asks for is to be written down before anything else.
    pub fn told(&mut self, answer: &Answer, now: Now) {
        self.asked(answer, now);
        if matches!(answer, Answer::Status { retry_after: Some(_), .. }) {
            self.told = self.kept_rest(now);
        }
    }

    /// A comparison wants to write something.
    pub fn works(&mut self) {
        self.spending = self.day;
    }

    /// A comparison has written something.
    pub fn worked(&mut self) {
        let spending = self.spending.take();
        self.spent(spending);
        let told = self.told.take();
        self.keeps(told);
    }

    /// It could not.
    pub fn not_worked(&mut self) {
        self.is_unwritten |= self.told.take().is_some();
    }

    /// The memory is another one: it knows nothing of today's requests and pauses.
    pub fn forgotten(&mut self) {
        (self.rest, self.durable_rest, self.day, self.durable_day) = (None, None, None, None);
        (self.told, self.spending) = (None, None);
    }

    /// Somebody asked not to wait.
    pub fn probed(&mut self) {
        (self.rest, self.durable_rest, self.told) = (None, None, None);
        self.tried.clear();
    }

    /// What this process was asked for, by both clocks, if it has to outlast it.
    pub fn kept_rest(&self, now: Now) -> Option<(Duration, Timestamp)> {
        let rest = self.rest.filter(|rest| *rest > now.steady + KEPT_PAUSE && !self.is_unwritten)?;
        Some((rest, now.wall + (rest - now.steady)))
    }

    /// This is on disk.
    pub fn keeps(&mut self, rest: Option<(Duration, Timestamp)>) {
        self.durable_rest = self.durable_rest.max(rest);
    }

    /// The last pause could not be written down.
    pub fn unwritten(&mut self) {
        self.is_unwritten = true;
    }

    /// A pause is on disk, perhaps by a clock that was set meanwhile.
    pub fn written(&mut self, until: Timestamp, now: Now) {
        let owed = self.rest.map_or(now.wall, |rest| now.wall + rest.saturating_sub(now.steady));
        self.is_unwritten = until <= now.wall || owed.duration_since(until) > SignedDuration::from_secs(1);
    }

    /// The server takes sessions again, and this is on disk.
    pub fn resumed(&mut self) {
        self.durable_rest = None;
    }

    pub fn clock_set(&mut self) {
        // What is on disk tells of another time.
        (self.durable_rest, self.told, self.is_unwritten) = (None, None, true);
    }

    /// The day, and how many requests it has seen.
    pub fn day(&self) -> Option<(Date, u64)> {
        self.day
    }

    /// So many are on disk.
    pub fn spent(&mut self, day: Option<(Date, u64)>) {
        // Not always in order.
        self.durable_day = match (day, self.durable_day) {
            (Some((day, count)), Some((known, before))) if day == known => Some((day, count.max(before))),
            (day, known) => day.or(known),
        };
    }

    pub fn retried(&mut self, due: &Due, next: Timestamp, reason: &str, now: Now) {
        // Those that are nobody's fault but theirs are tried again by the schedule alone.
        let is_own = ["HTTP 500", "HTTP 408", "HTTP 409"].iter().any(|status| reason.starts_with(status));
        if !is_own || self.is_troubled || self.failing.len() >= FAILED_IN_ROW {
            return;
        }
        let doubled = self.schedule.retry_first.saturating_mul(1 << due.attempts.min(20));
        let bound = doubled.min(self.schedule.retry_longest).as_secs_f64();
        self.jitters += 1;
        let jitter = next.duration_since(now.wall).as_secs_f64() / bound;
        let (least, greatest) = self.jitter_range;
        self.jitter_range = (least.min(jitter), greatest.max(jitter));
    }

    pub fn jitter_complaint(&self) -> Option<String> {
        let (least, greatest) = self.jitter_range;
        let is_spread = self.jitters < JITTERS || (least < 1.0 - TOO_NEAR && greatest > TOO_NEAR);
        (!is_spread)
            .then(|| format!("P7: {} pauses, all {least} to {greatest} of their bounds: no jitter", self.jitters))
    }

    pub fn restarted(&mut self, now: Now) {
        self.sends.clear();
        (self.halted, self.is_refused, self.is_unwritten) = (false, false, false);
        self.tried.clear();
        (self.is_troubled, self.failing) = (false, BTreeSet::new());
        self.probes.clear();
        self.told = None;
        self.rest = self.durable_rest.filter(|(_, wall)| *wall > now.wall).map(|(steady, _)| steady);
        self.day = self.durable_day;
    }
}
