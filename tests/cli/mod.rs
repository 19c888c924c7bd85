//! The commands, by what they print and how they end.

mod beside;
mod config;
mod explain;
mod import;
mod looking;
mod manual;
mod normalize;
mod outbox;
mod rules;
mod status;
