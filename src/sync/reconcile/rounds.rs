//! The comparisons that are made from time to time: the list of changes, the recent past, and a piece of the history.

use super::changes::Feed;
use super::{CREDENTIALS_PAUSE, Finding, RETRY, Reconciler, Report, Surroundings, seconds, windows};
use crate::crash;
use crate::destination::{Failure, Stop};
use crate::events;
use crate::store::{accounts, mirror, run};
use crate::sync::courier::CLOSED_PAUSE;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// While the list of changes works, the recent past itself is looked at this often.
const WINDOW_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How much of the history is compared in one go, Unix milliseconds.
const PIECE: i64 = 90 * 86_400_000;

impl<S: Surroundings> Reconciler<S> {
    /// One round of everything, and when the next one is. It is told when all that follows from it is written down.
    pub(super) async fn pass(&mut self) {
        let every = self.settings.every.get();
        let result = self.round().await;
        let pause = result.as_ref().map_or_else(|failure| pause_after(failure, every), |_| every);
        self.next = self.around.now().steady.saturating_add(pause);
        self.is_awake(pause).await;
        match result {
            Ok(report) => {
                self.tell_of_adopted(&report);
                if report.left > 0 {
                    events::reconcile_mass(&self.name, report.left, report.compared);
                }
                let (missing, edited) = (report.count(Finding::Missing), report.count(Finding::Edited));
                let deleted = report.count(Finding::Deleted);
                events::reconcile_done(&self.name, report.compared, missing, edited, deleted, report.left);
                self.around.compared();
            }
            Err(failure) => events::reconcile_failed(&self.name, failure.reason(), seconds(pause)),
        }
    }

    /// Notes that somebody compares again after a pause: what is queued long after that was slept over.
    pub(super) async fn is_awake(&mut self, pause: Duration) {
        let (account, until) = (self.account, run::awake_until(self.around.now().wall, pause));
        // Should this fail, what is queued is compared once more than it needs to be.
        let _ = self.call(move |c| accounts::set_awake(c, account, until)).await;
    }

    async fn round(&mut self) -> Result<Report, Failure> {
        let (account, began) = (self.account, self.around.now().wall);
        let mut report = Report::default();
        let rules = self.rules.clone();
        self.has_feed = self.changes(&rules, &mut report).await? != Feed::None;
        // What both the list of changes and a window hold counts once.
        let changed = std::mem::take(&mut report.compared);
        let is_due = self.looked.is_none_or(|looked| self.around.now().steady - looked >= WINDOW_EVERY);
        let recent = SignedDuration::try_from(self.settings.recent.get()).unwrap_or(SignedDuration::MAX);
        let recent = began.saturating_sub(recent).unwrap_or(Timestamp::UNIX_EPOCH).as_millisecond();
        if !self.has_feed || is_due {
            let left = report.left;
            self.span((recent, i64::MAX), &mut report).await?;
            self.is_recent_settled = report.left == left;
            // What is left for a person is not forgotten: it is looked at again.
            self.looked = self.is_recent_settled.then(|| self.around.now().steady);
        }
        self.piece_of_history(recent, &mut report).await?;
        report.compared = report.compared.max(changed);
        crash::point("reconcile.compared");
        let result = report.summary();
        self.call(move |c| accounts::set_reconciled(c, account, began, result)).await?;
        Ok(report)
    }

    /// The next piece of the history before the recent past that holds anything; after the last one it begins anew.
    async fn piece_of_history(&mut self, recent: i64, report: &mut Report) -> Result<(), Failure> {
        let account = self.account;
        let from = self.call(move |c| accounts::history(c, account)).await?;
        let from = from.map_or(i64::MIN, Timestamp::as_millisecond);
        let starts = self.call(move |c| mirror::starts(c, account, (from, recent))).await?;
        let next = match starts.first() {
            Some(first) => {
                let end = first.saturating_add(PIECE).min(recent);
                let left = report.left;
                self.span((*first, end), report).await?;
                // What is left for a person is not forgotten: it is looked at again.
                Timestamp::from_millisecond(if report.left > left { *first } else { end }).ok()
            }
            None => None,
        };
        let is_over = next.is_none() && self.is_recent_settled && report.left == 0;
        self.is_recent_settled &= !is_over;
        self.call(move |c| {
            if is_over {
                accounts::end_cycle(c, account)?;
            }
            accounts::set_history(c, account, next)
        })
        .await
    }

    /// Compares all of ours that starts in a span.
    async fn span(&mut self, (from, to): windows::Span, report: &mut Report) -> Result<(), Failure> {
        let account = self.account;
        let starts = self.call(move |c| mirror::starts(c, account, (from, to))).await?;
        for span in windows::spans(&starts) {
            let found = self.compare(span, false, self.rules.clone(), None).await?;
            report.add(found);
        }
        Ok(())
    }
}

/// How long to wait after a failure: never less than the server asks for.
fn pause_after(failure: &Failure, every: Duration) -> Duration {
    let soon = every.min(RETRY);
    match failure {
        Failure::Retry { after, .. } => after.unwrap_or_default().max(soon),
        Failure::Park { .. } => soon,
        Failure::Stop { why: Stop::Credentials | Stop::Permission, .. } => CREDENTIALS_PAUSE.min(every),
        Failure::Stop { why: Stop::Closed, .. } => CLOSED_PAUSE,
    }
}

/// How much of the period is left; a clock that went back does not make it longer.
pub(super) fn left_of(every: Duration, last: Timestamp, now: Timestamp) -> Duration {
    let passed = Duration::try_from(now.duration_since(last)).unwrap_or(every);
    every.saturating_sub(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_survives_restarts_and_clocks() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let hour = Duration::from_secs(3600);
        let last = at("2026-11-22T12:00:00Z");
        for (now, left) in [("12:00:00", 3600), ("12:59:00", 60), ("13:30:00", 0), ("11:00:00", 0)] {
            let now = at(&format!("2026-11-22T{now}Z"));
            assert_eq!(left_of(hour, last, now), Duration::from_secs(left), "{now}");
        }
    }
}
