//! Which windows are asked for, so that no list is larger than it may be and no session falls between two. Pure.

use crate::destination::Window;
use jiff::{SignedDuration, Timestamp};

/// Sessions of ours in one window at most; there may be as many of others, and lists are capped at 10,000.
const MOST_STARTS: usize = 4000;

/// No workout is longer than this, so whatever starts in a span lies wholly inside a window that reaches this much
/// further to both sides, whichever sessions a server counts to a window.
const MARGIN: SignedDuration = SignedDuration::from_hours(6 * 24);

/// Starts further apart than this, Unix milliseconds, are not asked for in one window: what lies between is others'.
const WIDEST_GAP: i64 = 30 * 86_400_000;

/// A span of starts, Unix milliseconds, the end exclusive.
pub type Span = (i64, i64);

/// The spans that hold all of these starts, which are in order.
pub fn spans(starts: &[i64]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut count = 0;
    for start in starts {
        match spans.last_mut() {
            // What starts at the same moment cannot be told apart.
            Some((_, end)) if *start < *end => {}
            Some((_, end)) if count < MOST_STARTS && *start - *end <= WIDEST_GAP => *end = start + 1,
            _ => {
                spans.push((*start, start + 1));
                count = 0;
            }
        }
        count += 1;
    }
    spans
}

/// The window in which everything lies wholly that starts in a span.
pub fn window((start, end): Span) -> Window {
    let at = |millis| Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
    Window {
        start: at(start).saturating_sub(MARGIN).unwrap_or(Timestamp::UNIX_EPOCH).max(Timestamp::UNIX_EPOCH),
        end: at(end).saturating_add(MARGIN).unwrap_or(Timestamp::MAX),
    }
}

/// Two spans instead of one whose list is too large; nothing if that would not make it smaller.
pub fn halves((start, end): Span) -> Option<[Span; 2]> {
    let length = end - start;
    // Below this the margins make up most of the window.
    (length > MARGIN.as_millis().try_into().unwrap_or(i64::MAX) / 8).then(|| {
        let middle = start + length / 2;
        [(start, middle), (middle, end)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_start_is_in_one_span(mut starts in prop::collection::vec(0..10_000_000_000_i64, 0..2000)) {
            starts.sort_unstable();
            let spans = spans(&starts);
            for start in &starts {
                prop_assert_eq!(spans.iter().filter(|(from, to)| from <= start && start < to).count(), 1);
            }
            prop_assert!(spans.is_sorted());
        }
    }

    #[test]
    fn a_long_history_is_cut_into_pieces() {
        let daily: Vec<i64> = (0..10_000).map(|day| day * 86_400_000).collect();
        let pieces = spans(&daily);
        assert_eq!(pieces.len(), 3);
        let gap = [0, 86_400_000, 400 * 86_400_000];
        assert_eq!(spans(&gap), [(0, 86_400_001), (400 * 86_400_000, 400 * 86_400_000 + 1)]);
    }

    #[test]
    fn halves_leave_no_gap() {
        let [first, second] = halves((0, 864_000_000)).unwrap();
        assert_eq!((first.0, first.1, second.1), (0, second.0, 864_000_000));
        let mut span = (0, 864_000_000);
        while let Some([half, _]) = halves(span) {
            span = half;
        }
        assert!(span.1 <= 86_400_000);
    }
}
