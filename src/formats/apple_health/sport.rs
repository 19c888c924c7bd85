//! The activity types of HealthKit, as they are called in exports, in the numbers of the API.
//!
//! Facts: the cases of `HKWorkoutActivityType`, without that prefix; indoors, and in which water, is told by metadata
//! (`HKIndoorWorkout`, `HKSwimmingLocationType`: 1 in a pool, 2 in open water).

use crate::workout::ActivityType;

/// A workout of several sports, each an activity of its own.
pub const MULTISPORT: &str = "SwimBikeRun";

/// The way from one sport to the next.
pub const TRANSITION: &str = "Transition";

/// The activity type of a HealthKit word; `None` for one nobody told us.
pub fn activity_type(word: &str, is_indoor: bool, swimming_place: Option<&str>) -> Option<ActivityType> {
    let number = match (word, is_indoor, swimming_place) {
        ("Running", true, _) => 58,
        ("Walking", true, _) => 95,
        ("Cycling", true, _) => 18,
        ("Rowing", true, _) => 54,
        ("Swimming", _, Some("1")) => 83,
        ("Swimming", _, Some("2")) => 84,
        _ => WORDS.iter().find(|(_, words)| words.split(' ').any(|known| known == word))?.0,
    };
    Some(ActivityType::known(number))
}

const WORDS: &[(u8, &str)] = &[
    (8, "Running TrackAndField"),
    (7, "Walking"),
    (1, "Cycling"),
    (14, "HandCycling"),
    (35, "Hiking"),
    (82, "Swimming WaterFitness"),
    (96, "WaterPolo"),
    (80, "TraditionalStrengthTraining FunctionalStrengthTraining CoreTraining"),
    (114, "HighIntensityIntervalTraining"),
    (25, "Elliptical"),
    (53, "Rowing"),
    (78, "StairClimbing"),
    (77, "Stairs StepTraining"),
    (39, "JumpRope"),
    (100, "Yoga"),
    (49, "Pilates Barre"),
    (44, "TaiChi MartialArts Wrestling"),
    (20, "Boxing"),
    (42, "Kickboxing"),
    (24, "Dance DanceInspiredTraining CardioDance SocialDance"),
    (45, "MindAndBody"),
    (68, "DownhillSkiing"),
    (67, "CrossCountrySkiing"),
    (65, "SnowSports"),
    (73, "Snowboarding"),
    (62, "SkatingSports"),
    (106, "Curling"),
    (81, "SurfingSports"),
    (40, "PaddleSports"),
    (59, "Sailing"),
    (60, "UnderwaterDiving"),
    (87, "Tennis"),
    (85, "TableTennis"),
    (10, "Badminton"),
    (76, "Squash"),
    (51, "Racquetball"),
    (32, "Golf"),
    (29, "Soccer"),
    (27, "AmericanFootball"),
    (28, "AustralianFootball"),
    (55, "Rugby"),
    (12, "Basketball"),
    (11, "Baseball"),
    (120, "Softball"),
    (89, "Volleyball"),
    (34, "Handball"),
    (36, "Hockey"),
    (86, "Lacrosse"),
    (23, "Cricket"),
    (30, "DiscSports"),
    (119, "Archery"),
    (26, "Fencing"),
    (33, "Gymnastics"),
    (37, "EquestrianSports"),
    (52, "Climbing"),
    (98, "WheelchairWalkPace WheelchairRunPace"),
    (
        108,
        "Other CrossTraining Flexibility Cooldown PreparationAndRecovery Play FitnessGaming MixedCardio \
         MixedMetabolicCardioTraining WaterSports Pickleball Bowling Fishing Hunting SwimBikeRun Transition",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_of_the_api_and_every_word_has_one() {
        let mut words: Vec<&str> = WORDS.iter().flat_map(|(_, words)| words.split(' ')).collect();
        words.sort_unstable();
        assert!(words.windows(2).all(|pair| pair[0] != pair[1]), "{words:?}");
        assert!(WORDS.iter().all(|(number, _)| ActivityType::new(i64::from(*number)).is_some()));
        let number = |word, indoor, water| activity_type(word, indoor, water).map(ActivityType::number);
        assert_eq!(number("Running", true, None), Some(58));
        assert_eq!(number("Yoga", true, None), Some(100));
        assert_eq!(number("Swimming", true, Some("1")), Some(83));
        assert_eq!(number("Swimming", false, Some("0")), Some(82));
        assert_eq!(number("Quidditch", false, None), None);
    }
}
