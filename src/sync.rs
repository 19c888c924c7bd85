//! Keeps the two sides equal: delivers what is queued, and reads back what was delivered.

pub mod deliver;
pub mod reconcile;
mod retry;

use crate::api::Client;
use crate::config;
use crate::store::sessions::SessionRow;
use crate::store::{self, Store};
use std::sync::Arc;
use tokio::sync::{Notify, broadcast, watch};

/// One account's way to its server, shared by the loops that use it.
#[derive(Clone)]
pub struct Route {
    pub name: Arc<str>,
    pub account: store::Account,
    pub store: Store,
    pub client: Arc<Client>,
    /// Told whenever something was queued.
    pub wake: Arc<Notify>,
    /// Tells whoever waits for certain sessions what became of each.
    pub progress: broadcast::Sender<Progress>,
    /// Why nothing of this account is sent for longer than a moment, if so.
    pub halted: watch::Sender<Option<Halt>>,
    /// Told when there is a reason to try again at once, whatever was wrong.
    pub probe: Arc<Notify>,
    pub delivery: config::DeliverySettings,
    pub reconcile: config::ReconcileSettings,
}

impl Route {
    fn tell(&self, progress: Progress) {
        // Nobody listens unless a command waits for its sessions.
        let _ = self.progress.send(progress);
    }
}

/// Why nothing is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Halt {
    pub reason: String,
    /// Whether only a person with new credentials can change that.
    pub credentials: bool,
    /// Whether the API is closed, or refuses us; otherwise it only wants to be left alone for a while.
    pub stopped: bool,
}

/// What became of one session, or of all.
#[derive(Clone, Debug)]
pub enum Progress {
    Delivered(SessionRow),
    Parked {
        session: SessionRow,
        reason: String,
    },
    Retrying {
        reason: String,
    },
    /// Nothing of this account is sent for now; [`Route::halted`] says why.
    Halted,
}
