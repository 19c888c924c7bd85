//! The commands, by what they print and how they end.

mod backup;
mod beside;
mod config;
mod doctor;
mod explain;
mod import;
mod links;
mod looking;
mod manual;
mod normalize;
mod outbox;
mod owner;
mod rules;
mod service;
mod status;
