//! How far a pull has come, in a small file beside its target, so that the same command continues there.

use super::{Error, durable};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::PathBuf;

/// More than any bookmark.
const LONGEST_FILE: u64 = 64 << 10;

/// What is pulled: only the same pull is continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deal {
    /// The base URL of the API.
    pub source: String,
    pub account: String,
    pub from: Timestamp,
    /// None for a pull up to the present.
    pub to: Option<Timestamp>,
}

/// How far it has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Place {
    /// Everything that the source lists until then is in the target.
    pub until: Option<Timestamp>,
    /// How many bytes of the output file are durable; what follows them may be torn. None if all of it is good, or if
    /// there is no file.
    pub bytes: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct Content {
    #[serde(flatten)]
    deal: Deal,
    #[serde(flatten)]
    place: Place,
}

/// The file and what it says.
pub struct Bookmark {
    path: PathBuf,
    pub deal: Deal,
    /// As the file says, if there is one.
    pub place: Option<Place>,
}

impl Bookmark {
    /// Finds the place at which a pull was left. Fails if it was another pull, whose remains are in `target`.
    pub fn find(path: PathBuf, deal: Deal, target: &str) -> Result<Self, Error> {
        let mut text = String::new();
        match File::open(&path) {
            Ok(file) => file.take(LONGEST_FILE).read_to_string(&mut text).map_err(Error::io(&path))?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self { path, deal, place: None }),
            Err(error) => return Err(Error::io(&path)(error)),
        };
        let found = serde_json::from_str::<Content>(&text);
        let found = found.map_err(|_| Error::NotABookmark { path: path.clone(), target: target.to_owned() })?;
        if found.deal != deal {
            let (theirs, ours) = (found.deal.to_string(), deal.to_string());
            return Err(Error::OtherDeal { path, theirs, ours, target: target.to_owned() });
        }
        Ok(Self { path, deal, place: Some(found.place) })
    }

    /// Replaces what was there in one step: a crash leaves the old place or the new one.
    pub fn put(&mut self, place: Place) -> Result<(), Error> {
        if self.place != Some(place) {
            let content = Content { deal: self.deal.clone(), place };
            let text = serde_json::to_vec(&content).map_err(|error| Error::io(&self.path)(error.into()))?;
            durable::replace(&self.path, &text).map_err(Error::io(&self.path))?;
            self.place = Some(place);
        }
        Ok(())
    }

    pub fn remove(&self) -> Result<(), Error> {
        durable::remove(&self.path).map(drop).map_err(Error::io(&self.path))
    }
}

impl std::fmt::Display for Deal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "account {} at {} from {}", self.account, self.source, self.from)?;
        self.to.map_or(Ok(()), |to| write!(f, " to {to}"))
    }
}
