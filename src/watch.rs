//! Hints and scans in, candidate files out.

pub mod names;
