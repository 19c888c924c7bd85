//! A season of the Concept2 logbook as CSV.
//!
//! Facts: exports of 2016 to 2024 (the number is called `ID` or `Log ID`) and the logbook's documentation. Times are
//! local without a zone. `Date` is the end: the monitor stores a result when it is done. Rests belong to the workout.

use super::reading::Reading;
use super::table::clock;
use super::table::{Header, Row, Table};
use super::{Options, number, sport_words};
use crate::workout::{Format, Key, Workout};
use jiff::SignedDuration;
use std::io::{self, Read};

/// The logbook's machines, in lower case.
const MACHINES: &[(&str, u8)] = &[
    ("rowerg", 54),
    ("indoor rower", 54),
    ("dynamic indoor rower", 54),
    ("indoor rower on slides", 54),
    ("dynamic", 54),
    ("slides", 54),
    ("on-water rower", 53),
    ("on-water", 53),
    ("water", 53),
    ("skierg", 103),
    ("bikeerg", 18),
    ("multierg", 103),
    ("paddle adapter", 40),
    ("paddle", 40),
    ("on-snow", 67),
    ("snow", 67),
    ("rollerskiing", 70),
    ("rollerski", 70),
];

/// Whether this is the header of a season.
pub fn recognises(header: &Header) -> bool {
    header.has(&["date", "work time (seconds)", "work distance"])
}

/// Reads a season.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let table = Table::open(source)?;
    let columns = Columns::of(table.header());
    table.workouts(Format::Concept2, |row| columns.workout(row, options))
}

struct Columns {
    id: Option<usize>,
    date: Option<usize>,
    work: Option<usize>,
    rest: Option<usize>,
    meters: Option<usize>,
    energy: Option<usize>,
    heart_rate: Option<usize>,
    machine: Option<usize>,
    notes: Option<usize>,
}

impl Columns {
    fn of(header: &Header) -> Self {
        Self {
            id: header.find(&["log id", "id"]),
            date: header.find(&["date"]),
            work: header.find(&["work time (seconds)"]),
            rest: header.find(&["rest time (seconds)"]),
            meters: header.find(&["work distance"]),
            energy: header.find(&["total cal"]),
            heart_rate: header.find(&["avg heart rate"]),
            machine: header.find(&["type"]),
            notes: header.find(&["comments"]),
        }
    }

    fn workout(&self, row: &Row<'_>, options: &Options) -> Result<Workout, String> {
        let end = row.time("date", self.date, |text| clock::floating(text, Format::Concept2, options))?;
        let work = row.number(self.work).and_then(number::millis).ok_or("no work time")?;
        let length = work + row.number(self.rest).and_then(number::millis).unwrap_or_default();
        let mut workout = end.workout(Format::Concept2, 0, options)?;
        let start = end.at.checked_sub(SignedDuration::from_millis(length));
        workout.start = start.map_err(|_| "a work time of centuries")?;
        workout.key = Some(match row.word(self.id) {
            Some(id) => Key { vendor: "concept2".to_owned(), id },
            None => end.key("concept2-clock", ""),
        });
        workout.active_millis = Some(work);
        let machine = row.word(self.machine);
        let meaning = machine.as_deref().and_then(|machine| sport_words::in_words(MACHINES, machine));
        workout.set_sport(machine, meaning);
        workout.source.notes = row.notes(self.notes);
        workout.metrics.distance_meters = row.grouped(self.meters);
        workout.metrics.energy_kcal = row.whole(self.energy);
        workout.metrics.average_heart_rate = row.whole(self.heart_rate);
        Ok(workout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::ActivityType;

    #[test]
    fn every_number_is_one_of_the_api() {
        assert!(MACHINES.iter().all(|(_, number)| ActivityType::new((*number).into()).is_some()));
    }
}
