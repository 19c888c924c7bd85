//! Asks the destination, from time to time, what it holds, and repairs what differs: its list of changes, the recent
//! past, and piece by piece the whole history. Looks before the first delivery of a memory that may be out of date.

mod changes;
mod compare;
pub mod settle;
mod surroundings;
mod windows;

use super::courier::{CLOSED_PAUSE, pause_of};
use super::{Heard, Route, retry};
use crate::config::{OnTwin, ReconcileSettings};
use crate::crash;
use crate::destination::{Failure, Listing, Stop};
use crate::events;
use crate::store::{self, accounts, mirror, outbox};
use changes::Feed;
pub use compare::Finding;
use jiff::{SignedDuration, Timestamp};
pub use settle::Report;
use settle::{Asked, LEFT, Rules};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use surroundings::Daemon;
pub use surroundings::{Question, Surroundings, Wake};
use tokio::sync::{mpsc, oneshot, watch};

/// After a failed attempt, the next one comes no later than this.
const RETRY: Duration = Duration::from_secs(300);

/// A dead login is tried again this often; a new one counts at once.
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(600);

/// A destination that refuses its lists, or its list of changes, for so long has none.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// While the list of changes works, the recent past itself is looked at this often.
const WINDOW_EVERY: Duration = Duration::from_secs(24 * 3600);

/// How much of the history is compared in one go, Unix milliseconds.
const PIECE: i64 = 90 * 86_400_000;

/// What arrives together is looked up together.
const GATHER: Duration = Duration::from_millis(100);

/// What a person wants to have compared.
pub struct Order {
    pub from: Timestamp,
    pub to: Timestamp,
    pub dry_run: bool,
    pub done: oneshot::Sender<Result<Report, Failure>>,
}

/// Compares until told to stop: what is queued and was not compared, what people order, and, if `at_a_pace`, from time to
/// time everything.
pub async fn run(
    route: Route,
    orders: mpsc::UnboundedReceiver<Order>,
    at_a_pace: bool,
    mut stop: watch::Receiver<bool>,
) {
    let (name, account, settings) = (Arc::clone(&route.name), route.account, route.reconcile.clone());
    let reconciler = Reconciler::new(name, account, settings, Daemon::new(route, orders, at_a_pace));
    tokio::select! {
        () = reconciler.run() => {}
        _ = stop.changed() => {}
    }
}

/// One account's comparisons.
pub struct Reconciler<S> {
    around: S,
    name: Arc<str>,
    account: store::Account,
    settings: ReconcileSettings,
    rules: Rules,
    /// Whether the destination has a list of changes, as far as was seen.
    has_feed: bool,
    /// Since when it is refused.
    refused: Option<Duration>,
    /// When the recent past was last looked at.
    looked: Option<Duration>,
    /// When the next pass is due.
    next: Duration,
}

impl<S: Surroundings> Reconciler<S> {
    pub fn new(name: Arc<str>, account: store::Account, settings: ReconcileSettings, around: S) -> Self {
        let (rules, next) = (Rules::of(&settings, false), around.now().steady);
        Self { around, name, account, settings, rules, has_feed: false, refused: None, looked: None, next }
    }

    /// Never ends by itself, and may be dropped at any time.
    pub async fn run(mut self) {
        let account = self.account;
        let last = self.call(move |c| accounts::reconciled_at(c, account)).await.ok().flatten();
        let now = self.around.now();
        self.next = now.steady + last.map_or(Duration::ZERO, |last| left_of(self.settings.every.get(), last, now.wall));
        loop {
            // What waits to be looked up comes first: nothing of it is sent before.
            while self.survey().await {}
            match self.around.wake(self.next).await {
                Wake::Changed => {}
                Wake::Order(order) => self.obey(order).await,
                Wake::Due => self.pass().await,
            }
        }
    }

    /// One round of everything, and when the next one is.
    async fn pass(&mut self) {
        let every = self.settings.every.get();
        let pause = match self.round().await {
            Ok(report) => {
                let (missing, edited) = (report.count(Finding::Missing), report.count(Finding::Edited));
                let deleted = report.count(Finding::Deleted);
                events::reconcile_done(&self.name, report.compared, missing, edited, deleted, report.left);
                every
            }
            Err(failure) => {
                let pause = pause_after(&failure, every);
                events::reconcile_failed(&self.name, failure.reason(), pause.as_secs());
                pause
            }
        };
        self.next = self.around.now().steady.saturating_add(pause);
    }

    async fn round(&mut self) -> Result<Report, Failure> {
        let (account, began) = (self.account, self.around.now().wall);
        let mut report = Report::default();
        let rules = self.rules.clone();
        self.has_feed = self.changes(&rules, &mut report).await? != Feed::None;
        let is_due = self.looked.is_none_or(|looked| self.around.now().steady - looked >= WINDOW_EVERY);
        let recent = SignedDuration::try_from(self.settings.recent.get()).unwrap_or(SignedDuration::MAX);
        let recent = began.saturating_sub(recent).unwrap_or(Timestamp::UNIX_EPOCH).as_millisecond();
        if !self.has_feed || is_due {
            self.span((recent, i64::MAX), &mut report).await?;
            self.looked = Some(self.around.now().steady);
        }
        self.piece_of_history(recent, &mut report).await?;
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
        self.call(move |c| accounts::set_history(c, account, next)).await
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

    /// Looks what the destination has of what is queued and was not compared yet. Returns whether there may be more.
    async fn survey(&mut self) -> bool {
        let account = self.account;
        let found =
            self.call(move |c| Ok((accounts::is_wary(c, account)?, mirror::unchecked_starts(c, account)?))).await;
        let Ok((is_wary, starts)) = found else { return false };
        if !is_wary && starts.is_empty() {
            return false;
        }
        if !self.around.is_scanned() {
            // Until then more will come, and what is known of files may be out of date.
            return false;
        }
        if starts.is_empty() {
            if self.rules.on_twin == OnTwin::Upload {
                // Should this fail, it is tried with the next event.
                let _ = self.call(move |c| accounts::set_wary(c, account, false)).await;
            }
            return false;
        }
        self.around.sleep(GATHER).await;
        let (mut failures, began) = (0, self.around.now().steady);
        while let Err(failure) = self.look_up().await {
            events::reconcile_failed(&self.name, failure.reason(), 0);
            // Whoever waits for a session to be delivered learns that it will take its time.
            self.around.hindered(failure.reason());
            failures += 1;
            let after = match &failure {
                Failure::Retry { after, .. } => after.unwrap_or_default(),
                Failure::Stop { why, reason } => {
                    // Nothing is sent until then, so nobody else finds out.
                    self.around.heard(Heard::Refused(*why, reason.clone()));
                    self.around.rest(pause_of(*why)).await;
                    continue;
                }
                // A destination that has no lists can be delivered to all the same.
                Failure::Park { .. } if self.around.now().steady - began >= PATIENCE => {
                    let _ = self.call(move |c| outbox::check_all(c, account)).await;
                    self.around.freed();
                    return true;
                }
                Failure::Park { .. } => Duration::ZERO,
            };
            let pause = retry::pause(failures, Duration::from_secs(2), RETRY, self.around.random());
            self.around.sleep(pause.max(after)).await;
        }
        true
    }

    async fn look_up(&mut self) -> Result<(), Failure> {
        let account = self.account;
        let starts = self.call(move |c| mirror::unchecked_starts(c, account)).await?;
        let mut report = Report::default();
        for span in windows::spans(&starts) {
            let found = self.compare(span, true, self.rules.clone(), None).await?;
            report.add(found);
        }
        events::survey_done(&self.name, report.adopted, report.queued, report.twins);
        Ok(())
    }

    async fn obey(&mut self, order: Order) {
        let Order { from, to, dry_run, done } = order;
        let result = self.compare_all((from.as_millisecond(), to.as_millisecond()), dry_run).await;
        // Whoever asked may be gone.
        let _ = done.send(result);
    }

    /// Compares for a person, who also answers for a mass of differences.
    async fn compare_all(&mut self, span: windows::Span, dry_run: bool) -> Result<Report, Failure> {
        let (rules, account) = (Rules::of(&self.settings, true), self.account);
        let mut report = Report::default();
        // What somebody deleted is not missing.
        let deleted = if dry_run { Some(self.deleted().await?) } else { None };
        if !dry_run {
            self.has_feed = self.changes(&rules, &mut report).await? != Feed::None;
        }
        let starts = self.call(move |c| mirror::starts(c, account, span)).await?;
        for span in windows::spans(&starts) {
            report.add(self.compare(span, false, rules.clone(), deleted.clone()).await?);
        }
        Ok(report)
    }

    /// Asks for the window of a span, or for its halves if it is too large, and settles what is found; only on trial with
    /// what is known to be `deleted`.
    async fn compare(
        &mut self,
        span: windows::Span,
        only_unchecked: bool,
        rules: Rules,
        deleted: Option<Arc<HashSet<String>>>,
    ) -> Result<Report, Failure> {
        let (account, dry_run) = (self.account, deleted.is_some());
        let deleted = deleted.unwrap_or_default();
        let mut total = Report::default();
        let mut spans = vec![span];
        while let Some(span) = spans.pop() {
            let deliveries = self.call(move |c| accounts::deliveries(c, account)).await?;
            let listing = match self.ask(Question::Window(windows::window(span))).await {
                Ok(listing) => listing,
                Err(Failure::Park { reason }) => match windows::halves(span) {
                    Some(halves) => {
                        spans.extend(halves);
                        continue;
                    }
                    None => return Err(Failure::Park { reason }),
                },
                Err(failure) => return Err(failure),
            };
            let asked = Asked { starts: span, deliveries, only_unchecked };
            let listing = Arc::new(listing);
            let mut found = self.settle(asked, &listing, &deleted, &rules, dry_run || self.has_feed).await?;
            if self.has_feed && !dry_run {
                // What is missing may have been deleted a moment ago: only the list of changes knows.
                if found.count(Finding::Missing) > 0 {
                    match self.changes(&rules, &mut total).await? {
                        Feed::Left => continue,
                        Feed::Refused(reason) => return Err(Failure::Park { reason }),
                        Feed::Read | Feed::None => {}
                    }
                }
                found = self.settle(asked, &listing, &deleted, &rules, false).await?;
            }
            if !dry_run {
                self.tell(&found);
            }
            total.add(found);
        }
        Ok(total)
    }

    /// What a list means, or what it would mean.
    async fn settle(
        &mut self,
        asked: Asked,
        listing: &Arc<Listing>,
        deleted: &Arc<HashSet<String>>,
        rules: &Rules,
        dry_run: bool,
    ) -> Result<Report, Failure> {
        let (account, rules, now) = (self.account, rules.clone(), self.around.now().wall);
        let (listing, deleted) = (Arc::clone(listing), Arc::clone(deleted));
        self.call(move |c| {
            let settle = |c: &rusqlite::Connection| settle::window(c, account, asked, &listing, &deleted, &rules, now);
            if dry_run { store::undone(c, settle) } else { settle(c) }
        })
        .await
    }

    async fn call<T: Send + 'static>(
        &mut self,
        write: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let failed = |error: store::Error| Failure::Retry { after: None, of_server: false, reason: error.to_string() };
        self.around.call(write).await.map_err(failed)
    }

    /// Asks when the account's pace allows it, and lets whoever delivers know what an answer says of the login.
    async fn ask(&mut self, question: Question) -> Result<Listing, Failure> {
        while let Err(wait) = self.around.leave() {
            self.around.sleep(wait).await;
        }
        let result = self.around.ask(question).await;
        crash::point("reconcile.answered");
        match &result {
            Ok(_) => self.around.heard(Heard::Welcome),
            Err(Failure::Stop { why: Stop::Credentials, reason }) => {
                self.around.heard(Heard::Refused(Stop::Credentials, reason.clone()));
            }
            Err(_) => {}
        }
        result
    }

    fn tell(&mut self, report: &Report) {
        crash::point("reconcile.settled");
        let name = &self.name;
        // Those that are left are told together, as they are found again each time.
        for difference in report.differences.iter().filter(|difference| difference.remedy != LEFT) {
            match difference.finding {
                Finding::Missing => events::session_missing(name, &difference.session, &difference.remedy),
                Finding::Deleted => events::session_deleted_there(name, &difference.session, &difference.remedy),
                Finding::Edited => events::session_edited_there(name, &difference.session, &difference.remedy),
                Finding::Unwanted => events::session_unwanted(name, &difference.session, &difference.remedy),
                Finding::Same | Finding::Known | Finding::News => {}
            }
        }
        if report.left > 0 {
            events::reconcile_mass(name, report.left, report.compared);
        }
        if report.queued > 0 {
            self.around.freed();
        }
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
fn left_of(every: Duration, last: Timestamp, now: Timestamp) -> Duration {
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
