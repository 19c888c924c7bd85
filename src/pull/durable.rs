//! Files that are replaced in one step: a crash leaves the old content or the new one.

use crate::crash;
use crate::owner;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The path with something appended to its name.
pub fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

fn draft(path: &Path) -> PathBuf {
    beside(path, ".draft")
}

/// Begins a new content, which only the owner can read.
pub fn begin(path: &Path) -> io::Result<File> {
    owner::create_anew(&draft(path))
}

/// Puts it into its place.
pub fn settle(file: &File, path: &Path) -> io::Result<()> {
    file.sync_all()?;
    crash::point("pull.drafted");
    std::fs::rename(draft(path), path)?;
    crash::point("pull.replaced");
    sync_dir(path)
}

pub fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = begin(path)?;
    file.write_all(content)?;
    settle(&file, path)
}

/// True if there was one.
pub fn remove(path: &Path) -> io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Makes the name of a new file durable.
pub fn sync_dir(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}
