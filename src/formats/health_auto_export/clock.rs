//! Times as the app prints them by the settings of the phone: `2026-03-10 07:00:00 +0000`, `2026-03-10 7:00:00 am +0000`.

use crate::formats::time::{self, Instant};
use jiff::tz::TimeZone;

/// `zone` serves where no offset is printed.
pub fn parse(text: &str, zone: &TimeZone) -> Option<Instant> {
    // U+202F and U+00A0 are white space too.
    let mut parts = text.split_whitespace().peekable();
    let date = parts.next()?;
    let Some(clock) = parts.next() else { return time::parse(date, zone) };
    let half = parts.next_if(|part| !part.starts_with(['+', '-', 'Z']));
    let offset = parts.next().unwrap_or_default();
    if parts.next().is_some() {
        return None;
    }
    let Some(half) = half else { return time::parse(&format!("{date}T{clock:0>8}{offset}"), zone) };
    let (hour, rest) = clock.split_once(':')?;
    let hour: u8 = hour.parse().ok().filter(|hour| (1..=12).contains(hour))?;
    let hour = hour % 12 + if is_afternoon(half)? { 12 } else { 0 };
    time::parse(&format!("{date}T{hour:02}:{rest}{offset}"), zone)
}

fn is_afternoon(half: &str) -> Option<bool> {
    match half.to_lowercase().replace('.', "").as_str() {
        "am" | "上午" => Some(false),
        "pm" | "下午" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_layouts() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        for (text, utc, offset, assumed) in [
            ("2024-02-06 07:00:00 -0800", "2024-02-06T15:00:00Z", Some(-28_800), false),
            ("2024-02-06 7:00:00 -0800", "2024-02-06T15:00:00Z", Some(-28_800), false),
            ("2021-02-15 4:51:59 pm +1000", "2021-02-15T06:51:59Z", Some(36_000), false),
            ("2021-02-15 04:51:59 PM +1000", "2021-02-15T06:51:59Z", Some(36_000), false),
            ("2021-02-15 4:51:59\u{202f}PM +1000", "2021-02-15T06:51:59Z", Some(36_000), false),
            ("2021-02-15 12:51:59\u{202f}am +1000", "2021-02-14T14:51:59Z", Some(36_000), false),
            ("2021-02-15 12:51:59 p.m. +0000", "2021-02-15T12:51:59Z", None, false),
            ("2024-01-15T08:00:00-05:00", "2024-01-15T13:00:00Z", Some(-18_000), false),
            ("2024-07-15 08:00:00", "2024-07-15T06:00:00Z", None, true),
        ] {
            let expected = Instant { at: utc.parse().unwrap(), utc_offset_seconds: offset, zone_assumed: assumed };
            assert_eq!(parse(text, &berlin), Some(expected), "{text}");
        }
        for nonsense in ["", "soon", "2024-02-06", "2024-02-06 13:00:00 pm +0000", "2024-02-06 0:00:00 am +0000"] {
            assert_eq!(parse(nonsense, &berlin), None, "{nonsense}");
        }
        for nonsense in ["2024-02-06 07:00:00 xm +0000", "2024-02-06 07:00:00 am +0000 x", "2024-02-06 am"] {
            assert_eq!(parse(nonsense, &berlin), None, "{nonsense}");
        }
    }
}
