//! Activity types that a person gives to the vendors' own words.

use crate::workout::{ActivityType, Format, Workout};
use std::collections::BTreeMap;

/// Overrides of the built-in maps, by `vendor:word` or `vendor:word/refinement`; upper and lower case are the same.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Types(BTreeMap<String, ActivityType>);

impl Types {
    /// From settings such as `"strava:Pickleball" = 87` and `"fit:running/trail" = 58`; later ones win. An error is what
    /// is wrong, and of which key.
    pub fn parse<'a>(entries: impl Iterator<Item = (&'a str, i64)>) -> Result<Self, (String, String)> {
        let mut types = BTreeMap::new();
        for (word, number) in entries {
            let wrong = |what: String| Err((word.to_owned(), what));
            let Some((vendor, rest)) = word.split_once(':').filter(|(_, rest)| !rest.trim().is_empty()) else {
                return wrong("is not a vendor and its word, as in \"strava:Pickleball\"".to_owned());
            };
            if !Format::ALL.iter().any(|format| format.vendor() == vendor) {
                let mut vendors: Vec<&str> = Format::ALL.iter().map(|format| format.vendor()).collect();
                vendors.dedup();
                return wrong(format!("has the vendor \"{vendor}\"; use one of {}", vendors.join(", ")));
            }
            let Some(activity_type) = ActivityType::new(number) else {
                return wrong(format!("is {number}; use a number of the API's table of activity types"));
            };
            types.insert(format!("{vendor}:{}", rest.trim()).to_lowercase(), activity_type);
        }
        Ok(Self(types))
    }

    /// Gives a workout the type that somebody wants its word to have: that for word and refinement, else that for the word.
    pub fn apply(&self, workout: &mut Workout) {
        if let Some((_, activity_type)) = self.of(workout) {
            workout.activity_type = activity_type;
            workout.source.unknown_sport = false;
        }
    }

    /// The type that somebody wants a workout's word to have, and the key that says so.
    pub fn of(&self, workout: &Workout) -> Option<(String, ActivityType)> {
        if self.0.is_empty() {
            return None;
        }
        let word = word_of(workout)?;
        let refined = workout.source.sub_sport.as_ref().map(|refinement| format!("{word}/{refinement}"));
        let known = |key: String| self.get(&key).map(|activity_type| (key, activity_type));
        refined.and_then(known).or_else(|| known(word))
    }

    /// What somebody wants a word to mean, written as in [`word_of`].
    pub fn get(&self, word: &str) -> Option<ActivityType> {
        self.0.get(&word.to_lowercase()).copied()
    }
}

/// A workout's sport in its vendor's word, as the settings spell it.
pub fn word_of(workout: &Workout) -> Option<String> {
    let sport = workout.source.sport.as_ref()?;
    Some(format!("{}:{}", workout.source.format.vendor(), sport.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn the_most_exact_word_wins() {
        let entries = [("fit:running/trail", 58), ("fit:Running", 57), ("strava:Pickleball", 87)];
        let types = Types::parse(entries.into_iter()).unwrap();
        let typed = |format, sport: &str, refinement: Option<&str>| {
            let mut workout = Workout::new(format, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
            workout.set_sport(Some(sport.to_owned()), None);
            workout.source.sub_sport = refinement.map(str::to_owned);
            types.apply(&mut workout);
            (workout.activity_type.number(), workout.source.unknown_sport)
        };
        assert_eq!(typed(Format::Fit, "running", Some("trail")), (58, false));
        assert_eq!(typed(Format::Fit, "running", Some("track")), (57, false));
        assert_eq!(typed(Format::Strava, "pickleball", None), (87, false));
        assert_eq!(typed(Format::GarminExport, "pickleball", None), (108, true));
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        for (word, number, what) in [
            ("Pickleball", 87, "strava:Pickleball"),
            ("strava:", 87, "strava:Pickleball"),
            ("stravva:Pickleball", 87, "use one of fit, tcx"),
            ("strava:Pickleball", 121, "is 121"),
        ] {
            let (key, reason) = Types::parse([(word, number)].into_iter()).unwrap_err();
            assert!(key == word && reason.contains(what), "{reason}");
        }
    }
}
