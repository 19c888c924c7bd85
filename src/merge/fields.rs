//! What several records of one workout say together, field by field, in a fixed order of formats.
//!
//! Two orders, whatever came first: times and measures come from what recorded them, words and the type from where people
//! edit them. Among records of one format sound files go before those that break off. Of what one vendor says in several
//! files, as in an export of each month, only the last word counts: people edit what they exported before. So it is with what
//! came under one name after the other, where files are moved when they are done with.

use crate::workout::{ActivityType, Format, Workout};
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::HashSet;

/// Whose times and measures are believed: what the device recorded, what vendors made of it, tracks, tables, and
/// what somebody else made of all that.
const MEASURES: [Format; 23] = [
    Format::Fit,
    Format::GarminExport,
    Format::Polar,
    Format::Suunto,
    Format::Nike,
    Format::Runtastic,
    Format::Fitbit,
    Format::AppleHealth,
    Format::HealthAutoExport,
    Format::GoogleFit,
    Format::Tcx,
    Format::Gpx,
    Format::OpenTracks,
    Format::SamsungHealth,
    Format::GoogleHealth,
    Format::Concept2,
    Format::Peloton,
    Format::Strava,
    Format::GarminActivities,
    Format::Runkeeper,
    Format::Hevy,
    Format::Strong,
    Format::Sessions,
];

/// Whose title, notes and type are believed: services where people edit them, programs that pass on what others called
/// it, then the device and what was exported from it.
const WORDS: [Format; 23] = [
    Format::Strava,
    Format::GarminExport,
    Format::GarminActivities,
    Format::Runkeeper,
    Format::Hevy,
    Format::Strong,
    Format::Polar,
    Format::Suunto,
    Format::Runtastic,
    Format::Nike,
    Format::Fitbit,
    Format::GoogleHealth,
    Format::SamsungHealth,
    Format::Peloton,
    Format::Concept2,
    Format::OpenTracks,
    Format::AppleHealth,
    Format::HealthAutoExport,
    Format::GoogleFit,
    Format::Sessions,
    Format::Fit,
    Format::Tcx,
    Format::Gpx,
];

/// A part of a workout that comes from one of its records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Field {
    /// Start, end and active time belong together.
    Times,
    UtcOffset,
    Type,
    Title,
    Notes,
    Device,
    Distance,
    Energy,
    AverageHeartRate,
    MaxHeartRate,
    Ascent,
}

impl Field {
    /// As people are told of it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Times => "times",
            Self::UtcOffset => "UTC offset",
            Self::Type => "type",
            Self::Title => "title",
            Self::Notes => "notes",
            Self::Device => "device",
            Self::Distance => "distance",
            Self::Energy => "energy",
            Self::AverageHeartRate => "average heart rate",
            Self::MaxHeartRate => "max heart rate",
            Self::Ascent => "ascent",
        }
    }
}

/// A workout, and which of the records, by its place among them, supplied each field that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    pub workout: Workout,
    pub origins: Vec<(Field, usize)>,
}

/// What records say together; `None` only for no records at all.
pub fn merge(records: Vec<Workout>) -> Option<Workout> {
    match <[Workout; 1]>::try_from(records) {
        Ok([only]) => Some(only),
        Err(records) => merged(&records).map(|merged| merged.workout),
    }
}

/// [`merge`], and where each field comes from. The records themselves are kept, so that this need not be written down.
pub fn merged(records: &[Workout]) -> Option<Merged> {
    let current = current(records);
    let measures = in_order(records, current.clone(), &MEASURES);
    let words = in_order(records, current, &WORDS);
    let best = *measures.first()?;
    let mut workout = records[best].clone();
    let mut origins = vec![(Field::Times, best)];
    let typed = words.iter().find(|index| records[**index].activity_type != ActivityType::OTHER);
    if let Some(index) = typed.or(words.first()) {
        let from = &records[*index];
        workout.activity_type = from.activity_type;
        workout.source.sport.clone_from(&from.source.sport);
        workout.source.sub_sport.clone_from(&from.source.sub_sport);
        workout.source.unknown_sport = from.source.unknown_sport;
        origins.push((Field::Type, *index));
    }
    let mut first = |field, order: &[usize], has: &dyn Fn(&Workout) -> bool| {
        let index = order.iter().copied().find(|index| has(&records[*index]));
        origins.extend(index.map(|index| (field, index)));
        index.map(|index| &records[index])
    };
    let said = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
    let title = first(Field::Title, &words, &|record| said(&record.source.title));
    workout.source.title = title.and_then(|record| record.source.title.clone());
    let notes = first(Field::Notes, &words, &|record| said(&record.source.notes));
    workout.source.notes = notes.and_then(|record| record.source.notes.clone());
    let device = first(Field::Device, &measures, &|record| said(&record.source.device));
    workout.source.device = device.and_then(|record| record.source.device.clone());
    let offset = first(Field::UtcOffset, &measures, &|record| record.utc_offset_seconds.is_some());
    workout.utc_offset_seconds = offset.and_then(|record| record.utc_offset_seconds);
    let metrics = &mut workout.metrics;
    let from = first(Field::Distance, &measures, &|record| record.metrics.distance_meters.is_some());
    metrics.distance_meters = from.and_then(|record| record.metrics.distance_meters);
    let from = first(Field::Energy, &measures, &|record| record.metrics.energy_kcal.is_some());
    metrics.energy_kcal = from.and_then(|record| record.metrics.energy_kcal);
    let from = first(Field::AverageHeartRate, &measures, &|record| record.metrics.average_heart_rate.is_some());
    metrics.average_heart_rate = from.and_then(|record| record.metrics.average_heart_rate);
    let from = first(Field::MaxHeartRate, &measures, &|record| record.metrics.max_heart_rate.is_some());
    metrics.max_heart_rate = from.and_then(|record| record.metrics.max_heart_rate);
    let from = first(Field::Ascent, &measures, &|record| record.metrics.ascent_meters.is_some());
    metrics.ascent_meters = from.and_then(|record| record.metrics.ascent_meters);
    Some(Merged { workout, origins })
}

/// The places of the records that are not out of date, in an order that depends on nothing but what they say.
fn current(records: &[Workout]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..records.len()).collect();
    order.sort_by_cached_key(|index| {
        let record = &records[*index];
        // The last part only makes the order total, so that equal ranks cannot depend on arrival.
        let json = serde_json::to_string(record).unwrap_or_default();
        (record.start, Reverse(record.end), json)
    });
    let mut by_age = order.clone();
    by_age.sort_by_key(|index| (records[*index].source.salvaged, Reverse(records[*index].source.said_ns)));
    let mut tellers = HashSet::new();
    let is_last_word = |index: &usize| {
        let Workout { key, source, .. } = &records[*index];
        let (vendor, place) = match key {
            Some(key) => (Some(&key.vendor), None),
            None if source.origin.is_empty() => return true,
            None => (None, Some((&source.origin, &source.member))),
        };
        tellers.insert((source.format.as_str(), vendor, place))
    };
    let last_words: HashSet<usize> = by_age.into_iter().filter(is_last_word).collect();
    order.retain(|index| last_words.contains(index));
    order
}

/// The same places, the most believed first.
fn in_order(records: &[Workout], mut places: Vec<usize>, formats: &[Format; 23]) -> Vec<usize> {
    places.sort_by_key(|index| {
        let source = &records[*index].source;
        (source.salvaged, formats.iter().position(|format| *format == source.format))
    });
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::Key;
    use jiff::{SignedDuration, Timestamp};
    use proptest::prelude::*;

    fn workout(format: Format, start: i64, minutes: i64, activity_type: u8) -> Workout {
        let start = Timestamp::from_second(1_775_975_415 + start).unwrap();
        let mut workout = Workout::new(format, start, start + SignedDuration::from_mins(minutes));
        workout.activity_type = ActivityType::known(activity_type);
        workout
    }

    #[test]
    fn every_format_has_its_place() {
        for format in Format::ALL {
            assert!(MEASURES.contains(&format) && WORDS.contains(&format), "{format}");
        }
        let place = |format| MEASURES.iter().position(|other| *other == format).unwrap();
        let order = [Format::Fit, Format::Polar, Format::Tcx, Format::Gpx, Format::Strava].map(place);
        assert!(order.is_sorted(), "{order:?}");
    }

    #[test]
    fn each_field_comes_from_whoever_knows_best() {
        let mut fit = workout(Format::Fit, 0, 60, 58);
        fit.source.title = Some("Workout 3".to_owned());
        fit.metrics.energy_kcal = Some(600);
        let mut tcx = workout(Format::Tcx, 1, 59, 8);
        tcx.source.notes = Some("notes".to_owned());
        tcx.metrics.energy_kcal = Some(500);
        tcx.metrics.ascent_meters = Some(12);
        let mut row = workout(Format::Strava, 30, 58, 108);
        row.source.title = Some("Round the lake".to_owned());
        row.source.notes = Some(" ".to_owned());
        let merged = merged(&[row, tcx, fit.clone()]).unwrap();
        let workout = &merged.workout;
        assert_eq!((workout.start, workout.end, workout.activity_type), (fit.start, fit.end, fit.activity_type));
        assert_eq!(workout.source.title.as_deref(), Some("Round the lake"));
        assert_eq!(workout.source.notes.as_deref(), Some("notes"));
        assert_eq!((workout.metrics.energy_kcal, workout.metrics.ascent_meters), (Some(600), Some(12)));
        let mut origins = merged.origins;
        origins.sort_by_key(|(_, index)| *index);
        use Field as F;
        assert_eq!(
            origins,
            [(F::Title, 0), (F::Notes, 1), (F::Ascent, 1), (F::Times, 2), (F::Type, 2), (F::Energy, 2)]
        );
        assert_eq!(merge(Vec::new()), None);
        assert_eq!(merge(vec![fit.clone()]), Some(fit));
    }

    #[test]
    fn of_what_a_vendor_says_the_last_word_counts() {
        let row = |title: Option<&str>, said_ns| {
            let mut row = workout(Format::Strong, 0, 60, 80);
            row.key = Some(Key { vendor: "strong".to_owned(), id: format!("06:30 {}", title.unwrap_or_default()) });
            row.source.title = title.map(str::to_owned);
            row.source.said_ns = said_ns;
            row
        };
        let title = |records: &[Workout]| merged(records).unwrap().workout.source.title;
        for (old, new) in [(Some("A"), Some("B")), (Some("B"), Some("A")), (Some("A"), None)] {
            let expected = new.map(str::to_owned);
            assert_eq!(title(&[row(old, 1), row(new, 2)]), expected);
            assert_eq!(title(&[row(new, 2), row(old, 1)]), expected);
        }
        let mut broken = row(Some("B"), 2);
        broken.source.salvaged = true;
        assert_eq!(title(&[row(Some("A"), 1), broken]).as_deref(), Some("A"), "a sound file knows better");
        let mut track = workout(Format::Gpx, 0, 60, 80);
        track.source.title = Some("Track".to_owned());
        assert_eq!(title(&[row(Some("A"), 1), row(None, 2), track]).as_deref(), Some("Track"));
    }

    fn record() -> impl Strategy<Value = Workout> {
        let numbers = (0..3_i64, 58..62_i64, 0..4_u8, proptest::option::of(1..3_u32));
        let told = (any::<bool>(), proptest::option::of("[vw]"), 0..3_i64);
        let words = [proptest::option::of("[ab]?"), proptest::option::of("[ab]?"), proptest::option::of("[ab]?")];
        let format = proptest::sample::select(Format::ALL.to_vec());
        (format, numbers, words, told).prop_map(
            |(format, (start, minutes, kind, number), [title, notes, sport], (salvaged, vendor, said_ns))| {
                let mut record = workout(format, start, minutes, [8, 58, 108, 4][usize::from(kind)]);
                record.metrics.energy_kcal = number;
                (record.source.title, record.source.notes, record.source.sport) = (title, notes, sport);
                (record.source.salvaged, record.source.said_ns) = (salvaged, said_ns);
                record.key = vendor.map(|vendor| Key { vendor, id: "1".to_owned() });
                record
            },
        )
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_means_nothing(
            (records, shuffled) in proptest::collection::vec(record(), 1..6)
                .prop_flat_map(|records| (Just(records.clone()), Just(records).prop_shuffle()))
        ) {
            let (one, other) = (merged(&records).unwrap(), merged(&shuffled).unwrap());
            prop_assert_eq!(&one.workout, &other.workout);
            prop_assert_eq!(merge(records.clone()).unwrap().start, one.workout.start);
            let told = |records: &[Workout], merged: &Merged| -> Vec<(Field, Workout)> {
                merged.origins.iter().map(|(field, index)| (*field, records[*index].clone())).collect()
            };
            prop_assert_eq!(told(&records, &one), told(&shuffled, &other));
        }
    }
}
