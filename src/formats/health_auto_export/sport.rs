//! What Apple's sports are called on a phone, with the place before or after them: `Indoor Cycling`, `Rad outdoor`.
//!
//! English as Apple has it; German and Chinese as ingesters of real exports met it.

use crate::formats::sport_words;
use crate::workout::ActivityType;

/// The activity type of a workout by its name and what else says where it was; `None` for a name nobody told us.
pub fn activity_type(name: &str, location: &str, is_indoor: bool) -> Option<ActivityType> {
    let mut place = Place { indoor: is_indoor, ..Place::default() };
    place.note(location);
    let mut sport = String::new();
    for word in name.split(|c: char| c.is_whitespace() || c == '-') {
        if !place.note(word) {
            sport.push_str(word);
        }
    }
    // "Open Water" is two words; in Chinese the place is not set apart.
    for (prefix, word) in [("OpenWater", "openwater"), ("室内", "indoor"), ("户外", "outdoor"), ("室外", "outdoor")]
    {
        if let Some(rest) = sport.strip_prefix(prefix).filter(|rest| !rest.is_empty()) {
            place.note(word);
            sport = rest.to_owned();
        }
    }
    let found = sport_words::in_table(NAMES, &sport).or_else(|| sport_words::activity_type(&sport))?;
    Some(match (found.number(), place) {
        (8, Place { indoor: true, .. }) => ActivityType::known(58),
        (7, Place { indoor: true, .. }) => ActivityType::known(95),
        (1, Place { indoor: true, .. }) => ActivityType::known(18),
        (53, Place { indoor: true, .. }) => ActivityType::known(54),
        (82, Place { pool: true, .. }) => ActivityType::known(83),
        (82, Place { open_water: true, .. }) => ActivityType::known(84),
        _ => found,
    })
}

#[derive(Clone, Copy, Default)]
struct Place {
    indoor: bool,
    pool: bool,
    open_water: bool,
}

impl Place {
    /// Whether the word tells of a place.
    fn note(&mut self, word: &str) -> bool {
        match word.to_lowercase().as_str() {
            "indoor" | "innenräume" => self.indoor = true,
            "pool" | "schwimmbad" => self.pool = true,
            "open water" | "openwater" | "freiwasser" => self.open_water = true,
            "outdoor" => {}
            _ => return false,
        }
        true
    }
}

const NAMES: &[(u8, &str)] = &[
    (8, "running run trackandfield laufen lauf ausführen 跑步"),
    (7, "walking walk spaziergang spazieren gehen 步行"),
    (1, "cycling cycle radfahren rad 骑行"),
    (14, "handcycling"),
    (35, "hiking hike wandern 徒步"),
    (82, "swimming swim waterfitness schwimmen 游泳"),
    (83, "beckenschwimmen"),
    (84, "freiwasserschwimmen"),
    (96, "waterpolo wasserball"),
    (80, "traditionalstrengthtraining functionalstrengthtraining strengthtraining coretraining 传统力量训练"),
    (80, "traditionelleskrafttraining klassischeskrafttraining funktionaleskrafttraining kerntraining"),
    (80, "funktionelleskrafttraining krafttraining"),
    (114, "highintensityintervaltraining hiit hochintensivesintervalltraining"),
    (113, "crosstraining"),
    (25, "elliptical crosstrainer elliptisch"),
    (53, "rowing rower row rudern"),
    (78, "stairclimbing stairstepper stepper steppertraining"),
    (77, "stairs steptraining treppensteigen"),
    (39, "jumprope seilspringen"),
    (100, "yoga 瑜伽"),
    (49, "pilates barre"),
    (44, "taichi martialarts wrestling kampfsport"),
    (20, "boxing boxen"),
    (42, "kickboxing"),
    (24, "dance dancing danceinspiredtraining cardiodance socialdance tanzen gesellschaftstanz"),
    (45, "mindandbody"),
    (108, "other flexibility cooldown preparationandrecovery play fitnessgaming mixedcardio pickleball bowling"),
    (108, "mixedmetaboliccardiotraining watersports fishing hunting swimbikerun multisport"),
    (108, "sonstige sonstiges abkühlen flexibilität gemischtescardio"),
    (68, "downhillskiing"),
    (67, "crosscountryskiing"),
    (65, "snowsports"),
    (73, "snowboarding"),
    (62, "skatingsports skating"),
    (106, "curling"),
    (81, "surfingsports surfing"),
    (40, "paddlesports paddling"),
    (59, "sailing segeln"),
    (60, "underwaterdiving tauchen"),
    (85, "tabletennis tischtennis"),
    (28, "australianfootball"),
    (29, "fußball"),
    (34, "handball"),
    (36, "hockey"),
    (86, "lacrosse"),
    (30, "discsports"),
    (119, "archery"),
    (26, "fencing"),
    (33, "gymnastics turnen"),
    (37, "equestriansports reiten"),
    (52, "climbing klettern"),
    (98, "wheelchairwalkpace wheelchairrunpace wheelchairwalk wheelchairrun"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_of_the_api() {
        for (number, words) in NAMES {
            assert!(ActivityType::new((*number).into()).is_some(), "{words}");
        }
    }

    #[test]
    fn places_are_told_from_sports() {
        for (name, location, is_indoor, number) in [
            ("Outdoor Run", "", false, 8),
            ("Indoor Run", "", false, 58),
            ("Running", "Indoor", false, 58),
            ("Running", "", true, 58),
            ("Indoor Cycling", "", false, 18),
            ("Innenräume Radfahren", "", false, 18),
            ("Rad outdoor", "", false, 1),
            ("Outdoor-Lauf", "", false, 8),
            ("Outdoor Spaziergang", "", false, 7),
            ("Freiwasser Schwimmen", "", false, 84),
            ("Open Water Swim", "", false, 84),
            ("Pool Swim", "", false, 83),
            ("Swimming", "Pool", false, 83),
            ("Rudern", "Indoor", false, 54),
            ("Traditionelles Krafttraining", "", true, 80),
            ("High Intensity Interval Training", "", false, 114),
            ("步行", "", false, 7),
            ("户外跑步", "", false, 8),
            ("室内骑行", "", false, 18),
            ("Traditional\u{a0}Strength Training", "", false, 80),
            ("Tennis", "Outdoor", false, 87),
        ] {
            let found = activity_type(name, location, is_indoor);
            assert_eq!(found.map(ActivityType::number), Some(number), "{name}");
        }
        for unheard_of in ["", "Outdoor", "Quidditch"] {
            assert_eq!(activity_type(unheard_of, "", false), None);
        }
    }
}
