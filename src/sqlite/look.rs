//! Opens a database only to look at it, also where nothing may be written beside it.

use super::damage::{self, Left};
use super::{BUSY_TIMEOUT, OpenError, Schema, check, left, real};
use crate::descriptors;
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a daemon that is being started takes at most to bring a database up to date, and how often to look.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(50);

const LOOKING: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// Opens an existing database for looking at; `None` if there is none yet.
///
/// SQLite reads a database with a log only with an index of that log beside it. On a read-only disk, and for somebody who
/// may only read, it cannot make one: such a database is opened if there is no log, and an error otherwise.
pub fn open_to_read(path: &Path, schema: &Schema) -> Result<Option<Connection>, OpenError> {
    if left(path, schema)? == Left::Nothing {
        return Ok(None);
    }
    // As we open it, it is in use.
    let is_in_use = damage::is_in_use(path);
    let (real, how) = real(path)?;
    look(path, schema, Connection::open_with_flags(real, LOOKING | how), is_in_use)
}

/// The same without an index beside it, where nobody has it open: not even that is written then. Should somebody open it
/// meanwhile, what is read may make no sense.
pub fn open_untouched(path: &Path, schema: &Schema) -> Result<Option<Connection>, OpenError> {
    if left(path, schema)? != Left::Closed || damage::is_in_use(path) {
        return open_to_read(path, schema);
    }
    look(path, schema, open_immutable(path)?, false)
}

fn look(
    path: &Path,
    schema: &Schema,
    opened: rusqlite::Result<Connection>,
    is_in_use: bool,
) -> Result<Option<Connection>, OpenError> {
    let failed = |source| schema.failure(path, source);
    let mut connection = opened.map_err(failed)?;
    connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
    if let Err(error) = version(&connection)
        && matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
    {
        connection = open_unwritable(path, schema, error)?;
    }
    check(path, &connection, schema)?;
    let found = whole_version(&connection, schema, is_in_use).map_err(failed)?;
    let known = schema.migrations.len();
    match found {
        // A daemon that is just being started for the first time has not come to the tables yet.
        0 => Ok(None),
        found if found < known => Err(OpenError::Older { path: path.to_path_buf(), found, known }),
        _ => Ok(Some(connection)),
    }
}

/// The version, after a short wait for somebody who may be bringing it up to date.
fn whole_version(connection: &Connection, schema: &Schema, is_in_use: bool) -> rusqlite::Result<usize> {
    let until = Instant::now() + PATIENCE;
    loop {
        let found = version(connection)?;
        let is_older = (1..schema.migrations.len()).contains(&found);
        if !is_older || !is_in_use || Instant::now() >= until {
            return Ok(found);
        }
        std::thread::sleep(PAUSE);
    }
}

fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Opens the file without regard to a log, if there is none.
fn open_unwritable(path: &Path, schema: &Schema, error: rusqlite::Error) -> Result<Connection, OpenError> {
    let failed = |source| schema.failure(path, source);
    match left(path, schema)? {
        _ if descriptors::lacking().is_some() => return Err(failed(error)),
        Left::Open => return Err(OpenError::Unfolded { path: path.to_path_buf(), log: damage::log_of(path) }),
        // What somebody has open may get a log at any moment.
        _ if damage::is_in_use(path) => return Err(failed(error)),
        _ => {}
    }
    open_immutable(path)?.map_err(failed)
}

/// As a file that nobody changes.
fn open_immutable(path: &Path) -> Result<rusqlite::Result<Connection>, OpenError> {
    let (real, how) = real(path)?;
    Ok(Connection::open_with_flags(immutable(&real), LOOKING | OpenFlags::SQLITE_OPEN_URI | how))
}

/// The path as SQLite's URI of a file that nobody changes. Every byte that could mean something in it is encoded, the
/// slashes too: two of them at the beginning would make a host of the first directory.
fn immutable(path: &Path) -> String {
    format!("file:{}?immutable=1", percent_encode(path.as_os_str().as_bytes(), NON_ALPHANUMERIC))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::fs;

    #[test]
    fn any_path_is_opened_by_its_uri() {
        let dir = tempfile::tempdir().unwrap();
        let names = [&b"a?b#c%20d&e=f g;h"[..], b"\xff\xfe", b"?immutable=0", b"%2F", "täglich".as_bytes()];
        for name in names.map(OsStr::from_bytes) {
            let path = dir.path().join(name);
            Connection::open(&path).unwrap().execute_batch("CREATE TABLE a (x)").unwrap();
            // An absolute path may begin with two slashes.
            let doubled = [b"/", path.as_os_str().as_bytes()].concat();
            for path in [&path, Path::new(OsStr::from_bytes(&doubled))] {
                let flags = LOOKING | OpenFlags::SQLITE_OPEN_URI;
                let connection = Connection::open_with_flags(immutable(path), flags).unwrap();
                assert!(connection.table_exists(None, "a").unwrap(), "{path:?}");
            }
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), names.len(), "no other file was made");
    }
}
