//! `UserExercises_*.csv` of a Google Health export: the exercises that Fitbit's JSON tells of too.
//!
//! Facts: headers of 33 to 46 columns and descriptions of real exports; no whole file was seen. Times are UTC with a
//! `Z`; `utc_offset` is that of the place. Distances and climbs are millimetres. Whether `exercise_id` is the number
//! that Fitbit's JSON calls `logId` is not known, so the keys are of different givers.

use super::reading::Reading;
use super::table::clock;
use super::table::{Header, Row, Table};
use super::{Options, number, sport_words};
use crate::workout::{ActivityType, Format, Key, Workout};
use std::io::{self, Read};

/// Fitbit's own words, in lower case; the others are common ones.
const SPORTS: &[(&str, u8)] = &[
    ("outdoor walk", 7),
    ("outdoor run", 8),
    ("outdoor bike", 1),
    ("treadmill", 88),
    ("spinning", 17),
    ("weights", 80),
    ("aerobic workout", 9),
    ("structured workout", 108),
    ("interval workout", 115),
    ("circuit training", 22),
    ("sport", 86),
    ("meditating", 45),
    ("martial arts", 44),
    ("kickboxing", 42),
    ("stairclimber", 78),
    ("rowing machine", 54),
    ("bootcamp", 22),
];

/// Whether this is the header of the table.
pub fn recognises(header: &Header) -> bool {
    header.has(&["exercise_start", "exercise_end", "activity_name"])
}

/// Reads the table.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let table = Table::open(source)?;
    let columns = Columns::of(table.header());
    table.workouts(Format::GoogleHealth, |row| columns.workout(row, options))
}

struct Columns {
    id: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    offset: Option<usize>,
    sport: Option<usize>,
    average_heart_rate: Option<usize>,
    max_heart_rate: Option<usize>,
    climb: Option<usize>,
    /// What the tracker measured, and what somebody wrote down.
    energy: [Option<usize>; 2],
    distance: [Option<usize>; 2],
}

impl Columns {
    fn of(header: &Header) -> Self {
        let find = |name: &str| header.find(&[name]);
        Self {
            id: find("exercise_id"),
            start: find("exercise_start"),
            end: find("exercise_end"),
            offset: find("utc_offset"),
            sport: find("activity_name"),
            average_heart_rate: find("tracker_avg_heart_rate"),
            max_heart_rate: find("tracker_peak_heart_rate"),
            climb: find("tracker_total_altitude_mm"),
            energy: ["tracker_total_calories", "manually_logged_total_calories"].map(find),
            distance: ["tracker_total_distance_mm", "manually_logged_total_distance_mm"].map(find),
        }
    }

    fn workout(&self, row: &Row<'_>, options: &Options) -> Result<Workout, String> {
        let time = |what, column| row.time(what, column, clock::utc);
        let (start, end) = (time("start", self.start)?, time("end", self.end)?);
        let mut workout = start.workout(Format::GoogleHealth, 0, options)?;
        workout.end = end.at;
        workout.utc_offset_seconds = row.value(self.offset).and_then(|text| clock::offset_seconds(&text));
        workout.key = row.word(self.id).map(|id| Key { vendor: "google-health".to_owned(), id });
        let sport = row.word(self.sport);
        let meaning = sport.as_deref().and_then(activity_type);
        workout.set_sport(sport, meaning);
        let either = |columns: [Option<usize>; 2]| columns.into_iter().find_map(|column| row.number(column));
        workout.metrics.distance_meters = either(self.distance).map(|millimeters| millimeters / 1000.0);
        workout.metrics.energy_kcal = either(self.energy).and_then(number::rounded);
        workout.metrics.average_heart_rate = row.whole(self.average_heart_rate);
        workout.metrics.max_heart_rate = row.whole(self.max_heart_rate);
        workout.metrics.ascent_meters =
            row.number(self.climb).and_then(|millimeters| number::rounded(millimeters / 1000.0));
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
    fn every_number_is_one_of_the_api() {
        assert!(SPORTS.iter().all(|(_, number)| ActivityType::new((*number).into()).is_some()));
    }
}
