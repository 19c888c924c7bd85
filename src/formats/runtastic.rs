//! Sport sessions of a Runtastic or adidas Running export: one object per file, in milliseconds of Unix time.
//!
//! Facts: a real session and the model of a converter. `start_time_timezone_offset` is local minus UTC. Nobody names a
//! session; what people write about it are its notes.

use super::json::{self, Layout, Node, Refusal, after, unix_millis, utc_offset};
use super::number::rounded;
use super::reading::Reading;
use super::{Options, sport_words};
use crate::workout::{Format, Key, Workout};
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    path: &[],
    bare: false,
    names: &[
        "id",
        "start_time",
        "end_time",
        "start_time_timezone_offset",
        "duration",
        "pause_duration",
        "distance",
        "calories",
        "pulse_avg",
        "pulse_max",
        "elevation_gain",
        "notes",
        "sport_type_id",
    ],
};

pub fn read(_head: &[u8], source: impl Read, _options: &Options) -> io::Result<Reading> {
    json::read(Format::Runtastic, source, &LAYOUT, |session| vec![workout(session)])
}

fn workout(session: &Node) -> Result<Workout, Refusal> {
    let start = unix_millis(session.get("start_time")).ok_or("without a start_time")?;
    let active = session.get("duration").whole();
    let end = unix_millis(session.get("end_time")).or_else(|| {
        let pauses = session.get("pause_duration").whole().unwrap_or_default();
        after(start, active?.checked_add(pauses)?)
    });
    let mut workout = Workout::new(Format::Runtastic, start, end.ok_or("without an end_time")?);
    workout.key = session.get("id").word().map(|id| Key { vendor: "runtastic".to_owned(), id });
    workout.active_millis = active.filter(|active| *active > 0);
    workout.utc_offset_seconds = session.get("start_time_timezone_offset").whole().and_then(utc_offset);
    workout.source.notes = session.get("notes").owned();
    workout.metrics.distance_meters = session.get("distance").positive();
    workout.metrics.energy_kcal = session.get("calories").positive().and_then(rounded);
    workout.metrics.average_heart_rate = session.get("pulse_avg").positive().and_then(rounded);
    workout.metrics.max_heart_rate = session.get("pulse_max").positive().and_then(rounded);
    workout.metrics.ascent_meters = session.get("elevation_gain").positive().and_then(rounded);
    let sport = session.get("sport_type_id");
    workout.set_sport(sport.word(), sport.whole().and_then(|sport| sport_words::in_numbers(SPORTS, sport)));
    Ok(workout)
}

/// `sport_type_id`, activity type.
const SPORTS: &[(i64, u8)] = &[
    (1, 8),    // running
    (2, 94),   // nordic walking
    (3, 1),    // cycling
    (4, 15),   // mountain biking
    (5, 108),  // other
    (6, 64),   // inline skating
    (7, 35),   // hiking
    (8, 67),   // cross-country skiing
    (9, 68),   // skiing
    (10, 73),  // snowboarding
    (11, 108), // motorbike
    (13, 75),  // snowshoeing
    (14, 58),  // treadmill
    (15, 103), // ergometer
    (16, 25),  // elliptical
    (17, 53),  // rowing
    (18, 82),  // swimming
    (19, 7),   // walking
    (20, 37),  // riding
    (21, 32),  // golf
    (22, 16),  // race cycling
    (23, 87),  // tennis
    (24, 10),  // badminton
    (25, 76),  // squash
    (26, 100), // yoga
    (27, 9),   // aerobics
    (28, 44),  // martial arts
    (29, 59),  // sailing
    (30, 99),  // windsurfing
    (31, 49),  // pilates
    (32, 52),  // climbing
    (33, 30),  // frisbee
    (34, 80),  // strength training
    (35, 89),  // volleyball
    (36, 14),  // handbike
    (37, 63),  // cross skating
    (38, 29),  // soccer
    (42, 81),  // surfing
    (43, 43),  // kitesurfing
    (44, 40),  // kayaking
    (45, 12),  // basketball
    (46, 17),  // spinning
    (47, 48),  // paragliding
    (48, 92),  // wakeboarding
    (50, 60),  // diving
    (51, 85),  // table tennis
    (52, 34),  // handball
    (53, 66),  // back-country skiing
    (54, 104), // ice skating
    (55, 71),  // sledding
    (58, 106), // curling
    (60, 13),  // biathlon
    (61, 69),  // kite skiing
    (63, 21),  // push-ups
    (64, 21),  // sit-ups
    (65, 21),  // pull-ups
    (66, 21),  // squats
    (67, 27),  // American football
    (68, 11),  // baseball
    (69, 113), // crossfit
    (70, 24),  // dancing
    (71, 36),  // ice hockey
    (72, 61),  // skateboarding
    (73, 101), // zumba
    (74, 33),  // gymnastics
    (75, 55),  // rugby
    (76, 79),  // standup paddling
    (77, 80),  // sixpack
    (82, 8),   // trail running
    (84, 8),   // plogging
    (85, 98),  // wheelchair
    (86, 1),   // e-bike
    (88, 54),  // rowing machine
    (89, 77),  // stairs
    (90, 39),  // jumping rope
    (91, 108), // trampoline
    (92, 21),  // bodyweight training
    (93, 114), // tabata
    (94, 21),  // calisthenics
    (98, 108), // stretching
    (99, 45),  // meditation
    (100, 52), // bouldering
    (102, 87), // padel
    (104, 20), // boxing
    (105, 23), // cricket
    (114, 58), // virtual running
    (116, 18), // virtual cycling
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
