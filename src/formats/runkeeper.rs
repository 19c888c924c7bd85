//! Runkeeper's `cardioActivities.csv`.
//!
//! Facts: exports of 2013 to 2024, with and without `Activity Id`, in miles or kilometres. Times are local without a
//! zone; `Duration` is the time in motion, and there is no other end. `GPX File` names the track beside the table.

use super::reading::Reading;
use super::table::clock;
use super::table::value::length;
use super::table::{Header, Row, Table};
use super::{Options, number, sport_words};
use crate::workout::{ActivityType, Format, Key, Metrics, Workout};
use std::io::{self, Read};

/// Runkeeper's own words, in lower case; the others are common ones.
const SPORTS: &[(&str, u8)] = &[
    ("spinning", 17),
    ("zumba", 101),
    ("barre", 49),
    ("group workout", 108),
    ("bootcamp", 22),
    ("boxing / mma", 20),
    ("circuit training", 22),
    ("core strengthening", 80),
    ("arc trainer", 25),
    ("stairmaster / stepwell", 78),
    ("sports", 108),
];

/// Whether this is the header of the table.
pub fn recognises(header: &Header) -> bool {
    header.has(&["date", "type", "route name", "duration"])
}

/// Reads the table.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let table = Table::open(source)?;
    let columns = Columns::of(table.header());
    table.rows(Format::Runkeeper, |row, reading| {
        let workout = columns.workout(row, options)?;
        if let (Some(key), Some(file)) = (&workout.key, row.word(columns.file)) {
            reading.accompany(file, key.clone());
        }
        reading.add(workout);
        Ok(())
    })
}

struct Columns {
    id: Option<usize>,
    date: Option<usize>,
    sport: Option<usize>,
    title: Option<usize>,
    duration: Option<usize>,
    energy: Option<usize>,
    heart_rate: Option<usize>,
    notes: Option<usize>,
    file: Option<usize>,
    /// With metres in one unit.
    distance: Option<(usize, f64)>,
    climb: Option<(usize, f64)>,
}

impl Columns {
    fn of(header: &Header) -> Self {
        let find = |name: &str| header.find(&[name]);
        let meters = |name: &str, meters: f64| find(name).map(|column| (column, meters));
        Self {
            id: find("activity id"),
            date: find("date"),
            sport: find("type"),
            title: find("route name"),
            duration: find("duration"),
            energy: find("calories burned"),
            heart_rate: find("average heart rate (bpm)"),
            notes: find("notes"),
            file: find("gpx file"),
            distance: meters("distance (km)", 1000.0).or(meters("distance (mi)", 1609.344)),
            climb: meters("climb (m)", 1.0).or(meters("climb (ft)", 0.3048)),
        }
    }

    fn workout(&self, row: &Row<'_>, options: &Options) -> Result<Workout, String> {
        let start = row.time("date", self.date, |text| clock::floating(text, Format::Runkeeper, options))?;
        let duration = row.value(self.duration).and_then(|text| length(&text)).ok_or("no duration")?;
        let mut workout = start.workout(Format::Runkeeper, duration, options)?;
        let sport = row.word(self.sport);
        // The two kinds of export have to be able to tell of the same workout: their keys are of different givers.
        workout.key = Some(match row.word(self.id) {
            Some(id) => Key { vendor: "runkeeper".to_owned(), id },
            None => start.key("runkeeper-clock", sport.as_deref().unwrap_or_default()),
        });
        workout.active_millis = Some(duration).filter(|active| *active > 0);
        let meaning = sport.as_deref().and_then(activity_type);
        workout.set_sport(sport, meaning);
        workout.source.title = row.word(self.title);
        workout.source.notes = row.notes(self.notes);
        workout.metrics = Metrics {
            distance_meters: row.meters(self.distance),
            energy_kcal: row.whole(self.energy),
            average_heart_rate: row.whole(self.heart_rate),
            max_heart_rate: None,
            ascent_meters: row.meters(self.climb).and_then(number::rounded),
        };
        Ok(workout)
    }
}

fn activity_type(word: &str) -> Option<ActivityType> {
    sport_words::in_words(SPORTS, word).or_else(|| sport_words::activity_type(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_app_has_a_type_of_the_api() {
        assert!(SPORTS.iter().all(|(_, number)| ActivityType::new((*number).into()).is_some()));
        let words = "Running,Cycling,Mountain Biking,Walking,Hiking,Downhill Skiing,Cross-Country Skiing,Snowboarding,Skating,\
            Swimming,Wheelchair,Rowing,Elliptical,Other,Yoga,Pilates,CrossFit,Spinning,Zumba,Barre,Group Workout,Dance,Bootcamp,\
            Boxing / MMA,Meditation,Strength Training,Circuit Training,Core Strengthening,Arc Trainer,Stairmaster / Stepwell,\
            Sports,Nordic Walking";
        for word in words.split(',') {
            assert!(activity_type(word).is_some(), "{word}");
        }
    }
}
