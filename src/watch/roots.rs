//! The watched folders themselves: whether each is there, and whether it is still the one that is listened to.

use super::Folder;
use super::events::{Deaf, Hints};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Tells a folder from another that has taken its name: device and inode.
pub type Identity = (u64, u64);

pub struct Root {
    pub folder: Folder,
    /// It could not be read when it was last tried.
    pub away: bool,
    listened: Option<Identity>,
    /// How listening went, until it is told.
    news: Option<Result<(), Deaf>>,
}

impl Root {
    pub fn new(folder: Folder) -> Self {
        Self { folder, away: false, listened: None, news: None }
    }

    pub fn path(&self) -> &Path {
        &self.folder.path
    }

    /// Whether the folder that is listened to has gone, or another one has its name.
    pub fn has_changed(&self) -> bool {
        identity(self.path()) != self.listened
    }

    /// Listens to the folder that is there, unless that is so already.
    pub fn listen(&mut self, hints: &mut Hints) {
        // Before listening: should it be replaced in between, this is noticed.
        let found = identity(self.path());
        if found != self.listened {
            self.listened = found;
            self.news = found.map(|_| hints.listen(self.path()));
        }
    }

    /// How listening went, once. Nobody wants to know of a folder that is away.
    pub fn news(&mut self) -> Option<Result<(), Deaf>> {
        if self.away { None } else { self.news.take() }
    }

    /// The next time, listens anew whatever is there.
    pub fn distrust(&mut self) {
        self.listened = None;
    }
}

/// Of the folder that is there now.
pub fn identity(path: &Path) -> Option<Identity> {
    let metadata = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_dir)?;
    Some((metadata.dev(), metadata.ino()))
}
