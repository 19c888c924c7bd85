//! Strong's table of sets, in all its variants.
//!
//! Facts: exports of 2017 to 2025 of both its apps. One row per set, with the start of its workout: local time without a
//! zone. The length of the workout is `1h 19m` or seconds; before 2019 it was not exported, and nothing tells it.
//! Cells are parted by commas or semicolons; German headers are known.

use super::Options;
use super::gym_log::{self, Set};
use super::reading::Reading;
use super::table::clock::Memo;
use super::table::value::length;
use super::table::{Header, Row, Table};
use crate::workout::Format;
use std::io::{self, Read};

const DATE: &[&str] = &["date", "datum"];
const TITLE: &[&str] = &["workout name", "workout-name"];
const EXERCISE: &[&str] = &["exercise name", "name der übung"];
const LENGTH: &[&str] = &["duration", "workout duration", "duration (sec)", "dauer", "workout-dauer", "dauer (sek)"];

/// Whether this is the header of the table.
pub fn recognises(header: &Header) -> bool {
    [DATE, TITLE, EXERCISE].iter().all(|names| header.find(names).is_some())
}

/// Reads the table.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let table = Table::open(source)?;
    let columns = Columns::of(table.header());
    let mut starts = Memo::default();
    gym_log::read(table, Format::Strong, options, |row| columns.set(row, options, &mut starts))
}

struct Columns {
    date: Option<usize>,
    title: Option<usize>,
    exercise: Option<usize>,
    length: Option<usize>,
    notes: Option<usize>,
    weight: Option<usize>,
    reps: Option<usize>,
    distance: Option<usize>,
    distance_unit: Option<usize>,
    meters: Option<usize>,
}

impl Columns {
    fn of(header: &Header) -> Self {
        Self {
            date: header.find(DATE),
            title: header.find(TITLE),
            exercise: header.find(EXERCISE),
            length: header.find(LENGTH),
            notes: header.find(&["workout notes", "workout-notizen"]),
            weight: header.find(&["weight", "weight (kg)", "weight (lbs)", "gewicht", "gewicht (kg)"]),
            reps: header.find(&["reps", "wiederh.", "wiederholungen"]),
            distance: header.find(&["distance"]),
            distance_unit: header.find(&["distance unit"]),
            meters: header.find(&["distance (meters)"]),
        }
    }

    fn set(&self, row: &Row<'_>, options: &Options, starts: &mut Memo) -> Result<Set, String> {
        let start = row.time("date", self.date, |text| starts.floating(text, Format::Strong, options))?;
        Ok(Set {
            start,
            title: row.word(self.title).unwrap_or_default(),
            length: row.value(self.length).and_then(|text| length(&text)),
            notes: row.notes(self.notes),
            exercise: row.word(self.exercise),
            meters: self.meters(row),
            is_strength: row.number(self.weight).or(row.number(self.reps)).is_some(),
        })
    }

    /// Only where the unit is told.
    fn meters(&self, row: &Row<'_>) -> Option<f64> {
        let unit = match row.value(self.distance_unit).as_deref() {
            Some("m" | "meters") => 1.0,
            Some("km" | "kilometers") => 1000.0,
            Some("mi" | "miles") => 1609.344,
            Some("ft" | "feet") => 0.3048,
            Some("yd" | "yards") => 0.9144,
            _ => return row.number(self.meters),
        };
        row.number(self.distance).map(|distance| distance * unit)
    }
}
