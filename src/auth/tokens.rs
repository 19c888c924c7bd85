//! The token that requests carry: kept until it ends or is refused, and replaced by one task at a time.

use super::{Error, Grant, Session, Source, command};
use crate::crash;
use crate::descriptors;
use crate::owner;
use crate::token;
use jiff::Timestamp;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::Mutex;

/// One account's token.
pub struct Tokens {
    source: Arc<Source>,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    header: Option<HeaderValue>,
    /// When it has to be replaced.
    until: Option<Timestamp>,
    /// What the API did not take.
    refused: Option<HeaderValue>,
    /// The file that all this came from, as it was then: a new login or token counts at once, and so does a logout.
    stamp: Option<Stamp>,
    /// A grant that could not be written down. What it replaced is worth nothing any more.
    unsaved: Option<Grant>,
    failed: Option<Failed>,
}

/// Inode and time of the last change.
type Stamp = (u64, i64, i64);

struct Failed {
    error: Error,
    at: Instant,
    stamp: Option<Stamp>,
}

impl Tokens {
    pub fn new(source: Source) -> Self {
        Self { source: Arc::new(source), known: Arc::default() }
    }

    /// The value of the Authorization header.
    pub async fn header(&self) -> Result<HeaderValue, Error> {
        let asked = Instant::now();
        let mut known = Arc::clone(&self.known).lock_owned().await;
        let (now, stamp) = (Timestamp::now(), stamp(&self.source));
        if let Some(header) = &known.header
            && known.until.is_none_or(|until| now < until)
            && known.stamp == stamp
        {
            return Ok(header.clone());
        }
        if let Some(failed) = &known.failed
            && failed.stamp == stamp
            && (failed.at >= asked || matches!(failed.error, Error::Ended(_)))
        {
            return Err(failed.error.clone());
        }
        let source = Arc::clone(&self.source);
        // A task of its own: whoever asked may be told to stop, but a refresh token that was replaced has to be kept.
        let look = tokio::spawn(async move { known.look(&source, now).await });
        look.await.unwrap_or_else(|_| Err(Error::Later("fitferry is stopping".to_owned())))
    }

    /// Notes that the API did not take this header, so that the next one is looked for anew.
    pub async fn refused(&self, header: HeaderValue) {
        let mut known = self.known.lock().await;
        if known.header.as_ref() == Some(&header) {
            known.header = None;
        }
        known.refused = Some(header);
    }

    /// Waits for a replacement that is under way.
    pub async fn settle(&self) {
        drop(self.known.lock().await);
    }
}

fn stamp(source: &Source) -> Option<Stamp> {
    let (Source::File(path) | Source::OAuth { grant_file: path, .. }) = source else { return None };
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.ctime(), metadata.ctime_nsec()))
}

impl Known {
    async fn look(&mut self, source: &Source, now: Timestamp) -> Result<HeaderValue, Error> {
        let found = match source {
            Source::Token(token) => Ok((SecretString::from(token.expose()), None)),
            Source::File(path) => {
                let failed = |error: io::Error| {
                    let (words, hint) = (descriptors::words(&error), owner::secret_hint(&error, path));
                    let what = format!("cannot read the token in {}: {words}{hint}", path.display());
                    // That passes, and is about no token.
                    if descriptors::lacking().is_some() { Error::Later(what) } else { Error::Person(what) }
                };
                token::read(path).map(|token| (token, None)).map_err(failed)
            }
            Source::Command(command) => command::run(command).await.map(|token| (token, None)),
            Source::OAuth { session, grant_file } => self.renew(session, grant_file, now).await,
        };
        let stamp = stamp(source);
        match found.and_then(|(token, until)| Ok((bearer(&token)?, until))) {
            Ok((header, until)) => {
                self.header = Some(header.clone());
                (self.until, self.stamp, self.failed) = (until, stamp, None);
                Ok(header)
            }
            Err(error) => {
                self.failed = Some(Failed { error: error.clone(), at: Instant::now(), stamp });
                Err(error)
            }
        }
    }

    /// The token of the login, which is refreshed if its time has come. Holds the login's file all the while: commands
    /// write it too.
    async fn renew(
        &mut self,
        session: &Session,
        file: &Path,
        now: Timestamp,
    ) -> Result<(SecretString, Option<Timestamp>), Error> {
        let cannot_keep = |error: io::Error| Error::Later(error.to_string());
        let _hold = Grant::hold(file).await.map_err(cannot_keep)?;
        let stored = Grant::read(file).map_err(|error| session.needs_login(&error.to_string()))?;
        let stored = stored.ok_or_else(|| session.needs_login("nobody has logged in yet"))?;
        // A login that came after it is worth more.
        let unsaved = self.unsaved.take().filter(|unsaved| unsaved.since == stored.since);
        let mut is_new = unsaved.is_some();
        let mut grant = unsaved.unwrap_or(stored);
        if let Some(why) = grant.ended {
            return Err(Error::Ended(why));
        }
        let is_refused = self.refused.is_some() && bearer(&grant.access_token()).ok() == self.refused;
        if is_refused || grant.renew.is_some_and(|renew| renew <= now) {
            grant = match session.refresh(&grant, now).await {
                Ok(grant) => grant,
                Err(Error::Ended(why)) => {
                    let ended = Grant { ended: Some(why.clone()), ..grant };
                    // If that cannot be written, the provider is asked once more after a restart.
                    let _ = ended.write(file);
                    return Err(Error::Ended(why));
                }
                Err(error) => {
                    // What could not be written down is still the only good one.
                    self.unsaved = is_new.then_some(grant);
                    return Err(error);
                }
            };
            is_new = true;
        }
        crash::point("grant.renewed");
        if is_new && let Err(error) = grant.write(file) {
            self.unsaved = Some(grant);
            return Err(cannot_keep(error));
        }
        Ok((grant.access_token(), grant.renew))
    }
}

fn bearer(token: &SecretString) -> Result<HeaderValue, Error> {
    let mut header = HeaderValue::from_str(&format!("Bearer {}", token.expose_secret()))
        .map_err(|_| Error::Person("the token cannot stand in a header".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}
