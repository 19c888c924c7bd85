//! The commands, by what they print and how they end.

mod config;
mod import;
mod normalize;
mod outbox;
mod rules;
mod status;
