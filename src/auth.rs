//! Where an account's bearer token comes from: the settings, a file, a program, or an OAuth login.

mod answer;
pub mod command;
mod grant;
mod http;
pub mod login;
mod provider;
mod tokens;

pub use grant::Grant;
pub use provider::Session;
pub use tokens::Tokens;

use crate::config::{Credentials, Redacted};
use std::path::PathBuf;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The provider cannot be reached or fails; it may work later.
    #[error("{0}")]
    Later(String),
    /// Only a person can help; the text says how.
    #[error("{0}")]
    Person(String),
    /// The provider has ended this login: only another one helps, and asking again with this one would be needless.
    #[error("{0}")]
    Ended(String),
}

/// One account's way to a token.
#[derive(Clone, Debug)]
pub enum Source {
    Token(Redacted),
    File(PathBuf),
    Command(Vec<String>),
    OAuth { session: Box<Session>, grant_file: PathBuf },
}

impl Source {
    /// `account` and `grant_file` are for logins: whose they are and where they are kept.
    pub fn of(credentials: &Credentials, account: &str, grant_file: PathBuf) -> Self {
        match credentials {
            Credentials::Token(token) => Self::Token(token.clone()),
            Credentials::TokenFile(file) => Self::File(file.clone()),
            Credentials::TokenCommand(command) => Self::Command(command.clone()),
            Credentials::OAuth(client) => {
                Self::OAuth { session: Box::new(Session::new((**client).clone(), account)), grant_file }
            }
        }
    }
}
