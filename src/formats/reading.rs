//! What was found in one file: workouts, refusals, and in which condition the file is.

use super::archive::Exceeded;
use crate::workout::{self, Format, Implausible, Key, Workout};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

/// Workouts one file may hold; more is not a training history but an attack.
pub const MOST_WORKOUTS: usize = 100_000;

/// Bytes that the workouts of one file may take in memory: some thirty years of four a day, with a few words to each.
const MOST_HELD: usize = 20 << 20;

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
    /// What tells the workouts apart that were taken in, hashed to save memory, and where they stand.
    distinct: HashMap<[u8; 16], usize>,
    /// Bytes that what was taken in occupies, about.
    held: usize,
}

/// Whether the file could be read to its end.
#[derive(Clone, Debug, PartialEq)]
pub enum Condition {
    Sound,
    /// Nothing is wrong with it, and nothing in it marks its end: more of it may follow. Of a file that is none of ours:
    /// with more of it, it could be one. Of an archive: bytes of its members may be missing.
    Unmarked,
    /// It breaks off; perhaps it is still growing.
    Truncated(String),
    /// Its bytes are not what they should be.
    Damaged(String),
}

impl Condition {
    /// Whether something is wrong with the bytes.
    pub fn is_flaw(&self) -> bool {
        matches!(self, Self::Truncated(_) | Self::Damaged(_))
    }

    /// Text in which bytes are zero: whoever writes the file has reserved its place on the disk, and not filled all of it.
    pub fn gap(at: impl std::fmt::Display) -> Self {
        Self::Truncated(format!("a gap of zeros {at}"))
    }
}

/// Its interval, type and key; equal ones are the same workout told twice.
fn identity_of(workout: &Workout) -> [u8; 16] {
    let mut hash = Sha256::new();
    for at in [workout.start, workout.end] {
        hash.update(at.as_nanosecond().to_be_bytes());
    }
    hash.update([workout.activity_type.number()]);
    if let Some(key) = &workout.key {
        hash.update([key.vendor.as_bytes(), b"/", key.id.as_bytes()].concat());
    }
    let mut identity = [0; 16];
    identity.copy_from_slice(&hash.finalize()[..16]);
    identity
}

/// Bytes of a workout and its texts.
fn size_of_workout(workout: &Workout) -> usize {
    let source = &workout.source;
    let texts = [&source.sport, &source.sub_sport, &source.device, &source.title, &source.notes, &source.assumed_zone];
    let texts = texts.into_iter().flatten().map(String::len);
    let keys = [&workout.key, &workout.alias].into_iter().flatten().map(|key| key.vendor.len() + key.id.len());
    size_of::<Workout>() + texts.chain(keys).sum::<usize>()
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
            held: 0,
        }
    }

    /// A file that is none of ours.
    pub fn unknown(reason: impl Into<String>) -> Self {
        Self { format: None, nothing: reason.into(), ..Self::new(Format::Fit) }
    }

    /// Notes in which condition the file is, unless something else was wrong with it before.
    pub fn in_condition(mut self, condition: Condition) -> Self {
        if self.flaw().is_none() {
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
        if self.held > MOST_HELD {
            return;
        }
        match workout::check(&workout) {
            Ok(()) => {
                // Lap and timer totals exceed the span in one file of thirty; the API wants active time within it.
                let span = workout.end.as_millisecond() - workout.start.as_millisecond();
                workout.active_millis = workout.active_millis.map(|active| active.min(span));
                // A file that tells the same workout again tells nothing new, but for what its vendor says of it later;
                // thousands of equal ones are an attack.
                match self.distinct.entry(identity_of(&workout)) {
                    Entry::Occupied(known) if workout.key.is_some() => self.workouts[*known.get()] = workout,
                    Entry::Occupied(_) => {}
                    Entry::Vacant(place) => {
                        place.insert(self.workouts.len());
                        self.hold(size_of_workout(&workout));
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

    /// Notes a file that lies beside this one and tells of the workout with this key.
    pub fn accompany(&mut self, file: String, key: Key) {
        if self.companions.len() < MOST_WORKOUTS {
            self.hold(size_of::<(String, Key)>() + file.len() + key.vendor.len() + key.id.len());
            self.companions.push((file, key));
        }
    }

    /// Counts what is kept; too much of it is the last that is taken.
    fn hold(&mut self, bytes: usize) {
        self.held += bytes;
        if self.held > MOST_HELD && self.flaw().is_none() {
            let (count, limit) = (self.workouts.len(), MOST_HELD >> 20);
            self.condition = Condition::Damaged(format!(
                "the first {count} workouts fill {limit} MiB; no more are taken from one file"
            ));
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
            if self.held > MOST_HELD {
                return;
            }
            self.hold(size_of_workout(&workout));
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
