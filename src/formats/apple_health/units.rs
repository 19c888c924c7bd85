//! Times, lengths, energies and durations as Apple Health prints them.

use crate::formats::number::millis;
use crate::formats::time::{self, Instant};
use jiff::tz::TimeZone;

/// `2025-07-14 16:39:21 +0100`. A time without an offset, which only other programs write, is local to `zone`.
pub fn instant(text: &str, zone: &TimeZone) -> Option<Instant> {
    match text.split_whitespace().collect::<Vec<_>>()[..] {
        [date, clock, offset] => time::parse(&format!("{date}T{clock}{offset}"), zone),
        _ => time::parse(text, zone),
    }
}

/// Milliseconds; minutes are meant where no unit is given.
pub fn duration(value: &str, unit: Option<&str>) -> Option<i64> {
    let seconds = match unit.unwrap_or("min") {
        "s" | "sec" => 1.0,
        "min" => 60.0,
        "hr" | "h" => 3600.0,
        _ => return None,
    };
    millis(number(value)? * seconds)
}

pub fn meters(value: &str, unit: Option<&str>) -> Option<f64> {
    let factor = match unit? {
        "m" => 1.0,
        "km" => 1000.0,
        "cm" => 0.01,
        "mi" => 1609.344,
        "yd" => 0.9144,
        "ft" => 0.3048,
        _ => return None,
    };
    positive(value).map(|value| value * factor)
}

/// `Cal`, with a capital letter, is Apple's kilocalorie.
pub fn kilocalories(value: &str, unit: Option<&str>) -> Option<f64> {
    let factor = match unit? {
        "Cal" | "kcal" => 1.0,
        "cal" => 0.001,
        "kJ" => 1.0 / 4.184,
        "J" => 0.001 / 4.184,
        _ => return None,
    };
    positive(value).map(|value| value * factor)
}

pub fn beats_per_minute(value: &str, unit: Option<&str>) -> Option<f64> {
    let factor = match unit? {
        "count/min" => 1.0,
        "count/s" => 60.0,
        _ => return None,
    };
    positive(value).map(|value| value * factor)
}

fn positive(value: &str) -> Option<f64> {
    number(value).filter(|value| *value > 0.0)
}

fn number(value: &str) -> Option<f64> {
    value.trim().parse().ok().filter(|value: &f64| value.is_finite())
}
