//! What the sports are called in TCX and GPX files, and their activity types.
//!
//! Words of Garmin (typeKey), Strava (API and export), OpenTracks and gpx.studio, and Strava's numbers; the facts are
//! from these vendors' public documentation and from exported files.

use crate::workout::ActivityType;

/// The activity type of a sport by its name in a file; `None` for a word nobody told us.
pub fn activity_type(word: &str) -> Option<ActivityType> {
    let plain = plain(word);
    let plain = plain.strip_suffix("v2").or_else(|| plain.strip_suffix("ws")).unwrap_or(&plain);
    of_plain(WORDS, plain)
}

/// The same by a vendor's own table, whose words are written like those of [`WORDS`].
pub fn in_table(table: &[(u8, &str)], word: &str) -> Option<ActivityType> {
    of_plain(table, &plain(word))
}

/// The same by a table of whole words in lower case: word, activity type.
pub fn in_words(table: &[(&str, u8)], word: &str) -> Option<ActivityType> {
    let word = word.to_lowercase();
    table.iter().find(|(known, _)| *known == word).map(|(_, number)| ActivityType::known(*number))
}

/// The same for vendors who number their sports: number, activity type.
pub fn in_numbers(table: &[(i64, u8)], number: i64) -> Option<ActivityType> {
    table.iter().find(|(known, _)| *known == number).map(|(_, number)| ActivityType::known(*number))
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn of_plain(table: &[(u8, &str)], plain: &str) -> Option<ActivityType> {
    table
        .iter()
        .find(|(_, words)| words.split(' ').any(|known| known == plain))
        .map(|(number, _)| ActivityType::known(*number))
}

/// The activity type of the number that Strava writes into GPX files.
pub fn strava_number(number: u32) -> Option<ActivityType> {
    STRAVA_NUMBERS.iter().find(|(strava, _)| *strava == number).map(|(_, number)| ActivityType::known(*number))
}

/// Activity type, and the words for it: lower case, letters and digits only, without Garmin's `_v2` and `_ws`.
const WORDS: &[(u8, &str)] = &[
    (8, "running run streetrunning trackrunning trailrunning trailrun ultrarun obstaclerun obstacle jogging"),
    (58, "treadmillrunning indoorrunning virtualrun treadmill"),
    (
        1,
        "cycling biking bike ride gravelcycling gravelride recumbentcycling ebikefitness ebikeride ebike bmx velomobile",
    ),
    (1, "touringbicycle roadtouring bicycle"),
    (16, "roadbiking roadcycling roadbike trackcycling racebike"),
    (15, "mountainbiking mountainbike mountainbikeride downhillbiking enduromtb ebikemountain eenduromtb mtb"),
    (15, "emountainbikeride cyclocross"),
    (18, "indoorcycling virtualride indoorbiking"),
    (14, "handcycling handcycle indoorhandcycling"),
    (7, "walking walk casualwalking"),
    (93, "speedwalking"),
    (94, "nordicwalking"),
    (95, "indoorwalking"),
    (35, "hiking hike rucking mountaineering alpinetour trekking"),
    (83, "lapswimming poolswimming"),
    (84, "openwaterswimming swimminginopenwater"),
    (82, "swimming swim"),
    (80, "strengthtraining weighttraining"),
    (100, "yoga"),
    (49, "pilates"),
    (25, "elliptical ellipticaltrainer"),
    (78, "stairclimbing stairstepper"),
    (77, "floorclimbing"),
    (54, "indoorrowing virtualrow"),
    (53, "rowing"),
    (114, "hiit highintensityintervaltraining"),
    (113, "crossfit"),
    (39, "jumprope"),
    (20, "boxing"),
    (46, "mixedmartialarts"),
    (52, "bouldering indoorclimbing rockclimbing climbing"),
    (68, "resortskiing resortskiingsnowboarding alpineski alpineskiing downhillskiing"),
    (66, "backcountryskiing backcountryski skitouring"),
    (67, "crosscountryskiing skateskiing nordicski"),
    (70, "rollerski rollerskiing"),
    (65, "skiing"),
    (73, "snowboarding snowboard backcountrysnowboarding"),
    (62, "skating"),
    (104, "iceskate iceskating"),
    (64, "inlineskating inlineskate"),
    (61, "skateboard skateboarding"),
    (75, "snowshoe snowshoeing"),
    (74, "snowmobiling"),
    (40, "kayaking paddling whitewaterrafting canoeing canoe"),
    (79, "standuppaddleboarding standuppaddling"),
    (81, "surfing surf"),
    (43, "kiteboarding kitesurf kitesurfing"),
    (99, "windsurfing windsurf"),
    (59, "sailing sail boating"),
    (92, "wakeboarding"),
    (32, "golf"),
    (30, "discgolf ultimatedisc"),
    (87, "tennis platformtennis padel paddelball"),
    (76, "squash"),
    (10, "badminton"),
    (51, "racquetball"),
    (85, "tabletennis"),
    (29, "soccer footballsoccer"),
    (27, "americanfootball"),
    (12, "basketball"),
    (89, "volleyball"),
    (55, "rugby"),
    (23, "cricket"),
    (36, "fieldhockey icehockey hockey"),
    (11, "baseball"),
    (120, "softball"),
    (24, "dance dancing"),
    (37, "horsebackriding"),
    (45, "meditation"),
    (122, "breathwork"),
    (98, "wheelchair wheelchairpushwalk wheelchairpushrun"),
    (
        108,
        "other workout unknown stopwatch indoorcardio fitnessequipment cardio pickleball multisport physicaltherapy flying driving",
    ),
];

/// Strava's number, activity type.
const STRAVA_NUMBERS: &[(u32, u8)] = &[
    (1, 1),
    (2, 68),
    (3, 66),
    (4, 35),
    (5, 104),
    (6, 64),
    (7, 67),
    (8, 70),
    (9, 8),
    (10, 7),
    (11, 108),
    (12, 73),
    (13, 75),
    (14, 43),
    (15, 99),
    (16, 82),
    (17, 18),
    (18, 1),
    (19, 1),
    (21, 40),
    (22, 40),
    (23, 53),
    (24, 79),
    (25, 81),
    (26, 113),
    (27, 25),
    (28, 52),
    (29, 78),
    (30, 80),
    (31, 100),
    (51, 14),
    (52, 98),
    (53, 58),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_of_the_api() {
        let numbers = WORDS.iter().map(|(n, _)| *n).chain(STRAVA_NUMBERS.iter().map(|(_, n)| *n));
        for number in numbers {
            assert!(ActivityType::new(number.into()).is_some(), "{number}");
        }
    }

    #[test]
    fn words_are_matched_without_their_dress() {
        for (word, number) in [
            ("Running", 8),
            ("trail_running", 8),
            ("Trail Run", 8),
            ("e_bike_fitness_v2", 1),
            ("resort_skiing_snowboarding_ws", 68),
            ("Football (Soccer)", 29),
            ("swimming in open water", 84),
        ] {
            assert_eq!(activity_type(word).map(ActivityType::number), Some(number), "{word}");
        }
        assert_eq!(activity_type("trackOnWeb"), None);
        assert_eq!(activity_type(""), None);
    }
}
