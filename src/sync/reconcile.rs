//! Asks the server, from time to time, whether it still has what was delivered; puts again what it has not.

use super::{Route, deliver};
use crate::api::{Failure, Stop, Window};
use crate::events;
use crate::store::{self, accounts, outbox, sessions};
use jiff::{SignedDuration, Timestamp};
use std::collections::HashSet;
use std::time::Duration;
use tokio::sync::watch;

/// After a failed attempt, the next one comes no later than this.
const RETRY: Duration = Duration::from_secs(300);

/// A window that is still refused as too large when it is this short is somebody else's problem.
const SHORTEST_WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// What one comparison found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub compared: usize,
    pub missing: usize,
}

/// Compares at the configured pace until told to stop.
pub async fn run(route: Route, mut stop: watch::Receiver<bool>) {
    let every = route.reconcile.every.get();
    let account = route.account;
    let last = route.store.call(move |c| accounts::reconciled_at(c, account)).await.ok().flatten();
    let mut pause = last.map_or(Duration::ZERO, |last| left_of(every, last, Timestamp::now()));
    loop {
        let mut halted = route.halted.subscribe();
        tokio::select! {
            // A server that takes nothing is not asked either; whoever delivers finds out when it is back.
            () = async { tokio::time::sleep(pause).await; let _ = halted.wait_for(Option::is_none).await; } => {}
            _ = stop.changed() => return,
        }
        let result = tokio::select! {
            result = once(&route) => result,
            _ = stop.changed() => return,
        };
        pause = match result {
            Ok(report) => {
                events::reconcile_done(&route.name, report.compared, report.missing);
                every
            }
            Err(failure) => {
                let pause = pause_after(&failure, every);
                events::reconcile_failed(&route.name, failure.reason(), pause.as_secs());
                pause
            }
        };
    }
}

/// How long to wait after a failure: never less than the server asks for.
fn pause_after(failure: &Failure, every: Duration) -> Duration {
    let soon = every.min(RETRY);
    match failure {
        Failure::Retry { after, .. } => after.unwrap_or_default().max(soon),
        Failure::Park { .. } | Failure::Stop { why: Stop::Credentials, .. } => soon,
        Failure::Stop { why: Stop::Closed, .. } => deliver::CLOSED_PAUSE,
    }
}

/// How much of the period is left; a clock that went back does not make it longer.
fn left_of(every: Duration, last: Timestamp, now: Timestamp) -> Duration {
    let passed = Duration::try_from(now.duration_since(last)).unwrap_or(every);
    every.saturating_sub(passed)
}

/// Compares the recent window once.
async fn once(route: &Route) -> Result<Report, Failure> {
    let began = Timestamp::now();
    let recent = SignedDuration::try_from(route.reconcile.recent.get()).unwrap_or(SignedDuration::MAX);
    let day = SignedDuration::from_hours(24);
    let start = began.saturating_sub(recent).unwrap_or(Timestamp::UNIX_EPOCH);
    let end = began.saturating_add(day).unwrap_or(Timestamp::MAX);
    let mut report = Report::default();
    let mut windows = vec![Window { start, end }];
    while let Some(window) = windows.pop() {
        match route.client.list(window).await {
            Ok(found) => {
                let part = compare(route, window, found, began).await.map_err(|error| store_failed(&error))?;
                report.compared += part.compared;
                report.missing += part.missing;
            }
            Err(Failure::Park { reason }) => match halves(window) {
                Some(halves) => windows.extend(halves),
                None => return Err(Failure::Park { reason }),
            },
            Err(failure) => return Err(failure),
        }
    }
    let account = route.account;
    let noted = route.store.call(move |c| accounts::set_reconciled(c, account, began)).await;
    noted.map_err(|error| store_failed(&error))?;
    Ok(report)
}

fn store_failed(error: &store::Error) -> Failure {
    Failure::Retry { after: None, of_server: false, reason: error.to_string() }
}

/// Two windows instead of one that the server refuses, as too large presumably.
fn halves(window: Window) -> Option<[Window; 2]> {
    let length = window.end.duration_since(window.start);
    if length < SHORTEST_WINDOW {
        return None;
    }
    let middle = window.start.saturating_add(length / 2).ok()?;
    Some([Window { end: middle, ..window }, Window { start: middle, ..window }])
}

/// Queues what was delivered before the list was asked for, lies wholly inside its window, and is not in it.
async fn compare(
    route: &Route,
    window: Window,
    found: HashSet<String>,
    began: Timestamp,
) -> Result<Report, store::Error> {
    let account = route.account;
    let (report, missing) = route
        .store
        .call(move |connection| {
            let expected = sessions::delivered_within(connection, account, window.start, window.end, began)?;
            let missing: Vec<_> = expected.iter().filter(|session| !found.contains(&session.id)).cloned().collect();
            for session in &missing {
                outbox::queue(connection, account, session.row, began)?;
            }
            let report = Report { compared: expected.len(), missing: missing.len() };
            Ok((report, missing))
        })
        .await?;
    for session in &missing {
        events::session_missing(&route.name, &session.id);
    }
    if report.missing > 0 {
        route.wake.notify_one();
    }
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn the_pace_survives_restarts_and_clocks() {
        let hour = Duration::from_secs(3600);
        let last = at("2026-11-22T12:00:00Z");
        for (now, left) in [("12:00:00", 3600), ("12:59:00", 60), ("13:30:00", 0), ("11:00:00", 0)] {
            let now = at(&format!("2026-11-22T{now}Z"));
            assert_eq!(left_of(hour, last, now), Duration::from_secs(left), "{now}");
        }
    }

    #[test]
    fn windows_are_halved_without_a_gap() {
        let window = Window { start: at("2026-11-01T00:00:00Z"), end: at("2026-11-03T00:00:00Z") };
        let [first, second] = halves(window).unwrap();
        assert_eq!((first.start, first.end), (window.start, second.start));
        assert_eq!(second.end, window.end);
        let mut short = window;
        while let Some([half, _]) = halves(short) {
            short = half;
        }
        assert!(short.end.duration_since(short.start) < SHORTEST_WINDOW);
    }
}
