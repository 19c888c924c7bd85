//! Walks JSON of any size and hands over one record at a time, holding only the members that are asked for.
//!
//! Exports are not always JSON: they have byte order marks, bare `NaN`, several documents in one file, one on each line.

mod node;
mod outline;
mod tidy;

pub use node::Node;
pub use outline::outline;

use super::reading::{Condition, MOST_WORKOUTS, Reading};
use crate::workout::{Format, Workout};
use jiff::{SignedDuration, Timestamp};
use node::{Budget, Keep};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::{self, Read};
use tidy::Tidy;

/// Bytes of text that the records of one file may keep together; a history of ten thousand workouts has a tenth of it.
const MOST_TEXT: usize = 16 << 20;

/// Where the records stand, and what of them is kept.
pub struct Layout {
    /// The members that lead from the root to the records; lists on the way, and of records, are passed through.
    pub path: &'static [&'static str],
    /// Whether an object at the root without the first of these members is a record itself, if it says anything.
    pub bare: bool,
    /// The members that are kept, of a record and of what is inside it; everything else is skipped unseen.
    pub names: &'static [&'static str],
}

/// Why a record is not a workout.
#[derive(Debug, PartialEq)]
pub enum Refusal {
    /// It should be one, and cannot be understood.
    Broken(String),
    /// It is something else: a night's sleep, the sum of others.
    NoWorkout(String),
}

impl From<&str> for Refusal {
    fn from(reason: &str) -> Self {
        Self::Broken(reason.to_owned())
    }
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Broken(reason)
    }
}

/// What one record tells: most formats have one workout in it.
pub type Told = Vec<Result<Workout, Refusal>>;

/// Reads all records of a file; `tell` makes workouts of one.
///
/// A file that breaks off, or is no JSON from some point on, tells what it told until then.
/// Errors are those of the device or file system only.
pub fn read(
    format: Format,
    source: impl Read,
    layout: &Layout,
    mut tell: impl FnMut(&Node) -> Told,
) -> io::Result<Reading> {
    let mut source = source;
    let mut tidy = Tidy::new(&mut source)?;
    let mut walk = Walk { layout, reading: Reading::new(format), tell: &mut tell, records: 0, text: 0, stopped: None };
    let condition = loop {
        match tidy.next_document() {
            Ok(true) => {}
            Ok(false) => break Condition::Sound,
            Err(error) => break super::reading::condition_of(&error)?,
        }
        let place = Place { walk: &mut walk, path: layout.path };
        let Err(error) = place.deserialize(&mut serde_json::Deserializer::from_reader(&mut tidy)) else { continue };
        if let Some(condition) = walk.stopped.take() {
            break condition;
        }
        let (line, condition) = (tidy.line(), tidy.explain(error)?);
        match condition {
            Condition::Damaged(what) if tidy.skip_line() => walk.reading.refuse(format!("line {line}: {what}")),
            condition => break condition,
        }
    };
    let reading = walk.reading;
    Ok(reading.in_condition(condition))
}

/// An instant so many milliseconds after another; `None` beyond what a date can be.
pub fn after(start: Timestamp, millis: i64) -> Option<Timestamp> {
    start.checked_add(SignedDuration::from_millis(millis)).ok()
}

/// An instant in milliseconds of Unix time.
pub fn unix_millis(node: &Node) -> Option<Timestamp> {
    Timestamp::from_millisecond(node.whole()?).ok()
}

/// What a local offset is, if these milliseconds can be one: a quarter of an hour is the unit, fourteen hours the most.
pub fn utc_offset(millis: i64) -> Option<i32> {
    const MOST: i64 = 14 * 3_600_000;
    let is_offset = (-MOST..=MOST).contains(&millis) && millis % 900_000 == 0;
    i32::try_from(millis / 1000).ok().filter(|_| is_offset)
}

struct Walk<'a> {
    layout: &'a Layout,
    reading: Reading,
    tell: &'a mut dyn FnMut(&Node) -> Told,
    records: u64,
    /// Bytes of text in the records so far.
    text: usize,
    /// Why the rest is not read.
    stopped: Option<Condition>,
}

impl Walk<'_> {
    fn record<E: Error>(&mut self, record: &Node) -> Result<(), E> {
        self.records += 1;
        self.text += record.text_len();
        for told in (self.tell)(record) {
            match told {
                Ok(workout) => self.reading.add(workout),
                Err(Refusal::Broken(reason)) => self.reading.refuse(format!("record {}: {reason}", self.records)),
                Err(Refusal::NoWorkout(reason)) => self.reading.leave_out(format!("record {}: {reason}", self.records)),
            }
        }
        if self.text > MOST_TEXT {
            return self.stop(format!("more than {} MiB of names and notes", MOST_TEXT >> 20));
        }
        if self.reading.condition != Condition::Sound || self.reading.refused.len() >= MOST_WORKOUTS {
            return self.stop(format!("more than {MOST_WORKOUTS} workouts in one file"));
        }
        Ok(())
    }

    fn stop<E: Error>(&mut self, what: String) -> Result<(), E> {
        self.stopped = Some(Condition::Damaged(what));
        Err(E::custom("stopped"))
    }
}

/// A value on the way from the root to the records.
struct Place<'w, 'a> {
    walk: &'w mut Walk<'a>,
    path: &'static [&'static str],
}

impl Place<'_, '_> {
    /// A value that has no members.
    fn plain<E: Error>(self) -> Result<(), E> {
        if self.path.is_empty() {
            self.walk.records += 1;
            self.walk.reading.refuse(format!("record {}: not an object", self.walk.records));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Place { walk: &mut *self.walk, path: self.path })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let Layout { path, bare, names } = self.walk.layout;
        let is_bare = *bare && self.path.len() == path.len();
        let may_be_record = self.path.is_empty() || is_bare;
        let names = if may_be_record { *names } else { &[] };
        let budget = Budget::default();
        let (mut record, mut led_on) = (Vec::new(), false);
        while let Some(name) = members.next_key_seed(node::Name(&[self.path.get(..1).unwrap_or_default(), names]))? {
            match (name, self.path.split_first()) {
                (Some(name), Some((step, path))) if name == *step => {
                    led_on = true;
                    members.next_value_seed(Place { walk: &mut *self.walk, path })?;
                }
                (Some(name), _) => {
                    let value = members.next_value_seed(Keep { names, budget: &budget })?;
                    node::put(&mut record, name, value);
                }
                (None, _) => {
                    let IgnoredAny = members.next_value()?;
                }
            }
        }
        if may_be_record && !led_on && !(is_bare && record.is_empty()) {
            return self.walk.record(&Node::Object(record));
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.plain()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.plain()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.plain()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.plain()
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<(), E> {
        self.plain()
    }

    /// An absent list, as some write it.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
