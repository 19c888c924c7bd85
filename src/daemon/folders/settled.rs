//! The files of a folder that were settled when a scan of all of it began: asking the store for each of them by itself takes three
//! times as long as looking at it.

use crate::formats::READER_VERSION;
use crate::store::{Account, Stamp, files};
use rusqlite::Connection;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Instant;

/// Of each file there is only a hash, by a key of this one alone: that a new file has the hash of another by chance is one in
/// 10^14 among 100,000 files, and it does not have it again at the next scan.
pub struct Settled {
    /// When the scan began that it is for.
    pub scan: Instant,
    key: RandomState,
    files: HashSet<u64>,
}

impl Settled {
    pub fn none(scan: Instant) -> Self {
        Self { scan, key: RandomState::new(), files: HashSet::new() }
    }

    /// What the store knows now of the files that are where they were: of one that was away, it has to be asked.
    pub fn load(connection: &Connection, account: Account, folder: &Path, scan: Instant) -> rusqlite::Result<Self> {
        let mut settled = Self::none(scan);
        files::settled_below(connection, account, folder, READER_VERSION, |path, stamp| {
            settled.files.insert(settled.key.hash_one((path, stamp)));
        })?;
        Ok(settled)
    }

    /// Whether a file had a verdict that holds. If not, the store may know of one by now.
    pub fn contains(&self, path: &Path, stamp: Stamp) -> bool {
        self.files.contains(&self.key.hash_one((path.as_os_str().as_bytes(), stamp)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::files::{Judged, Verdict};
    use crate::store::{absent, accounts};
    use jiff::Timestamp;

    /// Whatever the verdict, its reader, and the part of the stamp that has changed since.
    #[test]
    fn it_says_of_every_file_what_the_store_would_say() {
        let dir = tempfile::tempdir().unwrap();
        let connection = crate::store::connect(dir.path()).unwrap();
        let [me, other] = ["me", "other"].map(|name| accounts::ensure(&connection, name, "there").unwrap());
        let folder = Path::new("/data/workouts");
        let noted = Stamp { size: 1, mtime_ns: 2, inode: 3, ctime_ns: 4 };
        let mut paths = Vec::new();
        for (index, verdict) in Verdict::ALL.into_iter().enumerate() {
            for version in [READER_VERSION - 1, READER_VERSION] {
                let path = folder.join(format!("{index}/{version}.fit"));
                let judged = Judged { path: &path, stamp: noted, format: None, verdict, reason: None };
                files::judge(&connection, me, &judged, version, Timestamp::UNIX_EPOCH).unwrap();
                paths.push(path);
            }
        }
        let outside = Path::new("/data/workouts-old/a.fit");
        let judged = Judged { path: outside, stamp: noted, format: None, verdict: Verdict::Known, reason: None };
        files::judge(&connection, me, &judged, READER_VERSION, Timestamp::UNIX_EPOCH).unwrap();
        let now = [
            noted,
            Stamp { size: 0, ..noted },
            Stamp { mtime_ns: 0, ..noted },
            Stamp { inode: 0, ..noted },
            Stamp { ctime_ns: 5, ..noted },
        ];
        let mut known = 0;
        for account in [me, other] {
            let settled = Settled::load(&connection, account, folder, Instant::now()).unwrap();
            for (path, stamp) in paths.iter().flat_map(|path| now.map(|stamp| (path, stamp))) {
                let said = files::settled(&connection, account, path, stamp, READER_VERSION).unwrap();
                assert_eq!(settled.contains(path, stamp), said.is_some(), "{path:?} {stamp:?} {said:?}");
                known += usize::from(said.is_some());
            }
            assert!(!settled.contains(outside, noted));
        }
        assert_eq!(known, 7, "taken by any reader, or left by this one");
    }

    /// A file that was away may have been forgotten meanwhile, and of one whose time of change was not noted in its day only the
    /// store knows what that means.
    #[test]
    fn it_does_not_speak_of_what_the_store_has_to_be_asked_about() {
        let dir = tempfile::tempdir().unwrap();
        let connection = crate::store::connect(dir.path()).unwrap();
        let me = accounts::ensure(&connection, "me", "there").unwrap();
        let judge = |name: &str, ctime_ns| {
            let (path, stamp) = (Path::new("/data").join(name), Stamp { size: 1, mtime_ns: 2, inode: 3, ctime_ns });
            let judged = Judged { path: &path, stamp, format: None, verdict: Verdict::Known, reason: None };
            let row = files::judge(&connection, me, &judged, READER_VERSION, Timestamp::UNIX_EPOCH).unwrap();
            (path, stamp, row)
        };
        let files = [judge("here.fit", 4), judge("old.fit", 0), judge("away.fit", 4)];
        absent::doubt(&connection, &[files[2].2]).unwrap();
        let settled = Settled::load(&connection, me, Path::new("/data"), Instant::now()).unwrap();
        let said = files.map(|(path, stamp, _)| {
            assert!(files::settled(&connection, me, &path, stamp, READER_VERSION).unwrap().is_some());
            settled.contains(&path, stamp)
        });
        assert_eq!(said, [true, false, false]);
    }
}
