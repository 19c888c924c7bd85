//! A file of sessions as the target of a pull: one on each line, as the source gave it.

use super::bookmark::Place;
use super::known::Known;
use super::listed::{Digest, Listed};
use super::{Error, Refused, durable};
use std::collections::HashMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// Bytes of a line: no list that is read is longer.
const LONGEST_LINE: u64 = 32 << 20;

/// The file, locked against other pulls.
pub struct JsonLines {
    path: PathBuf,
    file: File,
    bytes: u64,
    /// Lines that a later one of the same session replaces.
    superseded: u64,
}

impl JsonLines {
    /// Opens the file as it was left at `place`, or as it is; makes it, for its owner alone, if there is none.
    pub fn open(path: &Path, bookmark: &Path, place: Option<Place>) -> Result<Self, Error> {
        let failed = Error::io(path);
        // It need not lie in the state directory, so that it belongs to who asks for it.
        let file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path);
        let file = file.map_err(&failed)?;
        let metadata = file.metadata().map_err(&failed)?;
        if !metadata.is_file() {
            return Err(failed(std::io::Error::other("not a regular file")));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Busy { what: path.display().to_string() }),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut bytes = metadata.len();
        if let Some(good) = place.and_then(|place| place.bytes) {
            if bytes < good {
                return Err(Error::Shorter { path: path.to_path_buf(), bookmark: bookmark.to_path_buf() });
            }
            file.set_len(good).map_err(&failed)?;
            bytes = good;
        }
        durable::sync_dir(path).map_err(&failed)?;
        // A link stays a link.
        let path = path.canonicalize().map_err(&failed)?;
        Ok(Self { path, file, bytes, superseded: 0 })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn known(&mut self) -> Result<Known, Error> {
        let mut known = Known::default();
        let mut superseded = 0;
        self.read(|line, number| {
            let listed = session(line).ok_or_else(|| Error::NotSessions { path: self.path.clone(), line: number })?;
            superseded += u64::from(!known.has(listed.key, listed.content(), None));
            Ok(())
        })?;
        self.superseded = superseded;
        Ok(known)
    }

    /// Appends sessions; durable after [`JsonLines::sync`].
    pub fn take(&mut self, sessions: &[Listed]) -> Result<Vec<Refused>, Error> {
        let (good, bad): (Vec<_>, Vec<_>) = sessions.iter().partition(|session| session.is_session());
        let mut text = String::new();
        for session in good {
            text.push_str(&session.line);
            text.push('\n');
        }
        self.file.write_all(text.as_bytes()).map_err(Error::io(&self.path))?;
        self.bytes += u64::try_from(text.len()).unwrap_or(u64::MAX);
        Ok(bad.into_iter().map(|session| Refused::new(session, "it has neither an id nor a time".to_owned())).collect())
    }

    /// The bytes that are durable now.
    pub fn sync(&self) -> Result<u64, Error> {
        self.file.sync_data().map_err(Error::io(&self.path))?;
        Ok(self.bytes)
    }

    pub fn is_untidy(&self) -> bool {
        self.superseded > 0
    }

    /// Leaves only the last line of each session.
    pub fn tidy(&self) -> Result<(), Error> {
        let failed = Error::io(&self.path);
        let mut last: HashMap<Digest, u64> = HashMap::new();
        self.read(|line, number| {
            last.extend(session(line).map(|session| (session.key, number)));
            Ok(())
        })?;
        let metadata = self.file.metadata().map_err(&failed)?;
        let draft = durable::begin(&self.path).map_err(&failed)?;
        // Whose it was, as far as we may give it.
        let _ = fchown(&draft, Some(metadata.uid()), Some(metadata.gid()));
        let mut draft = BufWriter::new(draft);
        self.read(|line, number| {
            if session(line).is_some_and(|session| last.get(&session.key) == Some(&number)) {
                writeln!(draft, "{line}").map_err(&failed)?;
            }
            Ok(())
        })?;
        let draft = draft.into_inner().map_err(|error| failed(error.into_error()))?;
        draft.set_permissions(metadata.permissions()).map_err(&failed)?;
        durable::settle(&draft, &self.path).map_err(&failed)
    }

    /// Hands out the lines, numbered from 1.
    fn read(&self, mut visit: impl FnMut(&str, u64) -> Result<(), Error>) -> Result<(), Error> {
        let failed = Error::io(&self.path);
        let mut file = &self.file;
        file.rewind().map_err(&failed)?;
        let mut reader = BufReader::with_capacity(64 << 10, file);
        let mut line = Vec::new();
        for number in 1.. {
            line.clear();
            let length = (&mut reader).take(LONGEST_LINE).read_until(b'\n', &mut line).map_err(&failed)?;
            if length == 0 {
                break;
            }
            let no_session = || Error::NotSessions { path: self.path.clone(), line: number };
            let text = line.strip_suffix(b"\n").and_then(|line| std::str::from_utf8(line).ok());
            visit(text.ok_or_else(no_session)?, number)?;
        }
        Ok(())
    }
}

fn session(line: &str) -> Option<Listed> {
    Some(Listed::new(line)).filter(Listed::is_session)
}
