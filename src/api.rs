//! The sessions API from the client's side.

mod client;
mod outcome;

pub use client::{Client, Settings, Window, install_tls};
pub use outcome::{Consequence, Failure, OUTCOMES, Outcome, Stop, TRANSPORT};
