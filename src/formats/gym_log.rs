//! Workouts out of tables of gym sets: rows that follow upon one another with the same start and title are one workout.
//!
//! Rows of one workout that do not stand together make it once more, with the same key, times and title: the reading
//! takes it once. So a table of any length costs one workout's memory, and never makes two of one.

use super::number::rounded;
use super::reading::Reading;
use super::table::clock::Clock;
use super::table::{Row, Table};
use super::{Options, sport_words};
use crate::workout::{ActivityType, Format};
use std::io;

/// What one row says of its workout and its set.
pub struct Set {
    pub start: Clock,
    pub title: String,
    /// How long the workout lasted, in milliseconds; `None` where the table does not tell.
    pub length: Option<i64>,
    pub notes: Option<String>,
    pub exercise: Option<String>,
    pub meters: Option<f64>,
    /// Whether something was lifted, or repeated.
    pub is_strength: bool,
}

/// Reads a table in which each row is a set.
pub fn read(
    mut table: Table<'_>,
    format: Format,
    options: &Options,
    mut set: impl FnMut(&Row<'_>) -> Result<Set, String>,
) -> io::Result<Reading> {
    let mut reading = Reading::new(format);
    let mut log = GymLog { format, options, open: None };
    table.each_row(&mut reading, |row, reading| {
        log.add(set(row)?, row, reading);
        Ok(())
    })?;
    log.finish(&mut reading);
    Ok(table.finish(reading))
}

/// The workout whose sets are going by.
struct GymLog<'o> {
    format: Format,
    options: &'o Options,
    open: Option<(Set, String)>,
}

impl GymLog<'_> {
    /// Takes a row's set in.
    fn add(&mut self, set: Set, row: &Row<'_>, reading: &mut Reading) {
        match &mut self.open {
            Some((open, _)) if open.start.printed == set.start.printed && open.title == set.title => {
                open.length = open.length.max(set.length);
                open.notes = open.notes.take().or(set.notes);
                open.meters = sum(open.meters, set.meters);
                open.is_strength |= set.is_strength || open.exercise != set.exercise;
            }
            _ => {
                self.finish(reading);
                let place = row.at("no length of the workout; a newer version of the app exports it");
                self.open = Some((set, place));
            }
        }
    }

    /// Ends the workout whose sets went by.
    fn finish(&mut self, reading: &mut Reading) {
        let Some((set, no_length)) = self.open.take() else { return };
        let workout = set.length.ok_or(no_length).and_then(|length| {
            let mut workout = set.start.workout(self.format, length, self.options)?;
            workout.key = Some(set.start.key(self.format.as_str(), &set.title));
            // One exercise of endurance on its own is what it is called.
            let endurance = set.exercise.filter(|_| !set.is_strength).and_then(|name| Some((kind(&name)?, name)));
            match endurance {
                Some((kind, name)) => workout.set_sport(Some(name), Some(kind)),
                None => workout.set_sport(None, Some(STRENGTH)),
            }
            workout.metrics.distance_meters = set.meters.filter(|meters| *meters > 0.0);
            workout.source.title = Some(set.title).filter(|title| !title.is_empty());
            workout.source.notes = set.notes;
            Ok(workout)
        });
        match workout {
            Ok(workout) => reading.add(workout),
            Err(reason) => reading.refuse(reason),
        }
    }
}

const STRENGTH: ActivityType = ActivityType::known(80);

/// Sums of sets; what no workout has is none.
fn sum(total: Option<f64>, part: Option<f64>) -> Option<f64> {
    let sum = total.unwrap_or_default() + part.unwrap_or_default();
    rounded::<i64>(sum).is_some().then_some(sum)
}

/// The activity type of an exercise such as `Running (Treadmill)`.
fn kind(exercise: &str) -> Option<ActivityType> {
    let (name, place) = exercise.split_once('(').unwrap_or((exercise, ""));
    let indoors = format!("{place} {name}").replace(')', "");
    sport_words::activity_type(&indoors)
        .or_else(|| sport_words::activity_type(name))
        .or_else(|| sport_words::activity_type(place))
}
