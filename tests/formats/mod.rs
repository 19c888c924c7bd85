//! The readers, through their public face: bytes in, readings out.

mod apple_health;
mod archive;
mod bombs;
mod concept2;
mod fit;
mod fitbit;
mod fuzz;
mod garmin_activities;
mod garmin_export;
mod google_fit;
mod google_health;
mod gpx;
mod gzip;
mod health_auto_export;
pub mod hevy;
mod json;
mod nike;
mod opentracks;
mod peloton;
mod polar;
mod runkeeper;
mod runtastic;
mod samples;
mod samsung_health;
mod sessions;
mod strava;
mod strong;
mod suunto;
mod tables;
mod tcx;

use fitferry::formats::{self, Options, Reading};
use fitferry::workout::Workout;
use jiff::tz::TimeZone;

fn read(bytes: &[u8]) -> Reading {
    formats::read(bytes, &Options::default()).expect("a slice never fails to be read")
}

fn sounds(reading: &Reading) -> bool {
    reading.flaw().is_none()
}

/// Reads as somebody in Berlin.
fn read_in_berlin(bytes: &[u8]) -> Reading {
    let options = Options::of(TimeZone::get("Europe/Berlin").unwrap());
    formats::read(bytes, &options).expect("a slice never fails to be read")
}

/// The start in UTC, the length in seconds, the activity type and the title.
fn outline(workout: &Workout) -> (String, i64, u8, &str) {
    let title = workout.source.title.as_deref().unwrap_or_default();
    (workout.start.to_string(), workout.duration().as_secs(), workout.activity_type.number(), title)
}

fn key(workout: &Workout) -> String {
    workout.key.as_ref().map(ToString::to_string).unwrap_or_default()
}
