//! Which records are the same workout, and what they say together. Pure.

use crate::workout::{ActivityType, Format, Key, Workout};
use jiff::{SignedDuration, Timestamp};
use std::cmp::Reverse;

/// How far apart two devices may have been started.
const STARTS_WITHIN: SignedDuration = SignedDuration::from_mins(3);

/// The same recording in two formats; only summaries are rounded to seconds.
const PART_STARTS_WITHIN: SignedDuration = SignedDuration::from_secs(2);

/// Intersection over union of the two intervals, at least.
const LEAST_OVERLAP: f64 = 0.7;

/// A known workout that a new record may belong to.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub start: Timestamp,
    pub end: Timestamp,
    pub activity_type: ActivityType,
    /// The keys of all its records.
    pub keys: Vec<Key>,
    /// Whether this very file told of it before it was rewritten.
    pub from_same_file: bool,
    /// Whether all its records come from files that break off.
    pub salvaged: bool,
}

/// How far from a record's start [`find`] looks for candidates, besides those with its key and those of its own file.
pub fn search_range(record: &Workout) -> (Timestamp, Timestamp) {
    (
        record.start.saturating_sub(STARTS_WITHIN).unwrap_or(Timestamp::MIN),
        record.start.saturating_add(STARTS_WITHIN).unwrap_or(Timestamp::MAX),
    )
}

/// The candidate that a record belongs to, by a ladder: the same vendor key; else an overlapping workout that its own
/// file told of before, or of which one is a part that was salvaged; else nearly the same interval and a compatible type. Among several the one that overlaps most.
pub fn find(record: &Workout, candidates: &[Candidate]) -> Option<usize> {
    let by_key =
        candidates.iter().position(|candidate| candidate.keys.iter().any(|key| Some(key) == record.key.as_ref()));
    by_key.or_else(|| {
        candidates
            .iter()
            .enumerate()
            .filter(|(_, candidate)| may_be_same(record, candidate))
            .map(|(index, candidate)| {
                (index, candidate.from_same_file || is_part(record, candidate), overlap(record, candidate))
            })
            .filter(|(_, is_sure, overlap)| *overlap >= if *is_sure { f64::MIN_POSITIVE } else { LEAST_OVERLAP })
            .max_by(|a, b| (a.1, a.2).partial_cmp(&(b.1, b.2)).unwrap_or(std::cmp::Ordering::Equal))
            .map(|(index, ..)| index)
    })
}

fn may_be_same(record: &Workout, candidate: &Candidate) -> bool {
    let key_contradicts = |key: &Key| candidate.keys.iter().any(|other| other.vendor == key.vendor);
    let starts_near = record.start.duration_since(candidate.start).abs() <= STARTS_WITHIN;
    record.activity_type.is_compatible(candidate.activity_type)
        && !record.key.as_ref().is_some_and(key_contradicts)
        && (candidate.from_same_file || starts_near)
}

/// Whether one is the beginning of the other, as a file that breaks off has it.
fn is_part(record: &Workout, candidate: &Candidate) -> bool {
    let starts_alike = record.start.duration_since(candidate.start).abs() <= PART_STARTS_WITHIN;
    starts_alike
        && (record.source.salvaged && record.end <= candidate.end || candidate.salvaged && candidate.end <= record.end)
}

/// Intersection over union of the intervals, 0 to 1.
fn overlap(record: &Workout, candidate: &Candidate) -> f64 {
    let seconds = |from: Timestamp, to: Timestamp| to.duration_since(from).as_secs_f64().max(0.0);
    let both = seconds(record.start.max(candidate.start), record.end.min(candidate.end));
    let either = seconds(record.start.min(candidate.start), record.end.max(candidate.end));
    if either > 0.0 { both / either } else { 1.0 }
}

/// When a workout was, and of what type it was: all that a destination tells of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outline {
    pub start: Timestamp,
    pub end: Timestamp,
    pub activity_type: ActivityType,
}

/// Whether [`nearest`] may find the one for the other, by their starts, Unix milliseconds.
pub fn start_near(one: i64, other: i64) -> bool {
    u128::from(one.abs_diff(other)) <= STARTS_WITHIN.unsigned_abs().as_millis()
}

/// Among workouts of which nothing else is known, the one that this is.
pub fn nearest(one: &Outline, others: &[Outline]) -> Option<usize> {
    let record = |outline: &Outline| {
        let mut record = Workout::new(Format::Fit, outline.start, outline.end);
        record.activity_type = outline.activity_type;
        record
    };
    let candidates: Vec<Candidate> = others
        .iter()
        .map(|Outline { start, end, activity_type }| Candidate {
            start: *start,
            end: *end,
            activity_type: *activity_type,
            keys: Vec::new(),
            from_same_file: false,
            salvaged: false,
        })
        .collect();
    find(&record(one), &candidates)
}

/// What several records of one workout say together, whatever order they came in.
///
/// Times come from one record, the most exact one of those from sound files. Everything else comes from the first record, in that same order, that
/// says it. `None` only for no records at all.
pub fn merge(mut records: Vec<Workout>) -> Option<Workout> {
    records.sort_by_cached_key(|record| {
        // The last part only makes the order total, so that equal ranks cannot depend on arrival.
        let json = serde_json::to_string(record).unwrap_or_default();
        (record.source.salvaged, rank(record.source.format), record.start, Reverse(record.end), json)
    });
    let mut records = records.into_iter();
    let mut merged = records.next()?;
    for record in records {
        let (into, from) = (&mut merged.source, record.source);
        fill(&mut into.title, from.title);
        fill(&mut into.notes, from.notes);
        fill(&mut into.device, from.device);
        fill(&mut merged.utc_offset_seconds, record.utc_offset_seconds);
        if merged.activity_type == ActivityType::OTHER && record.activity_type != ActivityType::OTHER {
            merged.activity_type = record.activity_type;
            into.sport = from.sport;
            into.sub_sport = from.sub_sport;
        }
        let (into, from) = (&mut merged.metrics, record.metrics);
        fill(&mut into.distance_meters, from.distance_meters);
        fill(&mut into.energy_kcal, from.energy_kcal);
        fill(&mut into.average_heart_rate, from.average_heart_rate);
        fill(&mut into.max_heart_rate, from.max_heart_rate);
        fill(&mut into.ascent_meters, from.ascent_meters);
    }
    Some(merged)
}

fn fill<T>(into: &mut Option<T>, from: Option<T>) {
    if into.is_none() {
        *into = from;
    }
}

/// Which format is believed first: what devices recorded, then what vendors made of it, then tracks, then tables.
fn rank(format: Format) -> u8 {
    use Format as F;
    match format {
        F::Fit => 0,
        F::AppleHealth | F::HealthAutoExport | F::GarminExport | F::Polar | F::Suunto | F::Nike | F::Runtastic => 1,
        F::Fitbit | F::GoogleFit | F::Sessions => 1,
        F::Tcx => 2,
        F::Gpx | F::OpenTracks => 3,
        F::Strava | F::GarminActivities | F::SamsungHealth | F::GoogleHealth | F::Concept2 | F::Peloton => 4,
        F::Runkeeper | F::Hevy | F::Strong => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workout(format: Format, start: i64, minutes: i64, activity_type: u8) -> Workout {
        let start = Timestamp::from_second(1_775_975_415 + start).unwrap();
        let mut workout = Workout::new(format, start, start + SignedDuration::from_mins(minutes));
        workout.activity_type = ActivityType::known(activity_type);
        workout
    }

    fn key(vendor: &str, id: &str) -> Key {
        Key { vendor: vendor.to_owned(), id: id.to_owned() }
    }

    fn candidate(workout: &Workout) -> Candidate {
        Candidate {
            start: workout.start,
            end: workout.end,
            activity_type: workout.activity_type,
            keys: workout.key.iter().cloned().collect(),
            from_same_file: false,
            salvaged: workout.source.salvaged,
        }
    }

    #[test]
    fn the_ladder() {
        let run = workout(Format::Fit, 0, 60, 8);
        let same = |record: &Workout, candidate: Candidate| find(record, &[candidate]).is_some();
        assert!(same(&workout(Format::Gpx, 5, 60, 108), candidate(&run)));
        assert!(same(&workout(Format::Gpx, 179, 55, 58), candidate(&run)));
        assert!(!same(&workout(Format::Gpx, 181, 60, 8), candidate(&run)), "started too late");
        assert!(!same(&workout(Format::Gpx, 0, 41, 8), candidate(&run)), "too short");
        assert!(!same(&workout(Format::Gpx, 0, 60, 1), candidate(&run)), "a ride");

        let keyed = |start, id| Workout { key: Some(key("device", id)), ..workout(Format::Fit, start, 60, 8) };
        assert!(same(&keyed(7200, "a"), candidate(&keyed(0, "a"))), "an edited start");
        assert!(!same(&keyed(0, "b"), candidate(&keyed(0, "a"))), "one device, two recordings");
        let other_device = Workout { key: Some(key("other", "b")), ..run.clone() };
        assert!(same(&other_device, candidate(&keyed(0, "a"))), "one run, two watches");

        let rewritten = Candidate { from_same_file: true, ..candidate(&run) };
        assert!(same(&workout(Format::Fit, 600, 50, 8), rewritten.clone()), "a trimmed start");
        assert!(!same(&workout(Format::Fit, 3600, 60, 8), rewritten), "another workout in the same file");
    }

    #[test]
    fn a_part_that_was_salvaged_is_the_whole_one_and_gives_way_to_it() {
        let whole = workout(Format::Gpx, 0, 60, 8);
        let mut half = workout(Format::Gpx, 0, 30, 8);
        assert_eq!(find(&half, &[candidate(&whole)]), None, "a short run and a long one");
        half.source.salvaged = true;
        assert_eq!(find(&half, &[candidate(&whole)]), Some(0));
        assert_eq!(find(&whole, &[candidate(&half)]), Some(0));
        let later = Workout { start: half.start + SignedDuration::from_secs(30), ..half.clone() };
        assert_eq!(find(&later, &[candidate(&whole)]), None);
        half.source.format = Format::Fit;
        for records in [[half.clone(), whole.clone()], [whole.clone(), half.clone()]] {
            assert_eq!(merge(records.to_vec()).unwrap().end, whole.end);
        }
    }

    #[test]
    fn the_nearest_of_several_is_found() {
        let near = candidate(&workout(Format::Fit, 10, 60, 8));
        let far = candidate(&workout(Format::Fit, 150, 60, 8));
        assert_eq!(find(&workout(Format::Gpx, 0, 60, 8), &[far, near]), Some(1));
    }

    #[test]
    fn merging_does_not_depend_on_the_order() {
        let mut fit = workout(Format::Fit, 0, 60, 108);
        fit.metrics.energy_kcal = Some(600);
        let mut tcx = workout(Format::Tcx, 1, 59, 8);
        tcx.source.notes = Some("notes".to_owned());
        tcx.metrics.energy_kcal = Some(500);
        let mut gpx = workout(Format::Gpx, 2, 60, 1);
        gpx.source.title = Some("title".to_owned());
        let twin = Workout { end: gpx.end + SignedDuration::from_secs(1), ..gpx.clone() };
        let records = [fit.clone(), tcx, gpx, twin];
        let merged = merge(records.to_vec()).unwrap();
        assert_eq!((merged.start, merged.end), (fit.start, fit.end));
        assert_eq!(merged.activity_type, ActivityType::known(8));
        assert_eq!(merged.metrics.energy_kcal, Some(600));
        assert_eq!(merged.source.title.as_deref(), Some("title"));
        assert_eq!(merged.source.notes.as_deref(), Some("notes"));
        for rotation in 0..4 {
            for swap in 0..3 {
                let mut other = records.to_vec();
                other.rotate_left(rotation);
                other.swap(swap, 3);
                assert_eq!(merge(other).unwrap(), merged);
            }
        }
        assert_eq!(merge(Vec::new()), None);
    }
}
