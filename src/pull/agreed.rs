//! What the source and the embedded server agreed on when a pull last saw them both: by that it is told later which of the
//! two has changed. A line that says whose it is, then 32 bytes for each session.

use super::bookmark::Deal;
use super::listed::{DIGEST, Digest};
use super::{Error, durable};
use std::collections::HashMap;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

pub struct Agreed {
    path: PathBuf,
    /// Of other sources and accounts nothing is known.
    heading: String,
    contents: HashMap<Digest, Digest>,
    is_new: bool,
}

impl Agreed {
    /// What the last pull left. One of another source, or that cannot be read, is as good as none.
    pub fn find(path: PathBuf, deal: &Deal) -> Self {
        let heading = format!("fitferry pull 1 {} {}\n", deal.account, deal.source);
        let found = std::fs::read(&path).unwrap_or_default();
        let pairs = found.strip_prefix(heading.as_bytes()).unwrap_or_default().as_chunks::<{ 2 * DIGEST }>().0;
        let contents = pairs.iter().map(|pair| {
            let (key, content) = pair.split_at(DIGEST);
            (Digest::read(key), Digest::read(content))
        });
        Self { path, heading, contents: contents.collect(), is_new: false }
    }

    pub fn content(&self, key: Digest) -> Option<Digest> {
        self.contents.get(&key).copied()
    }

    /// Both have this now.
    pub fn set(&mut self, key: Digest, content: Digest) {
        self.is_new |= self.contents.insert(key, content) != Some(content);
    }

    /// Writes it down, in one step.
    pub fn save(&mut self) -> Result<(), Error> {
        if std::mem::take(&mut self.is_new) {
            let failed = Error::io(&self.path);
            let mut draft = BufWriter::new(durable::begin(&self.path).map_err(&failed)?);
            draft.write_all(self.heading.as_bytes()).map_err(&failed)?;
            for (key, content) in &self.contents {
                draft.write_all(&[key.bytes(), content.bytes()].concat()).map_err(&failed)?;
            }
            let draft = draft.into_inner().map_err(|error| failed(error.into_error()))?;
            durable::settle(&draft, &self.path).map_err(&failed)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::listed::Listed;
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn what_was_saved_is_found_again_by_the_same_pull_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agreed");
        let deal = |source: &str| Deal {
            source: source.to_owned(),
            account: "me".to_owned(),
            from: Timestamp::UNIX_EPOCH,
            to: None,
        };
        let [one, other] = ["a", "b"].map(|id| Listed::new(&format!(r#"{{"id":"{id}"}}"#)));
        let mut agreed = Agreed::find(path.clone(), &deal("here"));
        agreed.set(one.key, one.content());
        agreed.set(other.key, one.content());
        agreed.set(other.key, other.content());
        agreed.save().unwrap();
        let found = Agreed::find(path.clone(), &deal("here"));
        assert_eq!((found.content(one.key), found.content(other.key)), (Some(one.content()), Some(other.content())));
        assert_eq!(Agreed::find(path.clone(), &deal("there")).content(one.key), None);
        // What is torn off is not made up.
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
        assert_eq!(Agreed::find(path, &deal("here")).contents.len(), 1);
    }
}
