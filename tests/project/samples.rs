//! The sample workouts that the README lets people try, made by the writers of the tests.
//!
//! `FITFERRY_WRITE_SAMPLES=1 cargo test samples` writes them anew.

use crate::support::fit::Run;
use crate::support::xml;
use flate2::read::GzDecoder;
use flate2::{Compression, GzBuilder};
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// 2026-04-12T06:30:15Z, a Sunday.
const SUNDAY: i64 = 1_775_975_415;
const DAY: i64 = 86_400;

pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/workouts")
}

/// Names and unpacked contents.
fn samples() -> [(&'static str, Vec<u8>); 4] {
    let run = Run { records: 120, ..Run::at(SUNDAY) };
    [
        ("run-from-the-watch.fit", run.build()),
        // A website has cut two seconds at both ends.
        ("run-from-a-website.tcx", xml::tcx(SUNDAY + 2, 3596, 60, "Running").into_bytes()),
        ("ride.gpx", xml::gpx(SUNDAY + DAY + 36_000, 5400, 90, "cycling").into_bytes()),
        ("walk.gpx.gz", xml::gpx(SUNDAY + 2 * DAY + 21_600, 2700, 45, "walking").into_bytes()),
    ]
}

#[test]
fn samples_are_what_the_writers_make() {
    if std::env::var_os("FITFERRY_WRITE_SAMPLES").is_some() {
        write();
    }
    for (name, content) in samples() {
        let stored = fs::read(folder().join(name)).unwrap();
        let unpacked = if name.ends_with(".gz") { unpack(&stored) } else { stored };
        assert!(unpacked == content, "{name} differs");
    }
    assert_eq!(fs::read_dir(folder()).unwrap().count(), samples().len());
}

fn unpack(bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut content).unwrap();
    content
}

fn write() {
    fs::create_dir_all(folder()).unwrap();
    for (name, content) in samples() {
        let path = folder().join(name);
        if name.ends_with(".gz") {
            let mut packed = GzBuilder::new().write(fs::File::create(path).unwrap(), Compression::best());
            packed.write_all(&content).unwrap();
            packed.finish().unwrap();
        } else {
            fs::write(path, content).unwrap();
        }
    }
}
