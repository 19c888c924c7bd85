//! Recognises tables of text (CSV) by their header.

use super::Kind;
use super::why::some_of;
use crate::formats::table::{Header, Table};
use crate::formats::{
    concept2, garmin_activities, google_health, hevy, peloton, runkeeper, samsung_health, strava, strong,
};
use crate::workout::Format;

/// What a reader says of a header.
type Recognises = fn(&Header) -> bool;

/// Which tables are read.
const READERS: &[(Format, Recognises)] = &[
    // Its first column is called like Strava's.
    (Format::Runkeeper, runkeeper::recognises),
    (Format::Strava, strava::recognises),
    (Format::GarminActivities, garmin_activities::recognises),
    (Format::SamsungHealth, samsung_health::recognises),
    (Format::Hevy, hevy::recognises),
    (Format::Strong, strong::recognises),
    (Format::Peloton, peloton::recognises),
    (Format::Concept2, concept2::recognises),
    (Format::GoogleHealth, google_health::recognises),
];

/// Tables that are not read, by columns that all have to be there; the names are for the person who dropped them.
const OTHERS: &[(&[&str], &str)] = &[
    (&["date", "exercise", "iswarmup"], "Fitbod table"),
    (&["date", "time", "routine", "exercise"], "GymRun table"),
    (&["date", "exercise", "category", "weight"], "FitNotes table"),
];

/// `text` is the beginning of a file, perhaps cut off.
pub fn kind(text: &str) -> Kind {
    let mut source = text.as_bytes();
    let Ok(table) = Table::open(&mut source) else { return Kind::Unknown };
    let header = table.header();
    if let Some((format, _)) = READERS.iter().find(|(_, recognises)| recognises(header)) {
        return Kind::Known(*format);
    }
    if table.preamble().is_some_and(|line| line.starts_with("com.samsung.")) {
        return Kind::Other("Samsung Health table of something else than exercises");
    }
    OTHERS.iter().find(|(columns, _)| header.has(columns)).map_or(Kind::Unknown, |(_, name)| Kind::Other(name))
}

/// By what [`kind`] decides.
pub fn why(text: &str) -> String {
    let mut source = text.as_bytes();
    let header = Table::open(&mut source).map(|table| some_of(table.header().names())).unwrap_or_default();
    match kind(text) {
        Kind::Unknown if !header.contains(", ") => "nothing in its beginning is known".to_owned(),
        Kind::Unknown => format!("if it is a table, no reader knows its header {header}"),
        _ => format!("a table with the header {header}"),
    }
}
