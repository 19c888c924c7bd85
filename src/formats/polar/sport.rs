//! Polar's sports: names in older exports, numbers in newer ones. Polar documents neither; numbers from real sessions
//! and importers.

use crate::formats::sport_words;
use crate::workout::ActivityType;

/// By the name or number that stands as the sport.
pub fn by_word(word: &str) -> Option<ActivityType> {
    match word.parse() {
        Ok(number) => sport_words::in_numbers(NUMBERS, number),
        Err(_) => by_name(word),
    }
}

/// By an English name in any dress: `TRAIL_RUNNING`, `Trail running`.
pub fn by_name(name: &str) -> Option<ActivityType> {
    sport_words::in_table(NAMES, name).or_else(|| sport_words::activity_type(name))
}

const NUMBERS: &[(i64, u8)] = &[
    (1, 8),    // running
    (2, 1),    // cycling
    (3, 7),    // walking
    (4, 56),   // jogging
    (5, 15),   // mountain biking
    (6, 67),   // cross-country skiing
    (7, 68),   // downhill skiing
    (8, 53),   // rowing
    (9, 94),   // nordic walking
    (10, 62),  // skating
    (11, 35),  // hiking
    (13, 76),  // squash
    (15, 80),  // strength training
    (16, 108), // other outdoor
    (17, 58),  // treadmill
    (18, 18),  // indoor cycling
    (20, 82),  // swimming
    (23, 83),  // pool swimming
    (38, 16),  // road cycling
    (39, 29),  // football
    (50, 29),  // futsal
    (83, 108), // other indoor
];

/// Words that other vendors do not have, or mean otherwise.
const NAMES: &[(u8, &str)] = &[
    (108, "otherindoor otheroutdoor stretching mobilitydynamic mobilitystatic"),
    (56, "jogging"),
    (29, "football futsal"),
    (17, "spinning"),
    (22, "circuittraining bootcamp"),
    (80, "core functionaltraining"),
    (113, "crosstraining"),
    (9, "aerobics groupexercise"),
    (34, "handball"),
    (119, "archery"),
    (42, "kickboxing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_of_the_api() {
        for number in NUMBERS.iter().map(|(_, number)| *number).chain(NAMES.iter().map(|(number, _)| *number)) {
            assert!(ActivityType::new(number.into()).is_some(), "{number}");
        }
    }
}
