//! Writes bulk exports as Strava makes them: a table of activities beside their files, which are named by other numbers.

use super::archive::{Zip, gzip};
use super::fit::Run;
use super::xml;
use jiff::Timestamp;
use std::fmt::Write;

const HEADER: &str = "Activity ID,Activity Date,Activity Name,Activity Type,Activity Description,Elapsed Time,Distance,\
    Max Heart Rate,Relative Effort,Commute,Activity Private Note,Activity Gear,Filename,Athlete Weight,Bike Weight,\
    Elapsed Time,Moving Time,Distance,Max Speed,Average Speed,Elevation Gain";

/// Files without a row: deleted activities leave them behind.
const STRAYS: i64 = 3;

/// How long an activity lasted by its file and by the table, in seconds: services count otherwise than devices.
pub const RECORDED: i64 = 1800;
pub const PRINTED: i64 = 1797;

/// An activity of the export.
#[derive(Clone, Debug)]
pub struct Activity {
    pub number: i64,
    pub title: String,
    /// Strava's word, and the activity type that it means.
    pub sport: (&'static str, u8),
    pub notes: Option<String>,
    /// Unix seconds.
    pub start: i64,
    /// Its file, as the table names it; none if a person typed it in.
    pub file: Option<String>,
}

impl Activity {
    pub fn of(number: i64) -> Self {
        let start = 1_300_000_000 + number * 40_000;
        let sport = [("Trail Run", 8), ("Virtual Run", 58), ("Walk", 7), ("E-Bike Ride", 1)][place(number) % 4];
        let upload = 9_000_000 - number * 7;
        let file = match number % 10 {
            0..=3 => Some(format!("{upload}.fit.gz")),
            4..=6 => Some(format!("{upload}.gpx")),
            7 => Some(format!("{upload}.tcx.gz")),
            8 => Some(format!("{upload}.bin.gz")),
            _ => None,
        };
        Self {
            number: 700_000 + number,
            title: format!("Round {number}, \"the\" lake"),
            sport,
            notes: (number % 3 == 0).then(|| format!("Windy, {number} times")),
            start,
            file: file.map(|file| format!("activities/{file}")),
        }
    }

    /// The id that its session gets from whichever of its records comes first: all have the same start.
    pub fn session_id(&self) -> String {
        session_id(self.start)
    }

    fn row(&self) -> String {
        let date = Timestamp::from_second(self.start).unwrap().strftime("%b %d, %Y, %I:%M:%S %p").to_string();
        let (title, notes) = (self.title.replace('"', "\"\""), self.notes.as_deref().unwrap_or_default());
        let file = self.file.as_deref().unwrap_or_default();
        format!(
            "{},\"{date}\",\"{title}\",{},\"{notes}\",{PRINTED},5.61,,,false,,,{file},,,{PRINTED}.0,1700.0,5612.4,,,33.6\n",
            self.number, self.sport.0
        )
    }

    fn content(&self) -> Vec<u8> {
        record(self.start, self.file.as_deref().unwrap_or_default())
    }
}

pub fn session_id(start: i64) -> String {
    Timestamp::from_second(start).unwrap().strftime("fitferry-%Y%m%dT%H%M%SZ").to_string()
}

/// What a device recorded, in the form that a name says. None of them knows a title.
fn record(start: i64, name: &str) -> Vec<u8> {
    let seconds = u32::try_from(RECORDED).unwrap();
    let fit = || Run { seconds, serial: 7, records: 60, ..Run::at(start) }.build();
    match name.split_once('.').map(|(_, ending)| ending) {
        Some("fit.gz") => gzip(fit()),
        Some("tcx.gz") => gzip(xml::tcx(start, RECORDED, 60, "Other")),
        Some("bin.gz") => gzip(xml::gpx(start, RECORDED, 60, "1")),
        _ => xml::gpx(start, RECORDED, 60, "1").into_bytes(),
    }
}

/// A whole export.
pub struct Export {
    pub activities: Vec<Activity>,
    /// The activity whose file cannot be read.
    pub broken: usize,
}

impl Export {
    /// With so many activities, at least 20.
    pub fn of(count: i64) -> Self {
        let activities: Vec<Activity> = (0..count).map(Activity::of).collect();
        let broken = activities.iter().position(|activity| activity.file.as_deref().is_some_and(is_fit)).unwrap();
        Self { activities, broken }
    }

    /// The ids of all its sessions: of its activities, and of the files that no row names.
    pub fn session_ids(&self) -> Vec<String> {
        let strays = (0..STRAYS).map(|number| session_id(stray(number)));
        self.activities.iter().map(Activity::session_id).chain(strays).collect()
    }

    /// When its session ends, in Unix milliseconds: as the device has it, if that can be read.
    pub fn end_millis(&self, index: usize) -> i64 {
        let activity = &self.activities[index];
        let is_recorded = activity.file.is_some() && index != self.broken;
        (activity.start + if is_recorded { RECORDED } else { PRINTED }) * 1000
    }

    pub fn broken_file(&self) -> &str {
        self.activities[self.broken].file.as_deref().unwrap()
    }

    /// The archive, with the table last, as it may stand anywhere.
    pub fn zip(&self) -> Vec<u8> {
        let mut zip = Zip::new().store("activities/", "").store("media/1.jpg", "\u{1}").add("bikes.csv", "Name\n1\n");
        let mut table = format!("{HEADER}\n");
        for (index, activity) in self.activities.iter().enumerate() {
            table.write_str(&activity.row()).unwrap();
            let Some(file) = &activity.file else { continue };
            let mut content = activity.content();
            if index == self.broken {
                content = gzip(b"\x0e\x20\x54\x08\xff\0\0\0.FIT\0\0and then nothing of the kind");
            }
            zip = zip.store(file, content);
        }
        for number in 0..STRAYS {
            let name = format!("activities/{number}.fit.gz");
            zip = zip.store(&name, record(stray(number), &name));
        }
        zip.add("activities.csv", table).build()
    }
}

fn is_fit(file: &str) -> bool {
    file.ends_with(".fit.gz")
}

/// Years before the others.
fn stray(number: i64) -> i64 {
    1_200_000_000 + number * 86_400
}

fn place(number: i64) -> usize {
    usize::try_from(number).unwrap()
}
