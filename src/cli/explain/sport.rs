//! How a vendor's word for a sport became an activity type, step by step.

use crate::rules::{self, Rules};
use crate::workout::{ActivityType, Workout};
use serde::Serialize;

/// An activity type of the API.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Kind {
    pub number: u8,
    pub name: &'static str,
}

impl Kind {
    pub fn of(activity_type: ActivityType) -> Self {
        Self { number: activity_type.number(), name: activity_type.name() }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.number, self.name)
    }
}

/// The steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sport {
    /// As the settings spell it: `vendor:word` or `vendor:word/refinement`; nothing if the file does not say.
    pub word: Option<String>,
    /// What the built-in map makes of it; nothing for words that it does not know.
    pub built_in: Option<Kind>,
    /// The key of the settings that goes before it.
    pub setting: Option<String>,
    pub becomes: Kind,
}

impl Sport {
    /// Of a record as it is stored or read: its type is the one of the built-in map.
    pub fn of(record: &Workout, rules: &Rules) -> Self {
        let source = &record.source;
        let refined = |word: String| match &source.sub_sport {
            Some(refinement) => format!("{word}/{refinement}"),
            None => word,
        };
        let (setting, activity_type) = rules.types.of(record).unzip();
        Self {
            word: rules::word_of(record).map(refined),
            built_in: (!source.unknown_sport).then(|| Kind::of(record.activity_type)),
            setting,
            becomes: Kind::of(activity_type.unwrap_or(record.activity_type)),
        }
    }

    /// The word, if nobody knows it.
    pub fn unknown(&self) -> Option<&str> {
        self.word.as_deref().filter(|_| self.built_in.is_none() && self.setting.is_none())
    }
}

impl std::fmt::Display for Sport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { word, built_in, setting, becomes } = self;
        match word {
            Some(word) => write!(f, "\"{word}\"")?,
            None => f.write_str("not named in it")?,
        }
        match built_in {
            Some(kind) if word.is_some() => write!(f, " → built-in map: {kind}")?,
            Some(_) => {}
            None => f.write_str(" → the built-in map does not know it")?,
        }
        match setting {
            Some(key) => write!(f, " → [types] \"{key}\" in your settings: {becomes}"),
            None if word.is_some() && built_in.is_some() => Ok(()),
            None => write!(f, " → {becomes}"),
        }
    }
}
