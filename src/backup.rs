//! Copies both databases into one archive, beside a running daemon or without one: as they are at one moment, checked,
//! and over nothing.

use crate::directory;
use crate::sqlite::{self, OpenError};
use crate::{server, store};
use rusqlite::{Connection, OpenFlags};
use std::fs::{self, DirBuilder, File, Metadata};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

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
}

/// Writes a backup of a state directory to a new file.
pub fn write(state_dir: &Path, file: &Path) -> Result<Backup, Error> {
    let failed = |source| Error::Io { file: file.to_path_buf(), source };
    // As it is the last step that shows that nothing is replaced, this only spares the others.
    if fs::symlink_metadata(file).is_ok() {
        return Err(Error::Exists { file: file.to_path_buf() });
    }
    let workshop = Workshop::beside(file).map_err(failed)?;
    let mut found = Vec::new();
    for source in &SOURCES {
        if let Some(connection) = (source.open)(state_dir)? {
            copy(&connection, &workshop.0.join("copy.db"), source)?;
            found.push(source);
            let name = workshop.0.join(found.len().to_string());
            fs::rename(workshop.0.join("copy.db"), name).map_err(failed)?;
        }
    }
    if found.is_empty() {
        return Err(Error::Nothing { dir: state_dir.to_path_buf() });
    }
    let draft = workshop.0.join("draft.tar");
    pack(state_dir, &found, &workshop.0, &draft).map_err(failed)?;
    let databases = check(&found, &draft, &workshop.0.join("check.db"), file)?;
    let bytes = fs::metadata(&draft).map_err(failed)?.len();
    match directory::rename_over_nothing(&draft, file) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(Error::Exists { file: file.to_path_buf() }),
        renamed => renamed.and_then(|()| File::open(parent(file))?.sync_all()).map_err(failed),
    }?;
    Ok(Backup { bytes, databases })
}

/// A directory beside the backup, on the same disk, which nobody else may enter; gone when this is dropped.
struct Workshop(PathBuf);

impl Workshop {
    fn beside(file: &Path) -> io::Result<Self> {
        let name = file.file_name().ok_or(io::Error::new(io::ErrorKind::InvalidInput, "it has no name"))?;
        let name = format!(".{}.partial-{}", name.display(), std::process::id());
        let dir = parent(file).join(name);
        DirBuilder::new().mode(0o700).create(&dir)?;
        Ok(Self(dir))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // What cannot be removed can be by hand: its name says what it is.
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn parent(file: &Path) -> &Path {
    file.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// One moment's state, without the room that deleted rows leave. Who writes meanwhile is not held up.
fn copy(connection: &Connection, to: &Path, source: &Source) -> Result<(), Error> {
    let failed = |error| Error::Copy { name: source.name, source: error };
    let to = to.to_str().ok_or(failed(rusqlite::Error::InvalidPath(to.to_path_buf())))?;
    connection.execute("VACUUM INTO ?1", [to]).map(drop).map_err(failed)
}

/// Packs the copies, by their numbers, as whoever owns the databases: unpacked by an administrator they belong to the same.
fn pack(state_dir: &Path, found: &[&Source], copies: &Path, draft: &Path) -> io::Result<()> {
    let file = File::options().write(true).create_new(true).mode(0o600).open(draft)?;
    let mut archive = tar::Builder::new(file);
    for (number, source) in (1..).zip(found) {
        if let Some(dir) = Path::new(source.name).parent().filter(|dir| !dir.as_os_str().is_empty()) {
            let mut header = header(&fs::metadata(state_dir.join(dir))?, tar::EntryType::Directory, 0o700);
            archive.append_data(&mut header, dir, io::empty())?;
        }
        let mut copy = File::open(copies.join(number.to_string()))?;
        let mut header = header(&fs::metadata(state_dir.join(source.name))?, tar::EntryType::Regular, 0o600);
        header.set_size(copy.metadata()?.len());
        archive.append_data(&mut header, source.name, &mut copy)?;
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
fn check(found: &[&Source], draft: &Path, to: &Path, file: &Path) -> Result<Vec<Copied>, Error> {
    let failed = |source| Error::Io { file: file.to_path_buf(), source };
    let mut archive = tar::Archive::new(File::open(draft).map_err(failed)?);
    let mut copied = Vec::new();
    for entry in archive.entries().map_err(failed)? {
        let mut entry = entry.map_err(failed)?;
        if entry.header().entry_type() == tar::EntryType::Directory {
            continue;
        }
        let path = entry.path().map_err(failed)?.into_owned();
        let source = found.iter().find(|source| Path::new(source.name) == path);
        let source = source.ok_or_else(|| failed(io::ErrorKind::InvalidData.into()))?;
        io::copy(&mut entry, &mut File::create(to).map_err(failed)?).map_err(failed)?;
        let name = source.name;
        let sessions = look_through(to, source.sessions).map_err(|what| Error::Bad { name, what })?;
        copied.push(Copied { name, sessions });
    }
    if copied.len() == found.len() { Ok(copied) } else { Err(failed(io::ErrorKind::UnexpectedEof.into())) }
}

/// How many sessions a database holds, if it is sound.
fn look_through(path: &Path, count: &str) -> Result<u64, String> {
    let words = |error: rusqlite::Error| error.to_string();
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(words)?;
    match sqlite::flaw(&connection).map_err(words)? {
        Some(flaw) => Err(flaw),
        None => connection.query_row(count, [], |row| row.get(0)).map_err(words),
    }
}
