//! The files that a person names on the command line, folders opened up.

use crate::watch::names;
use std::path::{Path, PathBuf};
use walkdir::{DirEntry, WalkDir};

/// Every file named, and every file below every folder named, in order; litter in folders is passed over.
/// A path that does not exist is kept, so that its failure is reported where it is read.
pub fn expand(paths: &[PathBuf]) -> impl Iterator<Item = PathBuf> + '_ {
    paths.iter().flat_map(|path| {
        let walk = if path.is_dir() { Some(below(path)) } else { None };
        let itself = walk.is_none().then(|| path.clone());
        walk.into_iter().flatten().chain(itself)
    })
}

fn below(folder: &Path) -> impl Iterator<Item = PathBuf> + '_ {
    let enters = |entry: &DirEntry| {
        entry.depth() == 0 || !entry.file_type().is_dir() || !names::ignored_folder(entry.file_name())
    };
    WalkDir::new(folder)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(enters)
        .filter_map(Result::ok)
        .filter(|entry| entry.file_type().is_file() && names::ignored(Path::new(entry.file_name())).is_none())
        .map(DirEntry::into_path)
}
