//! The readers, through their public face: bytes in, readings out.

mod apple_health;
mod archive;
mod bombs;
mod fit;
mod fitbit;
mod garmin_export;
mod google_fit;
mod gpx;
mod gzip;
mod health_auto_export;
mod json;
mod nike;
mod opentracks;
mod polar;
mod runtastic;
mod sessions;
mod suunto;
mod tcx;

use fitferry::formats::{self, Options, Reading};

fn read(bytes: &[u8]) -> Reading {
    formats::read(bytes, &Options::default()).expect("a slice never fails to be read")
}

fn sounds(reading: &Reading) -> bool {
    reading.flaw().is_none()
}
