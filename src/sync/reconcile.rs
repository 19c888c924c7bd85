//! Asks the destination, from time to time, what it holds, and repairs what differs: its list of changes, the recent
//! past, and piece by piece the whole history. Looks before the first delivery of a memory that may be out of date.

mod changes;
mod compare;
mod rounds;
pub mod settle;
mod surroundings;
mod survey;
mod windows;

use super::pace::EXHAUSTED;
use super::{Heard, Route};
use crate::config::ReconcileSettings;
use crate::crash;
use crate::destination::{Failure, Listing, Stop};
use crate::events;
use crate::store::{self, accounts, halts, mirror};
use changes::Feed;
pub use compare::Finding;
use jiff::Timestamp;
use rounds::left_of;
pub use settle::Report;
use settle::{Asked, LEFT, Rules};
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;
use surroundings::Daemon;
pub use surroundings::{Question, Roused, Surroundings, Wake, halted_for};
use tokio::sync::{mpsc, oneshot, watch};

/// After a failed attempt, the next one comes no later than this.
const RETRY: Duration = Duration::from_secs(300);

/// A destination that refuses its lists, or its list of changes, for so long has none.
const PATIENCE: Duration = Duration::from_secs(24 * 3600);

/// Why a part is not compared for a person.
const MASS: &str = "so much has changed on the server outside of that span that nothing says what was deleted in it: compare \
    everything first (fitferry reconcile --dry-run, then without it)";

/// A dead login is tried again this often; a new one counts at once.
const CREDENTIALS_PAUSE: Duration = Duration::from_secs(600);

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
    /// Whether the recent past was looked at since the history was compared from its beginning, and nothing of it was left
    /// for a person.
    is_recent_settled: bool,
    /// When the next pass is due.
    next: Duration,
    /// Who waits for what is compared now.
    ordered: Option<oneshot::Sender<Result<Report, Failure>>>,
}

impl<S: Surroundings> Reconciler<S> {
    pub fn new(name: Arc<str>, account: store::Account, settings: ReconcileSettings, around: S) -> Self {
        let (rules, next) = (Rules::of(&settings, None), around.now().steady);
        Self {
            around,
            name,
            account,
            settings,
            rules,
            has_feed: false,
            refused: None,
            looked: None,
            is_recent_settled: false,
            next,
            ordered: None,
        }
    }

    /// Never ends by itself, and may be dropped at any time.
    pub async fn run(mut self) {
        let account = self.account;
        let last = self.call(move |c| accounts::reconciled_at(c, account)).await.ok().flatten();
        let now = self.around.now();
        let pause = last.map_or(Duration::ZERO, |last| left_of(self.settings.every.get(), last, now.wall));
        self.next = now.steady + pause;
        self.is_awake(pause).await;
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

    async fn obey(&mut self, order: Order) {
        let Order { from, to, dry_run, done } = order;
        if done.is_closed() {
            // Whoever asked did not wait for it.
            return;
        }
        self.ordered = Some(done);
        let result = self.compare_all((from.as_millisecond(), to.as_millisecond()), dry_run).await;
        // Whoever asked may be gone.
        self.ordered.take().map(|done| done.send(result));
    }

    /// Compares for a person, who also answers for a mass of differences.
    async fn compare_all(&mut self, span: windows::Span, dry_run: bool) -> Result<Report, Failure> {
        let (rules, account) = (Rules::of(&self.settings, Some(span)), self.account);
        let (mut report, began) = (Report::default(), self.around.now().wall);
        // What somebody deleted is not missing.
        let deleted = if dry_run { Some(self.deleted().await?) } else { None };
        if !dry_run {
            self.has_feed = self.changes(&rules, &mut report).await? != Feed::None;
            report.only_news();
        }
        let starts = self.call(move |c| mirror::starts(c, account, span)).await?;
        for span in windows::spans(&starts) {
            report.add(self.compare(span, false, rules.clone(), deleted.clone()).await?);
        }
        let is_all = span.0 <= 0 && span.1 >= self.around.now().wall.as_millisecond();
        if !dry_run {
            self.tell_of_adopted(&report);
            let (result, settled) = (report.summary(), report.differences.len());
            self.call(move |c| {
                if is_all {
                    accounts::forget_repairs(c, account)?;
                    accounts::set_reconciled(c, account, began, result)
                } else {
                    accounts::settle_left(c, account, settled)
                }
            })
            .await?;
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
                    let mut news = Report::default();
                    let feed = self.changes(&rules, &mut news).await?;
                    news.only_news();
                    total.add(news);
                    match feed {
                        Feed::Left if rules.is_confirmed() => return Err(Failure::Park { reason: MASS.to_owned() }),
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
        let (account, spent) = (self.account, self.around.spent());
        let write = move |c: &rusqlite::Connection| {
            spent.map_or(Ok(()), |spent| accounts::set_spent(c, account, spent))?;
            write(c)
        };
        self.around.call(write).await.map_err(failed)
    }

    /// Asks when the account's pace allows it, and lets whoever delivers know what an answer says of the login.
    async fn ask(&mut self, question: Question) -> Result<Listing, Failure> {
        loop {
            // Nobody waits for hours: whoever asks has better things to do meanwhile.
            if let Some(failure) = self.around.resting() {
                return Err(failure);
            }
            if let Some(done) = self.ordered.take_if(|_| self.around.is_exhausted()) {
                // It goes on tomorrow. Whoever asked may be gone.
                let reason = format!("{EXHAUSTED}; a running daemon goes on after midnight");
                let _ = done.send(Err(Failure::Retry { after: None, of_server: true, reason }));
            }
            let Err(wait) = self.around.leave() else { break };
            self.around.sleep(wait).await;
        }
        let result = self.around.ask(question).await;
        crash::point("reconcile.answered");
        match &result {
            Ok(_) => self.around.heard(Heard::Welcome),
            Err(Failure::Stop { why: Stop::Credentials, reason }) => {
                self.around.heard(Heard::Refused(Stop::Credentials, reason.clone()));
            }
            Err(Failure::Retry { after: Some(after), reason, .. }) => self.leave_alone(*after, reason).await,
            Err(_) => {}
        }
        result
    }

    /// What the destination asks for holds for deliveries as well, and for the next process.
    async fn leave_alone(&mut self, pause: Duration, reason: &str) {
        let account = self.account;
        if let Some(rest) = self.around.leave_alone(pause, reason) {
            // Should this fail, it holds for this process.
            let _ = self.call(move |c| halts::set_rest(c, account, Some(&rest))).await;
        }
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
        if report.queued > 0 {
            self.around.freed();
        }
        if report.adopted > 0 || report.twins > 0 {
            self.around.adopted();
        }
    }

    /// Says that what waits was looked for, if a comparison has found any of it before the survey did.
    fn tell_of_adopted(&self, report: &Report) {
        if report.adopted > 0 || report.twins > 0 {
            events::survey_done(&self.name, report.adopted, report.queued, report.twins);
        }
    }
}

/// Whole seconds, as they are told: a pause that is shorter is not none.
fn seconds(pause: Duration) -> u64 {
    pause.as_secs() + u64::from(pause.subsec_nanos() > 0)
}
