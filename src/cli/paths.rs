//! The files that a person names on the command line, folders opened up.

use crate::watch::names;
use std::io;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// A file to be read, or a folder that could not be.
pub struct Input {
    pub path: PathBuf,
    pub closed: Option<io::Error>,
}

impl Input {
    fn file(path: PathBuf) -> Self {
        Self { path, closed: None }
    }
}

/// Every file named, and every file below every folder named, in order; litter in folders is passed over.
/// A path that does not exist is kept, so that its failure is reported where it is read.
pub fn expand(paths: &[PathBuf]) -> impl Iterator<Item = Input> + '_ {
    paths.iter().flat_map(|path| {
        let walk = if path.is_dir() { Some(below(path)) } else { None };
        let itself = walk.is_none().then(|| Input::file(path.clone()));
        walk.into_iter().flatten().chain(itself)
    })
}

fn below(folder: &Path) -> impl Iterator<Item = Input> + '_ {
    let enters = |entry: &DirEntry| {
        entry.depth() == 0 || !entry.file_type().is_dir() || !names::ignored_folder(entry.file_name())
    };
    WalkDir::new(folder).sort_by_file_name().into_iter().filter_entry(enters).filter_map(move |entry| match entry {
        Ok(entry) => is_wanted(&entry).then(|| Input::file(entry.into_path())),
        Err(error) => Some(closed(folder, error)),
    })
}

fn is_wanted(entry: &DirEntry) -> bool {
    entry.file_type().is_file() && names::ignored(Path::new(entry.file_name())).is_none()
}

fn closed(folder: &Path, error: walkdir::Error) -> Input {
    let path = error.path().unwrap_or(folder).to_path_buf();
    Input { path, closed: Some(error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into())) }
}
