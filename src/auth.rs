//! Where an account's bearer token comes from: the settings, a file, a program, or an OAuth login.

mod grant;
pub mod login;
mod provider;

pub use grant::Grant;
pub use provider::Session;

use crate::config::{Credentials, Redacted};
use crate::token;
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, SystemTime};
use tokio::sync::Mutex;

/// How long a program may take to print a token; it may have to ask a person for a password.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    /// The provider cannot be reached or fails; it may work later.
    #[error("{0}")]
    Later(String),
    /// Only a person can help; the text says how.
    #[error("{0}")]
    Person(String),
}

/// One account's way to a token.
#[derive(Clone, Debug)]
pub enum Source {
    Token(Redacted),
    File(PathBuf),
    Command(Vec<String>),
    OAuth { session: Box<Session>, grant_file: PathBuf },
}

/// The token as it is sent, kept until it ends or is refused. One task at a time looks for another.
pub struct Tokens {
    source: Source,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    header: Option<HeaderValue>,
    /// When it has to be replaced.
    until: Option<Timestamp>,
    /// What the API did not take.
    refused: Option<HeaderValue>,
    /// The file that it came from, as it was then: a new login or token counts at once, and so does a logout.
    stamp: Option<(u64, SystemTime)>,
    /// A grant that could not be written down. What it replaced is worth nothing any more.
    unsaved: Option<Grant>,
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

impl Tokens {
    pub fn new(source: Source) -> Self {
        Self { source, known: Mutex::default() }
    }

    /// The value of the Authorization header.
    pub async fn header(&self) -> Result<HeaderValue, Error> {
        let mut known = self.known.lock().await;
        let now = Timestamp::now();
        if let Some(header) = &known.header
            && known.until.is_none_or(|until| now < until)
            && known.stamp == self.stamp()
        {
            return Ok(header.clone());
        }
        let (token, until) = self.look(&mut known, now).await?;
        let header = bearer(&token)?;
        known.header = Some(header.clone());
        known.until = until;
        known.stamp = self.stamp();
        Ok(header)
    }

    /// Inode and time of the file that holds the token or login.
    fn stamp(&self) -> Option<(u64, SystemTime)> {
        let (Source::File(path) | Source::OAuth { grant_file: path, .. }) = &self.source else { return None };
        let metadata = std::fs::metadata(path).ok()?;
        Some((metadata.ino(), metadata.modified().ok()?))
    }

    /// Notes that the API did not take this header, so that the next one is looked for anew.
    pub async fn refused(&self, header: HeaderValue) {
        let mut known = self.known.lock().await;
        if known.header.as_ref() == Some(&header) {
            known.header = None;
        }
        known.refused = Some(header);
    }

    async fn look(&self, known: &mut Known, now: Timestamp) -> Result<(SecretString, Option<Timestamp>), Error> {
        match &self.source {
            Source::Token(token) => Ok((SecretString::from(token.expose()), None)),
            Source::File(path) => {
                let failed = |error| Error::Person(format!("cannot read the token in {}: {error}", path.display()));
                Ok((token::read(path).map_err(failed)?, None))
            }
            Source::Command(command) => Ok((run(command).await?, None)),
            Source::OAuth { session, grant_file } => {
                let grant = Grant::read(grant_file).map_err(|error| session.needs_login(&error.to_string()))?;
                let stored = grant.ok_or_else(|| session.needs_login("nobody has logged in yet"))?;
                // A login that came after it is worth more.
                let unsaved = known.unsaved.take().filter(|unsaved| unsaved.since == stored.since);
                let mut is_new = unsaved.is_some();
                let mut grant = unsaved.unwrap_or(stored);
                let is_refused = known.refused.is_some() && bearer(&grant.access_token()).ok() == known.refused;
                if is_refused || grant.renew.is_some_and(|renew| renew <= now) {
                    grant = session.refresh(&grant, now).await?;
                    is_new = true;
                }
                if is_new && let Err(error) = grant.write(grant_file) {
                    known.unsaved = Some(grant);
                    let what = format!("cannot keep the login in {}: {error}", grant_file.display());
                    return Err(Error::Later(what));
                }
                Ok((grant.access_token(), grant.renew))
            }
        }
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| Error::Person("the token cannot stand in a header".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Runs a program that prints a token on its first line.
async fn run(command: &[String]) -> Result<SecretString, Error> {
    let [program, arguments @ ..] = command else { return Err(Error::Person("no token_command".to_owned())) };
    let failed = |what: String| Error::Person(format!("destination.token_command `{program}` {what}"));
    let mut child = tokio::process::Command::new(program);
    child.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND_TIMEOUT, child.output())
        .await
        .map_err(|_| failed(format!("took longer than {COMMAND_TIMEOUT:?}")))?
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(failed(format!("failed: {}", output.status)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() => Ok(SecretString::from(token)),
        _ => Err(failed("printed no token".to_owned())),
    }
}
