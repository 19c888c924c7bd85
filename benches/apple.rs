//! How fast an Apple Health export of 2 GB with 3,000 workouts is read from the page cache, and in how much memory, beside
//! the bare events of the XML parser over the same file.
//!
//! `cargo bench --bench apple`. The export is generated in the target directory and removed again.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, and fails loudly"
)]

use fitferry::formats::{self, Contents, Flow, Options};
use jiff::Timestamp;
use quick_xml::Reader;
use quick_xml::events::Event;
use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;
use std::time::Instant;

const LEN: u64 = 2_000_000_000;
const WORKOUTS: u64 = 3_000;

/// Passes with the reader; the fastest and the slowest are printed.
const ROUNDS: usize = 5;

fn main() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("export.xml");
    write_export(&path);
    // Read once, so that it is in the page cache as far as that has room.
    std::io::copy(&mut File::open(&path).unwrap(), &mut std::io::sink()).unwrap();
    let megabytes = path.metadata().unwrap().len() as f64 / 1e6;
    println!("\nAn Apple Health export of {megabytes:.0} MB with {WORKOUTS} workouts");
    let before = peak_kb();
    let rounds: Vec<f64> = (0..ROUNDS).map(|_| timed(|| read(&path))).collect();
    let speed = |seconds: f64| megabytes / seconds;
    let (slowest, fastest) =
        (rounds.iter().copied().fold(0.0, f64::max), rounds.iter().copied().fold(f64::MAX, f64::min));
    println!("  fitferry                  {:6.0} to {:.0} MB/s", speed(slowest), speed(fastest));
    println!("  … memory, at most         {:6.1} MB, of which {:.1} MB before", mb(peak_kb()), mb(before));
    println!("  quick-xml, events alone   {:6.0} MB/s", speed(timed(|| xml_events(&path))));
    println!("  reading alone             {:6.0} MB/s", speed(timed(|| bytes_alone(&path))));
    std::fs::remove_file(path).unwrap();
}

fn timed(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64()
}

fn read(path: &Path) {
    let nobody = &mut |_| Flow::Continue(());
    match formats::read_file(&File::open(path).unwrap(), &Options::default(), nobody).unwrap() {
        Contents::One(reading) => assert!(reading.is_complete() && reading.workouts.len() as u64 == WORKOUTS),
        Contents::Archive(_) => panic!("an export is no archive"),
    }
}

fn xml_events(path: &Path) {
    let mut reader = Reader::from_reader(BufReader::with_capacity(256 << 10, File::open(path).unwrap()));
    let mut buffer = Vec::new();
    while !matches!(reader.read_event_into(&mut buffer).unwrap(), Event::Eof) {
        buffer.clear();
    }
}

fn bytes_alone(path: &Path) {
    let (mut file, mut buffer) = (File::open(path).unwrap(), vec![0; 256 << 10]);
    while std::io::Read::read(&mut file, &mut buffer).unwrap() > 0 {}
}

/// The most that was ever resident.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

fn mb(kb: u64) -> f64 {
    kb as f64 / 1000.0
}

/// Samples as a watch writes them, and workouts of the newer form strewn among them.
fn write_export(path: &Path) {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path).unwrap());
    write!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE HealthData [\n<!ELEMENT HealthData (Record|Workout)*>\n]>\n").unwrap();
    writeln!(out, "<HealthData locale=\"en_GB\">").unwrap();
    let (mut written, mut number) = (0, 0);
    for workout in 0..WORKOUTS {
        while written < LEN / WORKOUTS * workout {
            let record = record(number);
            out.write_all(record.as_bytes()).unwrap();
            written += record.len() as u64;
            number += 1;
        }
        let element = workout_element(workout);
        out.write_all(element.as_bytes()).unwrap();
        written += element.len() as u64;
    }
    while written < LEN {
        let record = record(number);
        out.write_all(record.as_bytes()).unwrap();
        written += record.len() as u64;
        number += 1;
    }
    writeln!(out, "</HealthData>").unwrap();
    out.flush().unwrap();
}

fn record(number: u64) -> String {
    let (minute, second) = (number / 12 % 60, number * 5 % 60);
    let kind = ["HeartRate", "StepCount", "ActiveEnergyBurned", "DistanceWalkingRunning"]
        [usize::try_from(number % 4).unwrap()];
    format!(
        " <Record type=\"HKQuantityTypeIdentifier{kind}\" sourceName=\"Somebody’s Apple\u{a0}Watch\" sourceVersion=\"10.3.1\" \
         device=\"&lt;&lt;HKDevice: 0x3005e{:04x}&gt;, name:Apple Watch, manufacturer:Apple Inc., model:Watch, hardware:Watch6,2, \
         software:10.3.1&gt;\" unit=\"count\" creationDate=\"2025-03-{:02} {:02}:{minute:02}:{second:02} +0100\" \
         startDate=\"2025-03-{:02} {:02}:{minute:02}:{second:02} +0100\" endDate=\"2025-03-{:02} {:02}:{minute:02}:{second:02} +0100\" \
         value=\"{}\"/>\n",
        number % 65_536,
        number % 28 + 1,
        number % 24,
        number % 28 + 1,
        number % 24,
        number % 28 + 1,
        number % 24,
        60 + number * 7 % 120
    )
}

fn workout_element(number: u64) -> String {
    let start = 1_500_000_000 + i64::try_from(number).unwrap() * 86_400;
    let print = |second: i64| {
        let text = Timestamp::from_second(second).unwrap().to_string();
        format!("{} +0000", text.trim_end_matches('Z').replace('T', " "))
    };
    let (start, end) = (print(start), print(start + 3600));
    let events: String = (0..50)
        .map(|_| format!("  <WorkoutEvent type=\"HKWorkoutEventTypeSegment\" date=\"{start}\" duration=\"6.1\" durationUnit=\"min\"/>\n"))
        .collect();
    format!(
        " <Workout workoutActivityType=\"HKWorkoutActivityTypeRunning\" duration=\"58.5\" durationUnit=\"min\" \
         sourceName=\"Somebody’s Apple\u{a0}Watch\" creationDate=\"{end}\" startDate=\"{start}\" endDate=\"{end}\">\n  \
         <MetadataEntry key=\"HKIndoorWorkout\" value=\"0\"/>\n  <MetadataEntry key=\"HKTimeZone\" value=\"Europe/Paris\"/>\n{events}  \
         <WorkoutActivity uuid=\"00000000-0000-4000-8000-{number:012X}\" startDate=\"{start}\" endDate=\"{end}\" duration=\"58.5\" \
         durationUnit=\"min\"/>\n  <WorkoutStatistics type=\"HKQuantityTypeIdentifierDistanceWalkingRunning\" sum=\"10.9\" \
         unit=\"km\"/>\n </Workout>\n"
    )
}
