//! The sessions API's own JSON: one session, a list of them, one on each line, or the answer to a list request; also as
//! `fitferry pull` writes it.
//!
//! The id is the key, so a session that was edited is still the same. A session of ours says what a workout said whose
//! file may be gone: what we made of it is taken apart again, so that its session comes out as it was. One that was
//! deleted, or is sleep, is no workout. Where several lines tell of one session, the last one counts, as in a file that
//! `pull` appended to.

mod ours;

use super::Options;
use super::json::{self, Layout, Node, Refusal, unix_millis};
use super::reading::Reading;
use crate::session::APPLICATION;
use crate::workout::{ActivityType, Format, Key, Workout};
use std::collections::HashSet;
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    path: &["session"],
    bare: true,
    names: &[
        "id",
        "name",
        "description",
        "startTimeMillis",
        "endTimeMillis",
        "activeTimeMillis",
        "activityType",
        "application",
        "packageName",
    ],
};

/// The activity types of sleep, of its stages, and of what a phone saw of a day.
const NO_WORKOUTS: &[i64] = &[0, 3, 5, 72, 109, 110, 111, 112];

pub fn read(_head: &[u8], source: impl Read, _options: &Options) -> io::Result<Reading> {
    let mut reading = json::read(Format::Sessions, source, &LAYOUT, |session| vec![workout(session)])?;
    let mut told = HashSet::new();
    let mut is_last: Vec<bool> = reading
        .workouts
        .iter()
        .rev()
        .map(|workout| workout.key.is_none() || told.insert(workout.key.clone()))
        .collect();
    reading.workouts.retain(|_| is_last.pop().unwrap_or(true));
    Ok(reading)
}

fn workout(session: &Node) -> Result<Workout, Refusal> {
    let number = session.get("activityType").whole();
    if number.is_some_and(|number| NO_WORKOUTS.contains(&number)) {
        let name = number.and_then(ActivityType::new).map(ActivityType::name).unwrap_or_default();
        return Err(Refusal::NoWorkout(format!("{name}, not a workout")));
    }
    let start = unix_millis(session.get("startTimeMillis")).ok_or("without startTimeMillis")?;
    let end = unix_millis(session.get("endTimeMillis")).ok_or("without endTimeMillis")?;
    let mut workout = Workout::new(Format::Sessions, start, end);
    workout.key = session.get("id").word().map(|id| Key { vendor: "sessions".to_owned(), id });
    workout.active_millis = session.get("activeTimeMillis").whole().filter(|active| *active > 0);
    // "Unknown" of the API is no sport that somebody did.
    let meaning = number.and_then(ActivityType::new);
    let meaning = meaning.map(|meaning| if meaning.number() == 4 { ActivityType::OTHER } else { meaning });
    workout.set_sport(number.map(|number| number.to_string()), meaning);
    workout.source.title = session.get("name").owned();
    workout.source.notes = session.get("description").owned();
    let application = session.get("application");
    if application.get("name").text() == Some(APPLICATION) {
        ours::take_apart(&mut workout);
    } else {
        workout.source.device = application.any(&["name", "packageName"]).owned();
    }
    Ok(workout)
}
