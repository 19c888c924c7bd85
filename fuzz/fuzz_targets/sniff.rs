//! The sniffer, and whoever it sends a file to.
#![no_main]

use fitferry_fuzz::sniffer;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| sniffer(bytes));
