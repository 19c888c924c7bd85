//! Samsung Health's table of exercises, from "Download personal data".
//!
//! Facts: exports of 2018 to 2026 with up to 73 columns, in an order that varies, with and without the prefix
//! `com.samsung.health.exercise.` before a name. Times are UTC, in old exports as milliseconds; `time_offset` is that of
//! the place. The watch, the phone and the automatic detection each write a record of the same walk: one that lies
//! within that of another device is left out.

mod sport;

use super::Options;
use super::reading::Reading;
use super::table::clock::{self, Clock};
use super::table::{Header, Row, Table};
use crate::workout::{Format, Key, Workout};
use jiff::{SignedDuration, Timestamp};
use std::io::{self, Read};

/// Whether this is the header of the table of exercises.
pub fn recognises(header: &Header) -> bool {
    ["start_time", "end_time", "exercise_type"].iter().all(|name| find(header, name).is_some())
}

fn find(header: &Header, name: &str) -> Option<usize> {
    header.find(&[&format!("com.samsung.health.exercise.{name}"), name])
}

/// Reads the table.
pub fn read(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let mut table = Table::open(source)?;
    let columns = Columns::of(table.header());
    let mut reading = Reading::new(Format::SamsungHealth);
    table.each_row(&mut reading, |row, reading| {
        reading.add(columns.workout(row, options)?);
        Ok(())
    })?;
    leave_out_contained(&mut reading);
    if columns.device_name.is_none() {
        // The device's number tells records apart, and nobody anything.
        reading.workouts.iter_mut().for_each(|workout| workout.source.device = None);
    }
    Ok(table.finish(reading))
}

struct Columns {
    id: Option<usize>,
    start: Option<usize>,
    end: Option<usize>,
    offset: Option<usize>,
    sport: Option<usize>,
    active: Option<usize>,
    distance: Option<usize>,
    energy: Option<usize>,
    average_heart_rate: Option<usize>,
    max_heart_rate: Option<usize>,
    ascent: Option<usize>,
    title: Option<usize>,
    notes: Option<usize>,
    device_name: Option<usize>,
    device: Option<usize>,
}

impl Columns {
    fn of(header: &Header) -> Self {
        let find = |name: &str| find(header, name);
        Self {
            id: find("datauuid"),
            start: find("start_time"),
            end: find("end_time"),
            offset: find("time_offset"),
            sport: find("exercise_type"),
            active: find("duration"),
            distance: find("distance"),
            energy: find("calorie"),
            average_heart_rate: find("mean_heart_rate"),
            max_heart_rate: find("max_heart_rate"),
            ascent: find("altitude_gain"),
            title: find("title"),
            notes: find("comment"),
            device_name: find("source_name"),
            device: find("deviceuuid"),
        }
    }

    fn workout(&self, row: &Row<'_>, options: &Options) -> Result<Workout, String> {
        let time = |what, column| row.time(what, column, instant);
        let (start, end) = (time("start time", self.start)?, time("end time", self.end)?);
        let mut workout = start.workout(Format::SamsungHealth, 0, options)?;
        workout.end = end.at;
        let offset = row.value(self.offset).and_then(|text| clock::offset_seconds(&text));
        workout.utc_offset_seconds = offset.or(start.utc_offset_seconds);
        workout.key = row.word(self.id).map(|id| Key { vendor: "samsung".to_owned(), id });
        workout.active_millis = row.whole(self.active);
        let sport = row.word(self.sport);
        let meaning = sport.as_deref().and_then(sport::activity_type);
        workout.set_sport(sport, meaning);
        workout.source.title = row.word(self.title);
        workout.source.notes = row.notes(self.notes);
        workout.source.device = row.word(self.device_name.or(self.device));
        workout.metrics.distance_meters = row.number(self.distance);
        workout.metrics.energy_kcal = row.whole(self.energy);
        workout.metrics.average_heart_rate = row.whole(self.average_heart_rate);
        workout.metrics.max_heart_rate = row.whole(self.max_heart_rate);
        workout.metrics.ascent_meters = row.whole(self.ascent);
        Ok(workout)
    }
}

/// UTC as text, or milliseconds since 1970 in old exports.
fn instant(text: &str) -> Option<Clock> {
    match text.parse::<i64>() {
        Ok(millis) => clock::utc(&Timestamp::from_millisecond(millis).ok()?.to_string()),
        Err(_) => clock::utc(text),
    }
}

/// Of two records of one activity by different devices, leaves out the one that lies within the other.
fn leave_out_contained(reading: &mut Reading) {
    let workouts = &reading.workouts;
    let mut by_start: Vec<usize> = (0..workouts.len()).collect();
    by_start.sort_by_key(|index| (workouts[*index].start, std::cmp::Reverse(workouts[*index].end)));
    let mut contained = vec![false; workouts.len()];
    // The records that last longest of those that began before, and are not themselves part of another.
    let mut around: Vec<usize> = Vec::new();
    for index in by_start {
        let workout = &workouts[index];
        around.retain(|outer| workouts[*outer].end > workout.start);
        if around.iter().any(|outer| lies_within(workout, &workouts[*outer])) {
            contained[index] = true;
        } else if around.len() < MOST_AT_ONCE {
            around.push(index);
        }
    }
    let mut index = 0;
    let mut reasons = Vec::new();
    reading.workouts.retain(|workout| {
        index += 1;
        if contained[index - 1] {
            reasons.push(format!("the record at {} lies within that of another device", workout.start));
        }
        !contained[index - 1]
    });
    reasons.into_iter().for_each(|reason| reading.leave_out(reason));
}

/// Records of one moment that are compared; a person has a watch, a phone and a machine.
const MOST_AT_ONCE: usize = 16;

/// How far a record may stand out of the one it lies within: the detection notices a walk late, and its end too.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

fn lies_within(inner: &Workout, outer: &Workout) -> bool {
    let devices = inner.source.device.as_ref().zip(outer.source.device.as_ref());
    devices.is_some_and(|(inner, outer)| inner != outer)
        && inner.activity_type == outer.activity_type
        && inner.end.duration_since(outer.end) <= MARGIN
}
