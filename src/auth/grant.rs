//! What an OAuth login brought, kept in a file that only its owner can read.

use crate::crash;
use crate::owner;
use jiff::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::fs::{File, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another process may hold a grant; a provider may take half a minute to answer it.
const TURN: Duration = Duration::from_secs(45);

/// More than any grant, in bytes.
const LONGEST_FILE: usize = 64 << 10;

/// More than most grants, in bytes.
const GENEROUS: usize = 16 << 10;

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
    /// Why the provider does not renew it any more, once that is so: only another login helps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

/// The right to read a grant, have it replaced, and write it, until dropped.
pub struct Hold(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl Grant {
    /// Waits until no other process holds the grant of this file. Daemon and commands both write it, and a provider may
    /// take a refresh token only once.
    pub async fn hold(path: &Path) -> io::Result<Hold> {
        let lock = path.with_extension("lock");
        let file = owner::open_or_create(&lock).map_err(cannot_keep(&lock))?;
        let until = Instant::now() + TURN;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Hold(file)),
                Err(TryLockError::Error(error)) => return Err(cannot_keep(&lock)(error)),
                Err(TryLockError::WouldBlock) if Instant::now() < until => {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let what = format!("another fitferry does not let go of {}; try again", lock.display());
                    return Err(io::Error::new(ErrorKind::TimedOut, what));
                }
            }
        }
    }

    pub fn access_token(&self) -> SecretString {
        SecretString::from(self.access_token.as_str())
    }

    /// `None` if nobody has logged in. [`ErrorKind::InvalidData`] if the file is damaged.
    pub fn read(path: &Path) -> io::Result<Option<Self>> {
        let cannot_read = |error: io::Error| {
            let hint = owner::secret_hint(&error, path);
            io::Error::new(error.kind(), format!("cannot read {}: {error}{hint}", path.display()))
        };
        let mut text = Vec::new();
        match owner::open(path) {
            Ok(file) => file.take(LONGEST_FILE as u64).read_to_end(&mut text).map_err(cannot_read)?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot_read(error)),
        };
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            // The parser's message could quote a token.
            let place = format!("line {}, column {}", error.line(), error.column());
            io::Error::new(ErrorKind::InvalidData, format!("{} is damaged at {place}", path.display()))
        })
    }

    /// Tries out whether a grant could be kept, with more than most need: a code that was exchanged is spent.
    pub async fn rehearse(path: &Path) -> io::Result<()> {
        let _hold = Self::hold(path).await?;
        let draft = draft_of(path);
        let written = write_draft(&draft, &[b' '; GENEROUS]);
        written.and(remove_file(&draft)).map_err(cannot_keep(path))
    }

    /// Replaces what was there in one step: a crash leaves the old grant or the new one. Only for who holds it.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        if text.len() > LONGEST_FILE {
            let what = "the provider gave more than a login needs, too much to keep; ask whoever runs it";
            return Err(io::Error::new(ErrorKind::FileTooLarge, what));
        }
        let draft = draft_of(path);
        let drafted = write_draft(&draft, &text);
        crash::point("grant.drafted");
        let replaced = drafted.and_then(|()| std::fs::rename(&draft, path));
        crash::point("grant.replaced");
        if replaced.is_err() {
            // What went wrong first says more.
            let _ = remove_file(&draft);
        }
        let synced = || path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all());
        replaced.and_then(|()| synced()).map_err(cannot_keep(path))
    }

    /// Whether there is anything to remove.
    pub fn exists(path: &Path) -> io::Result<bool> {
        Ok(path.try_exists()? || draft_of(path).try_exists()?)
    }

    /// Removes it and what a process that was killed left of another. Only for who holds it.
    pub fn remove(path: &Path) -> io::Result<()> {
        let failed =
            |error: io::Error| io::Error::new(error.kind(), format!("cannot remove {}: {error}", path.display()));
        remove_file(&draft_of(path)).and_then(|()| remove_file(path)).map_err(failed)
    }
}

/// An error that says where, and what to do.
fn cannot_keep(path: &Path) -> impl Fn(io::Error) -> io::Error {
    move |error| {
        let hint = match owner::hint(&error, path) {
            hint if hint.is_empty() => "; see that its folder can be written and its disk has room".to_owned(),
            hint => hint,
        };
        io::Error::new(error.kind(), format!("cannot keep a login in {}: {error}{hint}", path.display()))
    }
}

/// One name for all: only who holds the grant makes it.
fn draft_of(path: &Path) -> PathBuf {
    path.with_extension("draft")
}

fn write_draft(draft: &Path, text: &[u8]) -> io::Result<()> {
    let mut file = owner::create_anew(draft)?;
    file.write_all(text)?;
    file.sync_all()
}

/// If there is one.
fn remove_file(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_kept_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let mut grant: Grant = serde_json::from_str(
            r#"{"access_token":"a","refresh_token":"r","scope":"s","since":"2026-11-22T12:00:00Z","token_url":"t"}"#,
        )
        .unwrap();
        let path = dir.path().join("oauth-me.json");
        std::fs::create_dir(&path).unwrap();
        let error = grant.write(&path).unwrap_err().to_string();
        assert!(error.contains(path.to_str().unwrap()) && error.contains("see that"), "{error}");
        std::fs::remove_dir(&path).unwrap();
        grant.write(&path).unwrap();
        let kept = grant.clone();
        grant.token_url = "x".repeat(LONGEST_FILE);
        assert_eq!(grant.write(&path).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert!(Grant::read(&path).unwrap() == Some(kept));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        Grant::remove(&path).unwrap();
        assert!(!Grant::exists(&path).unwrap());
    }

    /// What root reads would be told to whomever that names.
    #[test]
    fn root_reads_no_grant_by_somebody_elses_link() {
        let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (path, theirs) = (dir.path().join("oauth-me.json"), other.path().join("oauth-me.json"));
        let grant =
            r#"{"access_token":"a","refresh_token":"r","scope":"s","since":"2026-11-22T12:00:00Z","token_url":"t"}"#;
        std::fs::write(&theirs, grant).unwrap();
        std::os::unix::fs::symlink(&theirs, &path).unwrap();
        assert!(Grant::read(&path).unwrap().is_some(), "a link of our own");
        if std::os::unix::fs::chown(dir.path(), Some(65_534), Some(65_534)).is_ok() {
            let error = Grant::read(&path).err().unwrap().to_string();
            assert!(error.contains("is a link"), "{error}");
        }
    }
}
