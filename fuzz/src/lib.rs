//! The readers and what they know, without database and network, which take far longer to build; and their judge.

// So that the judge, which is also that of the tests, finds them where they find them.
extern crate self as fitferry;

mod checks;

#[path = "../../src"]
mod parts {
    pub mod formats;
    pub mod merge;
    pub mod rules;
    pub mod session;
    pub mod workout;
}

pub use checks::{archive, reader, sniffer};
pub use parts::{formats, merge, rules, session, workout};
pub use workout::Format;
