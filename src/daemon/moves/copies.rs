//! Files that somebody copies again once they are gone from where they were: they stay, as they are in place already. A
//! program that copies one way, and found an empty folder each time, would otherwise pile them up.

use super::rename;
use crate::intake::{Links, Opened, open};
use crate::store::Stamp;
use crate::store::moves::Ready;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Bytes that are compared at once.
const PIECE: usize = 64 << 10;

/// What was found out, so that no file is read again as long as neither of the two changes.
#[derive(Default)]
pub struct Copies {
    known: HashMap<i64, Twin>,
    /// Of the round before.
    before: HashMap<i64, Twin>,
}

struct Twin {
    stamp: Stamp,
    of: PathBuf,
    of_stamp: Stamp,
}

impl Copies {
    /// Another round through all files begins.
    pub fn begin(&mut self) {
        self.before = std::mem::take(&mut self.known);
    }

    /// Whether a file is a copy of one in a place, and which one if that is news.
    pub fn look(&mut self, ready: &Ready, place: &Path) -> Option<Option<PathBuf>> {
        let is_valid = |twin: &Twin| twin.stamp == ready.stamp && stamp(&twin.of) == Some(twin.of_stamp);
        if let Some(twin) = self.before.remove(&ready.file).filter(is_valid) {
            self.known.insert(ready.file, twin);
            return Some(None);
        }
        let of = find(&ready.path, place)?;
        let twin = Twin { stamp: ready.stamp, of_stamp: stamp(&of)?, of: of.clone() };
        self.known.insert(ready.file, twin);
        Some(Some(of))
    }
}

/// The file of the same name and bytes in one of the folders of a place.
pub fn find(path: &Path, place: &Path) -> Option<PathBuf> {
    let (name, size) = (path.file_name()?, stamp(path)?.size);
    let mut months: Vec<PathBuf> = fs::read_dir(place).ok()?.map_while(Result::ok).map(|month| month.path()).collect();
    months.sort();
    let candidates = months.iter().rev().map(|month| month.join(name));
    let mut candidates = candidates.filter(|candidate| stamp(candidate).is_some_and(|stamp| stamp.size == size));
    // What cannot be read now is no reason not to move.
    candidates.find(|candidate| is_same(path, candidate).unwrap_or(false))
}

/// What cannot be seen is as good as not there.
fn stamp(path: &Path) -> Option<Stamp> {
    rename::stamp(path).ok().flatten()
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (Some(mut one), Some(mut other)) = (reader(one)?, reader(other)?) else { return Ok(false) };
    loop {
        let (ours, theirs) = (one.fill_buf()?, other.fill_buf()?);
        let length = ours.len().min(theirs.len());
        if ours[..length] != theirs[..length] {
            return Ok(false);
        }
        if length == 0 {
            return Ok(ours.is_empty() && theirs.is_empty());
        }
        one.consume(length);
        other.consume(length);
    }
}

fn reader(path: &Path) -> io::Result<Option<BufReader<File>>> {
    Ok(match open(path, Links::Refused)? {
        Opened::File(file) => Some(BufReader::with_capacity(PIECE, file)),
        Opened::Other(..) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_bytes_under_the_same_name_are_a_copy() {
        let dir = tempfile::tempdir().unwrap();
        let place = dir.path().join("done");
        for month in ["2025-12", "2026-01"] {
            fs::create_dir_all(place.join(month)).unwrap();
        }
        let bytes = vec![7; 3 * PIECE + 1];
        let path = dir.path().join("a.fit");
        fs::write(&path, &bytes).unwrap();
        assert_eq!(find(&path, &place), None);
        fs::write(place.join("2026-01/b.fit"), &bytes).unwrap();
        let mut last = bytes.clone();
        *last.last_mut().unwrap() = 8;
        fs::write(place.join("2026-01/a.fit"), &last).unwrap();
        assert_eq!(find(&path, &place), None);
        let old = place.join("2025-12/a.fit");
        std::os::unix::fs::symlink(place.join("2026-01/b.fit"), &old).unwrap();
        assert_eq!(find(&path, &place), None);
        fs::remove_file(&old).unwrap();
        fs::write(&old, &bytes).unwrap();
        assert_eq!(find(&path, &place), Some(old));
    }
}
