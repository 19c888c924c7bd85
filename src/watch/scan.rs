//! One walk over a folder, a file at a time, so that hints can be served in between.

use super::disks::Mounts;
use super::names;
use super::pace::Pace;
use crate::store::Stamp;
use crate::store::disks::Disk;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use walkdir::WalkDir;

pub struct Scan {
    /// Where the walk starts: the folder itself, or one inside it that has just appeared.
    pub dir: PathBuf,
    pub is_root: bool,
    /// Events should have told of whatever it finds new.
    pub is_told: bool,
    /// Nobody waits for it.
    pub pace: Option<Pace>,
    pub files: u64,
    pub candidates: u64,
    /// Those that are as they were when they got their verdict.
    pub settled: u64,
    /// Those of which nothing was known, or is not yet.
    pub fresh: u64,
    pub began: Instant,
    /// See [`super::Pulse::waited`], at that time.
    pub waited: Duration,
    /// See [`super::readings::Readings::of_new`], at that time.
    pub read: Duration,
    /// Folders below that could not be read.
    pub barred: Vec<(PathBuf, io::Error)>,
    /// Disks that are mounted inside.
    pub disks: Vec<Disk>,
    mounts: Mounts,
    walk: walkdir::IntoIter,
}

/// What a walk comes to.
pub enum Found {
    /// A regular file, and by how many names it is known.
    File(PathBuf, Stamp, u64),
    /// A disk that is mounted inside the folder.
    Disk(Disk),
}

impl Scan {
    /// Of a whole watched folder.
    pub fn of_root(dir: PathBuf, is_told: bool) -> Self {
        // With the slash, a folder that is a symbolic link is entered.
        let walk = WalkDir::new(dir.join(""));
        Self { is_told, ..Self::new(dir, true, walk) }
    }

    /// Of a folder inside a watched one.
    pub fn of_inside(dir: PathBuf) -> Self {
        let walk = WalkDir::new(&dir);
        Self::new(dir, false, walk)
    }

    fn new(dir: PathBuf, is_root: bool, walk: WalkDir) -> Self {
        let (began, walk) = (Instant::now(), walk.into_iter());
        Self {
            dir,
            is_root,
            is_told: false,
            pace: None,
            files: 0,
            candidates: 0,
            settled: 0,
            fresh: 0,
            began,
            waited: Duration::ZERO,
            read: Duration::ZERO,
            barred: Vec::new(),
            disks: Vec::new(),
            mounts: Mounts::default(),
            walk,
        }
    }

    /// The next file, also if it is only a link or a pipe, which get their verdict as well, or the next disk. An error is that
    /// of the watched folder; what cannot be read deeper down is noted and passed over.
    pub fn next(&mut self) -> Option<io::Result<Found>> {
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
                if let Some(disk) = self.enter(entry.path(), 0) {
                    return Some(Ok(Found::Disk(disk)));
                }
                continue;
            }
            if entry.file_type().is_dir() {
                if names::ignored_folder(name) {
                    self.walk.skip_current_dir();
                } else if let Some(disk) = self.enter(entry.path(), entry.depth()) {
                    return Some(Ok(Found::Disk(disk)));
                }
                continue;
            }
            if names::ignored(Path::new(name)).is_some() {
                continue;
            }
            match entry.metadata() {
                Ok(metadata) => {
                    self.files += 1;
                    return Some(Ok(Found::File(entry.into_path(), Stamp::of(&metadata), metadata.nlink())));
                }
                // Its folder can be listed, but not entered.
                Err(error) => {
                    let folder = entry.path().parent().unwrap_or(&self.dir).to_path_buf();
                    self.note(folder, io_error(error));
                }
            }
        }
    }

    /// Somebody waits for it from now on.
    pub fn hurry(&mut self) {
        self.pace.iter_mut().for_each(Pace::hurry);
    }

    /// Comes to a folder; the disk that is mounted there, if one is. That of the watched folder itself is not inside.
    fn enter(&mut self, dir: &Path, depth: usize) -> Option<Disk> {
        let identity = self.mounts.enter(dir, depth).filter(|_| depth > 0 || !self.is_root)?;
        let disk = Disk { path: dir.to_path_buf(), identity };
        self.disks.push(disk.clone());
        Some(disk)
    }

    /// What has gone meanwhile bars nobody.
    fn note(&mut self, folder: PathBuf, error: io::Error) {
        let is_noted = self.barred.last().is_some_and(|(last, _)| *last == folder);
        if error.kind() != io::ErrorKind::NotFound && !is_noted {
            self.barred.push((folder, error));
        }
    }
}

fn io_error(error: walkdir::Error) -> io::Error {
    error.into_io_error().unwrap_or_else(|| io::ErrorKind::Other.into())
}
