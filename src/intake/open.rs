//! Opens files under names that may be given to anything at any moment: neither a pipe nor a link is a trap.

use crate::store::Stamp;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use std::fs::{self, File, FileType};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// What becomes of symbolic links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// Somebody has named it, and means the file that it leads to.
    Followed,
    /// It was found, and could lead anywhere: what it leads to is read where it lies.
    Refused,
}

/// What has a name.
#[derive(Debug)]
pub enum Opened {
    File(File),
    /// No regular file, and why that is not read.
    Other(Stamp, &'static str),
}

/// Opens a file to be read. Never waits for anybody: [`io::ErrorKind::WouldBlock`] means that a file server has lent the
/// file to somebody who is asked to finish, [`io::ErrorKind::NotFound`] also that something else has just taken its name.
pub fn open(path: &Path, links: Links) -> io::Result<Opened> {
    let metadata = match links {
        Links::Followed => fs::metadata(path),
        Links::Refused => fs::symlink_metadata(path),
    }?;
    // Before it is opened, as opening some devices does something.
    if let Some(why) = unread(metadata.file_type()).or_else(|| ours(path)) {
        return Ok(Opened::Other(Stamp::of(&metadata), why));
    }
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let flags = if links == Links::Refused { flags | OFlags::NOFOLLOW } else { flags };
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        // A link or a socket by now.
        Err(Errno::LOOP | Errno::NXIO) => return Err(io::ErrorKind::NotFound.into()),
        Err(error) => return Err(error.into()),
    };
    if file.metadata()?.is_file() { Ok(Opened::File(file)) } else { Err(io::ErrorKind::NotFound.into()) }
}

/// Closing a database would take away the locks that SQLite has on it in this process, wherever somebody has put it.
fn ours(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?;
    let suffix = ["outbox.db", "sessions.db"].iter().find_map(|ours| name.strip_prefix(ours))?;
    ["", "-wal", "-shm", "-journal"].contains(&suffix).then_some("a database of fitferry itself")
}

/// Why something that is no regular file is not read.
fn unread(kind: FileType) -> Option<&'static str> {
    Some(match kind {
        _ if kind.is_file() => return None,
        _ if kind.is_symlink() => {
            "a symbolic link, which is not followed: what it leads to is read where it lies, if that is watched"
        }
        _ if kind.is_dir() => "not a file but a folder",
        _ if kind.is_fifo() => "not a file but a named pipe",
        _ if kind.is_socket() => "not a file but a socket",
        _ => "not a file but a device",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, mknodat};
    use std::io::Read;
    use std::os::unix::fs::symlink;
    use std::sync::atomic::{AtomicBool, Ordering};

    #[test]
    fn databases_of_ours_are_not_opened() {
        let place = tempfile::tempdir().unwrap();
        for (name, is_ours) in
            [("outbox.db", true), ("sessions.db-wal", true), ("outbox.db-shm", true), ("outbox.db.gpx", false)]
        {
            let path = place.path().join(name);
            fs::write(&path, "content").unwrap();
            assert_eq!(matches!(open(&path, Links::Followed).unwrap(), Opened::Other(..)), is_ours, "{name}");
        }
    }

    #[test]
    fn only_files_are_opened() {
        let place = tempfile::tempdir().unwrap();
        let [file, link, pipe] = ["file", "link", "pipe"].map(|name| place.path().join(name));
        fs::write(&file, "content").unwrap();
        symlink(&file, &link).unwrap();
        mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR, 0).unwrap();
        let why = |path: &Path, links| match open(path, links).unwrap() {
            Opened::File(mut file) => {
                let mut text = String::new();
                file.read_to_string(&mut text).unwrap();
                text
            }
            Opened::Other(_, why) => why.to_owned(),
        };
        assert_eq!(why(&file, Links::Refused), "content");
        assert_eq!(why(&link, Links::Followed), "content");
        assert!(why(&link, Links::Refused).contains("symbolic link"));
        assert!([Links::Refused, Links::Followed].iter().all(|links| why(&pipe, *links).contains("named pipe")));
        assert!(why(place.path(), Links::Refused).contains("folder"));
    }

    /// Pipe, link and file take turns under one name: nobody waits for a writer, and nothing is read through the link.
    #[test]
    fn whatever_takes_the_name_is_no_trap() {
        const TURNS: usize = 2000;
        let place = tempfile::tempdir().unwrap();
        let [name, outside] = ["name", "outside"].map(|name| place.path().join(name));
        fs::write(&outside, "secret").unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let draft = place.path().join("draft");
                for turn in 0..TURNS {
                    match turn % 3 {
                        0 => fs::write(&draft, "content").unwrap(),
                        1 => symlink(&outside, &draft).unwrap(),
                        _ => mknodat(CWD, &draft, FileType::Fifo, Mode::RUSR, 0).unwrap(),
                    }
                    fs::rename(&draft, &name).unwrap();
                }
                is_over.store(true, Ordering::Relaxed);
            });
            while !is_over.load(Ordering::Relaxed) {
                if let Ok(Opened::File(mut file)) = open(&name, Links::Refused) {
                    let mut text = String::new();
                    file.read_to_string(&mut text).unwrap();
                    assert_eq!(text, "content");
                }
            }
        });
    }
}
