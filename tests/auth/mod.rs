//! Logging in, and staying so.

mod oauth;
mod sources;
