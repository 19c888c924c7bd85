//! JSON of the app Health Auto Export: the workouts of Apple Health, written anew every few minutes as they grow.
//!
//! Facts: what several ingesters read. Version 2 has the HealthKit id and a duration without pauses, version 1 neither.
//! Times carry an offset, on a clock of 24 or 12 hours, the latter at times with U+202F before its half of the day.
//! Nobody names a workout: `name` is the sport in the language of the phone.

mod clock;
mod sport;

use super::Options;
use super::json::{self, Layout, Node, Refusal};
use super::number::{millis, rounded};
use super::reading::Reading;
use super::time::Instant;
use crate::workout::{Format, Key, Workout};
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    path: &["data", "workouts"],
    bare: false,
    names: &[
        "id",
        "name",
        "start",
        "end",
        "duration",
        "location",
        "isIndoor",
        "activeEnergyBurned",
        "activeEnergy",
        "distance",
        "totalDistance",
        "elevationUp",
        "elevation",
        "ascent",
        "heartRate",
        "avg",
        "max",
        "avgHeartRate",
        "maxHeartRate",
        "qty",
        "units",
    ],
};

const KJ_OF_KCAL: f64 = 4.184;

pub fn read(_head: &[u8], source: impl Read, options: &Options) -> io::Result<Reading> {
    json::read(Format::HealthAutoExport, source, &LAYOUT, |entry| vec![workout(entry, options)])
}

fn workout(entry: &Node, options: &Options) -> Result<Workout, Refusal> {
    let name = entry.get("name").owned();
    if name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("transition")) {
        return Err(Refusal::NoWorkout("a transition between two legs".to_owned()));
    }
    let start = instant(entry, "start", options)?;
    let mut workout = Workout::new(Format::HealthAutoExport, start.at, instant(entry, "end", options)?.at);
    workout.key = entry.get("id").text().map(|id| Key { vendor: "healthkit".to_owned(), id: id.to_ascii_uppercase() });
    workout.utc_offset_seconds = start.utc_offset_seconds;
    workout.source.assumed_zone = start.zone_assumed.then(|| options.zone_name(Format::HealthAutoExport));
    workout.active_millis = entry.get("duration").positive().and_then(millis);
    workout.metrics.energy_kcal = kcal(entry.any(&["activeEnergyBurned", "activeEnergy"])).and_then(rounded);
    workout.metrics.distance_meters = meters(entry.any(&["distance", "totalDistance"]), "qty");
    let ascent = meters(entry.get("elevationUp"), "qty").or_else(|| meters(entry.get("elevation"), "ascent"));
    workout.metrics.ascent_meters = ascent.and_then(rounded);
    let rates = entry.get("heartRate");
    workout.metrics.average_heart_rate = beats(rates.get("avg")).or_else(|| beats(entry.get("avgHeartRate")));
    workout.metrics.max_heart_rate = beats(rates.get("max")).or_else(|| beats(entry.get("maxHeartRate")));
    let place = entry.get("location").text().unwrap_or_default();
    let meaning = name.as_deref().and_then(|name| sport::activity_type(name, place, entry.get("isIndoor").is_true()));
    workout.set_sport(name, meaning);
    Ok(workout)
}

fn instant(entry: &Node, name: &str, options: &Options) -> Result<Instant, String> {
    let text = entry.get(name).text().ok_or_else(|| format!("without {name}"))?;
    clock::parse(text, options.zone_of(Format::HealthAutoExport)).ok_or_else(|| format!("{name} is no time: {text}"))
}

fn kcal(energy: &Node) -> Option<f64> {
    let quantity = energy.get("qty").positive()?;
    match energy.get("units").text()? {
        "kcal" | "Cal" => Some(quantity),
        "kJ" => Some(quantity / KJ_OF_KCAL),
        _ => None,
    }
}

fn meters(length: &Node, member: &str) -> Option<f64> {
    let quantity = length.get(member).positive()?;
    match length.get("units").text()? {
        "km" => Some(quantity * 1000.0),
        "mi" => Some(quantity * 1609.344),
        "m" => Some(quantity),
        "ft" => Some(quantity * 0.3048),
        _ => None,
    }
}

fn beats(rate: &Node) -> Option<u16> {
    let is_rate = matches!(rate.get("units").text(), None | Some("bpm" | "count/min"));
    rate.get("qty").positive().filter(|_| is_rate).and_then(rounded)
}
