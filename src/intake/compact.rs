//! Forgets what files told that are long gone or came from elsewhere, where others tell it since: no session is another
//! one without it.

use super::Person;
use super::derive::derive;
use crate::store::records::{self, RecordRow};
use crate::store::superseded::{self, Place};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use std::collections::VecDeque;

/// So long what a file told is kept, whatever others tell: it may come back, and people look back.
const AGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Records looked at in one transaction; others want to write, too.
const GROUP: usize = 100;

/// How far one pass has come.
#[derive(Debug, Default)]
pub struct Compacting {
    /// What is left to look at; nothing before it has begun.
    files: Option<VecDeque<(Place, i64)>>,
    last: RecordRow,
    pub forgotten: usize,
}

/// Looks at the next records; true if none are left.
pub fn compact(
    connection: &Connection,
    person: &Person,
    pass: &mut Compacting,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let files = match &mut pass.files {
        Some(files) => files,
        files => files.insert(old_files(connection, person, now)?),
    };
    let mut left = GROUP;
    while left > 0 {
        let Some((place, file)) = files.front() else { return Ok(true) };
        let records = superseded::records(connection, *file, place, pass.last, left)?;
        for (record, session, is_superseded) in &records {
            if *is_superseded && forget(connection, person, *record, *session, now)? {
                pass.forgotten += 1;
            }
            pass.last = *record;
        }
        if records.len() < left {
            superseded::forget_if_empty(connection, *file)?;
            files.pop_front();
            pass.last = 0;
        }
        // A file without any costs something, too.
        left -= records.len().max(1).min(left);
    }
    Ok(false)
}

fn old_files(connection: &Connection, person: &Person, now: Timestamp) -> rusqlite::Result<VecDeque<(Place, i64)>> {
    let before = now.saturating_sub(AGE).unwrap_or(Timestamp::MIN);
    let mut old = VecDeque::new();
    for place in superseded::places(connection, person.account)? {
        let files = superseded::files(connection, person.account, &place, before)?;
        old.extend(files.into_iter().map(|file| (place.clone(), file)));
    }
    Ok(old)
}

/// Forgets a record, unless its session would be another one without it.
fn forget(
    connection: &Connection,
    person: &Person,
    record: RecordRow,
    session: i64,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    connection.execute_batch("SAVEPOINT compacting")?;
    records::forget(connection, std::iter::once(record))?;
    let is_another = derive(connection, person, session, now)?;
    let undo = if is_another { "ROLLBACK TO compacting; " } else { "" };
    connection.execute_batch(&format!("{undo}RELEASE compacting"))?;
    Ok(!is_another)
}
