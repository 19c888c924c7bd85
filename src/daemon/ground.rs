//! The disks that a folder's files were on: whether a file is missed where the disk is not what it was. Pure.

use crate::store::disks::Disk;
use crate::watch::{Identity, Scanned};
use std::path::Path;

/// What is known of the disks of a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// The folder itself, when the last whole look that found files in it came to its conclusions.
    pub root: Option<Identity>,
    /// Those that were mounted inside then.
    pub disks: Vec<Disk>,
    /// Those that were met since.
    pub met: Vec<Disk>,
}

impl Ground {
    /// As a scan of the whole folder found it. An empty folder may be the place of a disk that is not mounted: it is not taken
    /// for the one that held files, however often we start meanwhile.
    pub fn after(&self, scan: Scanned, disks: Vec<Disk>) -> Self {
        let root = scan.identity.map(|now| if scan.files > 0 { now } else { self.root.unwrap_or(now) });
        Self { root, disks, met: Vec::new() }
    }

    /// Takes in a disk that somebody came to; whether that is news.
    pub fn meet(&mut self, disk: &Disk) -> bool {
        let is_news = !self.disks.contains(disk) && !self.met.contains(disk);
        if is_news {
            self.met.push(disk.clone());
        }
        is_news
    }

    /// Whether the folder itself is not the one that it was, as far as its numbers tell.
    pub fn is_another(&self, now: &Self) -> bool {
        self.root.is_some() && self.root != now.root
    }

    /// Whether a path was on another disk, or may have been, than the one that would be there now.
    pub fn has_moved(&self, path: &Path, now: &Self) -> bool {
        let is_around = |disk: &&Disk| path.starts_with(&disk.path);
        let gone = self.disks.iter().chain(&self.met).filter(is_around).any(|disk| !now.disks.contains(disk));
        gone || now.disks.iter().filter(is_around).any(|disk| !self.disks.contains(disk))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_is_not_the_one_that_held_files() {
        let [one, other] = [(1, 2), (1, 3)];
        let scan = |files, identity| Scanned { is_root: true, files, identity, ..Scanned::default() };
        let after = |root, scan| Ground { root, ..Ground::default() }.after(scan, Vec::new()).root;
        assert_eq!(after(None, scan(0, Some(one))), Some(one));
        assert_eq!(after(Some(one), scan(0, Some(other))), Some(one));
        assert_eq!(after(Some(one), scan(1, Some(other))), Some(other));
        assert_eq!(after(Some(one), scan(0, None)), None);
    }

    #[test]
    fn what_was_on_a_disk_that_comes_or_goes_has_moved() {
        let disk = |path: &str, inode| Disk { path: path.into(), identity: (1, inode) };
        let on = |disks: &[&Disk]| Ground { disks: disks.iter().copied().cloned().collect(), ..Ground::default() };
        let (usb, other, deep) = (disk("/w/usb", 2), disk("/w/usb", 3), disk("/w/usb/deep", 4));
        for (before, now, expected) in [
            (vec![], vec![], false),
            (vec![&usb], vec![&usb], false),
            (vec![&usb], vec![], true),
            (vec![&usb], vec![&other], true),
            (vec![], vec![&usb], true),
            (vec![&usb, &deep], vec![&usb], false),
        ] {
            let (before, now) = (on(&before), on(&now));
            assert_eq!(before.has_moved(Path::new("/w/usb/a.fit"), &now), expected, "{before:?} {now:?}");
            assert!(!before.has_moved(Path::new("/w/usb 2/a.fit"), &now));
        }
        let mut met = on(&[]);
        assert!(met.meet(&usb) && !met.meet(&usb));
        assert!(met.has_moved(Path::new("/w/usb/a.fit"), &on(&[&usb])), "it may cover what was there before");
        assert!(met.has_moved(Path::new("/w/usb/a.fit"), &on(&[])), "what was on it may have been taken");
    }
}
