//! One file to a free name in another folder of the same disk; nothing is ever replaced.

use crate::directory::rename_over_nothing;
use crate::store::Stamp;
use crate::store::moves::Ready;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Names tried for a file before it stays where it is.
const MOST_NAMES: u32 = 1000;

/// Moves a file to a free name in a folder, unless it has changed. Returns its path and what it is now, also if it was moved before
/// and nobody wrote that down.
pub fn move_one(
    ready: &Ready,
    place: &Path,
    folder: &Path,
    is_free: &mut dyn FnMut(&Path) -> rusqlite::Result<bool>,
) -> rusqlite::Result<io::Result<Option<(PathBuf, Stamp)>>> {
    let is_gone = match stamp(&ready.path) {
        Ok(Some(now)) if !ready.stamp.has_changed(now) => false,
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        // The watcher finds out what is the matter with it.
        Ok(_) | Err(_) => return Ok(Ok(None)),
    };
    if !is_gone && let Err(error) = make(place).and_then(|()| make(folder)) {
        return Ok(Err(error));
    }
    for to in names(folder, &ready.path) {
        if is_gone {
            match stamp(&to) {
                Ok(Some(now)) if Stamp { ctime_ns: ready.stamp.ctime_ns, ..now } == ready.stamp && is_free(&to)? => {
                    return Ok(Ok(Some((to, now))));
                }
                Ok(_) => continue,
                Err(_) => return Ok(Ok(None)),
            }
        }
        if !is_free(&to)? {
            continue;
        }
        match rename_over_nothing(&ready.path, &to) {
            Ok(()) => {
                let now = stamp(&to).ok().flatten();
                // Should somebody just have changed it, it is read again.
                let Stamp { inode, ctime_ns, .. } = ready.stamp;
                let same = now.filter(|now| Stamp { inode, ctime_ns, ..*now } == ready.stamp);
                return Ok(Ok(Some((to, same.unwrap_or(ready.stamp)))));
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Ok(None)),
            Err(error) => return Ok(Err(error)),
        }
    }
    Ok(if is_gone { Ok(None) } else { Err(io::Error::other("there are too many files of this name")) })
}

/// Of a file; nothing for whatever else has that name.
pub fn stamp(path: &Path) -> io::Result<Option<Stamp>> {
    fs::symlink_metadata(path).map(|metadata| metadata.is_file().then(|| Stamp::of(&metadata)))
}

/// Makes a folder as open as the one that it is in, if there is none. A link could lead anywhere, and back.
fn make(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Ok(()) => {
            // Whoever may see the files should go on seeing them; some file systems have one answer for all.
            let wanted = folder.parent().map(fs::metadata).transpose()?.map(|around| around.permissions());
            if let Some(wanted) =
                wanted.filter(|wanted| fs::metadata(folder).is_ok_and(|made| made.permissions() != *wanted))
            {
                let _ = fs::set_permissions(folder, wanted);
            }
            Ok(())
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::symlink_metadata(folder)?.is_dir() {
                return Ok(());
            }
            let what = format!("{} is no folder", folder.display());
            Err(io::Error::new(io::ErrorKind::NotADirectory, what))
        }
        Err(error) => Err(error),
    }
}

/// Bytes of the longest name that file systems take.
const LONGEST_NAME: usize = 255;

/// What a file may be called in a folder: as it is, or with a number before its ending, for which a long name is cut.
fn names(folder: &Path, path: &Path) -> impl Iterator<Item = PathBuf> {
    let [name, stem, ending] = [path.file_name(), path.file_stem(), path.extension()].map(Option::unwrap_or_default);
    let numbered = move |number: u32| {
        let mut tail = OsString::from(format!(" ({number})"));
        if !ending.is_empty() {
            tail.push(".");
            tail.push(ending);
        }
        let room = LONGEST_NAME.saturating_sub(tail.len()).min(stem.len());
        // Not inside a character, if it is text.
        let room = stem.to_str().map_or(room, |stem| stem.floor_char_boundary(room));
        let mut name = OsStr::from_bytes(&stem.as_bytes()[..room]).to_owned();
        name.push(tail);
        folder.join(name)
    };
    std::iter::once(folder.join(name)).chain((2..=MOST_NAMES).map(numbered))
}

/// What helps against a failure.
pub fn hint_for(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
            "let the user that fitferry runs as write to the folder; of a service, with ReadWritePaths="
        }
        io::ErrorKind::CrossesDevices => {
            "files are moved within one disk only; those of another one stay where they are"
        }
        io::ErrorKind::NotADirectory => "give it another name",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk of the folder",
        _ => "see that a file can be renamed there by hand",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_needs_room() {
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
            assert!(hint_for(&kind.into()).contains("make room"), "{kind}");
        }
    }

    #[test]
    fn numbers_go_before_the_ending() {
        for (path, second) in [
            ("/w/a/run.fit", "/d/run (2).fit"),
            ("/w/run", "/d/run (2)"),
            ("/w/.run", "/d/.run (2)"),
            ("/w/run (2).fit", "/d/run (2) (2).fit"),
            ("/w/run.fit.gz", "/d/run.fit (2).gz"),
        ] {
            let mut names = names(Path::new("/d"), Path::new(path));
            assert_eq!(names.next().unwrap().file_name(), Path::new(path).file_name());
            assert_eq!(names.next().unwrap(), Path::new(second));
        }
        assert_eq!(names(Path::new("/d"), Path::new("/w/a")).count(), 1000);
        for long in [format!("/w/{}.fit", "x".repeat(251)), format!("/w/{}.fit", "ü".repeat(125))] {
            let second = names(Path::new("/d"), Path::new(&long)).nth(1).unwrap();
            let name = second.file_name().unwrap().to_str().unwrap();
            assert!(name.ends_with(" (2).fit") && (254..=255).contains(&name.len()), "{name}");
        }
    }

    #[test]
    fn a_rename_replaces_nothing() {
        let place = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| place.path().join(name));
        fs::write(&from, "new").unwrap();
        fs::write(&to, "old").unwrap();
        assert_eq!(rename_over_nothing(&from, &to).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!((fs::read(&from).unwrap(), fs::read(&to).unwrap()), (b"new".to_vec(), b"old".to_vec()));
        fs::remove_file(&to).unwrap();
        rename_over_nothing(&from, &to).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"new");
    }
}
