//! The integration tests, one binary; the modules mirror the source tree.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that cannot go on fails, and says what it could not check"
)]

mod auth;
mod cli;
#[cfg(feature = "crash-points")]
mod crash;
mod daemon;
mod formats;
mod intake;
mod power;
mod project;
mod pull;
mod server;
mod sim;
mod store;
mod support;
mod sync;
