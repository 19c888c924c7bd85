//! The numbers of the FIT profile that a person may see: sports, file types, makers; and the activity types of sports.
//!
//! Facts: Garmin's FIT profile 21.218. It grows several times a year, so an unknown number is kept as a number.

use crate::workout::ActivityType;

/// A sport and its refinement, as numbers of the profile.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sport {
    pub sport: Option<u8>,
    pub sub_sport: Option<u8>,
}

const TRANSITION: u8 = 3;

impl Sport {
    /// This, or the other if this says nothing.
    pub fn or(self, other: Self) -> Self {
        if self.sport.is_some() { self } else { other }
    }

    /// The change between two legs of a multi-sport event.
    pub fn is_transition(self) -> bool {
        self.sport == Some(TRANSITION)
    }

    pub fn name(self) -> Option<String> {
        self.sport.map(|number| name_in(SPORTS, number))
    }

    pub fn sub_name(self) -> Option<String> {
        self.sub_sport.map(|number| name_in(SUB_SPORTS, number))
    }

    /// The activity type of this pair, else of the sport alone.
    pub fn activity_type(self) -> Option<ActivityType> {
        let sport = self.sport?;
        let of = |sub_sport: Option<u8>| ACTIVITY_TYPES.iter().find(|(s, sub, _)| (*s, *sub) == (sport, sub_sport));
        let (.., number) = of(self.sub_sport).or_else(|| of(None))?;
        Some(ActivityType::known(*number))
    }
}

pub fn file_type(number: u8) -> String {
    name_in(FILE_TYPES, number)
}

pub fn manufacturer(number: u32) -> String {
    match MANUFACTURERS.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => format!("manufacturer {number}"),
    }
}

fn name_in(table: &[(u8, &str)], number: u8) -> String {
    match table.iter().find(|(known, _)| *known == number) {
        Some((_, name)) => (*name).to_owned(),
        None => number.to_string(),
    }
}

const SPORTS: &[(u8, &str)] = &[
    (0, "generic"),
    (1, "running"),
    (2, "cycling"),
    (3, "transition"),
    (4, "fitness_equipment"),
    (5, "swimming"),
    (6, "basketball"),
    (7, "soccer"),
    (8, "tennis"),
    (9, "american_football"),
    (10, "training"),
    (11, "walking"),
    (12, "cross_country_skiing"),
    (13, "alpine_skiing"),
    (14, "snowboarding"),
    (15, "rowing"),
    (16, "mountaineering"),
    (17, "hiking"),
    (18, "multisport"),
    (19, "paddling"),
    (20, "flying"),
    (21, "e_biking"),
    (22, "motorcycling"),
    (23, "boating"),
    (24, "driving"),
    (25, "golf"),
    (26, "hang_gliding"),
    (27, "horseback_riding"),
    (28, "hunting"),
    (29, "fishing"),
    (30, "inline_skating"),
    (31, "rock_climbing"),
    (32, "sailing"),
    (33, "ice_skating"),
    (34, "sky_diving"),
    (35, "snowshoeing"),
    (36, "snowmobiling"),
    (37, "stand_up_paddleboarding"),
    (38, "surfing"),
    (39, "wakeboarding"),
    (40, "water_skiing"),
    (41, "kayaking"),
    (42, "rafting"),
    (43, "windsurfing"),
    (44, "kitesurfing"),
    (45, "tactical"),
    (46, "jumpmaster"),
    (47, "boxing"),
    (48, "floor_climbing"),
    (49, "baseball"),
    (53, "diving"),
    (56, "shooting"),
    (58, "winter_sport"),
    (59, "grinding"),
    (62, "hiit"),
    (63, "video_gaming"),
    (64, "racket"),
    (65, "wheelchair_push_walk"),
    (66, "wheelchair_push_run"),
    (67, "meditation"),
    (68, "para_sport"),
    (69, "disc_golf"),
    (70, "team_sport"),
    (71, "cricket"),
    (72, "rugby"),
    (73, "hockey"),
    (74, "lacrosse"),
    (75, "volleyball"),
    (76, "water_tubing"),
    (77, "wakesurfing"),
    (78, "water_sport"),
    (79, "archery"),
    (80, "mixed_martial_arts"),
    (81, "motor_sports"),
    (82, "snorkeling"),
    (83, "dance"),
    (84, "jump_rope"),
    (85, "pool_apnea"),
    (86, "mobility"),
    (87, "geocaching"),
    (88, "canoeing"),
    (254, "all"),
];

const SUB_SPORTS: &[(u8, &str)] = &[
    (0, "generic"),
    (1, "treadmill"),
    (2, "street"),
    (3, "trail"),
    (4, "track"),
    (5, "spin"),
    (6, "indoor_cycling"),
    (7, "road"),
    (8, "mountain"),
    (9, "downhill"),
    (10, "recumbent"),
    (11, "cyclocross"),
    (12, "hand_cycling"),
    (13, "track_cycling"),
    (14, "indoor_rowing"),
    (15, "elliptical"),
    (16, "stair_climbing"),
    (17, "lap_swimming"),
    (18, "open_water"),
    (19, "flexibility_training"),
    (20, "strength_training"),
    (21, "warm_up"),
    (22, "match"),
    (23, "exercise"),
    (24, "challenge"),
    (25, "indoor_skiing"),
    (26, "cardio_training"),
    (27, "indoor_walking"),
    (28, "e_bike_fitness"),
    (29, "bmx"),
    (30, "casual_walking"),
    (31, "speed_walking"),
    (32, "bike_to_run_transition"),
    (33, "run_to_bike_transition"),
    (34, "swim_to_bike_transition"),
    (35, "atv"),
    (36, "motocross"),
    (37, "backcountry"),
    (38, "resort"),
    (39, "rc_drone"),
    (40, "wingsuit"),
    (41, "whitewater"),
    (42, "skate_skiing"),
    (43, "yoga"),
    (44, "pilates"),
    (45, "indoor_running"),
    (46, "gravel_cycling"),
    (47, "e_bike_mountain"),
    (48, "commuting"),
    (49, "mixed_surface"),
    (50, "navigate"),
    (51, "track_me"),
    (52, "map"),
    (53, "single_gas_diving"),
    (54, "multi_gas_diving"),
    (55, "gauge_diving"),
    (56, "apnea_diving"),
    (57, "apnea_hunting"),
    (58, "virtual_activity"),
    (59, "obstacle"),
    (62, "breathing"),
    (63, "ccr_diving"),
    (65, "sail_race"),
    (66, "expedition"),
    (67, "ultra"),
    (68, "indoor_climbing"),
    (69, "bouldering"),
    (70, "hiit"),
    (71, "indoor_grinding"),
    (72, "hunting_with_dogs"),
    (73, "amrap"),
    (74, "emom"),
    (75, "tabata"),
    (77, "esport"),
    (78, "triathlon"),
    (79, "duathlon"),
    (80, "brick"),
    (81, "swim_run"),
    (82, "adventure_race"),
    (83, "trucker_workout"),
    (84, "pickleball"),
    (85, "padel"),
    (86, "indoor_wheelchair_walk"),
    (87, "indoor_wheelchair_run"),
    (88, "indoor_hand_cycling"),
    (90, "field"),
    (91, "ice"),
    (92, "ultimate"),
    (93, "platform"),
    (94, "squash"),
    (95, "badminton"),
    (96, "racquetball"),
    (97, "table_tennis"),
    (98, "overland"),
    (99, "trolling_motor"),
    (121, "dynamic_apnea"),
    (123, "enduro"),
    (124, "rucking"),
    (125, "rally"),
    (126, "pool_triathlon"),
    (127, "e_bike_enduro"),
    (254, "all"),
];

/// Sport, sub-sport (`None` for any other), activity type.
const ACTIVITY_TYPES: &[(u8, Option<u8>, u8)] = &[
    (1, None, 8),
    (1, Some(1), 58),
    (1, Some(45), 58),
    (1, Some(58), 58),
    (2, None, 1),
    (2, Some(5), 17),
    (2, Some(6), 18),
    (2, Some(58), 18),
    (2, Some(7), 16),
    (2, Some(13), 16),
    (2, Some(8), 15),
    (2, Some(9), 15),
    (2, Some(11), 15),
    (2, Some(47), 15),
    (2, Some(12), 14),
    (2, Some(88), 14),
    (2, Some(48), 19),
    (4, Some(1), 88),
    (4, Some(6), 18),
    (4, Some(14), 54),
    (4, Some(15), 25),
    (4, Some(16), 78),
    (4, Some(20), 80),
    (5, None, 82),
    (5, Some(17), 83),
    (5, Some(18), 84),
    (6, None, 12),
    (7, None, 29),
    (8, None, 87),
    (9, None, 27),
    (10, None, 108),
    (10, Some(20), 80),
    (10, Some(43), 100),
    (10, Some(44), 49),
    (10, Some(70), 114),
    (10, Some(26), 108),
    (10, Some(62), 122),
    (11, None, 7),
    (11, Some(27), 95),
    (11, Some(31), 93),
    (12, None, 67),
    (12, Some(37), 66),
    (13, None, 68),
    (13, Some(37), 66),
    (14, None, 73),
    (15, None, 53),
    (15, Some(14), 54),
    (16, None, 35),
    (17, None, 35),
    (19, None, 40),
    (21, None, 1),
    (21, Some(47), 15),
    (22, None, 108),
    (25, None, 32),
    (26, None, 48),
    (27, None, 37),
    (30, None, 64),
    (31, None, 52),
    (32, None, 59),
    (33, None, 104),
    (35, None, 75),
    (36, None, 74),
    (37, None, 79),
    (38, None, 81),
    (39, None, 92),
    (41, None, 40),
    (43, None, 99),
    (44, None, 43),
    (47, None, 20),
    (48, None, 77),
    (49, None, 11),
    (53, None, 60),
    (62, None, 114),
    (64, Some(94), 76),
    (64, Some(95), 10),
    (64, Some(96), 51),
    (64, Some(97), 85),
    (64, Some(85), 87),
    (65, None, 98),
    (66, None, 98),
    (67, None, 45),
    (69, None, 30),
    (70, None, 86),
    (71, None, 23),
    (72, None, 55),
    (73, None, 36),
    (75, None, 89),
    (79, None, 119),
    (80, None, 46),
    (83, None, 24),
    (84, None, 39),
    (88, None, 40),
];

/// `file_id.type`.
const FILE_TYPES: &[(u8, &str)] = &[
    (1, "device"),
    (2, "settings"),
    (3, "sport"),
    (4, "activity"),
    (5, "workout"),
    (6, "course"),
    (7, "schedules"),
    (9, "weight"),
    (10, "totals"),
    (11, "goals"),
    (14, "blood pressure"),
    (15, "monitoring"),
    (20, "activity summary"),
    (28, "daily monitoring"),
    (32, "monitoring"),
    (34, "segment"),
    (35, "segment list"),
    (40, "display configuration"),
];

const MANUFACTURERS: &[(u32, &str)] = &[
    (1, "Garmin"),
    (13, "Dynastream"),
    (23, "Suunto"),
    (32, "Wahoo"),
    (123, "Polar"),
    (255, "development"),
    (260, "Zwift"),
    (265, "Strava"),
    (289, "Hammerhead"),
    (294, "COROS"),
    (305, "Whoop"),
    (331, "MyWhoosh"),
    (339, "Zepp"),
    (340, "Peloton"),
    (348, "Huawei"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_activity_type_is_one_of_the_api_and_every_pair_is_unique() {
        for (index, (sport, sub_sport, number)) in ACTIVITY_TYPES.iter().enumerate() {
            assert!(ActivityType::new((*number).into()).is_some(), "{number}");
            assert!(SPORTS.iter().any(|(known, _)| known == sport), "{sport}");
            let twin = |(s, sub, _): &(u8, Option<u8>, u8)| (s, sub) == (sport, sub_sport);
            assert_eq!(ACTIVITY_TYPES.iter().position(twin), Some(index), "{sport}/{sub_sport:?}");
        }
    }

    #[test]
    fn a_pair_beats_its_sport_and_unknown_numbers_are_kept() {
        let of = |sport, sub_sport| Sport { sport: Some(sport), sub_sport };
        assert_eq!(of(1, Some(1)).activity_type().map(ActivityType::number), Some(58));
        assert_eq!(of(1, Some(200)).activity_type().map(ActivityType::number), Some(8));
        assert_eq!(of(200, None).activity_type(), None);
        assert_eq!(of(200, Some(201)).name().as_deref(), Some("200"));
        assert_eq!(of(200, Some(201)).sub_name().as_deref(), Some("201"));
    }
}
