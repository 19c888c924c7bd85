//! Named moments at which a test lets the process die. Without the feature `crash-points` they are nothing.

/// Dies here, without a word and without cleaning up, if the variable `CRASH_AT` names this moment: `name:hit`, several of
/// them separated by commas, the first hit of a process being 1. `CRASH_LOG` names a file that gets a line for each hit.
#[cfg(feature = "crash-points")]
pub fn point(name: &'static str) {
    armed::hit(name);
}

/// Nothing.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub const fn point(_name: &'static str) {}

#[cfg(feature = "crash-points")]
mod armed {
    use std::collections::HashMap;
    use std::fs::OpenOptions;
    use std::io::Write;
    use std::sync::{LazyLock, Mutex, PoisonError};

    static FATAL: LazyLock<Vec<(String, u32)>> = LazyLock::new(|| {
        let armed = std::env::var("CRASH_AT").unwrap_or_default();
        let parse =
            |entry: &str| entry.split_once(':').and_then(|(name, hit)| Some((name.to_owned(), hit.parse().ok()?)));
        armed.split(',').filter_map(parse).collect()
    });

    static HITS: Mutex<Option<HashMap<&'static str, u32>>> = Mutex::new(None);

    /// Whoever reaches a moment while another one dies waits for the lock until the end.
    pub fn hit(name: &'static str) {
        let mut hits = HITS.lock().unwrap_or_else(PoisonError::into_inner);
        let count = hits.get_or_insert_default().entry(name).or_default();
        *count += 1;
        if let Some(log) = std::env::var_os("CRASH_LOG")
            && let Ok(mut log) = OpenOptions::new().create(true).append(true).open(log)
        {
            // The test notices what is missing.
            let _ = writeln!(log, "{name}");
        }
        if FATAL.iter().any(|(fatal, hit)| fatal == name && hit == count) {
            std::process::abort();
        }
    }
}
