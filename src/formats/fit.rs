//! FIT: Garmin's binary activity files, also several in one, also without a proper end.
//!
//! Facts: the FIT protocol and profile (developer.garmin.com/fit). A workout is told by a few messages out of thousands,
//! so the [`scanner`] follows the definitions, checks the sizes and the CRC, and decodes only the [`message`]s that
//! [`activity`] asks for.

mod activity;
mod message;
mod scanner;
mod sport;

use super::reading::{Condition, Reading, condition_of};
use crate::workout::Format;
use activity::Activity;
use scanner::{Flaw, Scanner};
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
        let end = scanner.part(&mut |message| part.take(message));
        part.records = scanner.records();
        parts.push(part);
        let flaw = match end {
            Ok(scanner::End::Another) if parts.len() < MOST_PARTS => continue,
            Ok(scanner::End::Another) => Flaw::Damaged(format!("more than {MOST_PARTS} FIT files in one")),
            Ok(scanner::End::Last) => break,
            Err(flaw) => flaw,
        };
        reading.condition = match flaw {
            Flaw::Io(error) => condition_of(&error)?,
            Flaw::Truncated(what) => Condition::Truncated(what),
            Flaw::Damaged(what) => Condition::Damaged(what),
        };
        break;
    }
    activity::workouts(&parts, &mut reading);
    Ok(reading)
}
