//! The files that root and others make in a state directory: given to the directory's owner, and not by way of a link that
//! leads root somewhere else.

use rustix::fs::{AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Uid};
use rustix::fs::{chownat, fstat, openat, statat, unlinkat};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Makes a file that only its owner can read. Only ever a new one, as a name could be a link to somebody else's.
pub fn create(path: &Path) -> io::Result<File> {
    Spot::of(path)?.create()
}

/// The same in place of what a killed process may have left there.
pub fn create_anew(path: &Path) -> io::Result<File> {
    let spot = Spot::of(path)?;
    match unlinkat(&spot.dir, spot.name, AtFlags::empty()) {
        Err(error) if error != Errno::NOENT => Err(error.into()),
        _ => spot.create(),
    }
}

/// For locks: the file as it is, or a new one.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    let spot = Spot::of(path)?;
    match spot.create() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => spot.open(OFlags::RDWR),
        created => created,
    }
}

/// For reading.
pub fn open(path: &Path) -> io::Result<File> {
    Spot::of(path)?.open(OFlags::RDONLY)
}

/// Gives a directory or socket that was just made to whoever owns the directory that it is in.
pub fn give(path: &Path) -> io::Result<()> {
    let spot = Spot::of(path)?;
    let made = openat(&spot.dir, spot.name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    spot.hand_over(made)
}

/// For what others open by its path: an error if what is there would lead root elsewhere, else whether a link that somebody
/// puts there could.
pub fn refuse_link(path: &Path) -> io::Result<bool> {
    if super::us() != 0 {
        return Ok(false);
    }
    let spot = match Spot::of(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        spot => spot?,
    };
    match statat(&spot.dir, spot.name, AtFlags::SYMLINK_NOFOLLOW) {
        Err(Errno::NOENT) => {}
        it => spot.judge(&it?)?,
    }
    Ok(spot.is_foreign())
}

/// A name in a directory that is looked up once, and by links if need be: whoever comes by them wants it so. Another
/// directory that is put in its place meanwhile changes neither where files are made nor whose they are.
struct Spot<'a> {
    path: &'a Path,
    name: &'a OsStr,
    dir: OwnedFd,
    /// Of the directory.
    it: Stat,
}

impl<'a> Spot<'a> {
    fn of(path: &'a Path) -> io::Result<Self> {
        let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(CWD, super::parent(path), flags, Mode::empty())?;
        let it = fstat(&dir)?;
        Ok(Self { path, name, dir, it })
    }

    fn create(&self) -> io::Result<File> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let made = openat(&self.dir, self.name, flags, Mode::RUSR | Mode::WUSR)?;
        self.hand_over(&made)?;
        Ok(made.into())
    }

    fn open(&self, access: OFlags) -> io::Result<File> {
        let mut flags = access | OFlags::CLOEXEC;
        if self.is_foreign() {
            // Nor does a pipe hold root up.
            flags |= OFlags::NOFOLLOW | OFlags::NONBLOCK;
        }
        let file = match openat(&self.dir, self.name, flags, Mode::empty()) {
            Err(Errno::LOOP) if self.is_foreign() => return Err(self.refused("a link")),
            file => file?,
        };
        self.judge(&fstat(&file)?)?;
        Ok(file.into())
    }

    /// Whether others can put here what root does not expect.
    fn is_foreign(&self) -> bool {
        super::us() == 0 && (self.it.st_uid != 0 || self.it.st_mode & 0o022 != 0)
    }

    /// Refuses what leads root elsewhere: a link, or somebody else's file that got a second name here.
    fn judge(&self, it: &Stat) -> io::Result<()> {
        let kind = FileType::from_raw_mode(it.st_mode);
        match kind {
            _ if !self.is_foreign() => Ok(()),
            FileType::Directory => Ok(()),
            FileType::Symlink => Err(self.refused("a link")),
            FileType::RegularFile if it.st_nlink > 1 && it.st_uid != self.it.st_uid => {
                Err(self.refused("another name of somebody else's file"))
            }
            FileType::RegularFile => Ok(()),
            _ => Err(self.refused("no regular file")),
        }
    }

    fn refused(&self, what: &str) -> io::Error {
        let (shown, owner) = (self.path.display(), super::name(self.it.st_uid));
        io::Error::other(format!(
            "{shown} is {what}, and root uses none in a directory of {owner}, to be led nowhere: remove it, or run this as {owner}: sudo -u {owner} fitferry …"
        ))
    }

    /// An administrator does with sudo what a service then has to go on with. Only root has something to give, and nothing
    /// with another name somewhere else, which somebody may have put here meanwhile.
    fn hand_over(&self, made: impl AsFd) -> io::Result<()> {
        let it = fstat(&made)?;
        let is_dir = FileType::from_raw_mode(it.st_mode).is_dir();
        if self.it.st_uid == 0 || it.st_uid != 0 || !is_dir && it.st_nlink != 1 {
            return Ok(());
        }
        let (user, group) = (Some(Uid::from_raw(self.it.st_uid)), Some(Gid::from_raw(self.it.st_gid)));
        match chownat(made, "", user, group, AtFlags::EMPTY_PATH) {
            // The root of a container may have no right to, and then is whom it runs as.
            Err(Errno::PERM | Errno::INVAL) => Ok(()),
            given => Ok(given?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{MetadataExt, chown, symlink};

    /// Where another user may put links, root must not be led anywhere.
    #[test]
    fn links_are_neither_followed_nor_given_away() {
        let dir = tempfile::tempdir().unwrap();
        let (theirs, link, other) = (dir.path().join("theirs"), dir.path().join("link"), dir.path().join("other"));
        fs::write(&theirs, "secret").unwrap();
        symlink(&theirs, &link).unwrap();
        assert_eq!(create(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        create_anew(&link).unwrap();
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "secret");
        fs::hard_link(&theirs, &other).unwrap();
        let before = fs::metadata(&theirs).unwrap().uid();
        let is_root = chown(dir.path(), Some(65_534), Some(65_534)).is_ok();
        give(&other).unwrap();
        assert_eq!(fs::metadata(&theirs).unwrap().uid(), before);
        let made = create(&dir.path().join("made")).unwrap().metadata().unwrap();
        assert_eq!(made.uid(), if is_root { 65_534 } else { super::super::us() });
        assert_eq!(open_or_create(&other).is_err(), is_root);
        assert_eq!(refuse_link(&other).is_err(), is_root);
    }

    /// Where files are made, and whose they are, is told by the same directory, whatever takes its name meanwhile.
    #[test]
    fn a_directory_is_looked_up_once() {
        let root = tempfile::tempdir().unwrap();
        let (dir, other) = (root.path().join("dir"), root.path().join("other"));
        fs::create_dir(&dir).unwrap();
        fs::create_dir(&other).unwrap();
        let is_root = chown(&other, Some(65_534), Some(65_534)).is_ok();
        let path = dir.join("file");
        let spot = Spot::of(&path).unwrap();
        fs::rename(&dir, root.path().join("gone")).unwrap();
        fs::rename(&other, &dir).unwrap();
        let made = spot.create().unwrap().metadata().unwrap();
        assert_eq!(made.uid(), super::super::us());
        assert!(root.path().join("gone/file").exists() && !path.exists());
        assert_eq!(create(&path).unwrap().metadata().unwrap().uid(), if is_root { 65_534 } else { super::super::us() });
    }
}
