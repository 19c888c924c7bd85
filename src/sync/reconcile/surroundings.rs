//! What a comparison needs of the world: time, questions, the memory, and reasons to begin. The daemon's is here; the
//! simulator has another one.

use super::{CREDENTIALS_PAUSE, Order};
use crate::destination::{Failure, Listing, Window};
use crate::store;
use crate::store::accounts::Spent;
use crate::store::halts::Rest;
use crate::sync::courier::{CLOSED_PAUSE, Halt};
use crate::sync::{Heard, Hindrance, Now, Progress, Route};
use rusqlite::Connection;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// What the destination is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Question {
    /// What changed since the list that this continues, or lately.
    Changes(Option<String>),
    Window(Window),
}

/// A reason to go on.
pub enum Wake {
    /// Something was queued, or the folders were looked through.
    Changed,
    Order(Order),
    /// The time has come, and the destination is not known to refuse everything, or was not asked for long.
    Due,
}

/// Why a rest is over.
pub enum Roused {
    /// It took its time.
    Rested,
    /// Somebody says that it may work now.
    Asked,
    Order(Order),
}

pub trait Surroundings {
    fn now(&self) -> Now;
    /// Whether the account's folders were looked through, so that what is known of files is true, or that takes too long.
    fn is_scanned(&self) -> bool;
    /// Whether all of them were there, so that what is queued from now on is news.
    fn is_complete(&self) -> bool;
    /// Takes leave to make one request now, or tells how long to wait for it.
    fn leave(&mut self) -> Result<(), Duration>;
    /// Whether no request of the day is left.
    fn is_exhausted(&self) -> bool;
    /// The day's requests, if they are to be remembered.
    fn spent(&self) -> Option<Spent>;
    /// What becomes of a question while the destination wants to be left alone for longer than a moment.
    fn resting(&self) -> Option<Failure>;
    /// It wants to be, for so long. Returns what is to be remembered of that.
    fn leave_alone(&mut self, pause: Duration, reason: &str) -> Option<Rest>;
    fn ask(&mut self, question: Question) -> impl Future<Output = Result<Listing, Failure>>;
    /// Reads or writes in one transaction; the answer comes once it is durable.
    fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T, store::Error>>;
    fn sleep(&mut self, pause: Duration) -> impl Future<Output = ()>;
    /// The same, unless somebody wants something.
    fn rest(&mut self, pause: Duration) -> impl Future<Output = Roused>;
    /// Waits for a reason to go on, no longer than until `next`.
    fn wake(&mut self, next: Duration) -> impl Future<Output = Wake>;
    /// From 0 to 1.
    fn random(&mut self) -> f64;
    /// What an answer says of the login, for whoever delivers.
    fn heard(&mut self, heard: Heard);
    /// There is something to be sent that was held back.
    fn freed(&mut self);
    /// The destination has something that waited to be sent.
    fn adopted(&mut self);
    /// A comparison was made, and is written down.
    fn compared(&mut self);
    /// What is held back will take its time, or not any more.
    fn hindered(&mut self, hindrance: Option<Hindrance>);
}

/// Those of a daemon, or of a command that delivers by itself.
pub struct Daemon {
    route: Route,
    scanned: watch::Receiver<bool>,
    orders: mpsc::UnboundedReceiver<Order>,
    /// Whether to compare from time to time.
    at_a_pace: bool,
}

impl Daemon {
    pub fn new(route: Route, orders: mpsc::UnboundedReceiver<Order>, at_a_pace: bool) -> Self {
        Self { scanned: route.scanned.subscribe(), route, orders, at_a_pace }
    }
}

impl Surroundings for Daemon {
    fn now(&self) -> Now {
        self.route.clock.now()
    }

    fn is_scanned(&self) -> bool {
        *self.scanned.borrow()
    }

    fn is_complete(&self) -> bool {
        self.route.complete.load(Ordering::SeqCst)
    }

    fn leave(&mut self) -> Result<(), Duration> {
        let leave = self.route.pace().take(self.route.clock.now());
        self.route.tell_budget();
        leave
    }

    fn is_exhausted(&self) -> bool {
        self.route.is_exhausted()
    }

    fn spent(&self) -> Option<Spent> {
        self.route.pace().spent()
    }

    fn resting(&self) -> Option<Failure> {
        self.route.pace().refusal(self.route.clock.now())
    }

    fn leave_alone(&mut self, pause: Duration, reason: &str) -> Option<Rest> {
        self.route.pace().leave_alone(pause, reason, self.route.clock.now())
    }

    async fn ask(&mut self, question: Question) -> Result<Listing, Failure> {
        match question {
            Question::Changes(token) => self.route.destination.changes(token.as_deref()).await,
            Question::Window(window) => self.route.destination.list(window).await,
        }
    }

    async fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, store::Error> {
        self.route.store.call(work).await
    }

    async fn sleep(&mut self, pause: Duration) {
        tokio::time::sleep(pause).await;
    }

    async fn rest(&mut self, pause: Duration) -> Roused {
        tokio::select! {
            () = self.route.probe.reconcile.notified() => Roused::Asked,
            Some(order) = self.orders.recv() => Roused::Order(order),
            () = tokio::time::sleep(pause) => Roused::Rested,
        }
    }

    async fn wake(&mut self, next: Duration) -> Wake {
        let Self { route, scanned, orders, at_a_pace } = self;
        tokio::select! {
            () = route.bell.reconcile.notified() => Wake::Changed,
            Ok(()) = scanned.changed() => Wake::Changed,
            Some(order) = orders.recv() => Wake::Order(order),
            () = due(route, next), if *at_a_pace => Wake::Due,
        }
    }

    fn random(&mut self) -> f64 {
        fastrand::f64()
    }

    fn heard(&mut self, heard: Heard) {
        self.route.heard.send_replace(heard);
    }

    fn freed(&mut self) {
        self.route.bell.deliver.notify_one();
    }

    fn adopted(&mut self) {
        self.route.tell(Progress::Adopted);
        self.route.done.notify_one();
    }

    fn compared(&mut self) {
        self.route.tell(Progress::Compared);
    }

    fn hindered(&mut self, hindrance: Option<Hindrance>) {
        let reason = hindrance.as_ref().map(|hindrance| hindrance.reason.clone());
        self.route.hindrance.send_replace(hindrance);
        if let Some(reason) = reason {
            self.route.tell(Progress::Retrying { reason });
        }
    }
}

/// How long nothing is asked of a destination that is halted, unless somebody who delivers finds out before.
pub fn halted_for(halt: &Halt) -> Duration {
    match halt {
        Halt { credentials: true, .. } => CREDENTIALS_PAUSE,
        Halt { stopped: true, .. } => CLOSED_PAUSE,
        Halt { pause, .. } => *pause,
    }
}

/// Waits for the time of the next pass. A destination that takes nothing is rarely asked either: whoever delivers finds out
/// when it is back. But a login may be renewed while there is nothing to deliver, and one session that is never taken may
/// be all that speaks against the destination.
async fn due(route: &Route, next: Duration) {
    tokio::time::sleep(next.saturating_sub(route.clock.now().steady)).await;
    // The senders live as long as the route.
    let _ = route.scanned.subscribe().wait_for(|scanned| *scanned).await;
    let mut halted = route.halted.subscribe();
    let pause = halted.borrow().as_ref().map_or(Duration::ZERO, halted_for);
    tokio::select! {
        _ = halted.wait_for(Option::is_none) => {}
        () = route.probe.reconcile.notified() => {}
        () = tokio::time::sleep(pause) => {}
    }
}
