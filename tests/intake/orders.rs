//! The same two hundred workouts as files of three formats and as rows of a table: whatever arrives first, the same
//! sessions, equal in every field but the id.

use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::xml;
use fitferry::formats::{self, Options, Reading};
use fitferry::intake::{self, Person, Seen};
use fitferry::merge;
use fitferry::rules::Rules;
use fitferry::store::{Stamp, Store, accounts, records};
use fitferry::workout::{Format, Workout};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

const FORMATS: [Format; 4] = [Format::Fit, Format::Tcx, Format::Gpx, Format::Strava];
const WORKOUTS: i64 = 200;

/// The fields of a session, each with the format that it comes from.
type Origins = Vec<(String, Format)>;

/// One of the workouts, of which every format knows something else.
struct Truth {
    index: i64,
    /// By the clock of the device.
    start: i64,
    seconds: i64,
}

impl Truth {
    fn of(index: i64) -> Self {
        Self { index, start: 1_700_000_000 + index * 40_000, seconds: 60 * (30 + index % 90) }
    }

    /// A FIT sport, the words of TCX, GPX and the table, and the type that the table's word means.
    fn sport(&self) -> (u8, &'static str, &'static str, &'static str, u8) {
        [
            (1, "Running", "trail_running", "Run", 8),
            (2, "Biking", "cycling", "Ride", 1),
            (2, "Other", "mountain_biking", "Mountain Bike Ride", 15),
            (5, "Other", "swimming", "Swim", 82),
        ][usize::try_from(self.index % 4).unwrap()]
    }

    /// Other clocks are up to a minute late.
    fn late(&self, by: i64) -> i64 {
        self.start + by * (self.index % 2)
    }

    fn title(&self) -> Option<String> {
        (self.index % 3 > 0).then(|| format!("Round {}", self.index))
    }

    fn notes(&self) -> Option<String> {
        (self.index % 5 == 0).then(|| format!("windy {}", self.index))
    }

    fn fit(&self) -> Vec<u8> {
        let seconds = u32::try_from(self.seconds).unwrap();
        Run { seconds, sport: self.sport().0, ..Run::at(self.start) }.build()
    }

    fn tcx(&self) -> String {
        let notes = format!("<Notes>from the watch {}</Notes>\n   <Creator>", self.index);
        xml::tcx(self.late(20), self.seconds, 5, self.sport().1).replacen("<Creator>", &notes, 1)
    }

    fn gpx(&self) -> String {
        let name = format!("<name>Track {}</name>\n  <type>", self.index);
        let text = xml::gpx(self.late(40), self.seconds, 5, self.sport().2);
        // The first is that of a link.
        let (head, track) = text.split_once("<trk>").unwrap();
        format!("{head}<trk>{}", track.replacen("<type>", &name, 1))
    }

    fn row(&self) -> String {
        let date = Timestamp::from_second(self.late(60)).unwrap().strftime("%b %d, %Y, %I:%M:%S %p").to_string();
        let (title, notes) = (self.title().unwrap_or_default(), self.notes().unwrap_or_default());
        let (index, word, elapsed) = (self.index, self.sport().3, self.seconds + 60);
        format!("{index},\"{date}\",{title},{word},{notes},{elapsed},9.9\n")
    }

    /// The session, but for its id.
    fn session(&self) -> Value {
        let name = self.title().unwrap_or_else(|| format!("Track {}", self.index));
        let notes = self.notes().unwrap_or_else(|| format!("from the watch {}", self.index));
        let active = self.seconds - 60;
        let clock = format!("{}:{:02}:{:02}", active / 3600, active / 60 % 60, active % 60);
        json!({
            "name": name,
            "description": format!("{notes} · 10.23 km · {clock} · 612 kcal · 148 bpm, max 171 · 120 m up · Garmin 1967"),
            "startTimeMillis": (self.start * 1000).to_string(),
            "endTimeMillis": ((self.start + self.seconds) * 1000).to_string(),
            "activeTimeMillis": (active * 1000).to_string(),
            "activityType": self.sport().4,
            "application": {"name": "fitferry"},
        })
    }

    /// Which format each field comes from.
    fn origins(&self) -> Origins {
        let words = |is_told: bool, else_from| if is_told { Format::Strava } else { else_from };
        let fields = [
            ("Times", Format::Fit),
            ("Type", Format::Strava),
            ("Title", words(self.title().is_some(), Format::Gpx)),
            ("Notes", words(self.notes().is_some(), Format::Tcx)),
            ("Device", Format::Fit),
            ("UtcOffset", Format::Fit),
            ("Distance", Format::Fit),
            ("Energy", Format::Fit),
            ("AverageHeartRate", Format::Fit),
            ("MaxHeartRate", Format::Fit),
            ("Ascent", Format::Fit),
        ];
        fields.map(|(field, format)| (field.to_owned(), format)).to_vec()
    }
}

/// The files of one format: name and content.
fn files(format: Format) -> Vec<(String, Vec<u8>)> {
    let truths = (0..WORKOUTS).map(Truth::of);
    match format {
        Format::Fit => truths.map(|truth| (format!("{}.fit", truth.index), truth.fit())).collect(),
        Format::Tcx => truths.map(|truth| (format!("{}.tcx", truth.index), truth.tcx().into_bytes())).collect(),
        Format::Gpx => truths.map(|truth| (format!("{}.gpx", truth.index), truth.gpx().into_bytes())).collect(),
        _ => {
            let header =
                "Activity ID,Activity Date,Activity Name,Activity Type,Activity Description,Elapsed Time,Distance\n";
            let rows: String = truths.map(|truth| truth.row()).collect();
            vec![("activities.csv".to_owned(), format!("{header}{rows}").into_bytes())]
        }
    }
}

fn orders() -> Vec<[Format; 4]> {
    let mut orders = Vec::new();
    for a in 0..4 {
        for b in (0..4).filter(|b| *b != a) {
            for c in (0..4).filter(|c| *c != a && *c != b) {
                orders.push([FORMATS[a], FORMATS[b], FORMATS[c], FORMATS[6 - a - b - c]]);
            }
        }
    }
    orders
}

#[test]
fn in_twenty_four_orders() {
    let read = |format: Format| -> Vec<(String, Reading)> {
        let readings = files(format).into_iter().map(|(name, bytes)| {
            let reading = formats::read(&bytes[..], &Options::default()).unwrap();
            assert!(reading.format == Some(format) && reading.refused.is_empty(), "{name}: {reading:?}");
            (name, reading)
        });
        readings.collect()
    };
    let read: Vec<(Format, Vec<(String, Reading)>)> = FORMATS.map(|format| (format, read(format))).into();
    let expected: Vec<Value> = (0..WORKOUTS).map(|index| Truth::of(index).session()).collect();
    let expected_origins: Vec<_> = (0..WORKOUTS).map(|index| sorted(Truth::of(index).origins())).collect();
    let orders = orders();
    assert_eq!(orders.len(), 24);
    for order in orders {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path()).unwrap();
        let account = store.call_blocking(|c| accounts::ensure(c, "me", "embedded")).unwrap();
        let person = Person { name: "me".into(), account, rules: Rules::of(TimeZone::UTC).into() };
        for format in order {
            let (_, readings) = read.iter().find(|(of, _)| *of == format).unwrap();
            let seen: Vec<Seen> = readings.iter().map(|(name, reading)| seen(name, reading)).collect();
            let person = person.clone();
            let record_all = move |c: &Connection| {
                seen.iter().try_for_each(|seen| intake::record(c, &person, seen, Timestamp::now()).map(drop))
            };
            store.call_blocking(record_all).unwrap();
        }
        let (bodies, origins): (Vec<Value>, Vec<_>) = store.call_blocking(stored).unwrap().into_iter().unzip();
        are_equal(&bodies, &expected, order);
        are_equal(&origins, &expected_origins, order);
    }
}

/// One by one, as all of them would be pages.
fn are_equal<T: PartialEq + std::fmt::Debug>(found: &[T], expected: &[T], order: [Format; 4]) {
    found.iter().zip(expected).for_each(|(found, expected)| assert_eq!(found, expected, "{order:?}"));
    assert_eq!(found.len(), expected.len(), "{order:?}");
}

fn seen(name: &str, reading: &Reading) -> Seen {
    let mut reading = reading.clone();
    let assessment = intake::assess(&mut reading, Timestamp::now());
    Seen::new(&Path::new("/w").join(name), Stamp { size: 1, mtime_ns: 2, inode: 3, ctime_ns: 0 }, reading, assessment)
}

/// Every session but its id, by start, and where its fields come from.
fn stored(connection: &Connection) -> rusqlite::Result<Vec<(Value, Origins)>> {
    let mut query = connection.prepare("SELECT id, body FROM session WHERE wanted ORDER BY start_ms, body")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
    let session = |row: rusqlite::Result<(i64, String)>| {
        let (row, body) = row?;
        let told = records::of_session(connection, row)?;
        let workouts: Vec<Workout> = told.into_iter().map(|told| told.workout).collect();
        let merged = merge::merged(&workouts).unwrap();
        let origin = |(field, index): &(merge::Field, usize)| (format!("{field:?}"), workouts[*index].source.format);
        let origins = sorted(merged.origins.iter().map(origin).collect());
        Ok((without_id(serde_json::from_str(&body).unwrap()), origins))
    };
    rows.map(session).collect()
}

fn sorted(mut origins: Origins) -> Origins {
    origins.sort_by(|one, other| one.0.cmp(&other.0));
    origins
}

fn without_id(mut session: Value) -> Value {
    session.as_object_mut().unwrap().remove("id").expect("an id");
    session
}

/// From the folder to the server, the best informed first and last.
#[test]
fn through_the_program_in_two_of_them() {
    let expected: Vec<Value> = (0..WORKOUTS).map(|index| Truth::of(index).session()).collect();
    let mut backwards = FORMATS;
    backwards.reverse();
    for order in [FORMATS, backwards] {
        let place = Place::new();
        for format in order {
            let folder = place.folder().join(format.as_str());
            fs::create_dir(&folder).unwrap();
            files(format).iter().for_each(|(name, content)| fs::write(folder.join(name), content).unwrap());
            let answer = place.json(&["import", "--json", folder.to_str().unwrap()]).remove(0);
            assert_eq!(answer["verdicts"]["rejected"], 0, "{answer}");
        }
        let daemon = place.start();
        let mut sessions: Vec<Value> = daemon.sessions(&place).into_values().map(without_id).collect();
        sessions.sort_by_key(|session| session["startTimeMillis"].to_string());
        are_equal(&sessions, &expected, order);
    }
}
