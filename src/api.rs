//! The sessions API from the client's side.

mod client;
mod outcome;

pub use client::{Client, Settings, Window};
pub use outcome::{Failure, Stop};
