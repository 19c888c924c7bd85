//! The walker of archives.
#![no_main]

use fitferry_fuzz::archive;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| archive(bytes));
