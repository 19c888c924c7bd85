//! Hevy's table of sets.
//!
//! Facts: exports of 2023 to 2026. One row per set, with the start and the end of its workout: local time without a zone,
//! in minutes, with the month's name in the language of the phone.

use super::Options;
use super::gym_log::{self, Set};
use super::reading::Reading;
use super::table::clock::Memo;
use super::table::{Header, Row, Table};
use crate::workout::Format;
use jiff::Unit;
use std::io::{self, Read};

/// Whether this is the header of the table.
pub fn recognises(header: &Header) -> bool {
    header.has(&["title", "start_time", "end_time", "exercise_title"])
}

/// Reads the table.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let table = Table::open(source)?;
    let columns = Columns::of(table.header());
    let mut memos = <[Memo; 2]>::default();
    gym_log::read(table, Format::Hevy, options, |row| columns.set(row, options, &mut memos))
}

struct Columns {
    title: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    notes: Option<usize>,
    exercise: Option<usize>,
    weight: Option<usize>,
    reps: Option<usize>,
    /// With metres in one unit.
    distance: Option<(usize, f64)>,
}

impl Columns {
    fn of(header: &Header) -> Self {
        let find = |name: &str| header.find(&[name]);
        let meters = |name: &str, meters: f64| find(name).map(|column| (column, meters));
        Self {
            title: find("title"),
            start: find("start_time"),
            end: find("end_time"),
            notes: find("description"),
            exercise: find("exercise_title"),
            weight: header.find(&["weight_kg", "weight_lbs"]),
            reps: find("reps"),
            distance: meters("distance_km", 1000.0).or(meters("distance_miles", 1609.344)),
        }
    }

    fn set(&self, row: &Row<'_>, options: &Options, [starts, ends]: &mut [Memo; 2]) -> Result<Set, String> {
        let time =
            |what, column, memo: &mut Memo| row.time(what, column, |text| memo.floating(text, Format::Hevy, options));
        let (start, end) = (time("start time", self.start, starts)?, time("end time", self.end, ends)?);
        let length = end.printed.since((Unit::Second, start.printed)).and_then(|span| span.total(Unit::Millisecond));
        Ok(Set {
            length: length.ok().and_then(super::number::rounded),
            title: row.word(self.title).unwrap_or_default(),
            notes: row.notes(self.notes),
            exercise: row.word(self.exercise),
            meters: row.meters(self.distance),
            is_strength: row.number(self.weight).or(row.number(self.reps)).is_some(),
            start,
        })
    }
}
