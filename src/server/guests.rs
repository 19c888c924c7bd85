//! Who may stay connected: whoever has shown a token has a place, all others make room for those who come after them.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, sleep_until};

/// Connections with a place. Those who show a token when none is free are served, but make room as the others do.
const PLACES: usize = 128;

/// Connections without a place; one more, and the oldest of them is closed. Together well below the usual limit of 1024
/// open files.
const WITHOUT_PLACE: usize = 256;

/// What each gets, as a client on a busy machine does not speak at once.
const YOUTH: Duration = Duration::from_millis(100);

/// What it gets once it is told to leave, as what it said may not have been heard yet.
const NOTICE: Duration = Duration::from_millis(20);

/// How long a connection has to show a token.
const TOKEN_TIMEOUT: Duration = Duration::from_secs(3);

/// Everybody who is connected; cheap to clone.
#[derive(Clone)]
pub struct Guests {
    places: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
}

/// The connections without a place, since when, and the way to tell each to leave.
#[derive(Default)]
struct Waiting {
    by_age: BTreeMap<u64, (Instant, Arc<Notify>)>,
    next: u64,
}

/// One connection; cheap to clone. It is gone with the last clone.
#[derive(Clone)]
pub struct Guest(Arc<Entry>);

struct Entry {
    guests: Guests,
    number: u64,
    leave: Arc<Notify>,
    /// Set once a token was shown; empty if no place was free.
    known: OnceLock<Option<OwnedSemaphorePermit>>,
}

impl Guests {
    pub fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES)), waiting: Arc::default() }
    }

    /// A new connection. Waits until there is room for it, for which another may have to go.
    pub async fn enter(&self) -> Guest {
        while let Some(oldest) = self.too_many() {
            sleep_until(oldest + YOUTH).await;
        }
        let leave = Arc::<Notify>::default();
        let mut waiting = self.waiting();
        let number = waiting.next;
        waiting.next += 1;
        waiting.by_age.insert(number, (Instant::now(), Arc::clone(&leave)));
        drop(waiting);
        Guest(Arc::new(Entry { guests: self.clone(), number, leave, known: OnceLock::new() }))
    }

    /// Since when the oldest is here if it cannot make room yet; if it can, it does.
    fn too_many(&self) -> Option<Instant> {
        let mut waiting = self.waiting();
        if waiting.by_age.len() < WITHOUT_PLACE {
            return None;
        }
        let oldest = waiting.by_age.first_entry()?;
        let (since, _) = oldest.get();
        if since.elapsed() < YOUTH {
            return Some(*since);
        }
        let (_, leave) = oldest.remove();
        leave.notify_one();
        None
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Guest {
    /// It has shown a token.
    pub fn welcome(&self) {
        let Entry { guests, number, known, .. } = &*self.0;
        known.get_or_init(|| {
            let place = Arc::clone(&guests.places).try_acquire_owned().ok()?;
            guests.waiting().by_age.remove(number);
            Some(place)
        });
    }

    /// Done when the connection has to end.
    pub async fn leaves(&self) {
        let Entry { leave, known, .. } = &*self.0;
        let told = async {
            leave.notified().await;
            sleep(NOTICE).await;
            matches!(known.get(), Some(Some(_)))
        };
        let waited = async {
            sleep(TOKEN_TIMEOUT).await;
            known.get().is_some()
        };
        tokio::select! {
            false = told => {}
            false = waited => {}
            () = pending() => {}
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.guests.waiting().by_age.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn leaves(guest: &Guest) -> bool {
        tokio::time::timeout(3 * NOTICE, guest.leaves()).await.is_ok()
    }

    async fn crowd(guests: &Guests, count: usize) -> Vec<Guest> {
        let mut crowd = Vec::new();
        for _ in 0..count {
            crowd.push(guests.enter().await);
        }
        crowd
    }

    #[tokio::test]
    async fn the_oldest_without_a_place_makes_room() {
        let guests = Guests::new();
        let known = guests.enter().await;
        known.welcome();
        let mut crowd = crowd(&guests, WITHOUT_PLACE).await;
        assert!(!leaves(&crowd[0]).await, "there is room");
        crowd.push(guests.enter().await);
        assert!(leaves(&crowd[0]).await && !leaves(&crowd[1]).await);
        drop(crowd.pop());
        drop(crowd.remove(0));
        crowd.push(guests.enter().await);
        assert!(!leaves(&crowd[0]).await, "who left has made room");
        assert!(!leaves(&known).await);
    }

    #[tokio::test]
    async fn places_are_few_and_come_back() {
        let guests = Guests::new();
        let known = crowd(&guests, PLACES).await;
        known.iter().for_each(Guest::welcome);
        let late = guests.enter().await;
        late.welcome();
        let strangers = crowd(&guests, WITHOUT_PLACE).await;
        assert!(leaves(&late).await, "it found no place");
        assert!(!leaves(&known[0]).await && !leaves(&strangers[0]).await);
        drop(known);
        let known = guests.enter().await;
        known.welcome();
        let _strangers = crowd(&guests, WITHOUT_PLACE).await;
        assert!(!leaves(&known).await && leaves(&strangers[0]).await);
    }
}
