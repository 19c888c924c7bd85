//! fitferry ferries workouts from a folder to a sessions API.
//!
//! A file that appears in a watched folder is recognised by its content and read into [`workout`]s
//! ([`formats`]); records of one workout in several files become one ([`merge`]); what should be on
//! the server is written down beside the fact that the file was seen ([`store`]); each session is
//! put until the server has it ([`sync`], over [`api`]); and windows are read back to notice what
//! went missing. The [`server`] is a sessions API of our own, for homes without a cloud.

pub mod api;
pub mod auth;
pub mod backup;
pub mod cli;
pub mod config;
pub mod control;
pub mod crash;
pub mod daemon;
pub mod descriptors;
pub mod destination;
pub mod directory;
pub mod doctor;
pub mod escape;
pub mod events;
pub mod ferry;
pub mod formats;
pub mod health;
pub mod import;
pub mod intake;
pub mod merge;
pub mod metrics;
pub mod orders;
pub mod owner;
pub mod port;
pub mod pull;
pub mod redact;
pub mod room;
pub mod rules;
pub mod server;
pub mod session;
pub mod shell;
pub mod sqlite;
pub mod store;
pub mod sync;
pub mod telemetry;
pub mod token;
pub mod watch;
pub mod workout;
