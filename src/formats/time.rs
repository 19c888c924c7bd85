//! Points in time as XML files print them: with `Z`, with an offset, or without any zone.

use jiff::Timestamp;
use jiff::fmt::temporal::{Pieces, PiecesOffset};
use jiff::tz::TimeZone;

/// An instant and what was said, or had to be assumed, about local time.
#[derive(Clone, Debug, PartialEq)]
pub struct Instant {
    pub at: Timestamp,
    /// Local minus UTC in seconds, if the text carries an offset. `Z` says nothing about local time, and neither does
    /// `+00:00`: many programs write UTC like that wherever they run.
    pub utc_offset_seconds: Option<i32>,
    /// Whether the zone had to come from the options.
    pub zone_assumed: bool,
}

/// No clock on this earth is so far from UTC, in seconds: from -12 to +14 hours in our days, and local mean times before.
const LARGEST_OFFSET: i32 = 16 * 3600;

/// Reads `2026-04-12T06:30:15Z` and its relatives: fractions of any length, an offset, a blank for the `T`, no zone.
///
/// A local time that a daylight-saving gap skips is moved forward; one that occurs twice is taken as the first.
pub fn parse(text: &str, zone: &TimeZone) -> Option<Instant> {
    let text = text.trim();
    if let Some(at) = instant(text).filter(|_| text.ends_with('Z')) {
        return Some(Instant { at, utc_offset_seconds: None, zone_assumed: false });
    }
    let pieces = Pieces::parse(text).ok()?;
    let local = pieces.date().to_datetime(pieces.time()?);
    match pieces.offset() {
        Some(PiecesOffset::Numeric(numeric)) if numeric.offset().seconds().abs() >= LARGEST_OFFSET => None,
        Some(PiecesOffset::Numeric(numeric)) => Some(Instant {
            at: numeric.offset().to_timestamp(local).ok()?,
            utc_offset_seconds: Some(numeric.offset().seconds()).filter(|seconds| *seconds != 0),
            zone_assumed: false,
        }),
        Some(_) => {
            Some(Instant { at: TimeZone::UTC.to_timestamp(local).ok()?, utc_offset_seconds: None, zone_assumed: false })
        }
        None => Some(Instant {
            at: zone.to_ambiguous_zoned(local).compatible().ok()?.timestamp(),
            utc_offset_seconds: None,
            zone_assumed: true,
        }),
    }
}

/// The instant alone, for the many points between the first and the last; `None` where a zone is needed.
pub fn instant(text: &str) -> Option<Timestamp> {
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, utc, offset, assumed) in [
            ("2026-04-12T06:30:15Z", "2026-04-12T06:30:15Z", None, false),
            (" 2026-04-12T06:30:15.1234567Z\r\n", "2026-04-12T06:30:15.1234567Z", None, false),
            ("2026-04-12T06:30:15.5+02:00", "2026-04-12T04:30:15.5Z", Some(7200), false),
            ("2026-04-12T06:30:15-0330", "2026-04-12T10:00:15Z", Some(-12600), false),
            ("2026-04-12T06:30:15+00:00", "2026-04-12T06:30:15Z", None, false),
            ("2026-04-12T06:30:15.5-0000", "2026-04-12T06:30:15.5Z", None, false),
            ("2026-04-12T06:30:15", "2026-04-12T04:30:15Z", None, true),
            ("2026-04-12 06:30:15", "2026-04-12T04:30:15Z", None, true),
            ("2026-03-29T02:30:00", "2026-03-29T01:30:00Z", None, true),
            ("2026-10-25T02:30:00", "2026-10-25T00:30:00Z", None, true),
        ] {
            let expected = Instant { at: utc.parse().unwrap(), utc_offset_seconds: offset, zone_assumed: assumed };
            assert_eq!(parse(text, &berlin), Some(expected), "{text}");
        }
        let nonsense =
            ["", "2026", "2026-04-12", "Z", "2026-13-01T00:00:00Z", "about noon", "2026-04-12T06:30:15+2100"];
        for nonsense in nonsense {
            assert_eq!(parse(nonsense, &berlin), None, "{nonsense}");
        }
    }
}
