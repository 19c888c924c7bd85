//! When to try again: exponential, bounded, with full jitter. The only place that knows the `backoff` crate.

use backoff::ExponentialBackoff;
use backoff::backoff::Backoff;
use std::time::Duration;

/// The schedule doubles; beyond this many failures it has long reached its bound.
const MOST_DOUBLINGS: u32 = 32;

/// The pause after the given number of failures in a row (1 or more): a random time up to a bound that doubles from
/// `first` to `longest`. `random` is uniform in 0 to 1.
///
/// Full jitter spreads the attempts of a whole queue evenly, so that a server that comes back is not hit at once.
pub fn pause(failures: u32, first: Duration, longest: Duration, random: f64) -> Duration {
    bound(failures, first, longest).mul_f64(random.clamp(0.0, 1.0))
}

fn bound(failures: u32, first: Duration, longest: Duration) -> Duration {
    let mut schedule = ExponentialBackoff {
        current_interval: first,
        initial_interval: first,
        randomization_factor: 0.0,
        multiplier: 2.0,
        max_interval: longest,
        // The default gives up after a quarter of an hour; a workout is never given up.
        max_elapsed_time: None,
        ..ExponentialBackoff::default()
    };
    let steps = failures.clamp(1, MOST_DOUBLINGS);
    let last = (0..steps).map_while(|_| schedule.next_backoff()).last();
    last.unwrap_or(longest).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_its_bound_and_never_ends() {
        let seconds =
            |failures| bound(failures, Duration::from_secs(2), Duration::from_secs(3600)).as_secs_f64().round();
        let bounds: Vec<f64> = [1, 2, 3, 4, 11, 12, 13, 1_000_000].into_iter().map(seconds).collect();
        assert_eq!(bounds, [2.0, 4.0, 8.0, 16.0, 2048.0, 3600.0, 3600.0, 3600.0]);
    }

    #[test]
    fn jitter_covers_the_whole_span() {
        let pause = |random| pause(3, Duration::from_secs(2), Duration::from_secs(3600), random).as_secs_f64();
        assert_eq!(pause(0.0), 0.0);
        assert!((pause(0.5) - 4.0).abs() < 0.001 && (pause(1.0) - 8.0).abs() < 0.001);
        assert!(pause(7.0) <= 8.001);
    }
}
