//! The daemon's memory by itself.

mod work;
