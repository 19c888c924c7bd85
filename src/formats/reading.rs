//! What was found in one file: workouts, refusals, and in which condition the file is.

use super::archive::Exceeded;
use crate::workout::{self, Format, Implausible, Key, Workout};
use jiff::Timestamp;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

/// Workouts one file may hold: three a day for almost thirty years. Each takes more than a kilobyte until it is stored.
pub const MOST_WORKOUTS: usize = 30_000;

/// The result of reading one file.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// What the file is, if it is something we read.
    pub format: Option<Format>,
    pub workouts: Vec<Workout>,
    /// Workouts that the file holds and that are not believed, each with its reason.
    pub refused: Vec<String>,
    pub condition: Condition,
    /// Files that lie beside this one and tell of the same workouts, as a table of an export names them: the name as it
    /// is written there, and the key of the row.
    pub companions: Vec<(String, Key)>,
    /// Why there is no workout in a file that is otherwise fine.
    nothing: String,
    /// A refusal that means "not a workout" rather than "a broken one": zero length.
    harmless_refusals: usize,
    /// What tells the workouts apart that were taken in, and where they stand.
    distinct: HashMap<(Timestamp, Timestamp, u8, Option<Key>), usize>,
}

/// Whether the file could be read to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Sound,
    /// Nothing is wrong with it, and nothing in it marks its end: more of it may follow.
    Unmarked,
    /// It breaks off; perhaps it is still growing.
    Truncated(String),
    /// Its bytes are not what they should be.
    Damaged(String),
}

/// What a failed read says of the file: errors of the operating system are passed on, those of a decompressor are the
/// condition of the content.
pub fn condition_of(error: &io::Error) -> io::Result<Condition> {
    match error.raw_os_error() {
        Some(code) => Err(io::Error::from_raw_os_error(code)),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Condition::Truncated("the compressed stream breaks off".to_owned()))
        }
        None if let Some(limit) = Exceeded::of(error) => Ok(Condition::Damaged(limit.to_string())),
        None => Ok(Condition::Damaged(format!("the compressed stream is damaged: {error}"))),
    }
}

/// The verdict on a reading, in the terms of the command line's contract.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// Workouts were found; the reason is there if the file is not sound and they were salvaged.
    Ok(Option<String>),
    NoSession(String),
    Error(String),
}

impl Reading {
    pub fn new(format: Format) -> Self {
        Self {
            format: Some(format),
            workouts: Vec::new(),
            refused: Vec::new(),
            condition: Condition::Sound,
            companions: Vec::new(),
            nothing: "holds no workout".to_owned(),
            harmless_refusals: 0,
            distinct: HashMap::new(),
        }
    }

    /// A file that is none of ours.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { format: None, nothing: reason.into(), ..Self::new(Format::Fit) }
    }

    /// Notes in which condition the file is, unless something else was wrong with it before.
    pub fn in_condition(mut self, condition: Condition) -> Self {
        if self.condition == Condition::Sound {
            self.condition = condition;
        }
        self
    }

    /// Says why there is no workout, should there be none.
    pub fn explain(&mut self, nothing: impl Into<String>) {
        self.nothing = nothing.into();
    }

    /// Takes a workout in if it is plausible, its refusal otherwise.
    pub fn add(&mut self, mut workout: Workout) {
        if self.workouts.len() + self.refused.len() >= MOST_WORKOUTS {
            self.condition = Condition::Damaged(format!("more than {MOST_WORKOUTS} workouts in one file"));
            return;
        }
        match workout::check(&workout) {
            Ok(()) => {
                // Lap and timer totals exceed the span in one file of thirty; the API wants active time within it.
                let span = workout.end.as_millisecond() - workout.start.as_millisecond();
                workout.active_millis = workout.active_millis.map(|active| active.min(span));
                // A file that tells the same workout again tells nothing new, but for what its vendor says of it later;
                // thousands of equal ones are an attack.
                let identity = (workout.start, workout.end, workout.activity_type.number(), workout.key.clone());
                match self.distinct.entry(identity) {
                    Entry::Occupied(known) if workout.key.is_some() => self.workouts[*known.get()] = workout,
                    Entry::Occupied(_) => {}
                    Entry::Vacant(place) => {
                        place.insert(self.workouts.len());
                        self.workouts.push(workout);
                    }
                }
            }
            Err(why) => {
                self.harmless_refusals += usize::from(matches!(why, Implausible::ZeroLength { .. }));
                self.refused.push(why.to_string());
            }
        }
    }

    /// Notes a workout that cannot even be expressed.
    pub fn refuse(&mut self, reason: impl Into<String>) {
        if self.refused.len() < MOST_WORKOUTS {
            self.refused.push(reason.into());
        } else if self.flaw().is_none() {
            self.condition = Condition::Damaged(format!("more than {MOST_WORKOUTS} records that are no workouts"));
        }
    }

    /// Notes a workout that is none in the sense of the API.
    pub fn leave_out(&mut self, reason: impl Into<String>) {
        self.refuse(reason);
        self.harmless_refusals += 1;
    }

    /// Takes over what a member of an archive holds. What is wrong with a member makes it a refusal of the archive.
    pub fn absorb(&mut self, member: &str, reading: Self) {
        let flaw = reading.flaw();
        let failure = match reading.outcome() {
            Outcome::Ok(salvaged) => salvaged,
            _ if !reading.refused.is_empty() => flaw.clone(),
            Outcome::NoSession(reason) | Outcome::Error(reason) => Some(reason),
        };
        if let Some(failure) = failure {
            self.refuse(format!("{member}: {failure}"));
        }
        self.harmless_refusals += reading.harmless_refusals;
        for reason in reading.refused {
            self.refuse(format!("{member}: {reason}"));
        }
        for mut workout in reading.workouts {
            if self.workouts.len() >= MOST_WORKOUTS {
                self.condition = Condition::Damaged(format!("more than {MOST_WORKOUTS} workouts in one archive"));
                return;
            }
            workout.source.salvaged = flaw.is_some();
            self.workouts.push(workout);
        }
    }

    /// Makes what was absorbed the reading of the archive, of which `archive` tells all but the workouts.
    pub fn of_archive(self, archive: Self) -> Self {
        let condition = if self.condition == Condition::Sound { archive.condition } else { self.condition };
        Self { format: archive.format, nothing: archive.nothing, condition, ..self }
    }

    /// Whether the format itself proves that nothing is missing.
    pub fn is_complete(&self) -> bool {
        self.format.is_some() && self.condition == Condition::Sound
    }

    /// What is wrong with the file's bytes, if anything.
    pub fn flaw(&self) -> Option<String> {
        match &self.condition {
            Condition::Sound | Condition::Unmarked => None,
            Condition::Truncated(what) => Some(format!("truncated: {what}")),
            Condition::Damaged(what) => Some(format!("damaged: {what}")),
        }
    }

    pub fn outcome(&self) -> Outcome {
        let flaw = self.flaw();
        match (&flaw, self.refused.first()) {
            _ if !self.workouts.is_empty() => {
                Outcome::Ok(flaw.map(|flaw| format!("salvaged from a file that is {flaw}")))
            }
            (Some(flaw), _) => Outcome::Error(flaw.clone()),
            _ if self.format.is_none() => Outcome::Error(self.nothing.clone()),
            (None, Some(first)) if self.refused.len() > self.harmless_refusals => Outcome::Error(first.clone()),
            (None, Some(first)) => Outcome::NoSession(first.clone()),
            (None, None) => Outcome::NoSession(self.nothing.clone()),
        }
    }
}
