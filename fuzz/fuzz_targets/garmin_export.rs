//! The reader of garmin-export files.
#![no_main]

use fitferry_fuzz::{Format, reader};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| reader(Format::GarminExport, bytes));
