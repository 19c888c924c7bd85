//! Which records are the same workout, and what they say together. Pure.

mod fields;

pub use fields::{Field, Merged, merge, merged};

use crate::workout::{ActivityType, Format, Key, Workout};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// How far apart two devices may have been started.
const STARTS_WITHIN: SignedDuration = SignedDuration::from_mins(3);

/// The same recording in two formats; only summaries are rounded to seconds.
const PART_STARTS_WITHIN: SignedDuration = SignedDuration::from_secs(2);

/// Intersection over union of the two intervals, at least.
const LEAST_OVERLAP: f64 = 0.7;

/// The same of a workout of which both ends were moved by whoever edited its file.
const LEAST_OF_MOVED: f64 = 0.5;

/// Workouts whose starts differ by a multiple of this, and by no more than the second, may differ by a wrong time zone.
const ZONE_STEP: i64 = 30 * 60;

/// As far as local time is from UTC anywhere. A day apart is a habit.
const ZONES_WITHIN: SignedDuration = SignedDuration::from_hours(14);

/// How much the durations of such workouts may differ.
const SUSPECT_DURATIONS: f64 = 0.02;

/// By which rule a record belongs to its workout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Nobody had told of it.
    New,
    /// It has the vendor's key of the workout.
    Key,
    /// Its own file told of the workout before it was rewritten.
    Rewritten,
    /// One of them is the beginning of the other, from a file that breaks off.
    Part,
    /// Nearly the same interval, and a compatible type.
    Interval,
    /// Another file tells exactly the same, while the workout has become longer.
    Copy,
}

impl Rule {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Key => "key",
            Self::Rewritten => "rewritten",
            Self::Part => "part",
            Self::Interval => "interval",
            Self::Copy => "copy",
        }
    }
}

/// A known workout that a new record may belong to.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub start: Timestamp,
    pub end: Timestamp,
    pub activity_type: ActivityType,
    /// The keys and aliases of all its records.
    pub keys: Vec<KnownKey>,
    /// Whether this very file told of it before it was rewritten.
    pub from_same_file: bool,
    /// Whether all its records come from files that break off.
    pub salvaged: bool,
}

/// A key of a known workout.
#[derive(Clone, Debug, PartialEq)]
pub struct KnownKey {
    pub key: Key,
    /// The record that has it printed local time without a zone: formats that do that mostly have no identities, and
    /// their keys are made of the clock and the title, which people edit.
    pub is_printed: bool,
}

/// The keys under which a record may be known.
pub fn keys_of(record: &Workout) -> impl Iterator<Item = &Key> {
    record.key.iter().chain(&record.alias)
}

/// How far from a record's start [`find`] looks for candidates, besides those with its key and those of its own file.
pub fn search_range(record: &Workout) -> (Timestamp, Timestamp) {
    (
        record.start.saturating_sub(STARTS_WITHIN).unwrap_or(Timestamp::MIN),
        record.start.saturating_add(STARTS_WITHIN).unwrap_or(Timestamp::MAX),
    )
}

/// The candidate that a record belongs to, by a ladder: the same vendor key or alias; else an overlapping workout that its
/// own file told of before, or of which one is a part that was salvaged; else nearly the same interval and a compatible
/// type. Among several the one that overlaps most.
pub fn find(record: &Workout, candidates: &[Candidate]) -> Option<(usize, Rule)> {
    let has_key =
        |candidate: &Candidate| keys_of(record).any(|key| candidate.keys.iter().any(|known| known.key == *key));
    if let Some(index) = candidates.iter().position(has_key) {
        return Some((index, Rule::Key));
    }
    let matches = candidates.iter().enumerate().filter_map(|(index, candidate)| {
        let (rule, overlap) = compare(record, candidate)?;
        Some((index, rule, overlap))
    });
    let rank = |rule: Rule| u8::from(rule != Rule::Interval);
    let best = matches.max_by(|a, b| {
        let order = |(_, rule, overlap): &(usize, Rule, f64)| (rank(*rule), *overlap);
        order(a).partial_cmp(&order(b)).unwrap_or(std::cmp::Ordering::Equal)
    });
    best.map(|(index, rule, _)| (index, rule))
}

/// Why they are the same workout without a common key, if they are, and how much of their intervals they share.
fn compare(record: &Workout, candidate: &Candidate) -> Option<(Rule, f64)> {
    if contradict(record, candidate) {
        return None;
    }
    let overlap = overlap(record, candidate);
    let starts_near = record.start.duration_since(candidate.start).abs() <= STARTS_WITHIN;
    let is_interval = starts_near && overlap >= LEAST_OVERLAP;
    let is_compatible = record.activity_type.is_compatible(candidate.activity_type);
    let rule = if candidate.from_same_file && is_revision(record, candidate) && (is_compatible || is_interval) {
        // Whoever edits the type of a workout makes no other one of it.
        Rule::Rewritten
    } else if is_compatible && starts_near && overlap > 0.0 && is_part(record, candidate) {
        Rule::Part
    } else if is_compatible && is_interval {
        Rule::Interval
    } else {
        return None;
    };
    Some((rule, overlap))
}

/// Whether what a file says now may be what it said before, edited or grown: most of the interval is the same, or it was
/// trimmed, or one end stayed where it was. A workout that only touches the former one is another.
fn is_revision(record: &Workout, candidate: &Candidate) -> bool {
    let apart = |one: Timestamp, other: Timestamp| one.duration_since(other).abs();
    let (start, end) = (apart(record.start, candidate.start), apart(record.end, candidate.end));
    let within = |from: Timestamp, to: Timestamp| to.duration_since(from).max(SignedDuration::ZERO);
    let shared = within(record.start.max(candidate.start), record.end.min(candidate.end));
    let shorter = record.duration().min(within(candidate.start, candidate.end));
    let is_trimmed = candidate.start <= record.start && record.end <= candidate.end;
    let is_moved = overlap(record, candidate) >= LEAST_OF_MOVED;
    shared > SignedDuration::ZERO
        && shared >= shorter / 2
        && (is_trimmed || is_moved || start <= STARTS_WITHIN || end <= STARTS_WITHIN)
}

/// Whether a vendor says that they are two workouts: it gave them different keys.
fn contradict(record: &Workout, candidate: &Candidate) -> bool {
    let is_printed = record.source.assumed_zone.is_some();
    let differs = |key: &Key, known: &KnownKey| known.key.vendor == key.vendor && !(is_printed && known.is_printed);
    keys_of(record).any(|key| candidate.keys.iter().any(|known| differs(key, known)))
}

/// Whether a workout may be a known one that was read in a wrong time zone: the same minutes and seconds, some whole or half
/// hours away, equally long, of a compatible type, and no vendor says otherwise.
pub fn is_suspect(record: &Workout, candidate: &Candidate) -> bool {
    let apart = candidate.start.as_second() - record.start.as_second();
    let (one, other) = (record.duration().as_secs_f64(), candidate.end.duration_since(candidate.start).as_secs_f64());
    apart != 0
        && apart % ZONE_STEP == 0
        && SignedDuration::from_secs(apart).abs() <= ZONES_WITHIN
        && (one - other).abs() <= SUSPECT_DURATIONS * one.max(other)
        && record.activity_type.is_compatible(candidate.activity_type)
        && !contradict(record, candidate)
}

/// How far from a record's start [`is_suspect`] looks.
pub fn suspect_range(record: &Workout) -> (Timestamp, Timestamp) {
    (
        record.start.saturating_sub(ZONES_WITHIN).unwrap_or(Timestamp::MIN),
        record.start.saturating_add(ZONES_WITHIN).unwrap_or(Timestamp::MAX),
    )
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
    find(&record(one), &candidates).map(|(index, _)| index)
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
            keys: keys_of(workout)
                .map(|key| KnownKey { key: key.clone(), is_printed: workout.source.assumed_zone.is_some() })
                .collect(),
            from_same_file: false,
            salvaged: workout.source.salvaged,
        }
    }

    #[test]
    fn the_ladder() {
        let run = workout(Format::Fit, 0, 60, 8);
        let rule = |record: &Workout, candidate: Candidate| find(record, &[candidate]).map(|(_, rule)| rule);
        let same = |record: &Workout, candidate: Candidate| rule(record, candidate).is_some();
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
        assert!(!same(&workout(Format::Fit, 3600, 60, 8), rewritten.clone()), "another workout in the same file");
        assert!(same(&workout(Format::Fit, 600, 15, 8), rewritten.clone()), "trimmed at both ends");
        assert!(same(&workout(Format::Fit, 0, 600, 8), rewritten.clone()), "it has grown");
        assert!(same(&workout(Format::Fit, -1200, 60, 8), rewritten.clone()), "its clock was corrected");
        assert!(!same(&workout(Format::Fit, 3000, 60, 8), rewritten.clone()), "it begins when the other ends");
        assert!(!same(&workout(Format::Fit, 1500, 1440, 8), rewritten.clone()), "half of two workouts");
        assert!(same(&workout(Format::Fit, 0, 60, 1), rewritten.clone()), "an edited type");
        assert!(!same(&workout(Format::Fit, 600, 50, 1), rewritten), "a ride within the time of a run");

        let mut row = Workout { key: Some(key("strava", "1")), ..workout(Format::Strava, 30, 59, 8) };
        let file = Workout { alias: row.key.clone(), ..keyed(90_000, "a") };
        assert_eq!(rule(&file, candidate(&row)), Some(Rule::Key), "a row names the file");
        assert_eq!(rule(&row, candidate(&file)), Some(Rule::Key));
        row.key = Some(key("strava", "2"));
        assert!(!same(&row, candidate(&Workout { start: run.start, end: run.end, ..file })), "and no other one");
    }

    /// Keys that are made of the clock and the title change with the title; a vendor's own do not.
    #[test]
    fn an_edited_title_makes_no_other_workout() {
        let row = |id: &str, zone: Option<&str>| {
            let mut row = Workout { key: Some(key("strong", id)), ..workout(Format::Strong, 0, 60, 80) };
            row.source.assumed_zone = zone.map(str::to_owned);
            row
        };
        let (old, new) = (row("06:30 Legs", Some("UTC")), row("06:30 Leg day", Some("UTC")));
        assert_eq!(find(&new, &[candidate(&old)]), Some((0, Rule::Interval)));
        assert_eq!(find(&row("2", None), &[candidate(&row("1", None))]), None);
    }

    #[test]
    fn a_slip_of_the_time_zone_is_suspect() {
        let run = workout(Format::Fit, 0, 60, 8);
        let suspect = |record: &Workout| is_suspect(record, &candidate(&run));
        for (start, minutes, kind, expected) in [
            (7200, 60, 8, true),
            (-5 * 3600 - 1800, 60, 108, true),
            (7200, 61, 8, true),
            (0, 60, 8, false),
            (7201, 60, 8, false),
            (900, 60, 8, false),
            (7200, 58, 8, false),
            (7200, 60, 1, false),
            (24 * 3600, 60, 8, false),
        ] {
            assert_eq!(suspect(&workout(Format::Gpx, start, minutes, kind)), expected, "{start} {minutes} {kind}");
        }
        let keyed = |start, id| Workout { key: Some(key("device", id)), ..workout(Format::Fit, start, 60, 8) };
        assert!(!is_suspect(&keyed(7200, "b"), &candidate(&keyed(0, "a"))), "the vendor says that they are two");
    }

    #[test]
    fn a_part_that_was_salvaged_is_the_whole_one_and_gives_way_to_it() {
        let whole = workout(Format::Gpx, 0, 60, 8);
        let mut half = workout(Format::Gpx, 0, 30, 8);
        assert_eq!(find(&half, &[candidate(&whole)]), None, "a short run and a long one");
        half.source.salvaged = true;
        assert_eq!(find(&half, &[candidate(&whole)]), Some((0, Rule::Part)));
        assert_eq!(find(&whole, &[candidate(&half)]), Some((0, Rule::Part)));
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
        assert_eq!(find(&workout(Format::Gpx, 0, 60, 8), &[far, near]), Some((1, Rule::Interval)));
    }
}
