//! The sessions API from the client's side.

mod client;
mod list;
mod outcome;

pub use client::{Client, Page, Settings, cause, install_tls};
pub use outcome::{Consequence, OUTCOMES, Outcome, TRANSPORT, classify};
