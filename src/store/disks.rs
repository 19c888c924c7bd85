//! The disks that a watched folder's files were on when it was last looked through: its own, and those mounted inside.

use super::Account;
use rusqlite::{Connection, params};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// A disk that is mounted inside a watched folder: where, and the device and inode of what is seen there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disk {
    pub path: PathBuf,
    pub identity: (u64, u64),
}

/// What is remembered of a folder: the disks of the last look, and those that were met since.
pub fn remembered(connection: &Connection, account: Account, folder: &Path) -> rusqlite::Result<[Vec<Disk>; 2]> {
    let mut query = connection
        .prepare_cached("SELECT path, device, inode, is_new FROM disk WHERE account_id = ?1 AND folder = ?2")?;
    let mut rows = query.query(params![account.id, folder.as_os_str().as_bytes()])?;
    let [mut looked, mut met] = [Vec::new(), Vec::new()];
    while let Some(row) = rows.next()? {
        let path = OsString::from_vec(row.get(0)?).into();
        let identity = (row.get::<_, i64>(1)?.cast_unsigned(), row.get::<_, i64>(2)?.cast_unsigned());
        let disks = if row.get(3)? { &mut met } else { &mut looked };
        disks.push(Disk { path, identity });
    }
    Ok([looked, met])
}

/// Notes a disk that was met before the next whole look ends: files on it may come and go until then.
pub fn meet(connection: &Connection, account: Account, folder: &Path, disk: &Disk) -> rusqlite::Result<()> {
    insert(connection, account, folder, disk, true)
}

/// Notes on which disks a folder was when it was looked through, instead of what was noted before.
pub fn set(
    connection: &Connection,
    account: Account,
    folder: &Path,
    (root, disks): (Option<(u64, u64)>, &[Disk]),
) -> rusqlite::Result<()> {
    let path = folder.as_os_str().as_bytes();
    let (device, inode) = root.map(|(device, inode)| (device.cast_signed(), inode.cast_signed())).unzip();
    let mut update =
        connection.prepare_cached("UPDATE folder SET device = ?3, inode = ?4 WHERE account_id = ?1 AND path = ?2")?;
    update.execute(params![account.id, path, device, inode])?;
    forget(connection, account, folder)?;
    disks.iter().try_for_each(|disk| insert(connection, account, folder, disk, false))
}

/// Forgets the disks inside a folder that is not watched any more.
pub fn forget(connection: &Connection, account: Account, folder: &Path) -> rusqlite::Result<()> {
    let mut delete = connection.prepare_cached("DELETE FROM disk WHERE account_id = ?1 AND folder = ?2")?;
    delete.execute(params![account.id, folder.as_os_str().as_bytes()])?;
    Ok(())
}

fn insert(
    connection: &Connection,
    account: Account,
    folder: &Path,
    Disk { path, identity: (device, inode) }: &Disk,
    is_new: bool,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO disk (account_id, folder, path, device, inode, is_new) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO NOTHING",
    )?;
    let [folder, path] = [folder, path].map(|path| path.as_os_str().as_bytes());
    insert.execute(params![account.id, folder, path, device.cast_signed(), inode.cast_signed(), is_new])?;
    Ok(())
}
