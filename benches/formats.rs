//! How fast the readers are: FIT beside two general decoders, GPX and TCX beside the bare events of the XML parser.
//!
//! `cargo bench --bench formats`, with the name of a format behind `--` for that one alone. The corpus of real files is
//! used where it lies beside the project, else generated files of the same kind. Each comparison is taken in turn, A B A B, so that a machine that slows down slows both.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, and fails loudly"
)]

#[path = "../tests/support/fit.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod fit;
#[path = "../tests/support/xml.rs"]
mod xml;

use fitferry::formats::{self, Options};
use quick_xml::Reader;
use quick_xml::events::Event;
use rustyfit::{Decoder, StreamingIterator};
use std::hint::black_box;
use std::io::BufReader;
use std::path::Path;
use std::time::Instant;

const ROUNDS: usize = 15;

/// Real files below this say more about starting than about reading.
const LEAST_LEN: u64 = 20_000;

fn main() {
    // `cargo bench` adds flags of its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let is_wanted = |format: &str| wanted.is_empty() || wanted.iter().any(|name| name == format);
    if is_wanted("fit") {
        let (files, origin) = files("fit", || vec![long_run()]);
        println!("\nFIT, {origin}");
        compare(&files, &[("fitferry", &read), ("rustyfit, stream", &rustyfit_stream), ("fitparser", &fitparser)]);
    }
    if is_wanted("gpx") {
        let (files, origin) = files("gpx", || vec![xml::gpx(1_600_000_000, 36_000, 36_000, "running").into_bytes()]);
        println!("\nGPX, {origin}");
        compare(&files, &[("fitferry", &read), ("quick-xml, events alone", &xml_events)]);
    }
    if is_wanted("tcx") {
        let (files, origin) = files("tcx", || vec![xml::tcx(1_600_000_000, 36_000, 36_000, "Running").into_bytes()]);
        println!("\nTCX, {origin}");
        compare(&files, &[("fitferry", &read), ("quick-xml, events alone", &xml_events)]);
    }
}

fn fitparser(bytes: &[u8]) {
    // It complains about some real files and goes on.
    let _ = black_box(fitparser::from_bytes(bytes));
}

fn read(bytes: &[u8]) {
    black_box(formats::read(bytes, &Options::default()).unwrap());
}

fn rustyfit_stream(bytes: &[u8]) {
    // Without its checksum, which real files fail; with it, it is slower.
    let mut decoder = Decoder::builder().checksum(false).build();
    let mut stream = decoder.stream(bytes);
    while let Some(Ok(event)) = stream.next() {
        black_box(event);
    }
}

fn xml_events(bytes: &[u8]) {
    let mut reader = Reader::from_reader(BufReader::with_capacity(64 << 10, bytes));
    let mut buffer = Vec::new();
    while !matches!(reader.read_event_into(&mut buffer), Ok(Event::Eof) | Err(_)) {
        buffer.clear();
    }
}

fn long_run() -> Vec<u8> {
    fit::Run { seconds: 36_000, records: 36_000, ..fit::Run::default() }.build()
}

/// The real files of a format, or generated ones, and which of the two.
fn files(format: &str, generate: impl Fn() -> Vec<Vec<u8>>) -> (Vec<Vec<u8>>, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(format);
    let Ok(entries) = std::fs::read_dir(folder) else { return (generate(), "generated".to_owned()) };
    let entries = entries.map(Result::unwrap).filter(|entry| entry.metadata().unwrap().len() > LEAST_LEN);
    let files: Vec<_> = entries.map(|entry| std::fs::read(entry.path()).unwrap()).collect();
    let origin = format!("{} real files over {LEAST_LEN} bytes", files.len());
    (files, origin)
}

/// A name and a function to be timed.
type Reading<'a> = (&'a str, &'a dyn Fn(&[u8]));

/// Runs each reader over all files, in turn; prints its speed, and its time as a multiple of the first one's.
fn compare(files: &[Vec<u8>], readers: &[Reading<'_>]) {
    let megabytes = files.iter().map(Vec::len).sum::<usize>() as f64 / 1e6;
    let time = |reader: &dyn Fn(&[u8])| {
        let began = Instant::now();
        files.iter().for_each(|bytes| reader(bytes));
        began.elapsed().as_secs_f64()
    };
    let rounds: Vec<Vec<f64>> = (0..ROUNDS).map(|_| readers.iter().map(|(_, reader)| time(reader)).collect()).collect();
    for (index, (name, _)) in readers.iter().enumerate() {
        let seconds = median(rounds.iter().map(|round| round[index]));
        let ratio = median(rounds.iter().map(|round| round[index] / round[0]));
        println!("  {name:26} {:6.0} MB/s   {ratio:5.1} times the time of the first", megabytes / seconds);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
