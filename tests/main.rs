//! The integration tests, one binary; the modules mirror the source tree.

mod cli;
mod daemon;
mod formats;
mod project;
mod server;
mod support;
mod sync;
