//! Points in time as tables print them for people: in any order, with names of months, with halves of the day.

use super::months::month;
use crate::formats::Options;
use crate::formats::time;
use crate::workout::{Format, Key, Workout};
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};

/// An instant, and what the wall clock showed.
#[derive(Clone, Debug, PartialEq)]
pub struct Clock {
    pub at: Timestamp,
    pub printed: DateTime,
    /// Local minus UTC in seconds, where the text tells it.
    pub utc_offset_seconds: Option<i32>,
    /// Whether the zone had to come from the options.
    pub zone_assumed: bool,
}

/// Reads a date with a time of day; where the text tells no zone it is that of a format's files.
pub fn floating(text: &str, format: Format, options: &Options) -> Option<Clock> {
    read(text, options.zone_of(format))
}

/// Reads a date with a time of day that is in UTC, unless the text tells an offset.
pub fn utc(text: &str) -> Option<Clock> {
    Some(Clock { zone_assumed: false, ..read(text, &TimeZone::UTC)? })
}

/// The last clock that was read: the rows of a workout's sets repeat it.
#[derive(Default)]
pub struct Memo {
    text: String,
    clock: Option<Clock>,
}

impl Memo {
    /// Reads a date as [`floating`] does, the same one once.
    pub fn floating(&mut self, text: &str, format: Format, options: &Options) -> Option<Clock> {
        if self.clock.is_none() || self.text != text {
            self.clock = floating(text, format, options);
            text.clone_into(&mut self.text);
        }
        self.clock.clone()
    }
}

fn read(text: &str, zone: &TimeZone) -> Option<Clock> {
    if let Some(printed) = civil(text) {
        let at = zone.to_ambiguous_zoned(printed).compatible().ok()?.timestamp();
        return Some(Clock { at, printed, utc_offset_seconds: None, zone_assumed: true });
    }
    let instant = time::parse(text, zone)?;
    let offset = Offset::from_seconds(instant.utc_offset_seconds.unwrap_or_default()).ok()?;
    Some(Clock {
        at: instant.at,
        printed: offset.to_datetime(instant.at),
        utc_offset_seconds: instant.utc_offset_seconds,
        zone_assumed: instant.zone_assumed,
    })
}

impl Clock {
    /// A workout of this length in milliseconds that starts now.
    pub fn workout(&self, format: Format, millis: i64, options: &Options) -> Result<Workout, String> {
        let end = self.at.checked_add(SignedDuration::from_millis(millis));
        let end = end.map_err(|_| format!("a length of {millis} milliseconds"))?;
        let mut workout = Workout::new(format, self.at, end);
        workout.utc_offset_seconds = self.utc_offset_seconds;
        if self.zone_assumed {
            workout.source.assumed_zone = Some(options.zone_name(format));
        }
        Ok(workout)
    }

    /// The identity of a workout in a table that has none: what the clock showed, and what the workout is called. A
    /// corrected zone changes the instant, and not this.
    pub fn key(&self, vendor: &str, title: &str) -> Key {
        Key { vendor: vendor.to_owned(), id: format!("{} {title}", self.printed).trim_end().to_owned() }
    }
}

/// Zones are whole quarters of an hour away from UTC.
const QUARTER_MILLIS: i32 = 900_000;

/// Local minus UTC in seconds: `-05:00`, `+0530`, `UTC+0530`, `-06`, and plain milliseconds as older tables print them.
pub fn offset_seconds(text: &str) -> Option<i32> {
    let text = text.trim_start_matches("UTC").trim_start_matches("GMT");
    let seconds = match text.strip_prefix(['+', '-']).map(|digits| digits.replace(':', "")) {
        Some(digits) if matches!(digits.len(), 2 | 4) => {
            let (hours, minutes) = digits.split_at_checked(2)?;
            let minutes = if minutes.is_empty() { 0 } else { minutes.parse::<i32>().ok()? };
            let seconds = hours.parse::<i32>().ok()? * 3600 + minutes * 60;
            if text.starts_with('-') { -seconds } else { seconds }
        }
        _ => text.parse::<i32>().ok().filter(|millis| millis % QUARTER_MILLIS == 0)? / 1000,
    };
    (seconds.abs() <= 14 * 3600).then_some(seconds)
}

/// Refuses what has no readable time, in one wording.
pub(super) fn unreadable(what: &str, text: Option<&str>) -> String {
    match text {
        Some(text) => {
            let text: String = text.chars().take(60).collect();
            format!("{what} \"{text}\" is no date and time that is understood")
        }
        None => format!("no {what}"),
    }
}

/// A date and a time of day without a zone, in whatever form: the numbers decide, a month's name, and a half of the day.
fn civil(text: &str) -> Option<DateTime> {
    let Tokens { numbers, month, half, slashes } = tokens(text)?;
    let (date, clock) = match month {
        Some(month) => {
            let (first, rest) = numbers.split_first()?;
            let (second, rest) = rest.split_first()?;
            let (year, day) = if first.1 == 4 { (first, second) } else { (second, first) };
            ((year, i64::from(month), day.0), rest)
        }
        None => {
            let (first, rest) = numbers.split_first()?;
            let (second, rest) = rest.split_first()?;
            let (third, rest) = rest.split_first()?;
            if first.1 == 4 {
                ((first, second.0, third.0), rest)
            } else if slashes && (half.is_some() || second.0 > 12) && first.0 <= 12 {
                // With slashes and halves of the day the writer is American.
                ((third, first.0, second.0), rest)
            } else {
                ((third, second.0, first.0), rest)
            }
        }
    };
    let ((year, digits), month, day) = (date.0, date.1, date.2);
    if *digits != 4 {
        return None;
    }
    let date = Date::new(i16::try_from(*year).ok()?, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()?;
    Some(date.to_datetime(time_of_day(clock, half)?))
}

/// Hour, minute, and perhaps second and its fraction.
fn time_of_day(numbers: &[(i64, usize)], half: Option<Half>) -> Option<Time> {
    let (hour, minute, second, fraction) = match numbers {
        [hour, minute] => (hour.0, minute.0, 0, None),
        [hour, minute, second] => (hour.0, minute.0, second.0, None),
        [hour, minute, second, fraction] => (hour.0, minute.0, second.0, Some(fraction)),
        _ => return None,
    };
    let hour = match (half, hour) {
        (None, hour) => hour,
        (Some(Half::Morning), 12) => 0,
        (Some(Half::Morning), hour @ 0..=11) => hour,
        (Some(Half::Afternoon), 12) => 12,
        (Some(Half::Afternoon), hour @ 0..=11) => hour + 12,
        // Some print the half of the day beside the hour of 24.
        (Some(Half::Afternoon), hour @ 13..=23) => hour,
        _ => return None,
    };
    let nanos = match fraction {
        Some((value, digits @ 1..=9)) => value * 10_i64.pow(9 - u32::try_from(*digits).ok()?),
        Some(_) => return None,
        None => 0,
    };
    let (hour, minute, second) = (i8::try_from(hour).ok()?, i8::try_from(minute).ok()?, i8::try_from(second).ok()?);
    Time::new(hour, minute, second, i32::try_from(nanos).ok()?).ok()
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Half {
    Morning,
    Afternoon,
}

struct Tokens {
    /// Each with its number of digits.
    numbers: Vec<(i64, usize)>,
    month: Option<i8>,
    half: Option<Half>,
    /// Whether slashes stand between numbers.
    slashes: bool,
}

/// Words around a date that say nothing: "7 de abr. de 2026 a las 10:14", "2026年4月7日", "kl. 10.14 Uhr", the T of ISO.
const FILLERS: &[&str] = &[
    "t", "de", "del", "a", "las", "la", "at", "um", "uhr", "h", "à", "alle", "ore", "om", "kl", "klo", "o", "ve", "г",
    "в", "год", "года", "年", "月", "日", "时", "分", "秒", "時", "년", "월", "일", "mon", "tue", "wed", "thu", "fri",
];

/// `None` for a word that nobody told us.
fn tokens(text: &str) -> Option<Tokens> {
    let mut tokens = Tokens { numbers: Vec::new(), month: None, half: None, slashes: text.contains('/') };
    // Longer ones are no dates.
    let text = Some(text.trim()).filter(|text| text.len() <= 80)?;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_alike = |c: &char| if first.is_ascii_digit() { c.is_ascii_digit() } else { c.is_alphabetic() };
        let length = rest.chars().take_while(is_alike).map(char::len_utf8).sum::<usize>();
        if length == 0 {
            // A sign means an offset.
            let in_time = text[..text.len() - rest.len()].contains(':');
            if first == '+' || first == '-' && in_time {
                return None;
            }
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let (token, after) = rest.split_at(length);
        rest = after;
        if first.is_ascii_digit() {
            tokens.numbers.push((token.parse().ok()?, length));
            continue;
        }
        // "a.m." is two words of one letter; a single "a" is Spanish for "at".
        let word = token.to_lowercase();
        let dotted = after.trim_start_matches(['.', ' ', '\u{a0}', '\u{202f}']);
        let dotted = Some(dotted).filter(|rest| rest.len() < after.len() && rest.starts_with(['m', 'M']));
        match (word.as_str(), dotted) {
            ("am" | "上午" | "午前" | "오전", _) => tokens.half = Some(Half::Morning),
            ("pm" | "下午" | "午後" | "오후", _) => tokens.half = Some(Half::Afternoon),
            (letter @ ("a" | "p"), Some(after)) if tokens.numbers.len() > 2 => {
                tokens.half = Some(if letter == "a" { Half::Morning } else { Half::Afternoon });
                rest = &after[1..];
            }
            (word, _) if FILLERS.contains(&word) => {}
            (word, _) if tokens.month.is_none() => tokens.month = Some(month(word)?),
            _ => return None,
        }
    }
    Some(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_all_languages() {
        for (text, wanted) in [
            ("2021-07-07 18:35:21", "2021-07-07T18:35:21"),
            ("2023-12-22 11:48:00.250", "2023-12-22T11:48:00.25"),
            ("2021-07-07T18:35", "2021-07-07T18:35:00"),
            ("Jul 18, 2023, 11:15:51 PM", "2023-07-18T23:15:51"),
            ("Jul 18, 2023, 12:15:51\u{202f}AM", "2023-07-18T00:15:51"),
            ("18.07.2023, 23:15:51", "2023-07-18T23:15:51"),
            ("1. 2. 2020 10:00:00", "2020-02-01T10:00:00"),
            ("22 Dec 2025, 08:00", "2025-12-22T08:00:00"),
            ("25 Juli 2026, 14:21", "2026-07-25T14:21:00"),
            ("11 mai 2025, 09:30", "2025-05-11T09:30:00"),
            ("7 de abr. de 2026, 10:14", "2026-04-07T10:14:00"),
            ("7 abr 2026, 10:14 p. m.", "2026-04-07T22:14:00"),
            ("7 apr. 2026 kl. 10.14.05", "2026-04-07T10:14:05"),
            ("18 июл. 2023 г., 23:15:51", "2023-07-18T23:15:51"),
            ("2026年7月25日 14:21", "2026-07-25T14:21:00"),
            ("2026/7/25 下午2:21:03", "2026-07-25T14:21:03"),
            ("2026. 7. 25. 오후 2:21", "2026-07-25T14:21:00"),
            ("18/07/2023, 23:15:51", "2023-07-18T23:15:51"),
            ("03/07/2023, 23:15:51", "2023-07-03T23:15:51"),
            ("7/3/2023, 11:15:51 PM", "2023-07-03T23:15:51"),
        ] {
            assert_eq!(civil(text), Some(wanted.parse().unwrap()), "{text}");
        }
        for nonsense in [
            "",
            "soon",
            "#error",
            "2021-07-07",
            "18:35:21",
            "31.02.2023, 10:00",
            "1.2.23 10:00",
            "2021-07-07 25:00",
            "2021-07-07 18:35:21 +0200",
            "2021-07-07 18:35:21-02",
            "2021-07-07T18:35:21Z",
            "Jul 18, 2023, 13:15:51 AM",
            "1 2 3 4 5 6 7 8 9",
        ] {
            assert_eq!(civil(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn offsets_stand_in_several_forms() {
        for (text, seconds) in [
            ("-05:00", Some(-18_000)),
            ("+0530", Some(19_800)),
            ("UTC+0530", Some(19_800)),
            ("-06", Some(-21_600)),
            ("19800000", Some(19_800)),
            ("+9900", None),
            ("+1", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(offset_seconds(text), seconds, "{text}");
        }
    }

    #[test]
    fn gaps_and_offsets() {
        let options = Options::of(TimeZone::get("Europe/Berlin").unwrap());
        let at = |text| floating(text, Format::Hevy, &options).map(|clock| clock.at.to_string());
        assert_eq!(at("29 Mar 2026, 02:30").as_deref(), Some("2026-03-29T01:30:00Z"));
        assert_eq!(at("25 Oct 2026, 02:30").as_deref(), Some("2026-10-25T00:30:00Z"));
        let offset = utc("2023-07-18T23:15:51-0300").unwrap();
        assert_eq!(offset.at.to_string(), "2023-07-19T02:15:51Z");
        assert_eq!((offset.utc_offset_seconds, offset.zone_assumed), (Some(-10_800), false));
        assert_eq!(offset.printed.to_string(), "2023-07-18T23:15:51");
    }
}
