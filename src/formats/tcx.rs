//! TCX: every activity is one workout, with its laps; courses and planned workouts are not.
//!
//! Facts: Garmin's TrainingCenterDatabase v2 schema and what real writers make of it. The start is the first lap's
//! `StartTime` (the `Id` is up to 46 minutes off), the end the later of the last point and the last lap's end.

mod activity;

use super::Options;
use super::reading::Reading;
use super::xml::{self, Attributes, Document};
use crate::workout::Format;
use activity::Activity;
use std::io::{self, Read};

/// Reads a TCX document; `head` is the beginning of what `source` will yield.
pub fn read(head: &[u8], source: impl Read, options: &Options) -> io::Result<Reading> {
    let mut tcx =
        Tcx { reading: Reading::new(Format::Tcx), options, activity: None, author: None, told: 0, unread: None };
    let condition = xml::walk(head, source, &mut tcx)?;
    tcx.finish();
    if let Some(what) = tcx.unread {
        tcx.reading.explain(format!("a {what}, not a workout"));
    }
    Ok(tcx.reading.in_condition(condition))
}

struct Tcx<'o> {
    reading: Reading,
    options: &'o Options,
    activity: Option<Activity>,
    /// The program that wrote the file.
    author: Option<String>,
    /// Workouts of the documents before this one.
    told: usize,
    /// What the file holds instead of activities.
    unread: Option<&'static str>,
}

/// Where in the document an element stands.
#[derive(Clone, Copy, Default, PartialEq)]
enum Element {
    #[default]
    Outside,
    Database,
    /// `Activities`, `MultiSportSession` and what it wraps its legs in.
    Activities,
    Activity,
    Id,
    Notes,
    Lap,
    LapSeconds,
    LapMeters,
    LapCalories,
    LapAverageHeartRate,
    LapMaxHeartRate,
    LapAverage,
    LapMax,
    Track,
    Point,
    Time,
    HeartRate,
    Beats,
    Creator,
    CreatorName,
    Training,
    Plan,
    PlanName,
    Author,
    AuthorName,
    Other,
}

impl Document for Tcx<'_> {
    type Element = Element;

    fn open(&mut self, parent: Element, name: &str, attributes: &Attributes<'_>) -> Element {
        use Element as E;
        match (parent, name) {
            (E::Track, "Trackpoint") => E::Point,
            (E::Point, "Time") => E::Time,
            (E::Point, "HeartRateBpm") => E::HeartRate,
            (E::HeartRate, "Value") => E::Beats,
            (E::Activity, "Lap") => {
                self.begin_lap(attributes.get("StartTime").as_deref());
                E::Lap
            }
            (E::Lap, "Track") => E::Track,
            (E::Lap, "TotalTimeSeconds") => E::LapSeconds,
            (E::Lap, "DistanceMeters") => E::LapMeters,
            (E::Lap, "Calories") => E::LapCalories,
            (E::Lap, "AverageHeartRateBpm") => E::LapAverage,
            (E::Lap, "MaximumHeartRateBpm") => E::LapMax,
            (E::LapAverage, "Value") => E::LapAverageHeartRate,
            (E::LapMax, "Value") => E::LapMaxHeartRate,
            (E::Activities, "Activity") => {
                self.finish_activity();
                self.activity = Some(Activity::begin(attributes.get("Sport")));
                E::Activity
            }
            (E::Activity, "Id") => E::Id,
            (E::Activity, "Notes") => E::Notes,
            (E::Activity, "Creator") => E::Creator,
            (E::Creator, "Name") => E::CreatorName,
            (E::Activity, "Training") => E::Training,
            (E::Training, "Plan") => E::Plan,
            (E::Plan, "Name") => E::PlanName,
            (E::Outside, "TrainingCenterDatabase") => {
                self.finish();
                E::Database
            }
            (E::Database, "Activities") | (E::Activities, "MultiSportSession" | "FirstSport" | "NextSport") => {
                E::Activities
            }
            (E::Database, "Author") => E::Author,
            (E::Author, "Name") => E::AuthorName,
            (E::Database, "Courses") => self.instead("course"),
            (E::Database, "Workouts") => self.instead("planned workout"),
            _ => E::Other,
        }
    }

    fn has_text(element: Element) -> bool {
        use Element as E;
        matches!(
            element,
            E::Time
                | E::Beats
                | E::LapSeconds
                | E::LapMeters
                | E::LapCalories
                | E::LapAverageHeartRate
                | E::LapMaxHeartRate
                | E::Id
                | E::Notes
                | E::CreatorName
                | E::PlanName
                | E::AuthorName
        )
    }

    fn close(&mut self, element: Element, text: &str) {
        use Element as E;
        let given = || (!text.is_empty()).then(|| text.to_owned());
        if element == E::AuthorName {
            self.author = given();
        }
        let Some(activity) = &mut self.activity else { return };
        match element {
            E::Time => activity.point_time(text, self.options.zone_of(Format::Tcx)),
            E::Beats => activity.heart_rate(text),
            E::LapSeconds => activity.lap().seconds = text.parse().ok(),
            E::LapMeters => activity.lap().meters = text.parse().ok(),
            E::LapCalories => activity.lap().calories = text.parse().ok(),
            E::LapAverageHeartRate => activity.lap().average_heart_rate = text.parse().ok(),
            E::LapMaxHeartRate => activity.lap().max_heart_rate = text.parse().ok(),
            E::Id => activity.id(text, self.options.zone_of(Format::Tcx)),
            E::Notes => activity.notes = given(),
            E::CreatorName => activity.device = given(),
            E::PlanName => activity.title = given(),
            E::Activity => self.finish_activity(),
            _ => {}
        }
    }
}

impl Tcx<'_> {
    fn begin_lap(&mut self, start: Option<&str>) {
        if let Some(activity) = &mut self.activity {
            activity.begin_lap(start, self.options.zone_of(Format::Tcx));
        }
    }

    fn instead(&mut self, what: &'static str) -> Element {
        self.unread = Some(what);
        Element::Other
    }

    /// A document has ended. The author stands at its end, behind every activity.
    fn finish(&mut self) {
        self.finish_activity();
        let author = self.author.take();
        let told = std::mem::replace(&mut self.told, self.reading.workouts.len());
        for workout in self.reading.workouts.iter_mut().skip(told) {
            if workout.source.device.is_none() {
                workout.source.device.clone_from(&author);
            }
        }
    }

    fn finish_activity(&mut self) {
        let Some(activity) = self.activity.take() else { return };
        match activity.into_workout(self.options) {
            Ok(workout) => self.reading.add(workout),
            Err(reason) => self.reading.refuse(reason),
        }
    }
}
