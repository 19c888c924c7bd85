//! From the messages of a FIT file to workouts: what was recorded, when it really ended, and what to call it.

use super::message::{self, Message};
use super::scanner::Records;
use super::sessionless;
use super::sport::{self, Sport};
use crate::formats::reading::{Condition, Reading};
use crate::workout::{Format, Key, Metrics, Workout};
use jiff::Timestamp;

/// 1989-12-31T00:00:00Z, where FIT counts its seconds from.
const FIT_EPOCH: i64 = 631_065_600;

/// Times below this are seconds since the device was switched on, not dates (FIT profile, `date_time`).
const FIRST_DATE: u32 = 0x1000_0000;

const NO_DATE: &str = "no absolute time: the clock of the device was not set";

/// The file type that holds workouts (`file_id.type`).
const TYPE_ACTIVITY: u8 = 4;

/// Sessions of one file; real ones have up to a dozen.
const MOST_SESSIONS: usize = 1000;

/// First and last instant.
pub type Span = (Timestamp, Timestamp);

/// The messages of one FIT file that matter.
#[derive(Default)]
pub struct Activity {
    pub records: Records,
    identity: Identity,
    sessions: Vec<Session>,
    too_many: bool,
    /// From `sport`, for files whose session does not say.
    sport: Sport,
    /// From the first `lap`, where not even `sport` is there.
    lap_sport: Sport,
    /// The name of the profile that was chosen on the device.
    profile_name: Option<String>,
    /// The name of the planned workout that was followed.
    workout_name: Option<String>,
    utc_offset_seconds: Option<i32>,
}

#[derive(Default)]
struct Identity {
    kind: Option<u8>,
    manufacturer: Option<u32>,
    product: Option<u32>,
    product_name: Option<String>,
    serial: Option<u32>,
    created: Option<u32>,
}

#[derive(Default)]
struct Session {
    start: Option<u32>,
    timestamp: Option<u32>,
    elapsed_millis: Option<u32>,
    timer_millis: Option<u32>,
    sport: Sport,
    profile_name: Option<String>,
    metrics: Metrics,
}

impl Activity {
    pub fn take(&mut self, message: &Message<'_>) {
        match message.definition.global {
            message::FILE_ID => self.identity.take(message),
            message::SESSION if self.sessions.len() < MOST_SESSIONS => self.sessions.push(Session::from(message)),
            message::SESSION => self.too_many = true,
            message::SPORT => {
                self.sport = Sport { sport: message.small(0), sub_sport: message.small(1) };
                self.profile_name = message.text(3);
            }
            message::LAP if self.lap_sport.sport.is_none() => {
                self.lap_sport = Sport { sport: message.small(25), sub_sport: message.small(39) };
            }
            message::WORKOUT => self.workout_name = message.text(8),
            message::ACTIVITY => self.utc_offset_seconds = utc_offset_seconds(message),
            _ => {}
        }
    }

    pub fn is_activity(&self) -> bool {
        // A file without file_id is broken; if it has sessions it was an activity.
        self.identity.kind.is_none_or(|kind| kind == TYPE_ACTIVITY)
    }

    /// Whether it recorded something and no session sums it up.
    pub fn lacks_session(&self) -> bool {
        self.is_activity() && self.sessions.is_empty() && self.records.count >= 2
    }

    /// When its sessions took place, those that have a date.
    pub fn session_spans(&self) -> impl Iterator<Item = Span> {
        let sessions = if self.is_activity() { &self.sessions[..] } else { &[] };
        sessions.iter().filter_map(|session| session.span().ok())
    }

    /// From its first to its last record.
    pub fn records_span(&self) -> Result<Span, String> {
        let (first, last) = self.records.first.zip(self.records.last).ok_or("records without a time")?;
        if first < FIRST_DATE {
            return Err(NO_DATE.to_owned());
        }
        Ok((timestamp(unix_millis(first))?, timestamp(unix_millis(last))?))
    }

    /// A workout that nothing but the records tell of.
    pub fn recorded(&self, (start, end): Span) -> Workout {
        let mut workout = described(self, 0, self.sport.or(self.lap_sport), start, end);
        workout.source.title = self.workout_name.clone().or_else(|| self.profile_name.clone());
        workout
    }
}

impl Identity {
    fn take(&mut self, message: &Message<'_>) {
        *self = Self {
            kind: message.small(0),
            manufacturer: message.number(1),
            product: message.number(2),
            product_name: message.text(8),
            serial: message.number(3),
            created: message.number(4),
        };
    }

    /// Identifies the recording; absent where the device does not say enough to tell it from another.
    fn key(&self, session: usize) -> Option<Key> {
        let (serial, created) = (self.serial?, self.created.filter(|created| *created >= FIRST_DATE)?);
        let vendor = format!("fit-{}-{serial}", self.manufacturer.unwrap_or_default());
        Some(Key { vendor, id: format!("{created}-{session}") })
    }

    fn device(&self) -> Option<String> {
        let maker = self.manufacturer.map(sport::manufacturer);
        match (maker, &self.product_name, self.product) {
            (_, Some(name), _) => Some(name.clone()),
            (Some(maker), None, Some(product)) => Some(format!("{maker} {product}")),
            (maker, None, _) => maker,
        }
    }
}

impl Session {
    fn from(message: &Message<'_>) -> Self {
        Self {
            start: message.number(2),
            timestamp: message.timestamp(),
            elapsed_millis: message.number(7),
            timer_millis: message.number(8),
            sport: Sport { sport: message.small(5), sub_sport: message.small(6) },
            profile_name: message.text(110),
            metrics: Metrics {
                distance_meters: message.number(9).filter(|cm| *cm > 0).map(|cm| f64::from(cm) / 100.0),
                energy_kcal: message.number(11).filter(|kcal| *kcal > 0),
                average_heart_rate: message.small(16).filter(|rate| *rate > 0).map(u16::from),
                max_heart_rate: message.small(17).filter(|rate| *rate > 0).map(u16::from),
                ascent_meters: message.number(22),
            },
        }
    }

    /// Start and end in FIT seconds and milliseconds. The session's own timestamp is often not its end: summary-first
    /// devices write it at the start, and multi-sport files give all legs the same.
    fn span(&self) -> Result<Span, String> {
        let start = self.start.or(self.timestamp).ok_or("a session without a start time")?;
        if start < FIRST_DATE {
            return Err(NO_DATE.to_owned());
        }
        let start_millis = unix_millis(start);
        let elapsed = self.elapsed_millis.filter(|millis| *millis > 0).or(self.timer_millis);
        let end_millis = match elapsed {
            Some(elapsed) => start_millis + i64::from(elapsed),
            None => self.timestamp.map_or(start_millis, unix_millis),
        };
        Ok((timestamp(start_millis)?, timestamp(end_millis)?))
    }
}

/// Adds what the parts of a file hold.
pub fn workouts(parts: &[Activity], reading: &mut Reading) {
    let mut last_kind = None;
    for part in parts {
        if part.is_activity() {
            add_sessions(part, reading);
        } else {
            last_kind = part.identity.kind;
        }
        if part.too_many {
            reading.condition = Condition::Damaged(format!("more than {MOST_SESSIONS} sessions in one activity"));
        }
    }
    if let Some(kind) = last_kind {
        reading.explain(format!("a FIT file of type {}, not an activity", sport::file_type(kind)));
    }
    if parts.iter().any(|part| part.identity.kind == Some(TYPE_ACTIVITY)) {
        reading.explain("an activity that recorded nothing");
    }
    sessionless::add(parts, reading);
}

fn add_sessions(part: &Activity, reading: &mut Reading) {
    let alone = part.sessions.len() == 1;
    for (index, session) in part.sessions.iter().enumerate() {
        let sport = session.sport.or(part.sport).or(part.lap_sport);
        if sport.is_transition() {
            reading.leave_out("a transition between two sports");
            continue;
        }
        match session.span() {
            Ok((start, end)) => {
                let mut workout = described(part, index, sport, start, end);
                let name_of_file = |name: &Option<String>| name.clone().filter(|_| alone);
                workout.active_millis = session.timer_millis.filter(|millis| *millis > 0).map(i64::from);
                workout.metrics = session.metrics.clone();
                workout.source.title = name_of_file(&part.workout_name)
                    .or_else(|| session.profile_name.clone())
                    .or_else(|| name_of_file(&part.profile_name));
                reading.add(workout);
            }
            Err(reason) => reading.refuse(reason),
        }
    }
}

fn described(part: &Activity, session: usize, sport: Sport, start: Timestamp, end: Timestamp) -> Workout {
    let mut workout = Workout::new(Format::Fit, start, end);
    workout.key = part.identity.key(session);
    workout.utc_offset_seconds = part.utc_offset_seconds;
    workout.set_sport(sport.name(), sport.activity_type());
    workout.source.sub_sport = sport.sub_name();
    workout.source.device = part.identity.device();
    workout
}

/// What the device's clock showed minus UTC, if that can be a time zone: many devices write rubbish there.
fn utc_offset_seconds(message: &Message<'_>) -> Option<i32> {
    let (local, utc) = (message.number(5)?, message.timestamp()?);
    let offset = i64::from(local) - i64::from(utc);
    let minutes = (offset + offset.signum() * 30) / 60;
    (minutes.abs() <= 14 * 60 && minutes % 15 == 0).then(|| i32::try_from(minutes * 60).ok())?
}

fn unix_millis(fit_seconds: u32) -> i64 {
    (FIT_EPOCH + i64::from(fit_seconds)) * 1000
}

fn timestamp(millis: i64) -> Result<Timestamp, String> {
    Timestamp::from_millisecond(millis).map_err(|error| error.to_string())
}
