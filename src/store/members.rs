//! What became of the members of archives, as far as they are not simply fine.

use super::Verdict;
use crate::workout::Format;
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

/// Members remembered of one archive; the verdict of the archive counts them all.
pub const MOST_MEMBERS: usize = 200;

/// A member of an archive, and what came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// As the archive calls it: a label, and no path.
    pub name: String,
    pub format: Option<Format>,
    /// [`Verdict::Known`] if it was read.
    pub verdict: Verdict,
    pub reason: Option<String>,
}

/// Replaces what is remembered of an archive's members.
pub fn replace<'a>(
    connection: &Connection,
    file: i64,
    members: impl Iterator<Item = &'a Member>,
) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM member WHERE file_id = ?1")?.execute([file])?;
    let mut insert = connection
        .prepare_cached("INSERT INTO member (file_id, name, format, verdict, reason) VALUES (?1, ?2, ?3, ?4, ?5)")?;
    for Member { name, format, verdict, reason } in members.take(MOST_MEMBERS) {
        insert.execute(params![file, name, format.map(Format::as_str), verdict.as_str(), reason])?;
    }
    Ok(())
}

/// What is remembered of an archive's members, in the order of the archive.
pub fn of_file(connection: &Connection, file: i64) -> rusqlite::Result<Vec<Member>> {
    let mut query = connection
        .prepare_cached("SELECT name, format, verdict, reason FROM member WHERE file_id = ?1 ORDER BY rowid")?;
    let rows = query.query_map([file], |row| {
        let format: Option<String> = row.get(1)?;
        Ok(Member {
            name: row.get(0)?,
            format: format.as_deref().and_then(Format::parse),
            verdict: Verdict::parse(row.get_ref(2)?.as_str()?).unwrap_or(Verdict::Ignored),
            reason: row.get(3)?,
        })
    })?;
    rows.collect()
}
