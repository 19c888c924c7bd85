//! Parts of a FIT file that recorded something and have no session message: the device never got to write it, or the
//! part belongs to the session of another one, as those of heart rate straps do.

use super::activity::{Activity, Span};
use crate::formats::reading::Reading;
use std::cmp::Reverse;

/// Puts a workout together from the records of each such part, unless another part tells of its time. Where several
/// recorded the same time, the longest tells most.
pub fn add(parts: &[Activity], reading: &mut Reading) {
    let mut told: Vec<Span> = parts.iter().flat_map(Activity::session_spans).collect();
    let mut lacking = Vec::new();
    for part in parts.iter().filter(|part| part.lacks_session()) {
        match part.records_span() {
            Ok(span) => lacking.push((part, span)),
            Err(reason) => reading.refuse(reason),
        }
    }
    lacking.sort_by_key(|(_, span)| Reverse(millis(*span)));
    for (part, span) in lacking {
        if !is_told(span, &told) {
            told.push(span);
            reading.add(part.recorded(span));
        }
    }
}

/// Whether half of the time or more is that of others: two recordings of one workout do not end in the same second, and
/// it may take several to cover one, as the legs of a triathlon do.
fn is_told(span: Span, told: &[Span]) -> bool {
    let shared = |other: &Span| millis((span.0.max(other.0), span.1.min(other.1))).max(0);
    let shared: i64 = told.iter().map(shared).fold(0, i64::saturating_add);
    millis(span) > 0 && shared >= millis(span) / 2
}

fn millis(span: Span) -> i64 {
    span.1.as_millisecond() - span.0.as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    fn span(from: i64, to: i64) -> Span {
        let at = |second| Timestamp::from_second(second).unwrap();
        (at(from), at(to))
    }

    #[test]
    fn a_time_is_told_by_what_covers_most_of_it() {
        let told = [span(1000, 2000), span(2100, 3000)];
        for (from, to, expected) in [
            (1000, 2000, true),
            (1200, 1300, true),
            (990, 2010, true),
            (1000, 3000, true),
            (2995, 4000, false),
            (4000, 5000, false),
            (0, 10_000, false),
            // No time at all, which is for others to refuse.
            (1500, 1500, false),
            (1600, 1500, false),
        ] {
            assert_eq!(is_told(span(from, to), &told), expected, "{from} to {to}");
        }
        assert!(!is_told(span(1000, 2000), &[]));
    }
}
