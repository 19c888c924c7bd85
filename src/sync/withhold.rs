//! Keeps sessions from being sent while somebody decides about them, so that nothing is decided of what is in flight.

use super::Route;
use super::courier::Event;
use crate::store::sessions::SessionRow;
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One decides at a time.
pub type Turn = Arc<Mutex<()>>;

/// As long as this lives, the sessions are not sent.
pub struct Withheld<'a> {
    route: &'a Route,
    _turn: MutexGuard<'a, ()>,
}

impl Route {
    /// Blocks until none of the sessions is in flight, which takes as long as a request may take; nothing if nobody
    /// delivers any more.
    pub fn withhold(&self, rows: Vec<SessionRow>) -> Option<Withheld<'_>> {
        // Whoever panicked with it ended the process.
        let turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let (ready, answer) = channel();
        self.courier.send(Event::Withhold { rows, ready }).ok()?;
        let withheld = Withheld { route: self, _turn: turn };
        answer.recv().ok().map(|()| withheld)
    }
}

impl Drop for Withheld<'_> {
    /// After the decision was written, so that what was read from the outbox before arrives before.
    fn drop(&mut self) {
        // Nobody delivers any more.
        let _ = self.route.courier.send(Event::Release);
    }
}
