//! The id of a session: readable in a log, safe in a URL, and independent of file names, maps and databases.

use crate::workout::Workout;
use sha2::{Digest, Sha256};

/// Gives a workout its id: the start in UTC to the second. If another workout that started in the same second has it, a
/// short hash of what tells the two apart is appended: the vendor key, else end and type.
pub fn assign(workout: &Workout, mut taken: impl FnMut(&str) -> bool) -> String {
    let id = format!("fitferry-{}", workout.start.strftime("%Y%m%dT%H%M%SZ"));
    if !taken(&id) {
        return id;
    }
    let end_and_type = || format!("{}:{}", workout.end.as_millisecond(), workout.activity_type.number());
    let distinction = workout.key.as_ref().map_or_else(end_and_type, ToString::to_string);
    // One round, but for two records that say exactly the same of two workouts of one file.
    (0_u32..).map(|round| format!("{id}-{}", short_hash(&distinction, round))).find(|id| !taken(id)).unwrap_or(id)
}

fn short_hash(text: &str, round: u32) -> String {
    let mut hash = Sha256::new().chain_update(text);
    if round > 0 {
        hash.update(round.to_be_bytes());
    }
    hash.finalize()[..4].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::{Format, Key};

    #[test]
    fn a_taken_second_gets_a_stable_suffix() {
        let start = "2026-04-12T06:30:15.999Z".parse().unwrap();
        let mut workout = Workout::new(Format::Gpx, start, "2026-04-12T07:30:15Z".parse().unwrap());
        assert_eq!(assign(&workout, |_| false), "fitferry-20260412T063015Z");
        let second = assign(&workout, |id| id.ends_with('Z'));
        assert!(second.starts_with("fitferry-20260412T063015Z-") && second.len() == 34, "{second}");
        assert_eq!(assign(&workout, |id| id.ends_with('Z')), second);
        let third = assign(&workout, |id| id.ends_with('Z') || id == second);
        assert_ne!(third, second);
        workout.key = Some(Key { vendor: "fit-1-2".to_owned(), id: "3-0".to_owned() });
        assert_ne!(assign(&workout, |id| id.ends_with('Z')), second);
    }
}
