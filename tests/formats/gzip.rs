//! Compressed files: the same workouts, and bombs that do not go off.

use super::{read, sounds};
use crate::support::archive::gzip;
use crate::support::fit::Run;
use crate::support::xml;
use fitferry::formats::{Condition, Outcome};

#[test]
fn what_is_inside_decides() {
    for plain in [Run::default().build(), xml::gpx(0x6000_0000, 60, 9, "running").into_bytes()] {
        assert_eq!(read(&gzip(&plain)), read(&plain));
    }
}

#[test]
fn every_prefix_is_unfinished() {
    let whole = gzip(xml::tcx(0x6000_0000, 60, 20, "Running").as_bytes());
    for end in 3..whole.len() {
        let reading = read(&whole[..end]);
        assert!(!reading.is_complete(), "{end}: {reading:?}");
    }
    assert!(sounds(&read(&whole)));
}

#[test]
fn a_damaged_stream_is_told_apart_from_a_broken_disk() {
    let mut bytes = gzip(xml::gpx(0x6000_0000, 60, 500, "running").as_bytes());
    let middle = bytes.len() / 2;
    bytes[middle..middle + 40].fill(0xff);
    let reading = read(&bytes);
    assert!(!sounds(&reading), "{reading:?}");
    assert!(matches!(read(&gzip(gzip(b"<gpx/>"))).outcome(), Outcome::Error(why) if why.contains("inside")));
}

/// Many members of the same blank megabyte: a few kilobytes that unpack to more than any workout has.
#[test]
fn a_bomb_gets_its_verdict_in_bounded_memory() {
    let blank = gzip(vec![b' '; 1 << 20]);
    let bomb: Vec<u8> = [gzip(b"<gpx><trk>")].into_iter().chain(std::iter::repeat_n(blank, 3000)).flatten().collect();
    let reading = read(&bomb);
    assert!(matches!(&reading.condition, Condition::Damaged(why) if why.contains("longer")), "{:?}", reading.condition);
}
