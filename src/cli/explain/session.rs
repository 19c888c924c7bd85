//! The story of a session: what each file says of it, where its fields come from, and what the server said.

use super::advice;
use super::scene::{Owner, Scene};
use super::sport::{Kind, Sport};
use crate::merge::{self, Field, Merged};
use crate::session::Session;
use crate::store::attempts::{self, Attempt};
use crate::store::records::{self, Told};
use crate::store::sessions::SessionRow;
use crate::store::story::{self, Remote, Waits};
use crate::store::{Account, accounts, listing};
use crate::workout::{Format, Workout};
use jiff::Timestamp;
use jiff::tz::Offset;
use rusqlite::Connection;
use serde::Serialize;
use std::path::Path;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStory {
    pub account: String,
    pub id: String,
    pub revision: i64,
    /// One of those of `sessions list`, and why.
    pub state: String,
    pub reason: Option<String>,
    /// Which other session it may be, in another time zone.
    pub suspect: Option<String>,
    /// As it is to be on the server.
    pub session: Session,
    pub start: Option<Timestamp>,
    pub end: Option<Timestamp>,
    /// What each file says.
    pub records: Vec<Record>,
    pub fields: Vec<Origin>,
    /// What is known to be on the server.
    pub remote: Option<Remote>,
    pub waits: Option<Waits>,
    /// The last ones, oldest first.
    pub attempts: Vec<Attempt>,
    pub last_reconcile: Option<Timestamp>,
    /// The settings have changed since it was made.
    pub outdated: bool,
    pub next: Vec<String>,
}

/// What one file says of the workout.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    #[serde(flatten)]
    pub place: Place,
    /// By which rule it belongs to the session: new, key, rewritten, part or interval. Older versions did not note it.
    pub rule: Option<String>,
    /// The vendor's identity of the workout.
    pub key: Option<String>,
    /// That of the table's row which names the file.
    pub alias: Option<String>,
    pub start: Timestamp,
    pub end: Timestamp,
    pub assumed_zone: Option<String>,
    /// From a file that breaks off or is damaged.
    pub salvaged: bool,
    pub sport: Sport,
}

impl Record {
    /// Why it belongs to its session.
    pub fn why(&self) -> String {
        let own = self.key.iter().cloned();
        let keys =
            own.chain(self.alias.iter().map(|alias| format!("{alias} (of the table's row that names the file)")));
        let keys = keys.collect::<Vec<_>>().join(", ");
        match self.rule.as_deref() {
            Some("new") if keys.is_empty() => {
                "new: nobody had told of it, so it made the session and its id".to_owned()
            }
            Some("new") => format!("new: nobody had told of it, so it made the session and its id; its key is {keys}"),
            Some("key") => format!("key: a record that was known has its key {keys}"),
            Some("rewritten") => "rewritten: this file told of it before it was changed".to_owned(),
            Some("part") => "part: one is the beginning of the other, from a file that breaks off".to_owned(),
            Some("interval") => "interval: nearly the same interval as a known one, and a type that fits".to_owned(),
            Some("copy") => "copy: another file told exactly the same before the workout became longer".to_owned(),
            Some(other) => other.to_owned(),
            None => "an older version of fitferry did not note by which rule".to_owned(),
        }
    }
}

/// Where a record was read.
#[derive(Clone, Debug, Serialize)]
pub struct Place {
    pub file: String,
    pub member: Option<String>,
    pub format: Format,
}

impl Place {
    /// Beside others that were told in full.
    pub fn short(&self) -> String {
        let name = Path::new(&self.file).file_name().map(|name| name.to_string_lossy().into_owned());
        Self { file: name.unwrap_or_else(|| self.file.clone()), ..self.clone() }.to_string()
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { file, member, format } = self;
        match member {
            Some(member) => write!(f, "{file} » {member} ({format})"),
            None => write!(f, "{file} ({format})"),
        }
    }
}

/// A field of the workout, and the record that supplied it.
#[derive(Debug, Serialize)]
pub struct Origin {
    pub field: Field,
    pub value: String,
    #[serde(flatten)]
    pub place: Place,
}

/// The sessions of an id, of all accounts that have one.
pub fn tell(scene: &Scene<'_>, id: &str) -> anyhow::Result<Vec<SessionStory>> {
    let mut stories = Vec::new();
    for (memory, owner, account) in scene.remembered() {
        if let Some(session) = story::session(memory, account, id)? {
            stories.push(tell_of(scene, memory, owner, account, session)?);
        }
    }
    Ok(stories)
}

/// One session.
pub fn tell_of(
    scene: &Scene<'_>,
    memory: &Connection,
    owner: &Owner,
    account: Account,
    row: SessionRow,
) -> anyhow::Result<SessionStory> {
    let status = listing::session(memory, row)?;
    let session: Session = serde_json::from_str(status.session.get())?;
    let told = records::of_session(memory, row)?;
    let mut told_of = SessionStory {
        account: owner.name.clone(),
        id: status.id,
        revision: status.revision,
        state: status.state,
        reason: status.reason,
        suspect: status.suspect,
        start: Timestamp::from_millisecond(session.start_time_millis).ok(),
        end: Timestamp::from_millisecond(session.end_time_millis).ok(),
        session,
        records: told.iter().map(|told| record(told, owner)).collect(),
        fields: fields(&told, owner),
        remote: story::remote(memory, account, row)?,
        waits: story::waits(memory, row)?,
        attempts: attempts::of_session(memory, row)?,
        last_reconcile: accounts::reconciled_at(memory, account)?,
        outdated: owner.outdated,
        next: Vec::new(),
    };
    told_of.next = advice::session(&told_of, scene);
    Ok(told_of)
}

fn place(told: &Told) -> Place {
    let source = &told.workout.source;
    Place { file: told.file.display().to_string(), member: source.member.clone(), format: source.format }
}

fn record(told: &Told, owner: &Owner) -> Record {
    let workout = &told.workout;
    Record {
        place: place(told),
        rule: told.rule.clone(),
        key: workout.key.as_ref().map(ToString::to_string),
        alias: workout.alias.as_ref().map(ToString::to_string),
        start: workout.start,
        end: workout.end,
        assumed_zone: workout.source.assumed_zone.clone(),
        salvaged: workout.source.salvaged,
        sport: Sport::of(workout, &owner.rules),
    }
}

/// Merged anew, as the session was.
fn fields(told: &[Told], owner: &Owner) -> Vec<Origin> {
    let typed = |told: &Told| {
        let mut workout = told.workout.clone();
        owner.rules.types.apply(&mut workout);
        workout
    };
    let records: Vec<Workout> = told.iter().map(typed).collect();
    let Some(Merged { workout, origins }) = merge::merged(&records) else { return Vec::new() };
    let origin = |(field, index): (Field, usize)| {
        Some(Origin { field, value: value(field, &workout)?, place: place(&told[index]) })
    };
    origins.into_iter().filter_map(origin).collect()
}

fn value(field: Field, workout: &Workout) -> Option<String> {
    let (source, metrics) = (&workout.source, &workout.metrics);
    match field {
        Field::Times => {
            let active = workout.active_millis.map(|millis| format!(", {} s of it active", millis / 1000));
            Some(format!("{} to {}{}", workout.start, workout.end, active.unwrap_or_default()))
        }
        Field::UtcOffset => Some(Offset::from_seconds(workout.utc_offset_seconds?).ok()?.to_string()),
        Field::Type => Some(Kind::of(workout.activity_type).to_string()),
        Field::Title => source.title.clone(),
        Field::Notes => source.notes.clone(),
        Field::Device => source.device.clone(),
        Field::Distance => metrics.distance_meters.map(|meters| format!("{meters:.1} m")),
        Field::Energy => metrics.energy_kcal.map(|kcal| format!("{kcal} kcal")),
        Field::AverageHeartRate => metrics.average_heart_rate.map(|rate| format!("{rate} bpm")),
        Field::MaxHeartRate => metrics.max_heart_rate.map(|rate| format!("{rate} bpm")),
        Field::Ascent => metrics.ascent_meters.map(|meters| format!("{meters} m")),
    }
}
