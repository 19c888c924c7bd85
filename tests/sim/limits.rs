//! The oracle's watch over manners: the rate, the day's budget, pauses that the server asked for, and jitter.

use super::destination::Answer;
use super::plan::Plan;
use fitferry::config::Limits;
use fitferry::store::outbox::Due;
use fitferry::sync::Now;
use fitferry::sync::courier::Schedule;
use jiff::Timestamp;
use jiff::civil::Date;
use std::time::Duration;

/// Pauses shorter than this are not kept over a restart.
const KEPT_PAUSE: Duration = Duration::from_secs(60);

/// A server that asks for more has made a mistake.
const LONGEST_REST: Duration = Duration::from_secs(86_400);

/// So many jitters, each of 0 to 1, are not all within a hundredth of one end, unless something is rotten: the odds against
/// it are five billion to one.
const JITTERS: u32 = 5;

pub struct Manners {
    limits: Limits,
    schedule: Schedule,
    /// Sends of this process, while there is a rate.
    sends: Vec<Duration>,
    day: Option<(Date, u64)>,
    /// The day's requests that are known on disk.
    durable_day: Option<(Date, u64)>,
    /// What a server asked for that this process heard.
    rest: Option<Duration>,
    /// What of that is on disk, by both clocks.
    durable_rest: Option<(Duration, Timestamp)>,
    /// What was asked for last could not be written down, or not by this clock.
    is_unwritten: bool,
    /// Whether the account is stopped, and only probed.
    pub halted: bool,
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
            rest: None,
            durable_rest: None,
            is_unwritten: false,
            halted: false,
            jitters: 0,
            jitter_range: (1.0, 0.0),
        }
    }

    /// What is wrong with sending now, while so many are in flight.
    pub fn sent(&mut self, now: Now, flying: usize) -> Option<&'static str> {
        let complaint = self.requested(now);
        if self.rest.is_some_and(|rest| now.steady < rest) {
            return Some("while the server wants to be left alone");
        }
        if flying >= self.limits.concurrency {
            return Some("beyond the requests at once");
        }
        if self.halted && flying > 0 {
            return Some("beside the probe of a stopped account");
        }
        complaint
    }

    /// What is wrong with any request now.
    pub fn requested(&mut self, now: Now) -> Option<&'static str> {
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

    pub fn answered(&mut self, answer: &Answer, now: Now) {
        if let Answer::Status { retry_after: Some(seconds), .. } = answer {
            let rest = now.steady + Duration::from_secs(*seconds).min(LONGEST_REST);
            self.rest = self.rest.max(Some(rest));
        }
    }

    /// The memory is another one: it knows nothing of today's requests and pauses.
    pub fn forgotten(&mut self) {
        (self.rest, self.durable_rest, self.day, self.durable_day) = (None, None, None, None);
    }

    /// Somebody asked not to wait.
    pub fn probed(&mut self) {
        (self.rest, self.durable_rest) = (None, None);
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

    /// Whether the last pause could be written down.
    pub fn written(&mut self, is_written: bool) {
        self.is_unwritten = !is_written;
    }

    /// The server takes sessions again, and this is on disk.
    pub fn resumed(&mut self) {
        self.durable_rest = None;
    }

    pub fn clock_set(&mut self) {
        // What is on disk tells of another time.
        (self.durable_rest, self.is_unwritten) = (None, true);
    }

    /// The day, and how many requests it has seen.
    pub fn day(&self) -> Option<(Date, u64)> {
        self.day
    }

    /// So many are on disk.
    pub fn spent(&mut self, day: Option<(Date, u64)>) {
        self.durable_day = day.or(self.durable_day);
    }

    pub fn retried(&mut self, due: &Due, next: Timestamp, reason: &str, now: Now) {
        // Those that are nobody's fault but theirs are tried again by the schedule alone.
        if !["HTTP 500", "HTTP 408"].iter().any(|status| reason.starts_with(status)) {
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
        let is_spread = self.jitters < JITTERS || (least < 0.99 && greatest > 0.01);
        (!is_spread)
            .then(|| format!("P7: {} pauses, all {least} to {greatest} of their bounds: no jitter", self.jitters))
    }

    pub fn restarted(&mut self, now: Now) {
        self.sends.clear();
        (self.halted, self.is_unwritten) = (false, false);
        self.rest = self.durable_rest.filter(|(_, wall)| *wall > now.wall).map(|(steady, _)| steady);
        self.day = self.durable_day;
    }
}
