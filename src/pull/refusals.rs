//! The sessions that our server refused, kept in a file with its words: whatever is wrong with them, nothing is lost.

use super::listed::Listed;
use super::{Error, durable};
use serde::Serialize;
use serde_json::value::RawValue;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

/// One JSON object per line; replaced as a whole by each complete pass.
pub struct Refusals {
    path: PathBuf,
    draft: Option<File>,
}

#[derive(Serialize)]
struct Line<'a> {
    reason: &'a str,
    session: &'a RawValue,
}

impl Refusals {
    pub fn new(path: PathBuf) -> Self {
        Self { path, draft: None }
    }

    /// Forgets what was added since the last time.
    pub fn begin(&mut self) {
        self.draft = None;
    }

    pub fn add(&mut self, session: &Listed, reason: &str) -> Result<(), Error> {
        let failed = Error::io(&self.path);
        let session = serde_json::from_str(&session.line).map_err(|error| failed(error.into()))?;
        let line = serde_json::to_string(&Line { reason, session }).map_err(|error| failed(error.into()))?;
        if self.draft.is_none() {
            self.draft = Some(durable::begin(&self.path).map_err(&failed)?);
        }
        self.draft.as_mut().map_or(Ok(()), |file| writeln!(file, "{line}")).map_err(&failed)
    }

    /// What was added is all there is. Returns the file, if there is one.
    pub fn settle(&mut self) -> Result<Option<&Path>, Error> {
        let failed = Error::io(&self.path);
        match self.draft.take() {
            Some(file) => durable::settle(&file, &self.path).map(|()| Some(self.path.as_path())).map_err(failed),
            None => durable::remove(&self.path).map(|_| None).map_err(failed),
        }
    }
}
