//! Keeps the two sides equal: delivers what is queued, and reads back what was delivered.

mod breaker;
pub mod courier;
pub mod deliver;
pub mod pace;
pub mod reconcile;
pub mod retry;
pub mod withhold;

use crate::config;
use crate::destination::{Destination, Stop};
use crate::events;
use crate::room::Room;
use crate::store::sessions::SessionRow;
use crate::store::{self, Store, accounts};
use courier::{Event, Halt};
use jiff::Timestamp;
use pace::Pace;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, broadcast, mpsc, watch};
use withhold::Turn;

/// The time, in both senses: of day, which people and servers may set, and since the start, which only goes forward.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Now {
    pub wall: Timestamp,
    pub steady: Duration,
}

/// One account's way to its destination, shared by the loops that use it.
#[derive(Clone)]
pub struct Route {
    pub name: Arc<str>,
    pub account: store::Account,
    pub store: Store,
    pub destination: Arc<dyn Destination>,
    /// Rung whenever something was queued.
    pub bell: Arc<Bell>,
    /// To whoever delivers.
    pub courier: mpsc::UnboundedSender<Event>,
    /// Held by whoever decides about sessions that wait.
    pub turn: Turn,
    /// Tells whoever waits for certain sessions what became of each.
    pub progress: broadcast::Sender<Progress>,
    /// Why nothing of this account is sent for longer than a moment, if so.
    pub halted: watch::Sender<Option<Halt>>,
    pub clock: Clock,
    pub limits: config::Limits,
    pub pace: Arc<Mutex<Pace>>,
    /// Notified when a session may have left the outbox, and its files may be done with. Only folders that move such files
    /// wait for it.
    pub done: Arc<Notify>,
    /// Rung when there is a reason to try again at once, whatever was wrong.
    pub probe: Arc<Bell>,
    /// What a question told of the login, for whoever delivers.
    pub heard: watch::Sender<Heard>,
    /// Why what is queued cannot be looked up, and so is not sent, if that fails.
    pub hindrance: watch::Sender<Option<Hindrance>>,
    /// Whether the account's folders were looked through, so that what is known of files is true.
    pub scanned: watch::Sender<bool>,
    /// Whether each of them was really there, held something, and nothing that was not read: what is queued since then is
    /// news. An empty folder may be the place of a disk that is missing.
    pub complete: Arc<AtomicBool>,
    /// Whether there is room for more.
    pub room: Arc<Room>,
    /// What people want to have compared.
    pub orders: mpsc::UnboundedSender<reconcile::Order>,
    pub delivery: config::DeliverySettings,
    pub reconcile: config::ReconcileSettings,
}

/// Wakes both loops of an account.
#[derive(Debug, Default)]
pub struct Bell {
    pub deliver: Notify,
    pub reconcile: Notify,
}

impl Bell {
    pub fn ring(&self) {
        self.deliver.notify_one();
        self.reconcile.notify_one();
    }
}

/// What an answer to a question says of the account.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Heard {
    #[default]
    Nothing,
    Welcome,
    /// Nobody by this login is known, or the account is refused as a whole, in these words.
    Refused(Stop, String),
}

/// What keeps an account from looking up what is queued.
#[derive(Clone, Debug, PartialEq)]
pub struct Hindrance {
    pub reason: String,
    /// In a row.
    pub failures: u32,
}

/// Tells the time.
#[derive(Clone, Copy, Debug)]
pub struct Clock(Instant);

impl Default for Clock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock {
    pub fn now(&self) -> Now {
        Now { wall: Timestamp::now(), steady: self.0.elapsed() }
    }
}

impl Route {
    /// All of an account's requests go by it.
    fn pace(&self) -> MutexGuard<'_, Pace> {
        // Whoever panicked with it ended the process.
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no request of the account's day is left.
    pub fn is_exhausted(&self) -> bool {
        self.pace().exhausted(self.clock.now()).is_some()
    }

    /// Why nothing is asked until midnight, if somebody waits for it.
    pub fn exhaustion(&self) -> Option<&'static str> {
        self.pace().awaited(self.clock.now()).map(|_| pace::EXHAUSTED)
    }

    /// What the destination said when it asked to be left alone for longer than a moment, while that is not over.
    pub fn resting(&self) -> Option<String> {
        self.pace().refusal(self.clock.now()).map(|failure| failure.reason().to_owned())
    }

    /// Tells that somebody waits for the next day's budget, once a day, and writes down that this one's is used up.
    fn tell_budget(&self) {
        let now = self.clock.now();
        let (news, spent) = {
            let mut pace = self.pace();
            (pace.news(now), pace.spent())
        };
        let (Some(used_up), Some(spent)) = (news, spent) else { return };
        events::account_budget_spent(&self.name, used_up.requests, used_up.until);
        let account = self.account;
        // Should it fail, it is written with the next delivery.
        self.store.submit(move |c| accounts::set_spent(c, account, spent), |_| {});
        self.tell(Progress::Halted);
    }

    pub fn tell(&self, progress: Progress) {
        // Nobody listens unless a command waits for its sessions.
        let _ = self.progress.send(progress);
    }
}

/// What became of one session, or of all.
#[derive(Clone, Debug)]
pub enum Progress {
    Delivered(SessionRow),
    /// The destination has some already, so that they need not be sent.
    Adopted,
    /// What the destination has was compared with what should be there.
    Compared,
    /// The store is closed: nothing more will be told.
    Stopping,
    Parked {
        session: SessionRow,
        reason: String,
    },
    Retrying {
        reason: String,
    },
    /// Nothing of this account is sent for now; [`Route::halted`] says why, or [`Route::exhaustion`].
    Halted,
}
