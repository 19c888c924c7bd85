//! Polar Flow's training sessions, as exports wrote them until 2022 and since: one object per file, samples and all.
//!
//! Facts: four real sessions of the newer form, an importer of both. Times are local; the minutes that local time is
//! ahead of UTC stand beside them. Several exercises are the legs of a multisport session. The `name` is the sport's own
//! in the language of the account unless somebody changed it, so names of sports are no titles. Samples hold bare `NaN`.

mod sport;

use super::json::{self, Layout, Node, Refusal, Told, after, utc_offset};
use super::number::rounded;
use super::reading::Reading;
use super::{Options, time};
use crate::workout::{Format, Key, Workout};
use jiff::SignedDuration;
use jiff::tz::{Offset, TimeZone};
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    path: &[],
    bare: false,
    names: &[
        "identifier",
        "id",
        "name",
        "note",
        "startTime",
        "stopTime",
        "timezoneOffsetMinutes",
        "timeZoneOffset",
        "timezoneOffset",
        "durationMillis",
        "duration",
        "distanceMeters",
        "distance",
        "calories",
        "kiloCalories",
        "hrAvg",
        "hrMax",
        "averageHeartRate",
        "maximumHeartRate",
        "heartRate",
        "avg",
        "max",
        "product",
        "modelName",
        "sport",
        "exercises",
    ],
};

pub fn read(_head: &[u8], source: impl Read, options: &Options) -> io::Result<Reading> {
    json::read(Format::Polar, source, &LAYOUT, |session| told(session, options))
}

fn told(session: &Node, options: &Options) -> Told {
    match session.get("exercises").items() {
        legs @ [_, _, ..] => {
            let legs = legs.iter().enumerate();
            legs.map(|(index, leg)| workout(session, &[leg], Some(index), options)).collect()
        }
        // The exercise fills in what the session does not say.
        [exercise] => vec![workout(session, &[session, exercise], None, options)],
        [] => vec![workout(session, &[session], None, options)],
    }
}

/// A session, or one leg of it; `from` are the objects that tell of it, the better ones first.
fn workout(session: &Node, from: &[&Node], leg: Option<usize>, options: &Options) -> Result<Workout, Refusal> {
    let any = |names: &[&str]| {
        let found = from.iter().map(|node| node.any(names)).find(|node| **node != Node::Nothing);
        found.unwrap_or(&Node::Nothing)
    };
    let printed = any(&["startTime"]).text().ok_or("without a startTime")?;
    let is_no_time = || format!("startTime is no time: {printed}");
    let start_as_utc = time::parse(printed, &TimeZone::UTC).ok_or_else(is_no_time)?;
    let offset = local_offset(any(OFFSETS)).or_else(|| local_offset(session.any(OFFSETS)));
    let fixed = offset.and_then(|seconds| Offset::from_seconds(seconds).ok()).map(Offset::to_time_zone);
    let zone = fixed.as_ref().unwrap_or_else(|| options.zone_of(Format::Polar));
    let start = time::parse(printed, zone).ok_or_else(is_no_time)?;
    let active = any(&["durationMillis"]).whole().or_else(|| iso_millis(any(&["duration"]).text()?));
    let stop = any(&["stopTime"]).text().and_then(|text| time::parse(text, &TimeZone::UTC));
    let span = stop.map(|stop| stop.at.duration_since(start_as_utc.at));
    let span = span.and_then(|span| i64::try_from(span.as_millis()).ok()).or(active).ok_or("without a stopTime")?;
    let end = after(start.at, span).ok_or("ends beyond all dates")?;
    let mut workout = Workout::new(Format::Polar, start.at, end);
    workout.active_millis = active.filter(|active| *active > 0);
    workout.utc_offset_seconds = offset.or(start.utc_offset_seconds);
    let is_floating = start.zone_assumed && offset.is_none();
    workout.source.assumed_zone = is_floating.then(|| options.zone_name(Format::Polar));
    let name = session.get("name").text();
    workout.source.title = name.filter(|name| sport::by_name(name).is_none()).map(str::to_owned);
    workout.source.notes = session.get("note").owned();
    workout.source.device = session.get("product").get("modelName").owned();
    workout.key = key(session, leg, is_floating.then_some(printed));
    workout.metrics.distance_meters = any(&["distanceMeters", "distance"]).positive();
    workout.metrics.energy_kcal = any(&["calories", "kiloCalories"]).positive().and_then(rounded);
    let rate = |names, of_exercise| any(names).positive().or_else(|| any(&["heartRate"]).get(of_exercise).positive());
    workout.metrics.average_heart_rate = rate(&["hrAvg", "averageHeartRate"], "avg").and_then(rounded);
    workout.metrics.max_heart_rate = rate(&["hrMax", "maximumHeartRate"], "max").and_then(rounded);
    // The exercise knows its sport, a session of several does not.
    let sport = from.iter().rev().find_map(|node| sport_word(node.get("sport")));
    let by_name = || name.filter(|_| leg.is_none()).and_then(sport::by_name);
    let meaning = sport.as_deref().and_then(sport::by_word).or_else(by_name);
    workout.set_sport(sport.or_else(|| name.map(str::to_owned)), meaning);
    Ok(workout)
}

const OFFSETS: &[&str] = &["timezoneOffsetMinutes", "timeZoneOffset", "timezoneOffset"];

/// Seconds from minutes.
fn local_offset(node: &Node) -> Option<i32> {
    utc_offset(node.whole()?.checked_mul(60_000)?)
}

/// `PT2071.005S`.
fn iso_millis(text: &str) -> Option<i64> {
    i64::try_from(text.parse::<SignedDuration>().ok()?.as_millis()).ok()
}

/// The id of newer exports. Older ones have it in the name of the file alone; where they are floating too, the printed
/// time identifies a session whatever zone is assumed.
fn key(session: &Node, leg: Option<usize>, printed: Option<&str>) -> Option<Key> {
    let (vendor, id) = match (session.get("identifier").get("id").word(), printed) {
        (Some(id), _) => ("polar", id),
        (None, Some(printed)) => ("polar-local", printed.to_owned()),
        (None, None) => return None,
    };
    let id = leg.map_or_else(|| id.clone(), |leg| format!("{id}-{leg}"));
    Some(Key { vendor: vendor.to_owned(), id })
}

/// A name, a number, or an object with a number.
fn sport_word(sport: &Node) -> Option<String> {
    sport.word().or_else(|| sport.get("id").word())
}
