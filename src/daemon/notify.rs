//! What systemd hears of us: that we are ready, that we are alive, that we stop.

use crate::events;
use crate::store::Store;
use sd_notify::NotifyState;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior};

pub fn ready() {
    send(&[NotifyState::Ready]);
}

pub fn stopping() {
    send(&[NotifyState::Stopping]);
}

fn send(state: &[NotifyState<'_>]) {
    // Without systemd there is no socket, and that is no error. A broken one is noticed by the watchdog.
    if let Err(error) = sd_notify::notify(state) {
        events::control_failed(&error);
    }
}

/// Tells systemd that we are alive, if it wants to know.
pub struct Watchdog {
    every: Option<Duration>,
    store: Store,
}

impl Watchdog {
    pub fn of_environment(store: Store) -> Self {
        // Twice in the time that systemd allows, as its documentation advises.
        Self { every: sd_notify::watchdog_enabled().map(|within| within / 2), store }
    }

    /// Never ends. Each sign of life follows an answer of the store's thread, so that a hanging one is noticed.
    pub async fn feed(self) {
        let Some(every) = self.every else { return std::future::pending().await };
        let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.store.call(|_| Ok(())).await.is_ok() {
                send(&[NotifyState::Watchdog]);
            }
        }
    }
}
