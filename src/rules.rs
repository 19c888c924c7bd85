//! What a person decided about workouts in general: local time, types, names, privacy, and what is not sent. Pure.

mod template;
mod types;
mod zones;

pub use template::{Field, Part, Template};
pub use types::{Types, word_of};
pub use zones::move_to_zone;

use crate::workout::{ActivityType, Format, Workout};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

/// Goes up whenever the same records and rules make other sessions than before, so that all are derived anew.
const DERIVATION: u32 = 2;

/// The rules of one account.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Local time of whoever did the workouts, where nothing else is said.
    pub zone: TimeZone,
    /// The same for files of one format.
    pub zones: Vec<(Format, TimeZone)>,
    pub folders: Vec<FolderRules>,
    pub types: Types,
    /// The first of these whose fields are all known makes the name.
    pub names: Vec<Template>,
    pub privacy: Privacy,
    pub skip: Skip,
}

/// What differs for the files below a folder.
#[derive(Clone, Debug)]
pub struct FolderRules {
    /// As it is written, and as it really is: files are found by either.
    pub paths: Vec<PathBuf>,
    pub zone: Option<TimeZone>,
    /// What only its files tell is not sent.
    pub skip: bool,
}

/// What sessions do not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Privacy {
    pub title: bool,
    pub notes: bool,
    pub description: bool,
}

/// Which workouts are not sent; those that the destination has already stay there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Skip {
    pub shorter_than: Option<SignedDuration>,
    pub before: Option<Timestamp>,
    pub types: Vec<ActivityType>,
}

impl Rules {
    /// No rule but a local time.
    pub fn of(zone: TimeZone) -> Self {
        Self {
            zone,
            zones: Vec::new(),
            folders: Vec::new(),
            types: Types::default(),
            names: Template::defaults(),
            privacy: Privacy { title: true, notes: true, description: true },
            skip: Skip::default(),
        }
    }

    /// The zone for local times in a file of whatever format, and those for single formats: what is said of the file's
    /// folder goes before what is said of its format, and that before what is said of the account.
    pub fn zones_for(&self, path: &Path) -> (&TimeZone, &[(Format, TimeZone)]) {
        match self.folder(path).and_then(|folder| folder.zone.as_ref()) {
            Some(zone) => (zone, &[]),
            None => (&self.zone, &self.zones),
        }
    }

    /// The zone for local times in a file of one format.
    pub fn zone_for(&self, path: &Path, format: Format) -> &TimeZone {
        let (zone, zones) = self.zones_for(path);
        zones.iter().find(|(other, _)| *other == format).map_or(zone, |(_, zone)| zone)
    }

    /// Why a workout that these files tell of is not sent, if it is not.
    pub fn skips<'a>(&self, workout: &Workout, mut files: impl Iterator<Item = &'a Path>) -> Option<String> {
        let in_folder = self.folders.iter().any(|folder| folder.skip)
            && files.all(|file| self.folder(file).is_some_and(|folder| folder.skip));
        let by_folder = in_folder.then(|| "all its files are in folders that are skipped".to_owned());
        by_folder.or_else(|| self.skip.reason(workout))
    }

    /// Whether there is any workout that would not be sent.
    pub fn skips_any(&self) -> bool {
        self.skip != Skip::default() || self.folders.iter().any(|folder| folder.skip)
    }

    fn folder(&self, path: &Path) -> Option<&FolderRules> {
        let depth = |folder: &&FolderRules| {
            let around = folder.paths.iter().filter(|around| path.starts_with(around));
            around.map(|around| around.components().count()).max()
        };
        self.folders.iter().filter(|folder| depth(folder).is_some()).max_by_key(depth)
    }

    /// The same for the same rules, so that it shows when sessions have to be derived anew.
    pub fn fingerprint(&self) -> String {
        let name = |zone: &TimeZone| zone.iana_name().map_or_else(|| format!("{zone:?}"), str::to_owned);
        let Self { zone, zones, folders, types, names, privacy, skip } = self;
        let mut text = format!("{DERIVATION} {} {types:?} {names:?} {privacy:?} {skip:?}", name(zone));
        zones.iter().for_each(|(format, zone)| text += &format!(" {format}={}", name(zone)));
        for FolderRules { paths, zone, skip } in folders.iter().filter(|folder| folder.zone.is_some() || folder.skip) {
            text += &format!(" {paths:?} {:?} {skip}", zone.as_ref().map(name));
        }
        Sha256::digest(text)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Skip {
    fn reason(&self, workout: &Workout) -> Option<String> {
        if let Some(least) = self.shorter_than.filter(|least| workout.duration() < *least) {
            return Some(format!("shorter than {least:#}"));
        }
        if let Some(before) = self.before.filter(|before| workout.start < *before) {
            return Some(format!("before {before:.0}"));
        }
        let kind = workout.activity_type;
        self.types.contains(&kind).then(|| format!("of type {} ({})", kind.number(), kind.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn folder(path: &str, zone: Option<&str>, skip: bool) -> FolderRules {
        FolderRules { paths: vec![path.into()], zone: zone.map(self::zone), skip }
    }

    #[test]
    fn the_nearest_folder_goes_before_the_format_and_that_before_the_account() {
        let mut rules = Rules::of(zone("Asia/Tokyo"));
        rules.zones = vec![(Format::Strong, zone("Europe/Berlin"))];
        rules.folders = vec![
            folder("/w", None, false),
            folder("/w/trip", Some("America/New_York"), false),
            folder("/w/trip/back", Some("Europe/Paris"), false),
        ];
        for (path, format, expected) in [
            ("/w/a.csv", Format::Strong, "Europe/Berlin"),
            ("/w/a.csv", Format::Hevy, "Asia/Tokyo"),
            ("/w/tripod.csv", Format::Hevy, "Asia/Tokyo"),
            ("/w/trip/a.csv", Format::Strong, "America/New_York"),
            ("/w/trip/back/a.csv", Format::Hevy, "Europe/Paris"),
        ] {
            assert_eq!(rules.zone_for(Path::new(path), format).iana_name(), Some(expected), "{path}");
        }
    }

    #[test]
    fn a_workout_is_skipped_for_a_reason() {
        let start: Timestamp = "2026-04-12T06:30:15Z".parse().unwrap();
        let mut workout = Workout::new(Format::Fit, start, start + SignedDuration::from_mins(4));
        workout.activity_type = ActivityType::known(7);
        let reason = |skip: Skip| Rules { skip, ..Rules::of(TimeZone::UTC) }.skips(&workout, std::iter::empty());
        assert_eq!(reason(Skip::default()), None);
        let shorter_than = Some(SignedDuration::from_mins(4));
        assert_eq!(reason(Skip { shorter_than, ..Skip::default() }), None);
        let shorter_than = Some(SignedDuration::from_mins(5));
        assert_eq!(reason(Skip { shorter_than, ..Skip::default() }).as_deref(), Some("shorter than 5m"));
        assert_eq!(reason(Skip { before: Some(start), ..Skip::default() }), None);
        let before = Some("2027-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(reason(Skip { before, ..Skip::default() }).as_deref(), Some("before 2027-01-01T00:00:00Z"));
        let types = vec![workout.activity_type];
        assert_eq!(reason(Skip { types, ..Skip::default() }).as_deref(), Some("of type 7 (Walking)"));
        let rules = Rules { folders: vec![folder("/old", None, true)], ..Rules::of(TimeZone::UTC) };
        let skips = |files: &[&str]| rules.skips(&workout, files.iter().map(Path::new)).is_some();
        assert!(skips(&["/old/a.fit", "/old/b.gpx"]));
        assert!(!skips(&["/old/a.fit", "/new/b.gpx"]), "a file elsewhere tells of it too");
    }

    #[test]
    fn a_fingerprint_changes_with_every_rule() {
        let plain = Rules::of(TimeZone::UTC);
        let berlin = zone("Europe/Berlin");
        let types = Types::parse([("strava:Pickleball", 87)].into_iter()).unwrap();
        let others = [
            Rules::of(berlin.clone()),
            Rules { zones: vec![(Format::Strong, berlin)], ..plain.clone() },
            Rules { folders: vec![folder("/w", Some("Asia/Tokyo"), false)], ..plain.clone() },
            Rules { folders: vec![folder("/w", None, true)], ..plain.clone() },
            Rules { types, ..plain.clone() },
            Rules { names: Vec::new(), ..plain.clone() },
            Rules { privacy: Privacy { title: false, ..plain.privacy }, ..plain.clone() },
            Rules { skip: Skip { types: vec![ActivityType::OTHER], ..Skip::default() }, ..plain.clone() },
        ];
        let mut prints: Vec<String> = others.iter().chain([&plain]).map(Rules::fingerprint).collect();
        prints.sort();
        prints.dedup();
        assert_eq!(prints.len(), others.len() + 1);
        let folders = vec![folder("/w", None, false)];
        assert_eq!(Rules { folders, ..plain.clone() }.fingerprint(), plain.fingerprint(), "a folder without rules");
    }
}
