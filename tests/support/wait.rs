//! Waiting for something to become true: looks again and again, with a bound, and says what it waited for.

use std::time::{Duration, Instant};

/// Generous, because machines are shared; a test that passes waits as long as it takes and no longer.
const BOUND: Duration = Duration::from_secs(60);

/// Looks until there is something.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < BOUND, "waited in vain for {what}");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Looks until it is true.
pub fn until_true(what: &str, mut look: impl FnMut() -> bool) {
    until(what, || look().then_some(()));
}
