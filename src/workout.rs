//! The domain: a workout as fitferry understands it, whatever it was read from. Knows nothing else of ours.

mod activity_type;
mod format;
mod plausible;

pub use activity_type::ActivityType;
pub use format::Format;
pub use plausible::{Implausible, check};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// One workout, as one source tells it or as several sources merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Workout {
    /// The vendor's own identity of this workout, where the source tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Key>,
    /// The key of another record that is known to tell of the same workout: the row of an export's table that names the
    /// file this was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<Key>,
    /// First instant, inclusive.
    #[serde(rename = "startMillis", with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub start: Timestamp,
    /// Last instant, inclusive.
    #[serde(rename = "endMillis", with = "jiff::fmt::serde::timestamp::millisecond::required")]
    pub end: Timestamp,
    /// Time on the clock without pauses, in milliseconds, where the source tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_millis: Option<i64>,
    pub activity_type: ActivityType,
    /// Local time minus UTC while the workout took place, in seconds, where the source tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub utc_offset_seconds: Option<i32>,
    pub source: Source,
    pub metrics: Metrics,
}

impl Workout {
    /// A bare workout over an interval, to be filled by a reader.
    pub fn new(format: Format, start: Timestamp, end: Timestamp) -> Self {
        Self {
            key: None,
            alias: None,
            start,
            end,
            active_millis: None,
            activity_type: ActivityType::OTHER,
            utc_offset_seconds: None,
            source: Source::of(format),
            metrics: Metrics::default(),
        }
    }

    /// Notes the source's own word for the sport, and what it means; no meaning is that of an unknown word.
    pub fn set_sport(&mut self, word: Option<String>, meaning: Option<ActivityType>) {
        let word = word.filter(|word| !word.trim().is_empty());
        self.activity_type = meaning.unwrap_or(ActivityType::OTHER);
        self.source.unknown_sport = meaning.is_none() && word.is_some();
        self.source.sport = word;
    }

    /// End minus start; negative for an implausible workout.
    pub fn duration(&self) -> SignedDuration {
        self.end.duration_since(self.start)
    }
}

/// A vendor's identity of a workout. Equal keys are the same workout; different ones of one vendor are different workouts.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Key {
    /// Who gives the identities: a service, or one single device.
    pub vendor: String,
    pub id: String,
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.vendor, self.id)
    }
}

/// Where a workout was read, in the words of the source.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Source {
    pub format: Format,
    /// The source's own name or number of the sport, kept so that a later map can do better.
    pub sport: Option<String>,
    pub sub_sport: Option<String>,
    /// Whether no activity type is known for these words.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unknown_sport: bool,
    /// The device or program that recorded it.
    pub device: Option<String>,
    pub title: Option<String>,
    pub notes: Option<String>,
    /// The zone that was assumed where the source printed local time without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assumed_zone: Option<String>,
    /// The file breaks off or is damaged: a sound one knows better.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub salvaged: bool,
    /// The member of an archive that it was read from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// When the file first said this, by its time of modification, Unix nanoseconds; known of what the store remembers.
    #[serde(skip)]
    pub said_ns: i64,
    /// The path of that file, before it was moved when it was done with; known of what the store remembers.
    #[serde(skip)]
    pub origin: Vec<u8>,
}

impl Source {
    pub fn of(format: Format) -> Self {
        Self {
            format,
            sport: None,
            sub_sport: None,
            unknown_sport: false,
            device: None,
            title: None,
            notes: None,
            assumed_zone: None,
            salvaged: false,
            member: None,
            said_ns: 0,
            origin: Vec::new(),
        }
    }
}

/// What was measured; the session resource has no fields for these, so they fill its description.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metrics {
    pub distance_meters: Option<f64>,
    pub energy_kcal: Option<u32>,
    pub average_heart_rate: Option<u16>,
    pub max_heart_rate: Option<u16>,
    pub ascent_meters: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_no_unknown_word() {
        let mut workout = Workout::new(Format::AppleHealth, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        for (word, kept) in [(Some("Jorkyball"), Some("Jorkyball")), (Some(" "), None), (Some(""), None), (None, None)]
        {
            workout.set_sport(word.map(str::to_owned), None);
            assert_eq!((workout.source.sport.as_deref(), workout.source.unknown_sport), (kept, kept.is_some()));
        }
    }
}
