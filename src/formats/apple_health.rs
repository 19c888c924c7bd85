//! Apple Health's `export.xml`: every `Workout` is one workout, the gigabytes of samples around them are passed over.
//!
//! Facts: exports of iOS 8 to 17. Up to iOS 15 distance and energy are attributes of the workout, since iOS 16 they are
//! `WorkoutStatistics` in it. The offset printed with every time is that of the phone when it exported, so it tells the
//! instant but not the local time; the metadata entry `HKTimeZone` does. The document type of iOS 16 is malformed, and
//! some apps leave control characters behind: nothing but the workouts is parsed.

mod scan;
mod sport;
mod units;
mod workout;

use super::reading::{Condition, Reading};
use super::{Options, encoding, xml};
use crate::workout::Format;
use scan::Scan;
use std::io::{self, Read};
use workout::Element;

/// Reads an export; `head` is the beginning of what `source` will yield.
pub fn read(head: &[u8], mut source: impl Read, options: &Options) -> io::Result<Reading> {
    if encoding::is_utf8(head) {
        return read_utf8(&mut source, options);
    }
    read_utf8(&mut encoding::decoder(head, source)?, options)
}

fn read_utf8(source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    let mut reading = Reading::new(Format::AppleHealth);
    reading.explain("a health export without workouts");
    let mut scan = Scan::new(source);
    while let Some((offset, bytes)) = scan.next_element() {
        let mut element = Element::new(options);
        // What stands in the workout before a flaw is still true, and most of it in its first tag.
        xml::walk_text(&String::from_utf8_lossy(bytes), &mut element);
        element.finish(offset, &mut reading);
        if reading.condition != Condition::Sound {
            return Ok(reading);
        }
    }
    let condition = scan.end()?;
    Ok(reading.in_condition(condition))
}
