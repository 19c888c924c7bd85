//! The folder of the simulation: files that come, change, are copied, renamed, exported again and deleted.

use super::plan::{chance, pick};
use fastrand::Rng;
use fitferry::formats::Reading;
use fitferry::store::Stamp;
use fitferry::workout::{ActivityType, Format, Key, Workout};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A workout whose title begins with this is refused by the server, for itself.
pub const REFUSED: &str = "refused";

/// A workout whose title begins with this is answered as if the API were gone.
pub const LOST: &str = "lost";

const START: i64 = 1_780_000_000;
const FORMATS: [Format; 3] = [Format::Fit, Format::Tcx, Format::Gpx];

/// What one file says of one workout, and which one that is in truth.
#[derive(Clone, Debug)]
pub struct Record {
    pub number: usize,
    /// When it began in truth.
    began: Timestamp,
    pub workout: Workout,
}

#[derive(Clone)]
pub struct File {
    pub stamp: Stamp,
    pub records: Vec<Record>,
}

impl File {
    pub fn reading(&self) -> Reading {
        let format = self.records.first().map_or(Format::Gpx, |record| record.workout.source.format);
        let mut reading = Reading::new(format);
        self.records.iter().for_each(|record| reading.add(record.workout.clone()));
        reading
    }
}

#[derive(Default)]
pub struct Folder {
    pub files: BTreeMap<String, File>,
    /// What the watcher heard of and has not looked at.
    pub hints: BTreeSet<String>,
    /// Its disk is missing.
    pub is_away: bool,
    workouts: usize,
    names: usize,
    changes: i64,
    /// Days between workouts.
    spacing: i64,
}

impl Folder {
    pub fn new(spacing: i64) -> Self {
        Self { spacing, ..Self::default() }
    }

    /// A person or a program does something to a file. Returns what, and the paths that changed.
    pub fn change(&mut self, rng: &mut Rng, most: usize) -> (&'static str, Vec<String>) {
        let may_add = self.workouts < most;
        if self.files.is_empty() || (may_add && chance(rng, 450)) {
            return if self.workouts < most { ("new", vec![self.add(rng)]) } else { ("nothing", Vec::new()) };
        }
        let paths: Vec<&String> = self.files.keys().collect();
        let path = (*pick(rng, &paths)).clone();
        match rng.u32(..12) {
            0..=4 => ("edit", self.edit(rng, path)),
            5..=7 => ("second format", self.second(rng, &path)),
            8 => ("rename", self.rename(path)),
            9 => ("export again", self.touch(path)),
            10 => ("delete", self.delete(path)),
            _ if may_add => ("replace", self.replace(rng, path)),
            _ => ("nothing", Vec::new()),
        }
    }

    fn add(&mut self, rng: &mut Rng) -> String {
        let mut records = vec![self.record(rng, None)];
        if chance(rng, 100) {
            // Another leg of the same outing.
            let first = records[0].workout.clone();
            records.push(self.record(rng, Some(&first)));
        }
        let path = self.name();
        let stamp = self.stamp();
        self.files.insert(path.clone(), File { stamp, records });
        path
    }

    fn record(&mut self, rng: &mut Rng, after: Option<&Workout>) -> Record {
        let number = self.workouts;
        self.workouts += 1;
        // Out of order, so that the oldest is not always the first.
        let day = i64::try_from(number * 7 % 31).unwrap() + 40 * i64::try_from(number / 31).unwrap();
        let start = match after {
            Some(leg) => leg.end + SignedDuration::from_mins(30),
            None => Timestamp::from_second(START - self.spacing * 86_400 * day).unwrap(),
        };
        let format = after.map_or_else(|| *pick(rng, &FORMATS), |leg| leg.source.format);
        let mut workout = Workout::new(format, start, start + SignedDuration::from_mins(rng.i64(50..60)));
        workout.activity_type = ActivityType::new(8).unwrap();
        if format == Format::Fit {
            workout.key = Some(Key { vendor: "device-1".to_owned(), id: number.to_string() });
        }
        self.retell(rng, &mut workout);
        Record { number, began: start, workout }
    }

    /// Gives a workout new words, which are unlike all before.
    fn retell(&mut self, rng: &mut Rng, workout: &mut Workout) {
        self.changes += 1;
        let kind = match rng.u32(..40) {
            0 | 1 => REFUSED,
            2 => LOST,
            _ => "fine",
        };
        workout.source.title = Some(format!("{kind} {}", self.changes));
        workout.metrics.energy_kcal = Some(rng.u32(100..2000));
    }

    fn edit(&mut self, rng: &mut Rng, path: String) -> Vec<String> {
        let mut file = self.files.remove(&path).unwrap();
        for record in &mut file.records {
            self.retell(rng, &mut record.workout);
            if chance(rng, 300) {
                record.workout.end = record.began + SignedDuration::from_secs(rng.i64(3000..3600));
            }
        }
        file.stamp = self.stamp();
        self.files.insert(path.clone(), file);
        vec![path]
    }

    /// The same workout from another program: another format, and a start some seconds off.
    fn second(&mut self, rng: &mut Rng, path: &str) -> Vec<String> {
        let mut file = self.files[path].clone();
        let format = *pick(rng, &FORMATS);
        for Record { number, began, workout } in &mut file.records {
            workout.source.format = format;
            workout.start = *began + SignedDuration::from_secs(rng.i64(-20..20));
            workout.key =
                (format == Format::Fit).then(|| Key { vendor: "device-1".to_owned(), id: number.to_string() });
            if chance(rng, 500) {
                self.retell(rng, workout);
            }
        }
        file.stamp = self.stamp();
        let path = self.name();
        self.files.insert(path.clone(), file);
        vec![path]
    }

    fn rename(&mut self, path: String) -> Vec<String> {
        let file = self.files.remove(&path).unwrap();
        let new = self.name();
        self.files.insert(new.clone(), file);
        vec![path, new]
    }

    fn touch(&mut self, path: String) -> Vec<String> {
        let stamp = self.stamp();
        self.files.get_mut(&path).unwrap().stamp = stamp;
        vec![path]
    }

    fn delete(&mut self, path: String) -> Vec<String> {
        self.files.remove(&path);
        vec![path]
    }

    fn replace(&mut self, rng: &mut Rng, path: String) -> Vec<String> {
        let file = File { records: vec![self.record(rng, None)], stamp: self.stamp() };
        self.files.insert(path.clone(), file);
        vec![path]
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("/w/{}", self.names)
    }

    fn stamp(&mut self) -> Stamp {
        self.changes += 1;
        Stamp { size: 1000 + self.changes % 3, mtime_ns: self.changes * 1_000_000, inode: self.changes, ctime_ns: 0 }
    }
}
