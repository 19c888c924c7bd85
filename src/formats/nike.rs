//! Nike Run Club: activities as its API gives them, which is what programs that fetch them keep. There is no export.
//!
//! Follows the documented form, as no real sample was at hand: milliseconds of Unix time, sums under `summaries`,
//! distance in kilometres. People name their activities in the app; the name stands among the tags.

use super::json::{self, Layout, Node, Refusal, after, unix_millis};
use super::number::rounded;
use super::reading::Reading;
use super::{Options, sport_words};
use crate::workout::{Format, Key, Workout};
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    // One activity, a list of them, or a page of the API.
    path: &["activities"],
    bare: true,
    names: &[
        "id",
        "type",
        "app_id",
        "start_epoch_ms",
        "end_epoch_ms",
        "active_duration_ms",
        "delete_indicator",
        "summaries",
        "metric",
        "summary",
        "value",
        "tags",
        "com.nike.name",
    ],
};

pub fn read(_head: &[u8], source: impl Read, _options: &Options) -> io::Result<Reading> {
    json::read(Format::Nike, source, &LAYOUT, |activity| vec![workout(activity)])
}

fn workout(activity: &Node) -> Result<Workout, Refusal> {
    if activity.get("delete_indicator").is_true() {
        return Err(Refusal::NoWorkout("a deleted activity".to_owned()));
    }
    let start = unix_millis(activity.get("start_epoch_ms")).ok_or("without start_epoch_ms")?;
    let active = activity.get("active_duration_ms").whole();
    let end = unix_millis(activity.get("end_epoch_ms")).or_else(|| after(start, active?));
    let mut workout = Workout::new(Format::Nike, start, end.ok_or("without end_epoch_ms")?);
    workout.key = activity.get("id").word().map(|id| Key { vendor: "nike".to_owned(), id });
    workout.active_millis = active.filter(|active| *active > 0);
    workout.source.title = activity.get("tags").get("com.nike.name").owned();
    workout.source.device = activity.get("app_id").owned();
    let summary = |metric: &str, kind: &str| {
        let mut all = activity.get("summaries").items().iter();
        let is_it =
            |node: &&Node| node.get("metric").text() == Some(metric) && node.get("summary").text() == Some(kind);
        all.find(is_it)?.get("value").positive()
    };
    workout.metrics.distance_meters = summary("distance", "total").map(|kilometers| kilometers * 1000.0);
    workout.metrics.energy_kcal = summary("calories", "total").and_then(rounded);
    workout.metrics.average_heart_rate = summary("heart_rate", "mean").and_then(rounded);
    workout.metrics.max_heart_rate = summary("heart_rate", "max").and_then(rounded);
    workout.metrics.ascent_meters = summary("ascent", "total").and_then(rounded);
    let sport = activity.get("type").owned();
    let meaning = sport
        .as_deref()
        .and_then(|sport| sport_words::activity_type(sport).or_else(|| sport_words::in_table(TYPES, sport)));
    workout.set_sport(sport, meaning);
    Ok(workout)
}

/// What the Training Club calls its workouts: of every kind, so no kind.
const TYPES: &[(u8, &str)] = &[(108, "training")];
