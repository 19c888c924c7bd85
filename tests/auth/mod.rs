//! Logging in, and staying so.

mod answers;
mod bench;
mod clients;
mod keeping;
mod oauth;
mod secrets;
mod sources;
