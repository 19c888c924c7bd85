//! What files told that are not there any more, or were imported from elsewhere, and that later ones tell again: without
//! end, where exports of everything come every day.

use super::records::RecordRow;
use super::sessions::SessionRow;
use super::{Account, absent};
use jiff::Timestamp;
use rusqlite::{Connection, params};

/// Where the files of a place are: below a watched folder, or outside of all. Spans of paths, each up to its end and
/// without it. What one place tells says nothing of another: its files may be treated in another way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    spans: Vec<(Vec<u8>, Vec<u8>)>,
    is_watched: bool,
}

impl Place {
    fn contains(&self, path: &[u8]) -> bool {
        self.spans.iter().any(|(from, to)| (from.as_slice()..to.as_slice()).contains(&path))
    }
}

/// The places of an account's files: its folders, and what lies outside of them.
pub fn places(connection: &Connection, account: Account) -> rusqlite::Result<Vec<Place>> {
    let mut query = connection.prepare_cached("SELECT path FROM folder WHERE account_id = ?1 ORDER BY path")?;
    let folders: Vec<Vec<u8>> = query.query_map([account.id], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(places_of(&folders))
}

/// Pure. The folders in the order of their paths.
fn places_of(folders: &[Vec<u8>]) -> Vec<Place> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let ranges = folders.iter().map(|folder| absent::range(OsStr::from_bytes(folder).as_ref()));
    let mut ranges: Vec<(Vec<u8>, Vec<u8>)> = ranges.map(|[_, from, to]| (from, to)).collect();
    ranges.sort();
    let mut outside = Vec::new();
    let mut from = Vec::new();
    for (first, end) in &ranges {
        outside.push((std::mem::replace(&mut from, end.clone()), first.clone()));
    }
    // After every path.
    outside.push((from, vec![0xff]));
    let watched = ranges.into_iter().map(|span| Place { spans: vec![span], is_watched: true });
    watched.chain([Place { spans: outside, is_watched: false }]).collect()
}

/// The files of a place of which nobody expects anything more: in a watched folder those that are absent, outside all,
/// as nobody looks for them; since before a time.
pub fn files(
    connection: &Connection,
    account: Account,
    place: &Place,
    before: Timestamp,
) -> rusqlite::Result<Vec<i64>> {
    let mut query = connection.prepare_cached(
        "SELECT id FROM file
         WHERE account_id = ?1 AND path >= ?2 AND path < ?3 AND judged_ms < ?4 AND gone_ms IS NULL AND NOT doubted
             AND iif(?5, absent_ms < ?4, 1)
         ORDER BY id",
    )?;
    let mut files = Vec::new();
    for (from, to) in &place.spans {
        let values = params![account.id, from, to, before.as_millisecond(), place.is_watched];
        for file in query.query_map(values, |row| row.get(0))? {
            files.push(file?);
        }
    }
    Ok(files)
}

/// The next records of a file after one, and whether another file of the same place tells the same, or the later word of the
/// same workout: by its key, or of one without a key by its format and times.
pub fn records(
    connection: &Connection,
    file: i64,
    place: &Place,
    after: RecordRow,
    limit: usize,
) -> rusqlite::Result<Vec<(RecordRow, SessionRow, bool)>> {
    let mut query = connection
        .prepare_cached("SELECT id, session_row FROM record WHERE file_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3")?;
    let rows = query.query_map(params![file, after, limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let rows: Vec<(RecordRow, SessionRow)> = rows.collect::<rusqlite::Result<_>>()?;
    rows.into_iter().map(|(record, session)| Ok((record, session, is_superseded(connection, record, place)?))).collect()
}

fn is_superseded(connection: &Connection, record: RecordRow, place: &Place) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached(
        "SELECT path FROM record AS mine
         JOIN record AS other ON other.session_row = mine.session_row AND other.file_id <> mine.file_id
         JOIN file ON file.id = other.file_id
         WHERE mine.id = ?1 AND gone_ms IS NULL AND NOT doubted AND (other.workout = mine.workout
             OR (other.said_ns, other.id) > (mine.said_ns, mine.id)
                 AND other.vendor IS mine.vendor AND other.vendor_key IS mine.vendor_key
                 AND other.alias_vendor IS mine.alias_vendor AND other.alias_key IS mine.alias_key
                 AND (mine.vendor_key IS NOT NULL
                     OR other.workout ->> '$.startMillis' = mine.workout ->> '$.startMillis'
                     AND other.workout ->> '$.endMillis' = mine.workout ->> '$.endMillis'
                     AND other.workout ->> '$.source.format' = mine.workout ->> '$.source.format'))",
    )?;
    let mut rows = query.query([record])?;
    while let Some(row) = rows.next()? {
        if place.contains(row.get_ref(0)?.as_blob()?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Removes a file's row if nothing is left of what it told.
pub fn forget_if_empty(connection: &Connection, file: i64) -> rusqlite::Result<()> {
    let sql = "DELETE FROM file WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM record WHERE file_id = ?1)";
    connection.prepare_cached(sql)?.execute([file]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_is_in_one_place() {
        let folders = [b"/w".to_vec(), b"/w-2".to_vec(), b"/x/".to_vec()];
        let places = places_of(&folders);
        for (path, expected) in [
            ("/w/a", 1),
            ("/w/deep/a", 1),
            ("/w-2/a", 0),
            ("/x/a", 2),
            ("/a", 3),
            ("/w-1/a", 3),
            ("/w0", 3),
            ("/wa", 3),
            ("/x", 3),
            ("/z", 3),
        ] {
            let within: Vec<usize> = (0..places.len()).filter(|at| places[*at].contains(path.as_bytes())).collect();
            assert_eq!(within, [expected], "{path}");
        }
        assert!(places_of(&[])[0].contains(b"/any"));
    }
}
