//! What arrives: small files of every kind that differs in how it ends, each with workouts of its own.

use crate::support::archive::{Zip, gzip, tar};
use crate::support::fit::Run;
use crate::support::xml;
use jiff::Timestamp;
use serde_json::json;

/// Whole minutes, because some tables print no seconds.
const FIRST: i64 = 1_577_836_800;

/// Seconds between two arrivals; the workouts of one file fit in between, and those of another one.
const APART: i64 = 8 * 3600;

/// Seconds from the workouts of a file to those of the other one.
const LATER: i64 = 4 * 3600;

/// Minutes of every workout, and of the same one in an older version of its file.
const MINUTES: u32 = 55;
const MINUTES_BEFORE: u32 = 50;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Fit,
    Gpx,
    Tcx,
    Gzip,
    Zip,
    Tar,
    AppleHealth,
    Strong,
    Hevy,
    HealthAutoExport,
    Sessions,
}

impl Kind {
    pub const ALL: [Self; 11] = [
        Self::Fit,
        Self::Gpx,
        Self::Tcx,
        Self::Gzip,
        Self::Zip,
        Self::Tar,
        Self::AppleHealth,
        Self::Strong,
        Self::Hevy,
        Self::HealthAutoExport,
        Self::Sessions,
    ];

    pub fn file_name(self) -> &'static str {
        match self {
            Self::Fit => "run.fit",
            Self::Gpx => "run.gpx",
            Self::Tcx => "run.tcx",
            Self::Gzip => "run.gpx.gz",
            Self::Zip => "runs.zip",
            Self::Tar => "runs.tar",
            Self::AppleHealth => "export.xml",
            Self::Strong => "strong.csv",
            Self::Hevy => "workout_data.csv",
            Self::HealthAutoExport => "HealthAutoExport.json",
            Self::Sessions => "sessions.json",
        }
    }

    /// Whether such a file says by itself that it is complete; what a table says so far is taken when it has settled.
    pub fn is_proven(self) -> bool {
        !matches!(self, Self::Strong | Self::Hevy)
    }

    /// How many workouts there may be in one.
    fn most(self) -> i64 {
        if matches!(self, Self::Fit | Self::Gpx | Self::Tcx | Self::Gzip) { 1 } else { 3 }
    }

    /// The file that is expected in the end, of the arrival with this number.
    pub fn content(self, number: i64) -> Vec<u8> {
        self.write(number, self.most(), MINUTES)
    }

    /// Other workouts than those, in a file as long as that one, or nearly so.
    pub fn content_of_another(self, number: i64) -> Vec<u8> {
        self.write_from(FIRST + number * APART + LATER, self.most(), MINUTES)
    }

    /// The same workouts, as they were before.
    pub fn content_before(self, number: i64) -> Vec<u8> {
        self.write(number, self.most(), MINUTES_BEFORE)
    }

    /// The file as it grows, up to what is expected in the end.
    pub fn growing(self, number: i64) -> Vec<Vec<u8>> {
        (1..=self.most()).map(|count| self.write(number, count, MINUTES)).collect()
    }

    fn write(self, number: i64, count: i64, minutes: u32) -> Vec<u8> {
        self.write_from(FIRST + number * APART, count, minutes)
    }

    fn write_from(self, first: i64, count: i64, minutes: u32) -> Vec<u8> {
        let starts: Vec<i64> = (0..count).map(|index| first + index * 3600).collect();
        match self {
            Self::Fit => fit(first, minutes),
            Self::Gpx => gpx(first, minutes),
            Self::Tcx => xml::tcx(first, i64::from(minutes) * 60, 12, "Running").into_bytes(),
            Self::Gzip => gzip(gpx(first, minutes)),
            Self::Zip => {
                let add = |zip: Zip, start: &i64| match start - first {
                    3600 => zip.store(format!("{start}.gpx"), gpx(*start, minutes)),
                    _ => zip.add(format!("{start}.fit"), fit(*start, minutes)),
                };
                starts.iter().fold(Zip::new(), add).build()
            }
            Self::Tar => {
                let members: Vec<_> =
                    starts.iter().map(|start| (format!("{start}.fit"), fit(*start, minutes))).collect();
                tar(&members.iter().map(|(name, content)| (&**name, &**content)).collect::<Vec<_>>())
            }
            Self::AppleHealth => apple_health(&starts, minutes),
            Self::Strong => strong(&starts, minutes),
            Self::Hevy => hevy(&starts, minutes),
            Self::HealthAutoExport => health_auto_export(&starts, minutes),
            Self::Sessions => sessions(&starts, minutes),
        }
    }
}

/// To which arrival a session belongs.
pub fn arrival_of(session: &serde_json::Value) -> usize {
    let millis: i64 = session["startTimeMillis"].as_str().unwrap().parse().unwrap();
    usize::try_from((millis / 1000 - FIRST).div_euclid(APART)).unwrap()
}

fn fit(start: i64, minutes: u32) -> Vec<u8> {
    Run { records: 12, seconds: minutes * 60, ..Run::at(start) }.build()
}

fn gpx(start: i64, minutes: u32) -> Vec<u8> {
    xml::gpx(start, i64::from(minutes) * 60, 12, "running").into_bytes()
}

fn clock(seconds: i64, format: &str) -> String {
    Timestamp::from_second(seconds).unwrap().strftime(format).to_string()
}

fn strong(starts: &[i64], minutes: u32) -> Vec<u8> {
    let mut table =
        "Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,Notes,Workout Notes,RPE\n"
            .to_owned();
    for start in starts {
        for set in 1..=3 {
            let date = clock(*start, "%Y-%m-%d %H:%M:%S");
            table +=
                &format!("{date},\"Push, heavy\",{minutes}m,Bench Press (Barbell),{set},80,5,0,0,,\"felt\ngood\",8\n");
        }
    }
    table.into_bytes()
}

fn hevy(starts: &[i64], minutes: u32) -> Vec<u8> {
    let mut table =
        "\"title\",\"start_time\",\"end_time\",\"description\",\"exercise_title\",\"superset_id\",\"exercise_notes\",\
                     \"set_index\",\"set_type\",\"weight_kg\",\"reps\",\"distance_km\",\"duration_seconds\",\"rpe\"\n"
            .to_owned();
    for start in starts {
        for set in 0..3 {
            let [from, to] = [*start, start + i64::from(minutes) * 60].map(|at| clock(at, "%-d %b %Y, %H:%M"));
            table += &format!(
                "\"Push\",\"{from}\",\"{to}\",\"good\nday\",\"Bench Press\",,\"\",{set},\"normal\",51,6,,0,6\n"
            );
        }
    }
    table.into_bytes()
}

fn apple_health(starts: &[i64], minutes: u32) -> Vec<u8> {
    let mut text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<HealthData locale=\"en_DE\">\n".to_owned();
    for start in starts {
        let [from, to] = [*start, start + i64::from(minutes) * 60].map(|at| clock(at, "%Y-%m-%d %H:%M:%S +0000"));
        text += " <Record type=\"HKQuantityTypeIdentifierHeartRate\" unit=\"count/min\" value=\"99\"/>\n";
        text += &format!(
            " <Workout workoutActivityType=\"HKWorkoutActivityTypeRunning\" duration=\"{minutes}\" durationUnit=\"min\" \
             sourceName=\"Watch\" startDate=\"{from}\" endDate=\"{to}\"/>\n"
        );
    }
    (text + "</HealthData>\n").into_bytes()
}

fn health_auto_export(starts: &[i64], minutes: u32) -> Vec<u8> {
    let workout = |start: &i64| {
        let seconds = i64::from(minutes) * 60;
        json!({
            "id": format!("585BDA5C-0000-4000-8000-{start:012}"),
            "name": "Outdoor Run",
            "start": clock(*start, "%Y-%m-%d %H:%M:%S +0000"),
            "end": clock(start + seconds, "%Y-%m-%d %H:%M:%S +0000"),
            "duration": seconds,
            "distance": { "qty": 5.1, "units": "km" },
            "route": (0..9).map(|at| json!({ "latitude": 50.0, "longitude": 8.0, "speed": at })).collect::<Vec<_>>(),
        })
    };
    let workouts: Vec<_> = starts.iter().map(workout).collect();
    json!({ "data": { "metrics": [{ "name": "step_count", "data": [] }], "workouts": workouts } })
        .to_string()
        .into_bytes()
}

fn sessions(starts: &[i64], minutes: u32) -> Vec<u8> {
    let session = |start: &i64| {
        json!({
            "id": format!("other:{start}"),
            "name": "Round the lake",
            "startTimeMillis": (start * 1000).to_string(),
            "endTimeMillis": ((start + i64::from(minutes) * 60) * 1000).to_string(),
            "activityType": 8,
            "application": { "packageName": "com.example", "name": "Example" },
        })
    };
    json!({ "session": starts.iter().map(session).collect::<Vec<_>>() }).to_string().into_bytes()
}
