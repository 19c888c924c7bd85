//! Suunto's device log in JSON: one object per file, whose header sums the workout up.
//!
//! Follows the form that importers read, as no real sample was at hand: seconds, metres, joules, heart rates in hertz.
//! `Duration` holds the pauses. The sports are numbered as on Movescount. Samples are skipped, and with them the events
//! that would tell the legs of a multisport workout apart: it is one workout here.

use super::json::{self, Layout, Node, Refusal, after};
use super::number::{millis, rounded};
use super::reading::Reading;
use super::{Options, sport_words, time};
use crate::workout::{Format, Workout};
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    path: &["DeviceLog"],
    bare: false,
    names: &[
        "Header",
        "ActivityType",
        "Activity",
        "DateTime",
        "Duration",
        "PauseDuration",
        "Distance",
        "Energy",
        "Ascent",
        "HR",
        "Avg",
        "Max",
        "Device",
        "Name",
    ],
};

const JOULES_OF_KCAL: f64 = 4184.0;

pub fn read(_head: &[u8], source: impl Read, options: &Options) -> io::Result<Reading> {
    json::read(Format::Suunto, source, &LAYOUT, |log| vec![workout(log, options)])
}

fn workout(log: &Node, options: &Options) -> Result<Workout, Refusal> {
    let header = log.get("Header");
    let text = header.get("DateTime").text().ok_or("without a DateTime in its header")?;
    let zone = options.zone_of(Format::Suunto);
    let start = time::parse(text, zone).ok_or_else(|| format!("DateTime is no time: {text}"))?;
    let duration = header.get("Duration").number().ok_or("without a Duration in its header")?;
    let end = millis(duration).and_then(|millis| after(start.at, millis)).ok_or("ends beyond all dates")?;
    let mut workout = Workout::new(Format::Suunto, start.at, end);
    let pauses = header.get("PauseDuration").positive().unwrap_or_default();
    workout.active_millis = millis(duration - pauses).filter(|active| *active > 0);
    workout.utc_offset_seconds = start.utc_offset_seconds;
    workout.source.assumed_zone = start.zone_assumed.then(|| options.zone_name(Format::Suunto));
    workout.source.device = log.get("Device").get("Name").owned();
    workout.metrics.distance_meters = header.get("Distance").positive();
    workout.metrics.energy_kcal = header.get("Energy").positive().and_then(|joules| rounded(joules / JOULES_OF_KCAL));
    workout.metrics.ascent_meters = header.get("Ascent").positive().and_then(rounded);
    let beats = |name| header.get("HR").get(name).positive().and_then(|hertz| rounded(hertz * 60.0));
    workout.metrics.average_heart_rate = beats("Avg");
    workout.metrics.max_heart_rate = beats("Max");
    let sport = header.get("ActivityType");
    let meaning = sport.whole().and_then(|sport| sport_words::in_numbers(SPORTS, sport));
    workout.set_sport(sport.word(), meaning);
    Ok(workout)
}

/// Movescount's numbers, activity type; those whose meaning is beyond doubt.
const SPORTS: &[(i64, u8)] = &[
    (3, 8),    // running
    (4, 1),    // cycling
    (5, 15),   // mountain biking
    (6, 82),   // swimming
    (9, 9),    // aerobics
    (11, 35),  // trekking
    (12, 7),   // walking
    (13, 59),  // sailing
    (14, 40),  // kayaking
    (15, 53),  // rowing
    (16, 52),  // climbing
    (17, 18),  // indoor cycling
    (18, 22),  // circuit training
    (20, 68),  // alpine skiing
    (21, 73),  // snowboarding
    (22, 67),  // cross-country skiing
    (23, 80),  // weight training
    (33, 87),  // tennis
    (34, 10),  // badminton
    (37, 76),  // squash
    (66, 32),  // golf
    (71, 54),  // indoor rowing
    (78, 66),  // ski touring
    (82, 8),   // trail running
    (83, 84),  // open water swimming
    (84, 94),  // nordic walking
    (85, 75),  // snowshoeing
    (88, 70),  // roller skiing
    (89, 79),  // standup paddling
    (90, 113), // crossfit
    (93, 58),  // treadmill
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::ActivityType;

    #[test]
    fn every_number_is_one_of_the_api() {
        for (sport, number) in SPORTS {
            assert!(ActivityType::new((*number).into()).is_some(), "{sport}");
        }
    }
}
