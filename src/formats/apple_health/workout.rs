//! One `Workout` element while it is walked through, and the workouts it is: one, or the legs of a multisport.

use super::{sport, units};
use crate::formats::Options;
use crate::formats::number::rounded;
use crate::formats::reading::Reading;
use crate::formats::time::Instant;
use crate::formats::xml::{Attributes, Document};
use crate::workout::{Format, Key, Metrics, Workout};
use jiff::tz::TimeZone;

/// Activities one workout may have; a long day of triathlons has a dozen.
const MOST_ACTIVITIES: usize = 100;

/// Whose identities the `uuid`s of activities are. They are not those of the workouts themselves, which the export does
/// not tell, but other programs do.
const VENDOR: &str = "healthkit-activity";

pub struct Element<'o> {
    options: &'o Options,
    whole: Part,
    activities: Vec<Part>,
    source_name: Option<String>,
    brand: Option<String>,
    zone: Option<TimeZone>,
}

/// What the workout as a whole and each of its activities tell.
#[derive(Default)]
struct Part {
    sport: Option<String>,
    uuid: Option<String>,
    start: Option<Instant>,
    end: Option<Instant>,
    active_millis: Option<i64>,
    is_indoor: bool,
    swimming_place: Option<String>,
    meters: Option<f64>,
    kilocalories: Option<f64>,
    average_heart_rate: Option<f64>,
    max_heart_rate: Option<f64>,
    ascent: Option<f64>,
}

#[derive(Clone, Copy, Default, PartialEq)]
pub enum Place {
    #[default]
    Outside,
    Workout,
    Activity,
    Other,
}

impl Document for Element<'_> {
    type Element = Place;

    fn open(&mut self, parent: Place, name: &str, attributes: &Attributes<'_>) -> Place {
        match (parent, name) {
            (Place::Outside, "Workout") => {
                self.whole = Part::of(attributes, self.options.zone_of(Format::AppleHealth));
                self.source_name = attributes.get("sourceName").filter(|name| !name.is_empty());
                Place::Workout
            }
            (Place::Workout, "WorkoutActivity") if self.activities.len() < MOST_ACTIVITIES => {
                self.activities.push(Part::of(attributes, self.options.zone_of(Format::AppleHealth)));
                Place::Activity
            }
            (Place::Workout, "MetadataEntry" | "WorkoutStatistics") => {
                self.take_metadata(name, attributes);
                self.whole.take(name, attributes);
                Place::Other
            }
            (Place::Activity, "MetadataEntry" | "WorkoutStatistics") => {
                self.take_metadata(name, attributes);
                if let Some(activity) = self.activities.last_mut() {
                    activity.take(name, attributes);
                }
                Place::Other
            }
            _ => Place::Other,
        }
    }

    fn has_text(_: Place) -> bool {
        false
    }

    fn close(&mut self, _: Place, _: &str) {}
}

impl Part {
    fn of(attributes: &Attributes<'_>, zone: &TimeZone) -> Self {
        let get = |name: &str| attributes.get(name);
        let measured = |value: &str, unit: &str, read: fn(&str, Option<&str>) -> Option<f64>| {
            get(value).and_then(|value| read(&value, get(unit).as_deref()))
        };
        let sport = get("workoutActivityType").filter(|sport| !sport.is_empty());
        Self {
            sport: sport.map(|sport| sport.trim_start_matches("HKWorkoutActivityType").to_owned()),
            uuid: get("uuid").filter(|uuid| !uuid.is_empty()).map(|uuid| uuid.to_ascii_uppercase()),
            start: get("startDate").and_then(|text| units::instant(&text, zone)),
            end: get("endDate").and_then(|text| units::instant(&text, zone)),
            active_millis: get("duration").and_then(|value| units::duration(&value, get("durationUnit").as_deref())),
            meters: measured("totalDistance", "totalDistanceUnit", units::meters),
            kilocalories: measured("totalEnergyBurned", "totalEnergyBurnedUnit", units::kilocalories),
            ..Self::default()
        }
    }

    fn take(&mut self, name: &str, attributes: &Attributes<'_>) {
        if name == "MetadataEntry" {
            let (Some(key), Some(value)) = (attributes.get("key"), attributes.get("value")) else { return };
            match key.as_str() {
                "HKIndoorWorkout" => self.is_indoor = value == "1",
                "HKSwimmingLocationType" => self.swimming_place = Some(value),
                "HKElevationAscended" => {
                    self.ascent = value.split_once(' ').and_then(|(value, unit)| units::meters(value, Some(unit)));
                }
                _ => {}
            }
            return;
        }
        let Some(kind) = attributes.get("type") else { return };
        let unit = attributes.get("unit");
        let measured = |name: &str, read: fn(&str, Option<&str>) -> Option<f64>| {
            attributes.get(name).and_then(|value| read(&value, unit.as_deref()))
        };
        match kind.trim_start_matches("HKQuantityTypeIdentifier") {
            "ActiveEnergyBurned" => {
                self.kilocalories = self.kilocalories.or(measured("sum", units::kilocalories));
            }
            "HeartRate" => {
                self.average_heart_rate = measured("average", units::beats_per_minute);
                self.max_heart_rate = measured("maximum", units::beats_per_minute);
            }
            kind if kind.starts_with("Distance") => self.meters = self.meters.or(measured("sum", units::meters)),
            _ => {}
        }
    }
}

impl<'o> Element<'o> {
    pub fn new(options: &'o Options) -> Self {
        Self { options, whole: Part::default(), activities: Vec::new(), source_name: None, brand: None, zone: None }
    }

    fn take_metadata(&mut self, name: &str, attributes: &Attributes<'_>) {
        if name != "MetadataEntry" {
            return;
        }
        match attributes.get("key").as_deref() {
            Some("HKTimeZone") if self.zone.is_none() => {
                self.zone = attributes.get("value").and_then(|name| TimeZone::get(&name).ok());
            }
            Some("HKWorkoutBrandName") => self.brand = attributes.get("value").filter(|brand| !brand.is_empty()),
            _ => {}
        }
    }

    /// Hands the workout over, or the legs of a multisport; `offset` is where the element stands in the document.
    pub fn finish(mut self, offset: u64, reading: &mut Reading) {
        let activities = std::mem::take(&mut self.activities);
        let is_multisport = self.whole.sport.as_deref() == Some(sport::MULTISPORT);
        if is_multisport && !activities.is_empty() && activities.iter().all(|leg| leg.sport.is_some()) {
            for leg in activities.into_iter().filter(|leg| leg.sport.as_deref() != Some(sport::TRANSITION)) {
                self.hand_over(leg, offset, reading);
            }
            return;
        }
        let mut whole = std::mem::take(&mut self.whole);
        if let Ok([only]) = <[Part; 1]>::try_from(activities) {
            whole.is_indoor |= only.is_indoor;
            whole.swimming_place = whole.swimming_place.or(only.swimming_place);
            whole.uuid = only.uuid;
        }
        self.hand_over(whole, offset, reading);
    }

    fn hand_over(&self, part: Part, offset: u64, reading: &mut Reading) {
        let (Some(start), Some(end)) = (&part.start, &part.end) else {
            reading.refuse(format!("the workout at byte {offset} has no start and end that can be read"));
            return;
        };
        let mut workout = Workout::new(Format::AppleHealth, start.at, end.at);
        workout.active_millis = part.active_millis.filter(|active| *active > 0);
        workout.utc_offset_seconds = self.zone.as_ref().map(|zone| zone.to_offset(start.at).seconds());
        let meaning = part
            .sport
            .as_deref()
            .and_then(|word| sport::activity_type(word, part.is_indoor, part.swimming_place.as_deref()));
        workout.metrics = part.metrics();
        workout.key = part.uuid.map(|id| Key { vendor: VENDOR.to_owned(), id });
        workout.set_sport(part.sport, meaning);
        workout.source.sub_sport = part.is_indoor.then(|| "indoor".to_owned());
        workout.source.assumed_zone = start.zone_assumed.then(|| self.options.zone_name(Format::AppleHealth));
        workout.source.device.clone_from(&self.source_name);
        workout.source.title.clone_from(&self.brand);
        reading.add(workout);
    }
}

impl Part {
    fn metrics(&self) -> Metrics {
        Metrics {
            distance_meters: self.meters.map(|meters| (meters * 10.0).round() / 10.0),
            energy_kcal: self.kilocalories.and_then(rounded),
            average_heart_rate: self.average_heart_rate.and_then(rounded),
            max_heart_rate: self.max_heart_rate.and_then(rounded),
            ascent_meters: self.ascent.and_then(rounded),
        }
    }
}
