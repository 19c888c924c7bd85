//! Does what the courier says: fetches, sends, writes down, tells. It decides nothing.

use super::courier::{Action, Courier, Event, Halt, News, Schedule};
use super::{Progress, Route};
use crate::config::Order;
use crate::crash;
use crate::events;
use crate::sqlite::{Health, Log};
use crate::store::halts::{self, Halted};
use crate::store::outbox::{self, Due, First};
use crate::store::{Error, accounts};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What is in flight may take this long to be answered and recorded once we are told to stop. What is cut off is still
/// queued, and will be put again.
const DRAIN: Duration = Duration::from_secs(3);

const LOG: Log = Log { fails: |what, error| events::store_failed(what, error), works: events::store_works };

/// Delivers until told to stop; then waits for what is in flight, so that what was applied is recorded. `events` are those
/// that [`Route::courier`] is sent.
pub async fn run(route: Route, mut events: UnboundedReceiver<Event>, mut stop: watch::Receiver<bool>) {
    let schedule = Schedule {
        retry_first: route.delivery.retry_first.get(),
        retry_longest: route.delivery.retry_longest.get(),
        first: match route.delivery.order {
            Order::Oldest => First::Oldest,
            Order::Newest => First::Newest,
        },
    };
    let courier = Courier::new(schedule, &route.limits);
    let mut heard = route.heard.subscribe();
    let health = Arc::new(Health::new("delivering", LOG));
    let mut deliverer = Deliverer { courier, sender: route.courier.clone(), route, health, requests: JoinSet::new() };
    deliverer.feed(Event::Woken);
    while !*stop.borrow() {
        let alarm = deliverer.courier.alarm(deliverer.route.clock.now());
        let event = tokio::select! {
            Some(event) = events.recv() => event,
            () = deliverer.route.bell.deliver.notified() => Event::Queued,
            () = deliverer.route.probe.deliver.notified() => Event::Probe,
            Ok(()) = heard.changed() => Event::Heard(heard.borrow_and_update().clone()),
            () = sleep(alarm) => Event::Woken,
            _ = stop.changed() => break,
        };
        deliverer.feed(event);
    }
    // What is still in flight after that is dropped with the deliverer.
    let _ = tokio::time::timeout(DRAIN, deliverer.drain(&mut events)).await;
}

struct Deliverer {
    courier: Courier,
    route: Route,
    /// Back to the courier, from whoever does its work.
    sender: UnboundedSender<Event>,
    health: Arc<Health>,
    requests: JoinSet<()>,
}

impl Deliverer {
    fn feed(&mut self, event: Event) {
        if let Event::Recorded { news, .. } = &event {
            self.tell(news);
        }
        let now = self.route.clock.now();
        let actions = self.courier.handle(event, &mut self.route.pace(), now);
        self.route.tell_budget();
        actions.into_iter().for_each(|action| self.act(action));
    }

    /// Waits for what is in flight, and sends nothing more.
    async fn drain(&mut self, events: &mut UnboundedReceiver<Event>) {
        self.feed(Event::Stopping);
        while self.courier.in_flight() > 0
            && let Some(event) = events.recv().await
        {
            self.feed(event);
        }
    }

    fn act(&mut self, action: Action) {
        let (account, now) = (self.route.account, Timestamp::now());
        match action {
            Action::Fetch { limit, latest, first } => {
                let (sender, health) = (self.sender.clone(), Arc::clone(&self.health));
                let fetch = move |c: &rusqlite::Connection| outbox::fetch(c, account, now, latest, limit, first);
                self.route.store.submit(fetch, move |fetched| {
                    answer(&sender, event_of(health.note(fetched), Event::Fetched));
                });
            }
            Action::Send(due) => self.send(due),
            Action::Record { due, verdict, news } => {
                let (sender, health) = (self.sender.clone(), Arc::clone(&self.health));
                let (row, spent) = (due.row, self.route.pace().spent());
                let record = move |c: &rusqlite::Connection| {
                    spent.map_or(Ok(()), |spent| accounts::set_spent(c, account, spent))?;
                    outbox::record(c, account, &due, &verdict, now)?;
                    crash::point("deliver.recording");
                    Ok(())
                };
                self.route.store.submit(record, move |recorded| {
                    crash::point("deliver.recorded");
                    let event = match health.note(recorded) {
                        Ok(()) => Event::Recorded { row, news },
                        Err(_) => Event::NotRecorded { row },
                    };
                    answer(&sender, event);
                });
            }
            Action::PutBack(rows) => self.write(move |c| outbox::unpark(c, &rows, now)),
            Action::Hasten => self.write(move |c| outbox::hasten(c, account, now)),
            Action::Rest(rest) => self.write(move |c| halts::set_rest(c, account, rest.as_ref())),
            Action::Pong(asking) => drop(asking.send(())),
            Action::Withheld(ready) => {
                // Whoever asked may have been cut off.
                let _ = ready.send(());
            }
            Action::Halt(halt) => {
                let (name, seconds) = (&self.route.name, halt.pause.as_secs());
                if halt.stopped {
                    events::account_stopped(name, &halt.reason, seconds);
                } else if !halt.is_budget() {
                    // A budget is told once a day, whoever uses it up.
                    events::account_paused(name, &halt.reason, seconds);
                }
                self.note(&halt);
                self.route.halted.send_replace(Some(halt));
                self.route.tell(Progress::Halted);
            }
            Action::Prolong(halt) => self.note(&halt),
            Action::Resume => {
                self.route.halted.send_replace(None);
                events::account_resumed(&self.route.name);
                self.write(move |c| {
                    halts::end(c, account)?;
                    halts::set_rest(c, account, None)
                });
            }
        }
    }

    /// Writes down why nothing is sent, for whoever looks.
    fn note(&self, halt: &Halt) {
        let (account, now) = (self.route.account, Timestamp::now());
        // Of a budget the day's requests tell.
        if !halt.is_budget() {
            let halted = Halted {
                since: now,
                until: now.saturating_add(halt.pause).unwrap_or(Timestamp::MAX),
                stopped: halt.stopped,
                credentials: halt.credentials,
                reason: halt.reason.clone(),
            };
            self.write(move |c| halts::set(c, account, &halted));
        }
    }

    fn write(&self, write: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<()> + Send + 'static) {
        let (sender, health) = (self.sender.clone(), Arc::clone(&self.health));
        self.route.store.submit(write, move |written| {
            answer(&sender, event_of(health.note(written), |()| Event::Woken));
        });
    }

    fn send(&mut self, due: Due) {
        let (destination, sender) = (Arc::clone(&self.route.destination), self.sender.clone());
        self.requests.spawn(async move {
            crash::point("deliver.sending");
            let result = match &due.body {
                Some(body) => destination.put(&due.session_id, body.clone()).await.map(|echo| echo.content_hash()),
                None => destination.delete(&due.session_id).await.map(|()| Vec::new()),
            };
            crash::point("deliver.answered");
            answer(&sender, Event::Answered { due, result, random: fastrand::f64() });
        });
        // Those that are done need not be kept.
        while self.requests.try_join_next().is_some() {}
    }

    fn tell(&self, news: &News) {
        let account = &self.route.name;
        match news {
            News::Delivered { due } => {
                let attempts = due.attempts.saturating_add(1);
                if due.body.is_some() {
                    events::session_delivered(account, &due.session_id, due.revision, attempts);
                } else {
                    events::session_deleted(account, &due.session_id, attempts);
                }
                self.route.tell(Progress::Delivered(due.row));
                self.route.done.notify_one();
            }
            News::Retrying { due, pause, reason, .. } => {
                let attempts = due.attempts.saturating_add(1);
                events::session_retry(account, &due.session_id, attempts, pause.as_secs(), reason);
                self.route.tell(Progress::Retrying { reason: reason.clone() });
            }
            News::Parked { due, reason } => {
                events::session_parked(account, &due.session_id, reason);
                self.route.tell(Progress::Parked { session: due.row, reason: reason.clone() });
            }
        }
    }
}

fn answer(sender: &UnboundedSender<Event>, event: Event) {
    // Nobody listens any more after the drain.
    let _ = sender.send(event);
}

fn event_of<T>(result: Result<T, Error>, event: impl FnOnce(T) -> Event) -> Event {
    result.map_or(Event::StoreFailed, event)
}

/// Sleeps so long, or for ever.
async fn sleep(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}
