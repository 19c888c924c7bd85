//! Numbers and lengths of time as tables print them for people.

use crate::formats::number::millis;

/// A number as programs write it, with a point; a lone comma is taken for one.
pub fn plain(text: &str) -> Option<f64> {
    let text = text.trim();
    let number = match text.split_once(',') {
        Some((whole, part)) if !text.contains('.') && !part.contains(',') => format!("{whole}.{part}").parse(),
        _ => text.parse::<f64>(),
    };
    number.ok().filter(|number| number.is_finite())
}

/// A number as an account's language writes it: `1,234.5`, `1.234,5`, `1 234`. Of a lone mark nobody can tell whether
/// it parts thousands, but by the three digits behind it.
pub fn grouped(text: &str) -> Option<f64> {
    let digits: String = text.chars().filter(|c| !c.is_whitespace() && *c != '\'').collect();
    let mark = digits.rfind([',', '.']);
    let is_fraction = mark.is_some_and(|at| {
        let (whole, part) = (&digits[..at], &digits[at + 1..]);
        let other = if digits[at..].starts_with(',') { '.' } else { ',' };
        let repeated = whole.contains(&digits[at..=at]);
        !repeated && (whole.contains(other) || part.len() != 3 || whole.trim_start_matches('-') == "0")
    });
    let number: String = digits
        .char_indices()
        .filter_map(|(at, c)| match c {
            ',' | '.' => (is_fraction && Some(at) == mark).then_some('.'),
            c => Some(c),
        })
        .collect();
    number.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A length of time in milliseconds: `26:42`, `1:06:06`, `00:05:39,4`, `1h 19m`, `35min`, `4739`; without a unit, seconds.
pub fn length(text: &str) -> Option<i64> {
    let seconds = if text.contains(':') { colons(text)? } else { units(text)? };
    millis(seconds).filter(|millis| *millis >= 0)
}

/// Up to days, hours, minutes, and seconds with a fraction.
fn colons(text: &str) -> Option<f64> {
    let parts: Vec<&str> = text.trim().split(':').collect();
    let (last, parts) = parts.split_last()?;
    let mut total = plain(last)?;
    for (part, unit) in parts.iter().rev().zip([60.0, 3600.0, 86_400.0]) {
        total += f64::from(part.trim().parse::<u32>().ok()?) * unit;
    }
    (parts.len() <= 3).then_some(total)
}

/// Numbers, each with the beginning of a unit's name in one of the languages of exports.
fn units(text: &str) -> Option<f64> {
    let mut rest = text.trim();
    let mut total = None;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(rest.len());
        let (number, after) = rest.split_at(end);
        let after = after.trim_start();
        let end = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let unit = unit.trim().to_lowercase();
        let factor = match unit.chars().next() {
            Some('h' | 'ч') => 3600.0,
            Some('s') if unit.starts_with("st") => 3600.0,
            Some('m' | 'м') => 60.0,
            Some('s' | 'с') | None => 1.0,
            Some(_) => return None,
        };
        total = Some(total.unwrap_or(0.0) + plain(number)? * factor);
        rest = after;
    }
    total
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_all_languages() {
        for (text, number) in [
            ("3,40", 3.4),
            ("2.932", 2932.0),
            ("2,932", 2932.0),
            ("1,234.5", 1234.5),
            ("1.234,56", 1234.56),
            ("1\u{a0}234", 1234.0),
            ("12", 12.0),
            ("0.125", 0.125),
            ("1,234,567", 1_234_567.0),
            ("-4", -4.0),
        ] {
            assert_eq!(grouped(text), Some(number), "{text}");
        }
        for (text, number) in
            [("5612.399", Some(5612.399)), ("5,32", Some(5.32)), ("1,2,3", None), ("inf", None), ("", None)]
        {
            assert_eq!(plain(text), number, "{text}");
        }
        assert_eq!(grouped("--"), None);
    }

    #[test]
    fn lengths_of_all_kinds() {
        for (text, seconds) in [
            ("26:42", 1602.0),
            ("1:06:06", 3966.0),
            ("00:05:39,4", 339.4),
            ("30:00.75", 1800.75),
            ("1:02:03:04", 93_784.0),
            ("35m", 2100.0),
            ("1h 19m", 4740.0),
            ("2h", 7200.0),
            ("1 Std. 5 Min.", 3900.0),
            ("45s", 45.0),
            ("4739", 4739.0),
            ("12.5", 12.5),
        ] {
            assert_eq!(length(text), millis(seconds), "{text}");
        }
        for nonsense in ["", "x", "5 apples", "-5", "1:2:3:4:5", "::", "h", "1e400"] {
            assert_eq!(length(nonsense), None, "{nonsense}");
        }
    }
}
