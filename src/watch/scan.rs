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
    pub is_root: bool,
    pub files: u64,
    pub candidates: u64,
    /// Those that are as they were when they got their verdict.
    pub settled: u64,
    pub began: Instant,
    /// Folders below that could not be read.
    pub closed: Vec<(PathBuf, io::Error)>,
    walk: walkdir::IntoIter,
}

impl Scan {
    /// Of a whole watched folder.
    pub fn of_root(folder: usize, dir: PathBuf) -> Self {
        // With the slash, a folder that is a symbolic link is entered.
        let walk = WalkDir::new(dir.join(""));
        Self::new(folder, dir, true, walk)
    }

    /// Of a folder inside a watched one.
    pub fn of_inside(folder: usize, dir: PathBuf) -> Self {
        let walk = WalkDir::new(&dir);
        Self::new(folder, dir, false, walk)
    }

    fn new(folder: usize, dir: PathBuf, is_root: bool, walk: WalkDir) -> Self {
        let (began, walk) = (Instant::now(), walk.into_iter());
        Self { folder, dir, is_root, files: 0, candidates: 0, settled: 0, began, closed: Vec::new(), walk }
    }

    /// The next regular file and its stamp. An error is that of the watched folder; what cannot be read deeper down is
    /// noted and passed over.
    pub fn next(&mut self) -> Option<io::Result<(PathBuf, Stamp)>> {
        loop {
            let entry = match self.walk.next()? {
                Ok(entry) => entry,
                Err(error) if self.is_root && error.depth() == 0 => return Some(Err(io_error(error))),
                Err(error) => {
                    let path = error.path().unwrap_or(&self.dir).to_path_buf();
                    self.note(path, io_error(error));
                    continue;
                }
            };
            let name = entry.file_name();
            if entry.depth() == 0 {
                if !entry.file_type().is_dir() {
                    return self.is_root.then(|| Err(io::ErrorKind::NotADirectory.into()));
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
            match entry.metadata() {
                Ok(metadata) => {
                    self.files += 1;
                    return Some(Ok((entry.into_path(), Stamp::of(&metadata))));
                }
                // Its folder can be listed, but not entered.
                Err(error) => {
                    let folder = entry.path().parent().unwrap_or(&self.dir).to_path_buf();
                    self.note(folder, io_error(error));
                }
            }
        }
    }

    /// What has gone meanwhile is not closed.
    fn note(&mut self, folder: PathBuf, error: io::Error) {
        let is_noted = self.closed.last().is_some_and(|(last, _)| *last == folder);
        if error.kind() != io::ErrorKind::NotFound && !is_noted {
            self.closed.push((folder, error));
        }
    }
}

fn io_error(error: walkdir::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into())
}
