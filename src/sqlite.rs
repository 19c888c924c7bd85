//! SQLite as both of our databases use it: durable, versioned, and written by one thread that groups commits.

mod damage;
mod health;
mod look;
mod writer;

pub use damage::{flaw, set_aside};
pub use health::{Health, Log};
pub use look::{open_to_read, open_untouched};
pub use writer::{Error, Writer};

use crate::crash;
use crate::descriptors;
use crate::owner;
use damage::Left;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long to wait for another process that holds the database; only our own read-only commands do, and briefly.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a database is and how it came to its shape.
pub struct Schema {
    /// Told apart from other people's SQLite files by this number in the header.
    pub application_id: i32,
    /// One script per version, only ever appended to; `user_version` counts those applied.
    pub migrations: &'static [&'static str],
    /// What becomes of a damaged one.
    pub remedy: &'static str,
    /// What to do about a file of its name that is something else.
    pub stray: &'static str,
}

impl Schema {
    fn damaged(&self, path: &Path, what: impl Into<String>) -> OpenError {
        OpenError::Damaged { path: path.to_path_buf(), what: what.into(), remedy: self.remedy }
    }

    fn failure(&self, path: &Path, source: rusqlite::Error) -> OpenError {
        match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt) => self.damaged(path, source.to_string()),
            Some(ErrorCode::NotADatabase) => OpenError::NoDatabase { path: path.to_path_buf(), stray: self.stray },
            Some(ErrorCode::CannotOpen) if let Some(why) = descriptors::lacking() => {
                OpenError::NoFiles { path: path.to_path_buf(), why }
            }
            _ => OpenError::Sqlite { path: path.to_path_buf(), source },
        }
    }
}

/// Why a database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("{} is a database of another program; {stray}", path.display())]
    NotOurs { path: PathBuf, stray: &'static str },
    #[error("{} is not a database, or its beginning is damaged; {stray}", path.display())]
    NoDatabase { path: PathBuf, stray: &'static str },
    #[error(
        "{} was written by a newer fitferry (schema {found}, this one knows {known}); install that version again, or use another state directory",
        path.display()
    )]
    Newer { path: PathBuf, found: usize, known: usize },
    #[error(
        "{} is as an older fitferry left it (schema {found}, this one knows {known}); this version brings it up to date when it runs: restart the daemon, or start it once",
        path.display()
    )]
    Older { path: PathBuf, found: usize, known: usize },
    #[error("{} is a directory, and fitferry keeps a database under that name; {stray}", path.display())]
    Directory { path: PathBuf, stray: &'static str },
    #[error("the database {} is damaged ({what}); {remedy}", path.display())]
    Damaged { path: PathBuf, what: String, remedy: &'static str },
    #[error("cannot set the damaged database {} aside: {source}", path.display())]
    Aside { path: PathBuf, source: std::io::Error },
    #[error("cannot open the database {}: {source}{}", path.display(), hint(source, path))]
    Sqlite { path: PathBuf, source: rusqlite::Error },
    #[error("cannot open the database {}: {why}", path.display())]
    NoFiles { path: PathBuf, why: String },
    #[error("cannot look into {}: {source}{}", dir.display(), owner::hint(source, dir))]
    Closed { dir: PathBuf, source: std::io::Error },
    #[error(
        "{} cannot be read by somebody who may not write beside it, as part of it is still in {}; use sudo, or the user that fitferry runs as, or copy both to where you may write",
        path.display(),
        log.display()
    )]
    Unfolded { path: PathBuf, log: PathBuf },
    #[error("cannot open the database: {0}")]
    Link(std::io::Error),
    #[error("cannot make the database {} durable: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

fn hint(error: &rusqlite::Error, path: &Path) -> String {
    match error.sqlite_error_code() {
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            format!("; {}", owner::advice(path))
        }
        _ => String::new(),
    }
}

/// Opens or creates a database for writing and brings it to the newest version.
pub fn open(path: &Path, schema: &Schema) -> Result<Connection, OpenError> {
    let failed = |source| schema.failure(path, source);
    let left = left(path, schema)?;
    // SQLite would let everybody read it. Its other files take mode and owner from this one. If it fails, so does what follows.
    let _ = owner::create(path);
    let (real, how) = real(path)?;
    let mut connection = Connection::open_with_flags(real, OpenFlags::default() | how).map_err(failed)?;
    // As long as it may be damaged nothing is written to it: closing it would fold its log in.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    check(path, &connection, schema)?;
    // What stops in the middle of its work, and the disk with it, is where damage comes from.
    if left == Left::Open
        && let Some(what) = flaw(&connection).map_err(failed)?
    {
        return Err(schema.damaged(path, what));
    }
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(failed)?;
    configure(&connection).map_err(failed)?;
    migrate(&mut connection, schema).map_err(failed)?;
    // A new file is only safe when its name is: the directory has to be synced as well.
    let sync = path.parent().map_or(Ok(()), |dir| File::open(dir)?.sync_all());
    sync.map_err(|source| OpenError::Io { path: path.to_path_buf(), source })?;
    Ok(connection)
}

/// Where it is and how to open it there: where somebody else could put a link, root does not follow one. SQLite then takes
/// one on the way for one as well, so that the way is the real one.
fn real(path: &Path) -> Result<(PathBuf, OpenFlags), OpenError> {
    if !owner::refuse_link(path).map_err(OpenError::Link)? {
        return Ok((path.to_path_buf(), OpenFlags::empty()));
    }
    let closed = |source| OpenError::Closed { dir: owner::parent(path).to_path_buf(), source };
    let dir = owner::parent(path).canonicalize().map_err(closed)?;
    Ok((dir.join(path.file_name().unwrap_or_default()), OpenFlags::SQLITE_OPEN_NOFOLLOW))
}

/// How it was left, if it can be opened at all.
fn left(path: &Path, schema: &Schema) -> Result<Left, OpenError> {
    if path.is_dir() {
        return Err(OpenError::Directory { path: path.to_path_buf(), stray: schema.stray });
    }
    let closed = |source| OpenError::Closed { dir: path.parent().unwrap_or(path).to_path_buf(), source };
    match damage::left(path).map_err(closed)? {
        Left::OnlyLog => Err(schema.damaged(path, "it is empty or gone, and its log is not")),
        left => Ok(left),
    }
}

fn check(path: &Path, connection: &Connection, schema: &Schema) -> Result<(), OpenError> {
    let failed = |source| schema.failure(path, source);
    let number = |pragma: &str| connection.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map_err(failed);
    let (id, version) = (number("application_id")?, number("user_version")?);
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)).map_err(failed)?;
    let is_new = id == 0 && version == 0 && tables == 0;
    if !is_new && id != i64::from(schema.application_id) {
        return Err(OpenError::NotOurs { path: path.to_path_buf(), stray: schema.stray });
    }
    let (found, known) = (usize::try_from(version).unwrap_or(usize::MAX), schema.migrations.len());
    if found > known {
        return Err(OpenError::Newer { path: path.to_path_buf(), found, known });
    }
    Ok(())
}

fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // With NORMAL a power cut loses commits that were already reported; measured, not theory.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", 8 << 20)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Of the default two megabytes for each connection, an idle daemon would keep most for nothing.
    connection.pragma_update(None, "cache_size", -512)?;
    // Otherwise a cached statement is planned anew whenever it is given other values: half of the work of writing (measured).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Each step is one transaction together with its version number, so a crash leaves a whole version.
fn migrate(connection: &mut Connection, schema: &Schema) -> rusqlite::Result<()> {
    let version: usize = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    for (index, script) in schema.migrations.iter().enumerate().skip(version) {
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "application_id", schema.application_id)?;
        transaction.pragma_update(None, "user_version", index + 1)?;
        crash::point("sqlite.migrating");
        transaction.commit()?;
        crash::point("sqlite.migrated");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEMA: Schema = Schema {
        application_id: 0x7e57,
        migrations: &["CREATE TABLE a (x)", "CREATE TABLE b (x)"],
        remedy: "restore it",
        stray: "move it away",
    };

    #[test]
    fn an_older_version_is_brought_forward_and_a_newer_one_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        let first = Schema { migrations: &SCHEMA.migrations[..1], ..SCHEMA };
        drop(open(&path, &first).unwrap());
        let connection = open(&path, &SCHEMA).unwrap();
        connection.execute("INSERT INTO b VALUES (1)", []).unwrap();
        drop(connection);
        assert!(matches!(open(&path, &first), Err(OpenError::Newer { found: 2, known: 1, .. })));
        assert!(matches!(open_to_read(&path, &first), Err(OpenError::Newer { .. })));
        assert!(open_to_read(&path, &SCHEMA).unwrap().is_some());
    }

    #[test]
    fn other_files_are_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let text = dir.path().join("text.db");
        std::fs::write(&text, "not a database, but long enough to be taken for the header of one? ".repeat(20))
            .unwrap();
        assert!(matches!(open(&text, &SCHEMA), Err(OpenError::NoDatabase { .. })));
        let other = dir.path().join("other.db");
        Connection::open(&other).unwrap().execute("CREATE TABLE theirs (x)", []).unwrap();
        assert!(matches!(open(&other, &SCHEMA), Err(OpenError::NotOurs { .. })));
        assert!(open_to_read(&dir.path().join("none.db"), &SCHEMA).unwrap().is_none());
    }

    #[test]
    fn a_damaged_one_is_named_with_what_to_do() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        drop(open(&path, &SCHEMA).unwrap());
        let mut bytes = std::fs::read(&path).unwrap();
        // The first page but its header, which is the table of tables.
        bytes[100..4096].fill(0x5a);
        std::fs::write(&path, &bytes).unwrap();
        let error = open(&path, &SCHEMA).unwrap_err().to_string();
        assert!(error.contains("test.db is damaged (database disk image is malformed); restore it"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), bytes, "left as it is");
    }

    /// A page in the middle, in a database that was left open: found before anything is written to it or to its log.
    #[test]
    fn damage_is_found_before_a_log_is_folded_in() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        let (damaged, log) = (dir.path().join("copy.db"), dir.path().join("copy.db-wal"));
        let connection = open(&path, &SCHEMA).unwrap();
        connection.execute_batch("INSERT INTO a SELECT hex(randomblob(9000)) FROM sqlite_schema").unwrap();
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE); INSERT INTO b VALUES (1)").unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        // The table's root: it has nothing but the way to the pages below.
        bytes[4096..8192].fill(0x5a);
        std::fs::write(&damaged, &bytes).unwrap();
        std::fs::copy(dir.path().join("test.db-wal"), &log).unwrap();
        let logged = std::fs::read(&log).unwrap();
        assert!(!logged.is_empty());
        assert!(matches!(open(&damaged, &SCHEMA), Err(OpenError::Damaged { .. })));
        assert!(std::fs::read(&damaged).unwrap() == bytes && std::fs::read(&log).unwrap() == logged);
        // The sound one is left open as well, and is good.
        std::fs::copy(&path, &damaged).unwrap();
        let again = open(&damaged, &SCHEMA).unwrap();
        assert_eq!(again.query_row("SELECT count(*) FROM b", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
    }

    /// SQLite would take it for a new database, and throw the log away.
    #[test]
    fn a_log_without_its_database_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let (path, log) = (dir.path().join("test.db"), dir.path().join("test.db-wal"));
        let connection = open(&path, &SCHEMA).unwrap();
        let logged = std::fs::read(&log).unwrap();
        std::mem::forget(connection);
        for empty in [true, false] {
            if empty {
                std::fs::write(&path, "").unwrap();
            } else {
                std::fs::remove_file(&path).unwrap();
            }
            assert!(matches!(open(&path, &SCHEMA), Err(OpenError::Damaged { .. })));
            assert!(matches!(open_to_read(&path, &SCHEMA), Err(OpenError::Damaged { .. })));
            assert!(std::fs::read(&log).unwrap() == logged);
        }
    }

    #[test]
    fn one_that_cannot_be_opened_is_a_matter_of_permissions() {
        let dir = tempfile::tempdir().unwrap();
        let error = open(&dir.path().join("none/test.db"), &SCHEMA).unwrap_err().to_string();
        assert!(error.contains("permissions") && !error.contains("move it away"), "{error}");
    }

    #[test]
    fn a_directory_is_called_one() {
        let dir = tempfile::tempdir().unwrap();
        for error in [open(dir.path(), &SCHEMA).unwrap_err(), open_to_read(dir.path(), &SCHEMA).unwrap_err()] {
            let error = error.to_string();
            assert!(error.contains("is a directory") && error.contains("move it away"), "{error}");
        }
    }

    /// Whoever looks while a newer version is being started waits for it; without one, it is said what to do.
    #[test]
    fn an_older_version_is_not_looked_into() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("test.db");
        let first = Schema { migrations: &SCHEMA.migrations[..1], ..SCHEMA };
        drop(open(&path, &first).unwrap());
        let error = open_to_read(&path, &SCHEMA).unwrap_err().to_string();
        assert!(error.contains("older fitferry") && error.contains("restart the daemon"), "{error}");
        let starting = open(&path, &first).unwrap();
        let looking = path.clone();
        let looker = std::thread::spawn(move || {
            let connection = open_to_read(&looking, &SCHEMA).unwrap().unwrap();
            connection.query_row("SELECT count(*) FROM b", [], |row| row.get::<_, i64>(0))
        });
        drop(open(&path, &SCHEMA).unwrap());
        assert_eq!(looker.join().unwrap(), Ok(0));
        drop(starting);
    }

    #[test]
    fn durability_is_switched_on() {
        let dir = tempfile::tempdir().unwrap();
        let connection = open(&dir.path().join("test.db"), &SCHEMA).unwrap();
        let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        assert_eq!((mode.as_str(), synchronous), ("wal", 2));
    }
}
