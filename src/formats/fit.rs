//! FIT: Garmin's binary activity files, also several in one, also without a proper end.
//!
//! Facts: the FIT protocol and profile (developer.garmin.com/fit). A workout is told by a few messages out of thousands,
//! so the [`scanner`] follows the definitions, checks the sizes and the CRC, and decodes only the [`message`]s that
//! [`activity`] asks for.

mod activity;
mod message;
mod scanner;
mod sessionless;
mod sport;

use super::reading::{Condition, Reading, condition_of};
use crate::workout::Format;
use activity::Activity;
use scanner::{Ending, Flaw, Scanner};
use std::io::{self, Read};

/// Activities chained in one file; real ones have up to four.
const MOST_PARTS: usize = 64;

/// Reads a FIT file. Errors are those of the device or file system only.
pub fn read(source: impl Read) -> io::Result<Reading> {
    let mut reading = Reading::new(Format::Fit);
    let mut scanner = Scanner::new(source);
    let mut parts: Vec<Activity> = Vec::new();
    loop {
        let mut part = Activity::default();
        let Ending { flaw, another } = scanner.part(&mut |message| part.take(message));
        part.records = scanner.records();
        parts.push(part);
        if let Some(flaw) = flaw {
            note(&mut reading, flaw)?;
        }
        if !another {
            break;
        }
        if parts.len() == MOST_PARTS {
            note(&mut reading, Flaw::Damaged(format!("more than {MOST_PARTS} FIT files in one")))?;
            break;
        }
    }
    activity::workouts(&parts, &mut reading);
    Ok(reading)
}

/// Of several flaws the first is told, unless the file also breaks off: then it may still be growing.
fn note(reading: &mut Reading, flaw: Flaw) -> io::Result<()> {
    let condition = match flaw {
        Flaw::Io(error) => condition_of(&error)?,
        Flaw::Truncated(what) => Condition::Truncated(what),
        Flaw::Damaged(what) => Condition::Damaged(what),
    };
    if reading.condition == Condition::Sound || matches!(condition, Condition::Truncated(_)) {
        reading.condition = condition;
    }
    Ok(())
}
