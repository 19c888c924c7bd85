//! The readers, through their public face: bytes in, readings out.

mod apple_health;
mod archive;
mod bombs;
mod fit;
mod gpx;
mod gzip;
mod opentracks;
mod tcx;

use fitferry::formats::{self, Options, Reading};

fn read(bytes: &[u8]) -> Reading {
    formats::read(bytes, &Options::default()).expect("a slice never fails to be read")
}

fn sounds(reading: &Reading) -> bool {
    reading.flaw().is_none()
}
