//! The look at what the destination has of what is queued, before any of it is sent.

use super::{PATIENCE, RETRY, Reconciler, Report, Roused, Surroundings, seconds, windows};
use crate::config::OnTwin;
use crate::destination::Failure;
use crate::events;
use crate::store::{accounts, mirror, outbox};
use crate::sync::courier::pause_of;
use crate::sync::{Heard, Hindrance, retry};
use std::time::Duration;

/// What arrives together is looked up together.
const GATHER: Duration = Duration::from_millis(20);

impl<S: Surroundings> Reconciler<S> {
    /// Looks what the destination has of what is queued and was not compared yet. Returns whether there may be more.
    pub(super) async fn survey(&mut self) -> bool {
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
            // A folder that is missing may come back with what an earlier memory had delivered.
            if self.rules.on_twin == OnTwin::Upload && self.around.is_complete() {
                // Should this fail, it is tried with the next event.
                let _ = self.call(move |c| accounts::set_wary(c, account, false)).await;
                if !self.around.is_complete() {
                    // One has gone meanwhile, and its word may have come before this one.
                    let _ = self.call(move |c| accounts::set_wary(c, account, true)).await;
                    return true;
                }
            }
            return false;
        }
        self.around.sleep(GATHER).await;
        let (mut failures, mut last) = (0, self.around.now().steady);
        while let Err(failure) = self.look_up().await {
            failures += 1;
            // A destination that has no lists can be delivered to all the same.
            let is_enough = matches!(failure, Failure::Park { .. }) && self.refused_for(last).await >= PATIENCE;
            last = self.around.now().steady;
            let pause = match &failure {
                _ if is_enough => self.next.saturating_sub(self.around.now().steady),
                Failure::Stop { why, .. } => pause_of(*why),
                Failure::Retry { after, .. } => self.pause(failures).max(after.unwrap_or_default()),
                Failure::Park { .. } => self.pause(failures),
            };
            events::reconcile_failed(&self.name, failure.reason(), seconds(pause));
            if is_enough {
                self.around.hindered(None);
                let _ = self.call(move |c| outbox::check_all(c, account)).await;
                self.around.freed();
                return true;
            }
            // Whoever waits for a session to be delivered learns that it will take its time.
            self.around.hindered(Some(Hindrance { reason: failure.reason().to_owned(), failures }));
            if let Failure::Stop { why, reason } = &failure {
                // Nothing is sent until then, so nobody else finds out.
                self.around.heard(Heard::Refused(*why, reason.clone()));
            }
            self.wait_out(&failure, pause).await;
        }
        self.around.hindered(None);
        // Should this fail, a destination that refuses again is waited for less long.
        let _ = self.call(move |c| accounts::forget_refusal(c, account)).await;
        true
    }

    /// For how long lists have been refused, in all processes together; in this one since then.
    async fn refused_for(&mut self, since: Duration) -> Duration {
        let (account, passed) = (self.account, self.around.now().steady.saturating_sub(since));
        self.call(move |c| accounts::count_refusal(c, account, passed)).await.unwrap_or(passed)
    }

    /// Rests after a failed look, unless somebody says that the next one may work: then only for as long as the server asked
    /// for. Whoever wants a comparison meanwhile is told why there is none.
    async fn wait_out(&mut self, failure: &Failure, pause: Duration) {
        let asked = match failure {
            Failure::Retry { after, .. } => after.unwrap_or_default(),
            Failure::Park { .. } | Failure::Stop { .. } => Duration::ZERO,
        };
        let began = self.around.now().steady;
        loop {
            let passed = self.around.now().steady.saturating_sub(began);
            match self.around.rest(pause.saturating_sub(passed)).await {
                Roused::Rested => return,
                Roused::Asked if self.around.now().steady.saturating_sub(began) >= asked => return,
                Roused::Asked => {}
                Roused::Order(order) => {
                    let left = pause.saturating_sub(self.around.now().steady.saturating_sub(began));
                    // Whoever asked may be gone.
                    let _ = order.done.send(Err(not_now(failure, left)));
                }
            }
        }
    }

    fn pause(&mut self, failures: u32) -> Duration {
        retry::pause(failures, Duration::from_secs(2), RETRY, self.around.random())
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
}

/// What a person hears who wants a comparison while what is queued cannot be looked up.
fn not_now(failure: &Failure, left: Duration) -> Failure {
    let reason = format!(
        "cannot ask the server what it has of what is queued: {}; tried again in {} s",
        failure.reason(),
        seconds(left)
    );
    match failure {
        Failure::Stop { why, .. } => Failure::Stop { why: *why, reason },
        Failure::Retry { .. } | Failure::Park { .. } => Failure::Retry { after: None, of_server: true, reason },
    }
}
