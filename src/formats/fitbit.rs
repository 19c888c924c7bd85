//! Fitbit's `exercise-*.json`: a list of a hundred logs, some tracked, most detected, some typed in.
//!
//! Facts: 301 logs of real exports. Times are printed without a zone and are UTC, shown by step totals that match the
//! UTC step files. Logs that were typed in can be local: those that would end after they were last modified (which is
//! UTC) are. `logId` stays when a log is edited.

use super::json::{self, Layout, Node, Refusal, after};
use super::number::rounded;
use super::reading::Reading;
use super::{Options, sport_words, time};
use crate::workout::{Format, Key, Workout};
use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::TimeZone;
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    path: &[],
    bare: false,
    names: &[
        "logId",
        "activityName",
        "activityTypeId",
        "logType",
        "startTime",
        "lastModified",
        "duration",
        "activeDuration",
        "calories",
        "distance",
        "distanceUnit",
        "averageHeartRate",
        "source",
        "name",
    ],
};

/// How long after its end a log may be written at the earliest, given that clocks differ.
const CLOCK_SLACK_MILLIS: i64 = 5 * 60_000;

pub fn read(_head: &[u8], source: impl Read, options: &Options) -> io::Result<Reading> {
    json::read(Format::Fitbit, source, &LAYOUT, |log| vec![workout(log, options)])
}

fn workout(log: &Node, options: &Options) -> Result<Workout, Refusal> {
    let duration = log.get("duration").whole().ok_or("without a duration")?;
    let text = log.get("startTime").text().ok_or("without a startTime")?;
    let no_time = || format!("startTime is no time: {text}");
    let (start, is_local) = match printed(text) {
        Some(clock) => start(clock, duration, log, options).ok_or_else(no_time)?,
        // With an offset, as the web API writes it.
        None => (time::instant(text).ok_or_else(no_time)?, false),
    };
    let end = after(start, duration).ok_or("ends beyond all dates")?;
    let mut workout = Workout::new(Format::Fitbit, start, end);
    workout.key = log.get("logId").word().map(|id| Key { vendor: "fitbit".to_owned(), id });
    workout.active_millis = log.get("activeDuration").whole().filter(|active| *active > 0);
    workout.source.assumed_zone = is_local.then(|| options.zone_name(Format::Fitbit));
    workout.source.device = log.get("source").get("name").owned();
    workout.metrics.energy_kcal = log.get("calories").positive().and_then(rounded);
    workout.metrics.average_heart_rate = log.get("averageHeartRate").positive().and_then(rounded);
    workout.metrics.distance_meters = meters(log);
    let name = log.get("activityName").owned();
    let by_name = name.as_deref().and_then(|name| sport_words::in_table(NAMES, name));
    let by_id = || sport_words::in_numbers(IDS, log.get("activityTypeId").whole()?);
    workout.set_sport(name, by_name.or_else(by_id));
    Ok(workout)
}

/// When it began, and whether the printed time had to be taken as local.
fn start(clock: DateTime, duration: i64, log: &Node, options: &Options) -> Option<(Timestamp, bool)> {
    let utc = TimeZone::UTC.to_timestamp(clock).ok()?;
    let modified = log.get("lastModified").text().and_then(printed);
    let modified = modified.and_then(|clock| TimeZone::UTC.to_timestamp(clock).ok());
    let is_typed_in = log.get("logType").text() == Some("manual");
    let end = after(utc, duration)?;
    if is_typed_in && modified.is_some_and(|modified| after(modified, CLOCK_SLACK_MILLIS).is_some_and(|at| end > at)) {
        let zoned = options.zone_of(Format::Fitbit).to_ambiguous_zoned(clock).compatible().ok()?;
        return Some((zoned.timestamp(), true));
    }
    Some((utc, false))
}

/// `01/31/18 14:25:33`.
fn printed(text: &str) -> Option<DateTime> {
    let (date, time) = text.split_once(' ')?;
    let mut date = date.splitn(3, '/').map(str::parse::<i16>);
    let (month, day, year) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let year = if year < 100 { 2000 + year } else { year };
    let mut time = time.splitn(3, ':').map(str::parse::<i8>);
    let time = Time::new(time.next()?.ok()?, time.next()?.ok()?, time.next()?.ok()?, 0).ok()?;
    let date = Date::new(year, month.try_into().ok()?, day.try_into().ok()?).ok()?;
    Some(date.to_datetime(time))
}

fn meters(log: &Node) -> Option<f64> {
    let unit = match log.get("distanceUnit").text()? {
        "Kilometer" => 1000.0,
        "Mile" => 1609.344,
        "Meter" => 1.0,
        _ => return None,
    };
    log.get("distance").positive().map(|distance| distance * unit)
}

/// Fitbit's English names.
const NAMES: &[(u8, &str)] = &[
    (7, "walk walking"),
    (8, "run running"),
    (88, "treadmill"),
    (1, "bike outdoorbike biking cycling"),
    (17, "spinning"),
    (82, "swim swimming"),
    (25, "elliptical"),
    (80, "weights weightlifting"),
    (108, "workout outdoorworkout sport"),
    (9, "aerobicworkout aerobics"),
    (115, "intervalworkout"),
    (22, "circuittraining bootcamp"),
    (100, "yoga"),
    (49, "pilates"),
    (35, "hike hiking"),
    (45, "meditating"),
    (87, "tennis"),
    (32, "golf"),
    (44, "martialarts"),
    (42, "kickboxing"),
    (78, "stairclimber"),
    (54, "rowingmachine"),
];

/// `activityTypeId`, for names in other languages; only ids that were seen beside a name.
const IDS: &[(i64, u8)] = &[
    (90_013, 7),
    (90_009, 8),
    (90_001, 1),
    (1071, 1),
    (90_024, 82),
    (20_047, 25),
    (20_049, 88),
    (20_057, 115),
    (3001, 9),
    (15_000, 108),
    (2131, 80),
    (7075, 45),
    (52_001, 100),
    (90_012, 35),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::ActivityType;

    #[test]
    fn every_number_is_one_of_the_api() {
        for number in NAMES.iter().map(|(number, _)| *number).chain(IDS.iter().map(|(_, number)| *number)) {
            assert!(ActivityType::new(number.into()).is_some(), "{number}");
        }
    }

    #[test]
    fn printed_times() {
        assert_eq!(printed("01/31/18 14:25:33").unwrap().to_string(), "2018-01-31T14:25:33");
        assert_eq!(printed("01/31/2018 14:25:33").unwrap().to_string(), "2018-01-31T14:25:33");
        for nonsense in ["31/01/18 14:25:33", "01/31/18", "01/31/18 14:25", "01/31/18 25:00:00", "", "a/b/c d:e:f"] {
            assert_eq!(printed(nonsense), None, "{nonsense}");
        }
    }
}
