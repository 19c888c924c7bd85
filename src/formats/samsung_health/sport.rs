//! Samsung's numbers for exercises.
//!
//! Facts: the table `EXERCISE_TYPE` of Samsung's developer documentation.

use crate::formats::sport_words;
use crate::workout::ActivityType;

/// The activity type of an exercise by Samsung's number, or by a word, as programs that pass the table on write it.
pub fn activity_type(exercise: &str) -> Option<ActivityType> {
    let Ok(number) = exercise.parse::<u32>() else { return sport_words::activity_type(exercise) };
    let known = TYPES.iter().find(|(_, numbers)| numbers.contains(&number));
    known.map(|(number, _)| ActivityType::known(*number))
}

/// Activity type, and Samsung's numbers for it.
const TYPES: &[(u8, &[u32])] = &[
    (7, &[1001]),
    (8, &[1002]),
    (1, &[11007]),
    (35, &[13001, 13003, 13005]),
    (15, &[13004]),
    (82, &[14001]),
    (18, &[15003]),
    (54, &[15004]),
    (53, &[14010]),
    (88, &[15005]),
    (25, &[15006]),
    (78, &[15001]),
    (80, &[15002, 10011, 10012, 10013, 10014, 10015, 10016, 10017, 10018, 10019, 10020, 10021, 10022, 10026, 10027]),
    (22, &[10007]),
    (39, &[10002]),
    (21, &[10004, 10005, 10006, 10008, 10009, 10010, 10023, 10024, 10025]),
    (49, &[9001]),
    (100, &[9002]),
    (9, &[12001]),
    (20, &[7002]),
    (44, &[7001, 7003]),
    (24, &[8001, 8002, 8003]),
    (29, &[4004]),
    (12, &[4003]),
    (27, &[4006]),
    (34, &[4005]),
    (55, &[4002]),
    (36, &[4001, 16006]),
    (89, &[5001]),
    (90, &[5002]),
    (76, &[6001]),
    (87, &[6002]),
    (10, &[6003]),
    (85, &[6004]),
    (51, &[6005]),
    (32, &[3001]),
    (11, &[2001]),
    (120, &[2002]),
    (23, &[2003]),
    (64, &[11001]),
    (62, &[11009]),
    (48, &[11002]),
    (119, &[11004]),
    (37, &[11005]),
    (30, &[11008]),
    (52, &[13002]),
    (40, &[14003, 14007, 14009]),
    (59, &[14004, 14012]),
    (60, &[14005]),
    (43, &[14008]),
    (99, &[14011]),
    (67, &[16001]),
    (68, &[16002, 16008]),
    (104, &[16003, 16004]),
    (73, &[16007]),
    (75, &[16009]),
    // Custom, billiards, bowling, stretching, hula-hoop, pistol shooting, water aerobics, snorkeling, water skiing.
    (108, &[0, 3002, 3003, 10001, 10003, 11003, 14002, 14006, 14013]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_of_the_api() {
        assert!(TYPES.iter().all(|(number, _)| ActivityType::new((*number).into()).is_some()));
    }
}
