//! `summarizedActivities` of a Garmin account export: a list of up to a thousand activities inside a list of one object.
//!
//! Facts: 194 activities of a real export, held against their files. Times are milliseconds, distance and ascent
//! centimetres, energy kilojoules of 4.19002 to the kilocalorie; `activityId` is that of Garmin Connect. A multisport
//! activity is there as a parent and as its legs: the legs are taken, the parent and the changes between them are not.

use super::json::{self, Layout, Node, Refusal, after, unix_millis, utc_offset};
use super::number::rounded;
use super::reading::Reading;
use super::{Options, sport_words};
use crate::workout::{Format, Key, Workout};
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    path: &["summarizedActivitiesExport"],
    bare: false,
    names: &[
        "activityId",
        "name",
        "description",
        "activityType",
        "typeKey",
        "beginTimestamp",
        "startTimeGmt",
        "startTimeLocal",
        "duration",
        "elapsedDuration",
        "distance",
        "calories",
        "avgHr",
        "maxHr",
        "elevationGain",
        "parent",
    ],
};

const KJ_OF_KCAL: f64 = 4.19002;

const CENTIMETERS: f64 = 100.0;

pub fn read(_head: &[u8], source: impl Read, _options: &Options) -> io::Result<Reading> {
    json::read(Format::GarminExport, source, &LAYOUT, |activity| vec![workout(activity)])
}

fn workout(activity: &Node) -> Result<Workout, Refusal> {
    let sport = activity.get("activityType");
    let sport = sport.owned().or_else(|| sport.get("typeKey").owned());
    if activity.get("parent").is_true() {
        return Err(Refusal::NoWorkout("a multisport activity, whose legs are taken".to_owned()));
    }
    if sport.as_deref().is_some_and(|sport| sport.to_ascii_lowercase().contains("transition")) {
        return Err(Refusal::NoWorkout("a transition between two legs".to_owned()));
    }
    let start = unix_millis(activity.any(&["beginTimestamp", "startTimeGmt"])).ok_or("without a start")?;
    // The elapsed time has the pauses, the duration has not.
    let elapsed = activity.any(&["elapsedDuration", "duration"]).whole().ok_or("without a duration")?;
    let end = after(start, elapsed).ok_or("ends beyond all dates")?;
    let mut workout = Workout::new(Format::GarminExport, start, end);
    workout.key = activity.get("activityId").word().map(|id| Key { vendor: "garmin".to_owned(), id });
    workout.active_millis = activity.get("duration").whole().filter(|active| *active > 0);
    let local = activity.get("startTimeLocal").whole().zip(activity.get("startTimeGmt").whole());
    workout.utc_offset_seconds = local.and_then(|(local, gmt)| utc_offset(local.checked_sub(gmt)?));
    // Garmin makes names up ("Paris Running"), but shows and keeps them where people change them.
    workout.source.title = activity.get("name").owned();
    workout.source.notes = activity.get("description").owned();
    workout.metrics.distance_meters = activity.get("distance").positive().map(|distance| distance / CENTIMETERS);
    workout.metrics.energy_kcal = activity.get("calories").positive().and_then(|energy| rounded(energy / KJ_OF_KCAL));
    workout.metrics.average_heart_rate = activity.get("avgHr").positive().and_then(rounded);
    workout.metrics.max_heart_rate = activity.get("maxHr").positive().and_then(rounded);
    let ascent = activity.get("elevationGain").positive();
    workout.metrics.ascent_meters = ascent.and_then(|ascent| rounded(ascent / CENTIMETERS));
    let meaning = sport.as_deref().and_then(sport_words::activity_type);
    workout.set_sport(sport, meaning);
    Ok(workout)
}
