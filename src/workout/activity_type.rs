//! The activity types of the sessions API: 120 numbers, 0 to 122 without 6, 107 and 121.
//!
//! Names as in the API's public table of activity types; 94 is misspelled there and corrected here.

use serde::{Deserialize, Serialize};

/// An activity type of the sessions API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ActivityType(u8);

impl ActivityType {
    /// A workout of a kind the table has no number for (4, "unknown", means that nothing was detected).
    pub const OTHER: Self = Self(108);

    /// The type with this number, if the API has one.
    pub fn new(number: i64) -> Option<Self> {
        let number = u8::try_from(number).ok()?;
        NAMES.binary_search_by_key(&number, |(known, _)| *known).ok()?;
        Some(Self(number))
    }

    /// A type from one of our own tables, which a test holds against [`NAMES`].
    pub(crate) const fn known(number: u8) -> Self {
        Self(number)
    }

    pub fn number(self) -> u8 {
        self.0
    }

    /// The API's own name, in English.
    pub fn name(self) -> &'static str {
        match NAMES.binary_search_by_key(&self.0, |(known, _)| *known) {
            Ok(index) => NAMES[index].1,
            Err(_) => "Other",
        }
    }

    /// Whether two sources can mean the same workout by these types: equal, of one family, or one of them says nothing.
    pub fn is_compatible(self, other: Self) -> bool {
        let says_nothing = |number| matches!(number, 4 | 108);
        let family = |number| FAMILIES.iter().position(|family| family.contains(&number));
        self == other
            || says_nothing(self.0)
            || says_nothing(other.0)
            || family(self.0).is_some_and(|index| family(other.0) == Some(index))
    }

    /// What a person calls one such workout, to follow "Morning": run, ride, yoga session.
    pub fn noun(self) -> &'static str {
        match self.0 {
            8 | 56..=58 => "run",
            1 | 14..=16 | 18 | 19 => "ride",
            7 | 93..=95 | 116 => "walk",
            35 => "hike",
            82..=84 => "swim",
            53 | 54 => "row",
            65..=70 => "ski tour",
            17 => "spinning",
            62..=64 | 104 | 105 => "skate",
            40 => "paddle",
            59 => "sail",
            80 | 97 => "strength training",
            10 => "badminton",
            11 => "baseball",
            12 => "basketball",
            20 => "boxing",
            22 => "circuit training",
            23 => "cricket",
            24 => "dance",
            25 => "elliptical",
            27..=29 => "football",
            32 => "golf",
            36 => "hockey",
            37 => "ride on horseback",
            39 => "rope jumping",
            44 | 46 => "martial arts",
            45 => "meditation",
            49 => "pilates",
            51 => "racquetball",
            52 => "climb",
            55 => "rugby",
            60 | 102 => "dive",
            73 => "snowboarding",
            75 => "snowshoe walk",
            76 => "squash",
            77 | 78 => "stair climbing",
            79 => "paddle standing up",
            81 => "surf",
            85 => "table tennis",
            87 => "tennis",
            88 => "treadmill",
            89..=91 => "volleyball",
            99 => "windsurf",
            100 => "yoga",
            113..=115 => "intervals",
            122 => "breathing",
            _ => "workout",
        }
    }
}

/// Types that devices and services take for one another.
const FAMILIES: &[&[u8]] = &[
    &[8, 56, 57, 58, 88],
    &[1, 14, 15, 16, 17, 18, 19, 103],
    &[7, 35, 93, 94, 95, 116, 75],
    &[82, 83, 84],
    &[40, 53, 54, 79],
    &[65, 66, 67, 68, 69, 70, 73],
    &[62, 63, 64, 104, 105],
    &[9, 21, 22, 41, 80, 97, 113, 114, 115],
];

/// Sorted by number.
pub const NAMES: &[(u8, &str)] = &[
    (0, "In vehicle"),
    (1, "Biking"),
    (2, "On foot"),
    (3, "Still (not moving)"),
    (4, "Unknown (unable to detect activity)"),
    (5, "Tilting (sudden device gravity change)"),
    (7, "Walking"),
    (8, "Running"),
    (9, "Aerobics"),
    (10, "Badminton"),
    (11, "Baseball"),
    (12, "Basketball"),
    (13, "Biathlon"),
    (14, "Handbiking"),
    (15, "Mountain biking"),
    (16, "Road biking"),
    (17, "Spinning"),
    (18, "Stationary biking"),
    (19, "Utility biking"),
    (20, "Boxing"),
    (21, "Calisthenics"),
    (22, "Circuit training"),
    (23, "Cricket"),
    (24, "Dancing"),
    (25, "Elliptical"),
    (26, "Fencing"),
    (27, "Football (American)"),
    (28, "Football (Australian)"),
    (29, "Football (Soccer)"),
    (30, "Frisbee"),
    (31, "Gardening"),
    (32, "Golf"),
    (33, "Gymnastics"),
    (34, "Handball"),
    (35, "Hiking"),
    (36, "Hockey"),
    (37, "Horseback riding"),
    (38, "Housework"),
    (39, "Jumping rope"),
    (40, "Kayaking"),
    (41, "Kettlebell training"),
    (42, "Kickboxing"),
    (43, "Kitesurfing"),
    (44, "Martial arts"),
    (45, "Meditation"),
    (46, "Mixed martial arts"),
    (47, "P90X exercises"),
    (48, "Paragliding"),
    (49, "Pilates"),
    (50, "Polo"),
    (51, "Racquetball"),
    (52, "Rock climbing"),
    (53, "Rowing"),
    (54, "Rowing machine"),
    (55, "Rugby"),
    (56, "Jogging"),
    (57, "Running on sand"),
    (58, "Running (treadmill)"),
    (59, "Sailing"),
    (60, "Scuba diving"),
    (61, "Skateboarding"),
    (62, "Skating"),
    (63, "Cross skating"),
    (64, "Inline skating (rollerblading)"),
    (65, "Skiing"),
    (66, "Back-country skiing"),
    (67, "Cross-country skiing"),
    (68, "Downhill skiing"),
    (69, "Kite skiing"),
    (70, "Roller skiing"),
    (71, "Sledding"),
    (72, "Sleeping"),
    (73, "Snowboarding"),
    (74, "Snowmobile"),
    (75, "Snowshoeing"),
    (76, "Squash"),
    (77, "Stair climbing"),
    (78, "Stair-climbing machine"),
    (79, "Stand-up paddleboarding"),
    (80, "Strength training"),
    (81, "Surfing"),
    (82, "Swimming"),
    (83, "Swimming (swimming pool)"),
    (84, "Swimming (open water)"),
    (85, "Table tennis (ping pong)"),
    (86, "Team sports"),
    (87, "Tennis"),
    (88, "Treadmill (walking or running)"),
    (89, "Volleyball"),
    (90, "Volleyball (beach)"),
    (91, "Volleyball (indoor)"),
    (92, "Wakeboarding"),
    (93, "Walking (fitness)"),
    (94, "Nordic walking"),
    (95, "Walking (treadmill)"),
    (96, "Waterpolo"),
    (97, "Weightlifting"),
    (98, "Wheelchair"),
    (99, "Windsurfing"),
    (100, "Yoga"),
    (101, "Zumba"),
    (102, "Diving"),
    (103, "Ergometer"),
    (104, "Ice skating"),
    (105, "Indoor skating"),
    (106, "Curling"),
    (108, "Other (unclassified fitness activity)"),
    (109, "Light sleep"),
    (110, "Deep sleep"),
    (111, "REM sleep"),
    (112, "Awake (during sleep cycle)"),
    (113, "Crossfit"),
    (114, "HIIT"),
    (115, "Interval Training"),
    (116, "Walking (stroller)"),
    (117, "Elevator"),
    (118, "Escalator"),
    (119, "Archery"),
    (120, "Softball"),
    (122, "Guided Breathing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_complete() {
        assert_eq!(NAMES.len(), 120);
        assert!(NAMES.is_sorted_by(|a, b| a.0 < b.0));
        for gap in [6, 107, 121, 123, -1, 264] {
            assert_eq!(ActivityType::new(gap), None);
        }
    }
}
