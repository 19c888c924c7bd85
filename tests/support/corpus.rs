//! The shared corpus of real files, where it lies beside the project. Without it its tests have nothing to say.

use std::path::{Path, PathBuf};

/// The folder of one format, or `None` on a machine without the corpus.
pub fn folder(format: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus").join(format);
    if folder.is_dir() {
        return Some(folder);
    }
    eprintln!("no corpus beside the project: nothing checked against real {format} files");
    None
}

/// The files of one format, in order.
pub fn files(format: &str) -> Vec<PathBuf> {
    let Some(folder) = folder(format) else { return Vec::new() };
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}
