//! One TCX activity while its laps and points go by.

use crate::formats::number::{millis, rounded};
use crate::formats::time::{self, Instant};
use crate::formats::{Options, sport_words};
use crate::workout::{Format, Metrics, Workout};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

#[derive(Default)]
pub struct Activity {
    pub notes: Option<String>,
    pub device: Option<String>,
    /// Name of the training plan, the only title the schema has.
    pub title: Option<String>,
    sport: Option<String>,
    id: Option<Instant>,
    start: Option<Instant>,
    first_point: Option<Instant>,
    last_point: Option<Timestamp>,
    latest_lap_end: Option<Timestamp>,
    lap: Lap,
    totals: Totals,
    points: HeartRates,
}

/// The lap that is being read.
#[derive(Default)]
pub struct Lap {
    start: Option<Timestamp>,
    pub seconds: Option<f64>,
    pub meters: Option<f64>,
    pub calories: Option<f64>,
    pub average_heart_rate: Option<f64>,
    pub max_heart_rate: Option<u16>,
}

#[derive(Default)]
struct Totals {
    seconds: Option<f64>,
    meters: Option<f64>,
    calories: Option<f64>,
    max_heart_rate: Option<u16>,
    /// Average of the laps, weighted by their seconds.
    beats: f64,
    beats_seconds: f64,
}

/// What the points say, for files whose laps carry no heart rate.
#[derive(Default)]
struct HeartRates {
    sum: u64,
    count: u64,
    max: u16,
}

impl Activity {
    pub fn begin(sport: Option<String>) -> Self {
        Self { sport: sport.filter(|sport| !sport.is_empty()), ..Self::default() }
    }

    pub fn lap(&mut self) -> &mut Lap {
        &mut self.lap
    }

    pub fn id(&mut self, text: &str, zone: &TimeZone) {
        self.id = time::parse(text, zone);
    }

    pub fn begin_lap(&mut self, start: Option<&str>, zone: &TimeZone) {
        self.finish_lap();
        let start = start.and_then(|text| time::parse(text, zone));
        self.lap.start = start.as_ref().map(|start| start.at);
        if self.start.is_none() {
            self.start = start;
        }
    }

    fn finish_lap(&mut self) {
        let lap = std::mem::take(&mut self.lap);
        let totals = &mut self.totals;
        let seconds = lap.seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0);
        let end = lap
            .start
            .zip(seconds)
            .and_then(|(start, seconds)| start.checked_add(SignedDuration::try_from_secs_f64(seconds).ok()?).ok());
        self.latest_lap_end = self.latest_lap_end.max(end.or(lap.start));
        add(&mut totals.seconds, seconds);
        add(&mut totals.meters, lap.meters.filter(|meters| meters.is_finite()));
        add(&mut totals.calories, lap.calories.filter(|calories| calories.is_finite()));
        totals.max_heart_rate = totals.max_heart_rate.max(lap.max_heart_rate);
        if let (Some(rate), Some(seconds)) = (lap.average_heart_rate.filter(|rate| *rate > 0.0), seconds) {
            totals.beats += rate * seconds;
            totals.beats_seconds += seconds;
        }
    }

    /// Takes the time of a point; some points have none, and some go back in time.
    pub fn point_time(&mut self, text: &str, zone: &TimeZone) {
        let at = match &self.first_point {
            Some(first) if !first.zone_assumed => time::instant(text),
            _ => {
                let instant = time::parse(text, zone);
                if self.first_point.is_none() {
                    self.first_point.clone_from(&instant);
                }
                instant.map(|instant| instant.at)
            }
        };
        self.last_point = self.last_point.max(at);
    }

    pub fn heart_rate(&mut self, text: &str) {
        if let Ok(rate @ 1..=255) = text.parse::<u16>() {
            self.points.sum += u64::from(rate);
            self.points.count += 1;
            self.points.max = self.points.max.max(rate);
        }
    }

    /// The workout, or why there is none: an activity without any time.
    pub fn into_workout(mut self, options: &Options) -> Result<Workout, String> {
        self.finish_lap();
        let start = self.start.as_ref().or(self.id.as_ref()).or(self.first_point.as_ref());
        let start = start.ok_or("an activity without a start time")?.clone();
        let end = self.last_point.max(self.latest_lap_end).unwrap_or(start.at);
        let mut workout = Workout::new(Format::Tcx, start.at, end);
        workout.active_millis = self.totals.seconds.and_then(millis).filter(|active| *active > 0);
        workout.utc_offset_seconds = start.utc_offset_seconds;
        workout.metrics = self.metrics();
        if start.zone_assumed {
            workout.source.assumed_zone = Some(options.zone_name(Format::Tcx));
        }
        let meaning = self.sport.as_deref().and_then(sport_words::activity_type);
        workout.set_sport(self.sport, meaning);
        workout.source.title = self.title;
        workout.source.notes = self.notes;
        workout.source.device = self.device;
        Ok(workout)
    }

    fn metrics(&self) -> Metrics {
        let Totals { meters, calories, beats, beats_seconds, .. } = self.totals;
        let by_points = self.points.sum.checked_div(self.points.count).and_then(|rate| u16::try_from(rate).ok());
        let by_laps = (beats_seconds > 0.0).then(|| rounded(beats / beats_seconds)).flatten();
        Metrics {
            distance_meters: meters.filter(|meters| meters.is_finite() && *meters > 0.0),
            energy_kcal: calories.filter(|calories| *calories > 0.0).and_then(rounded),
            average_heart_rate: by_laps.or(by_points),
            max_heart_rate: self
                .totals
                .max_heart_rate
                .filter(|rate| *rate > 0)
                .or((self.points.count > 0).then_some(self.points.max)),
            ascent_meters: None,
        }
    }
}

fn add(total: &mut Option<f64>, part: Option<f64>) {
    if let Some(part) = part {
        *total = Some(total.unwrap_or(0.0) + part);
    }
}
