//! One walk over a folder, a file at a time, so that hints can be served in between.

use super::names;
use crate::store::Stamp;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;
use walkdir::WalkDir;

pub struct Scan {
    pub folder: usize,
    /// Where the walk starts: the folder itself, or one inside it that has just appeared.
    pub dir: PathBuf,
    pub files: u64,
    pub candidates: u64,
    pub began: Instant,
    walk: walkdir::IntoIter,
}

impl Scan {
    pub fn new(folder: usize, dir: PathBuf) -> Self {
        let walk = WalkDir::new(&dir).into_iter();
        Self { folder, dir, files: 0, candidates: 0, began: Instant::now(), walk }
    }

    /// The next regular file and its stamp. An error is that of the starting point; what is unreadable deeper down is
    /// passed over, and found by a later scan.
    pub fn next(&mut self) -> Option<io::Result<(PathBuf, Stamp)>> {
        loop {
            let entry = match self.walk.next()? {
                Ok(entry) => entry,
                Err(error) if error.depth() == 0 => {
                    return Some(Err(error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into())));
                }
                Err(_) => continue,
            };
            let name = entry.file_name();
            if entry.depth() == 0 {
                if !entry.file_type().is_dir() {
                    return Some(Err(io::ErrorKind::NotADirectory.into()));
                }
                continue;
            }
            if entry.file_type().is_dir() {
                if names::ignored_folder(name) {
                    self.walk.skip_current_dir();
                }
                continue;
            }
            if !entry.file_type().is_file() || names::ignored(Path::new(name)).is_some() {
                continue;
            }
            let Ok(metadata) = entry.metadata() else { continue };
            self.files += 1;
            return Some(Ok((entry.into_path(), Stamp::of(&metadata))));
        }
    }
}
