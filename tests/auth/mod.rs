//! Logging in, and staying so.

mod answers;
mod bench;
mod keeping;
mod oauth;
mod secrets;
mod sources;
