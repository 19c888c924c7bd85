//! Copies both databases into one archive, beside a running daemon or without one: as they are at one moment, checked,
//! and over nothing.

use crate::directory;
use crate::owner::parent;
use crate::sqlite::{self, OpenError};
use crate::{server, store};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, DirBuilder, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// How many of SQLite's steps pass until it is asked again whether to go on: a few milliseconds.
const STEPS: i32 = 10_000;

/// A database, by its place in the state directory and in the archive.
struct Source {
    name: &'static str,
    open: fn(&Path) -> Result<Option<Connection>, OpenError>,
    sessions: &'static str,
}

const SOURCES: [Source; 2] = [
    Source { name: "outbox.db", open: store::open_to_read, sessions: "SELECT count(*) FROM session WHERE wanted" },
    Source {
        name: "server/sessions.db",
        open: server::open_to_read,
        sessions: "SELECT count(*) FROM session WHERE NOT deleted",
    },
];

/// What a backup holds.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Backup {
    pub bytes: u64,
    pub databases: Vec<Copied>,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Copied {
    pub name: &'static str,
    pub sessions: u64,
}

/// Why there is no backup. Nothing is left of one that failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{} holds nothing to back up yet", dir.display())]
    Nothing { dir: PathBuf },
    #[error("{} is there already, and no backup replaces anything: give this one another name", file.display())]
    Exists { file: PathBuf },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(
        "cannot copy {name}: {source}; see what \"fitferry doctor\" says of it, and whether there is room beside the backup"
    )]
    Copy { name: &'static str, source: rusqlite::Error },
    #[error("the copy of {name} is not good: {what}; try again, and see whether the disk is sound")]
    Bad { name: &'static str, what: String },
    #[error("cannot write the backup {}: {source}", file.display())]
    Io { file: PathBuf, source: io::Error },
    #[error("a signal ended it before the backup was complete, and nothing of it is left: start it again")]
    Stopped,
}

/// By which somebody else says that it is to end.
#[derive(Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub fn ask(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_asked(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }

    /// Has a connection give up what it does once it is asked.
    fn watch(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        let stop = self.clone();
        connection.progress_handler(STEPS, Some(move || stop.is_asked()))
    }
}

/// What is read until it is to end.
struct Stoppable<'a, R>(R, &'a Stop);

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.1.is_asked() { Err(io::Error::other("stopped")) } else { self.0.read(buffer) }
    }
}

/// Writes a backup of a state directory to a new file, unless it is to stop before that is complete.
pub fn write(state_dir: &Path, file: &Path, stop: &Stop) -> Result<Backup, Error> {
    // Whatever broke off, that was why.
    make(state_dir, file, stop).map_err(|error| if stop.is_asked() { Error::Stopped } else { error })
}

fn make(state_dir: &Path, file: &Path, stop: &Stop) -> Result<Backup, Error> {
    let failed = |source| Error::Io { file: file.to_path_buf(), source };
    // As it is the last step that shows that nothing is replaced, this only spares the others.
    if fs::symlink_metadata(file).is_ok() {
        return Err(Error::Exists { file: file.to_path_buf() });
    }
    let workshop = Workshop::beside(file).map_err(failed)?;
    let dir = &workshop.dir;
    let mut found = Vec::new();
    for source in &SOURCES {
        if let Some(mut connection) = (source.open)(state_dir)? {
            copy(&mut connection, &dir.join("copy.db"), source, stop)?;
            found.push(source);
            fs::rename(dir.join("copy.db"), dir.join(found.len().to_string())).map_err(failed)?;
        }
    }
    if found.is_empty() {
        return Err(Error::Nothing { dir: state_dir.to_path_buf() });
    }
    let draft = dir.join("draft.tar");
    pack(state_dir, &found, dir, &draft, stop).map_err(failed)?;
    let databases = check(&found, &draft, &dir.join("check.db"), file, stop)?;
    let bytes = fs::metadata(&draft).map_err(failed)?.len();
    if stop.is_asked() {
        return Err(Error::Stopped);
    }
    match directory::rename_over_nothing(&draft, file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists { file: file.to_path_buf() }),
        renamed => renamed.and_then(|()| File::open(parent(file))?.sync_all()).map_err(failed),
    }?;
    Ok(Backup { bytes, databases })
}

/// A directory beside the backup, on the same disk, which nobody else may enter; gone when this is dropped. Whoever works in
/// it holds a lock in it, by which the next one knows what is left of somebody who died.
struct Workshop {
    dir: PathBuf,
    _lock: File,
}

impl Workshop {
    fn beside(file: &Path) -> io::Result<Self> {
        let name = file.file_name().ok_or(io::Error::new(io::ErrorKind::InvalidInput, "it has no name"))?;
        let prefix = format!(".{}.partial-", name.display());
        clear(parent(file), &prefix);
        let dir = parent(file).join(format!("{prefix}{}", std::process::id()));
        DirBuilder::new().mode(0o700).create(&dir)?;
        let locked = File::create_new(dir.join(LOCK)).inspect(|lock| {
            // A disk that knows no locks only leaves more to be removed by hand.
            let _ = lock.try_lock();
        });
        match locked {
            Ok(lock) => Ok(Self { dir, _lock: lock }),
            Err(error) => {
                let _ = fs::remove_dir_all(&dir);
                Err(error)
            }
        }
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed can be by hand: its name says what it is.
        let _ = fs::remove_dir_all(&self.dir);
    }
}

const LOCK: &str = "lock";

/// Removes what is left of backups to the same place that were killed.
fn clear(dir: &Path, prefix: &str) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let number = name.strip_prefix(prefix).unwrap_or_default();
        let is_workshop = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        if is_workshop && entry.file_type().is_ok_and(|kind| kind.is_dir()) && is_left(&entry.path()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Whether nobody works in there any more.
fn is_left(workshop: &Path) -> bool {
    match File::options().write(true).open(workshop.join(LOCK)) {
        Ok(lock) => lock.try_lock().is_ok(),
        // Its lock is made a moment after it.
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

/// One moment's state, without the room that deleted rows leave. Who writes meanwhile is not held up.
fn copy(connection: &mut Connection, to: &Path, source: &Source, stop: &Stop) -> Result<(), Error> {
    let failed = |error| Error::Copy { name: source.name, source: error };
    let to = to.to_str().ok_or(failed(rusqlite::Error::InvalidPath(to.to_path_buf())))?;
    stop.watch(connection).map_err(failed)?;
    connection.execute("VACUUM INTO ?1", [to]).map(drop).map_err(failed)
}

/// Packs the copies, by their numbers, as whoever owns the databases: unpacked by an administrator they belong to the same.
fn pack(state_dir: &Path, found: &[&Source], copies: &Path, draft: &Path, stop: &Stop) -> io::Result<()> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(draft)?;
    let mut archive = tar::Builder::new(file);
    for (number, source) in (1..).zip(found) {
        if let Some(dir) = Path::new(source.name).parent().filter(|dir| !dir.as_os_str().is_empty()) {
            let mut header = header(&fs::metadata(state_dir.join(dir))?, tar::EntryType::Directory, 0o700);
            archive.append_data(&mut header, dir, io::empty())?;
        }
        let copy = File::open(copies.join(number.to_string()))?;
        let mut header = header(&fs::metadata(state_dir.join(source.name))?, tar::EntryType::Regular, 0o600);
        header.set_size(copy.metadata()?.len());
        archive.append_data(&mut header, source.name, Stoppable(copy, stop))?;
    }
    archive.into_inner()?.sync_all()
}

fn header(original: &Metadata, kind: tar::EntryType, mode: u32) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(original.uid().into());
    header.set_gid(original.gid().into());
    header.set_mtime(original.mtime().try_into().unwrap_or(0));
    header.set_size(0);
    header
}

/// Unpacks what was written, and looks through all of it.
fn check(found: &[&Source], draft: &Path, to: &Path, file: &Path, stop: &Stop) -> Result<Vec<Copied>, Error> {
    let failed = |source| Error::Io { file: file.to_path_buf(), source };
    let mut archive = tar::Archive::new(File::open(draft).map_err(failed)?);
    let mut copied = Vec::new();
    for entry in archive.entries().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.header().entry_type() == tar::EntryType::Directory {
            continue;
        }
        let path = entry.path().map_err(failed)?.into_owned();
        let source = found.iter().find(|source| Path::new(source.name) == path);
        let source = source.ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
        io::copy(&mut Stoppable(entry, stop), &mut File::create(to).map_err(failed)?).map_err(failed)?;
        let name = source.name;
        let sessions = look_through(to, source.sessions, stop).map_err(|what| Error::Bad { name, what })?;
        copied.push(Copied { name, sessions });
    }
    if copied.len() == found.len() { Ok(copied) } else { Err(failed(io::ErrorKind::UnexpectedEof.into())) }
}

/// How many sessions a database holds, if it is sound.
fn look_through(path: &Path, count: &str, stop: &Stop) -> Result<u64, String> {
    let words = |error: rusqlite::Error| error.to_string();
    let mut connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(words)?;
    stop.watch(&mut connection).map_err(words)?;
    match sqlite::flaw(&connection).map_err(words)? {
        Some(flaw) => Err(flaw),
        None => connection.query_row(count, [], |row| row.get(0)).map_err(words),
    }
}
