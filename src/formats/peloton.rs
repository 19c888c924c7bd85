//! Peloton's table of workouts, as its web page downloads it.
//!
//! Facts: exports of 2018 to 2023 in miles and kilometres. The start has minutes only and a zone in brackets, by its
//! abbreviation or as an offset. It is the one of the day of the export for all rows, and the clock is printed in it: a
//! winter's workout stands under daylight time, an hour late. The table carries no number of the workout.

use super::reading::Reading;
use super::table::clock::{self, Clock};
use super::table::{Header, Row, Table};
use super::{Options, number, sport_words};
use crate::workout::{Format, Key, Workout};
use jiff::tz::Offset;
use std::io::{self, Read};

/// Peloton's disciplines, in lower case. Indoors, unless they say something else.
const DISCIPLINES: &[(&str, u8)] = &[
    ("cycling", 17),
    ("running", 58),
    ("walking", 95),
    ("hiking", 95),
    ("strength", 80),
    ("yoga", 100),
    ("pilates", 49),
    ("stretching", 108),
    ("meditation", 45),
    ("cardio", 9),
    ("bike bootcamp", 22),
    ("tread bootcamp", 22),
    ("row bootcamp", 22),
    ("circuit", 22),
    ("rowing", 54),
    // Runs and walks.
    ("outdoor", 108),
];

/// Abbreviations of zones, and their minutes before UTC where Peloton is sold.
const ZONES: &[(&str, i32)] = &[
    ("UTC", 0),
    ("GMT", 0),
    ("WET", 0),
    ("BST", 60),
    ("WEST", 60),
    ("CET", 60),
    ("CEST", 120),
    ("EET", 120),
    ("EEST", 180),
    ("NST", -210),
    ("NDT", -150),
    ("AST", -240),
    ("ADT", -180),
    ("EST", -300),
    ("EDT", -240),
    ("CST", -360),
    ("CDT", -300),
    ("MST", -420),
    ("MDT", -360),
    ("PST", -480),
    ("PDT", -420),
    ("AKST", -540),
    ("AKDT", -480),
    ("HST", -600),
    ("AWST", 480),
    ("ACST", 570),
    ("ACDT", 630),
    ("AEST", 600),
    ("AEDT", 660),
    ("NZST", 720),
    ("NZDT", 780),
];

/// Whether this is the header of the table.
pub fn recognises(header: &Header) -> bool {
    header.has(&["workout timestamp", "length (minutes)", "fitness discipline"])
}

/// Reads the table.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let table = Table::open(source)?;
    let columns = Columns::of(table.header());
    table.workouts(Format::Peloton, |row| columns.workout(row, options))
}

struct Columns {
    start: Option<usize>,
    minutes: Option<usize>,
    discipline: Option<usize>,
    title: Option<usize>,
    energy: Option<usize>,
    heart_rate: Option<usize>,
    /// With metres in one unit.
    distance: Option<(usize, f64)>,
}

impl Columns {
    fn of(header: &Header) -> Self {
        let find = |name: &str| header.find(&[name]);
        let distance = header.beginning("distance (").and_then(|(column, unit)| match unit {
            "mi)" | "miles)" => Some((column, 1609.344)),
            "km)" => Some((column, 1000.0)),
            _ => None,
        });
        Self {
            start: find("workout timestamp"),
            minutes: find("length (minutes)"),
            discipline: find("fitness discipline"),
            title: find("title"),
            energy: find("calories burned"),
            heart_rate: find("avg. heartrate"),
            distance,
        }
    }

    fn workout(&self, row: &Row<'_>, options: &Options) -> Result<Workout, String> {
        let start = row.time("timestamp", self.start, |text| start(text, options))?;
        let minutes = row.number(self.minutes).ok_or("no length: a ride or run without a class")?;
        let millis = number::millis(minutes * 60.0).ok_or("a length of centuries")?;
        let mut workout = start.workout(Format::Peloton, millis, options)?;
        let title = row.word(self.title);
        let called = title.as_deref().unwrap_or_default();
        workout.key = Some(if start.zone_assumed {
            start.key(Format::Peloton.as_str(), called)
        } else {
            Key { vendor: Format::Peloton.as_str().to_owned(), id: format!("{} {called}", start.at) }
        });
        let discipline = row.word(self.discipline);
        let meaning = discipline.as_deref().and_then(|discipline| sport_words::in_words(DISCIPLINES, discipline));
        workout.set_sport(discipline, meaning);
        workout.source.title = title;
        workout.metrics.distance_meters = row.meters(self.distance);
        workout.metrics.energy_kcal = row.whole(self.energy);
        workout.metrics.average_heart_rate = row.whole(self.heart_rate);
        Ok(workout)
    }
}

/// Reads `2019-06-17 23:01 (PDT)`. A zone nobody told us is that of the options.
fn start(text: &str, options: &Options) -> Option<Clock> {
    let (time, zone) = match text.split_once('(') {
        Some((time, zone)) => (time.trim(), zone.trim_end_matches(')').trim()),
        None => (text, ""),
    };
    let clock = clock::floating(time, Format::Peloton, options).filter(|clock| clock.zone_assumed)?;
    let Some(offset) = offset(zone) else { return Some(clock) };
    let at = offset.to_timestamp(clock.printed).ok()?;
    // The offset is that of the export's day, and not always that of the workout's.
    Some(Clock { at, zone_assumed: false, ..clock })
}

fn offset(zone: &str) -> Option<Offset> {
    let seconds = match ZONES.iter().find(|(known, _)| *known == zone) {
        Some((_, minutes)) => minutes * 60,
        None => clock::offset_seconds(zone)?,
    };
    Offset::from_seconds(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::ActivityType;

    #[test]
    fn every_number_is_one_of_the_api() {
        assert!(DISCIPLINES.iter().all(|(_, number)| ActivityType::new((*number).into()).is_some()));
    }

    #[test]
    fn zones_in_brackets() {
        for (zone, seconds) in [
            ("PDT", Some(-25_200)),
            ("-06", Some(-21_600)),
            ("+0530", Some(19_800)),
            ("UTC", Some(0)),
            ("IST", None),
            ("", None),
        ] {
            assert_eq!(offset(zone).map(Offset::seconds), seconds, "{zone}");
        }
    }
}
