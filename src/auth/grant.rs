//! What an OAuth login brought, kept in a file that only its owner can read.

use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// More than any grant.
const LONGEST_FILE: u64 = 64 << 10;

/// Tokens and what was said about them. Not `Debug`, so that nothing prints it by accident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    pub(super) access_token: String,
    pub(super) refresh_token: Option<String>,
    /// When the access token ends, by this machine's clock; unknown if the provider did not say.
    pub expires: Option<Timestamp>,
    /// When it is to be replaced.
    pub renew: Option<Timestamp>,
    pub scope: String,
    /// When a person logged in.
    pub since: Timestamp,
    /// The provider's endpoints, so that whoever uses this need not ask for them.
    pub token_url: String,
    pub revoke_url: Option<String>,
}

impl Grant {
    pub fn access_token(&self) -> SecretString {
        SecretString::from(self.access_token.as_str())
    }

    /// `None` if nobody has logged in.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut text = String::new();
        match File::open(path) {
            Ok(file) => file.take(LONGEST_FILE).read_to_string(&mut text)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        serde_json::from_str(&text).map(Some).map_err(|error| {
            // The parser's message could quote a token.
            let place = format!("line {}, column {}", error.line(), error.column());
            io::Error::new(ErrorKind::InvalidData, format!("{} is damaged at {place}", path.display()))
        })
    }

    /// Replaces what was there in one step: a crash leaves the old grant or the new one.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let draft = path.with_extension(format!("draft-{}", std::process::id()));
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        file.write_all(&serde_json::to_vec(self)?)?;
        file.sync_all()?;
        std::fs::rename(&draft, path)?;
        path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all())
    }

    /// False if there was none.
    pub fn remove(path: &Path) -> io::Result<bool> {
        match std::fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
