//! Bytes to workouts: one file per format, recognised by content; no async, no database, no file names.

mod apple_health;
mod archive;
mod concept2;
mod encoding;
pub mod fit;
mod fitbit;
mod garmin_activities;
mod garmin_export;
mod google_fit;
mod google_health;
mod gpx;
mod gym_log;
mod health_auto_export;
mod hevy;
mod input;
mod json;
mod nike;
mod number;
mod opentracks;
mod peloton;
mod polar;
mod reading;
mod runkeeper;
mod runtastic;
mod samsung_health;
mod sessions;
mod sniff;
mod sport_translations;
mod sport_words;
mod strava;
mod strong;
mod suunto;
mod table;
mod tcx;
mod time;
mod track;
mod xml;

pub use archive::{Contents, Flow, Member, Summary, read_file, read_whole};
pub use input::{HEAD_LEN, Input};
pub use reading::{Condition, Outcome, Reading};
pub use sniff::{Kind, sniff};

use crate::workout::Format;
use archive::{Method, Unpacked};
use jiff::tz::TimeZone;
use reading::condition_of;
use std::io::{self, Read};

/// Goes up whenever a reader learns something, so that files it had not accepted are read again.
pub const READER_VERSION: i64 = 2;

/// Bytes of one file after decompression. Health exports of many years have some gigabytes, anything else some dozen
/// megabytes.
const LONGEST_CONTENT: u64 = 16 << 30;

/// Bytes that may follow the content of a compressed file: line ends, padding.
const LONGEST_TAIL: u64 = 1 << 20;

/// What the readers need to know that the file does not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the clock hung for files that print local time without a zone.
    pub zone: TimeZone,
    /// The same for files of one format, where that is another.
    pub zones: Vec<(Format, TimeZone)>,
}

impl Options {
    pub fn of(zone: TimeZone) -> Self {
        Self { zone, zones: Vec::new() }
    }

    /// The zone for local times in files of a format.
    pub fn zone_of(&self, format: Format) -> &TimeZone {
        self.zones.iter().find(|(other, _)| *other == format).map_or(&self.zone, |(_, zone)| zone)
    }

    /// The same as a person would write it.
    fn zone_name(&self, format: Format) -> String {
        self.zone_of(format).iana_name().unwrap_or("UTC").to_owned()
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::of(TimeZone::UTC)
    }
}

/// Reads one file to its end, whatever it turns out to be; archives need [`read_file`].
///
/// Errors are those of the device or file system only: whatever is wrong with the content is told by the [`Reading`].
pub fn read(mut source: impl Read, options: &Options) -> io::Result<Reading> {
    read_input(&mut Input::new(&mut source as &mut dyn Read)?, options)
}

/// Says in words by what a file is recognised; of one that is packed, also what is in it.
///
/// Errors are those of the device or file system.
pub fn why(mut source: impl Read) -> io::Result<Vec<String>> {
    let mut input = Input::new(&mut source as &mut dyn Read)?;
    let mut signs = vec![sniff::why(input.head())];
    if sniff(input.head()) == Kind::Gzip {
        // What cannot be unpacked is told by the reading.
        let mut unpacked = Unpacked::new(Method::Gzip, &mut input, None);
        signs.extend(Input::new(&mut unpacked as &mut dyn Read).ok().map(|unpacked| sniff::why(unpacked.head())));
    }
    Ok(signs)
}

/// Reads content that is known to be of a format, whatever its beginning looks like; in all else like [`read`].
pub fn read_known(format: Format, mut source: impl Read, options: &Options) -> io::Result<Reading> {
    let mut input = Input::new(&mut source as &mut dyn Read)?;
    let head = input.head().to_vec();
    read_as(format, &head, &mut input, options)
}

fn read_input(input: &mut Input<&mut dyn Read>, options: &Options) -> io::Result<Reading> {
    if sniff(input.head()) != Kind::Gzip {
        return read_content(input, options);
    }
    let mut unpacked = Unpacked::new(Method::Gzip, input, None);
    let mut unpacked = match Input::new(&mut unpacked as &mut dyn Read) {
        Ok(unpacked) => unpacked,
        Err(error) => {
            let reading = Reading::unknown("a gzip file of which nothing can be unpacked");
            return Ok(reading.in_condition(condition_of(&error)?));
        }
    };
    let reading = read_content(&mut unpacked, options)?;
    if reading.format.is_none() || reading.flaw().is_some() {
        return Ok(reading);
    }
    // The end of the stream has to be seen: its checksum proves the file complete.
    match io::copy(&mut unpacked.take(LONGEST_TAIL), &mut io::sink()) {
        Ok(LONGEST_TAIL) => {
            Ok(reading.in_condition(Condition::Damaged("much follows the end of the content".to_owned())))
        }
        Ok(_) => Ok(reading.in_condition(Condition::Sound)),
        Err(error) => Ok(reading.in_condition(condition_of(&error)?)),
    }
}

/// The source is dynamic, so that there is one copy of the readers: it is asked for thousands of bytes at a time.
fn read_content(input: &mut Input<&mut dyn Read>, options: &Options) -> io::Result<Reading> {
    let head = input.head().to_vec();
    let mut input = input.take(LONGEST_CONTENT);
    let kind = sniff(&head);
    let mut reading = match kind {
        Kind::Known(format) => read_as(format, &head, &mut input, options),
        Kind::Empty => Ok(Reading::unknown("the file is empty")),
        Kind::Zip | Kind::Tar => Ok(Reading::unknown("an archive inside a stream: put it into a file")),
        Kind::Gzip => Ok(Reading::unknown("a gzip file inside a gzip file; unpack it once")),
        Kind::Other(name) => Ok(Reading::unknown(format!("{name}: not a format that fitferry reads"))),
        Kind::Unknown => Ok(Reading::unknown("not a format that fitferry knows")),
    }?;
    if kind.may_change(&head) {
        reading = reading.in_condition(Condition::Unmarked);
    }
    if input.limit() == 0 {
        let what = format!("more than {} MiB of content", LONGEST_CONTENT >> 20);
        return Ok(reading.in_condition(Condition::Damaged(what)));
    }
    Ok(reading)
}

fn read_as(format: Format, head: &[u8], source: &mut dyn Read, options: &Options) -> io::Result<Reading> {
    match format {
        Format::Fit => fit::read(source),
        Format::Gpx => gpx::read(head, source, options),
        Format::Tcx => tcx::read(head, source, options),
        Format::AppleHealth => apple_health::read(head, source, options),
        Format::OpenTracks => opentracks::read(head, source, options),
        Format::HealthAutoExport => health_auto_export::read(head, source, options),
        Format::GoogleFit => google_fit::read(head, source, options),
        Format::Fitbit => fitbit::read(head, source, options),
        Format::GarminExport => garmin_export::read(head, source, options),
        Format::Polar => polar::read(head, source, options),
        Format::Nike => nike::read(head, source, options),
        Format::Suunto => suunto::read(head, source, options),
        Format::Runtastic => runtastic::read(head, source, options),
        Format::Sessions => sessions::read(head, source, options),
        Format::Strava => strava::read(source, options),
        Format::GarminActivities => garmin_activities::read(source, options),
        Format::SamsungHealth => samsung_health::read(source, options),
        Format::Hevy => hevy::read(source, options),
        Format::Strong => strong::read(source, options),
        Format::Runkeeper => runkeeper::read(source, options),
        Format::Peloton => peloton::read(source, options),
        Format::Concept2 => concept2::read(source, options),
        Format::GoogleHealth => google_health::read(source, options),
    }
}
