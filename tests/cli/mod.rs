//! The commands, by what they print and how they end.

mod beside;
mod config;
mod import;
mod normalize;
mod outbox;
mod rules;
mod status;
