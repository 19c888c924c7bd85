//! Tar archives, plain or inside gzip, from their first member to the last.
//!
//! Facts: POSIX ustar and pax, and GNU's long names. There is no directory, so members come in the order of the archive:
//! a table joins only files that stand behind it. The end is marked by blocks of zeros.

use super::limits::{Exceeded, LONGEST_TAR_HEADER, MOST_MEMBERS};
use super::names;
use super::source::{Cursor, Source};
use super::{Flow, Place, Walk};
use crate::formats::reading::{Condition, condition_of};
use std::cell::Cell;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;
use tar::{Archive, Entry};

/// Reads the members; the condition is that of the archive itself.
pub fn walk(walk: &mut Walk<'_>, source: &Source, place: &Place) -> io::Result<(Flow, Condition)> {
    let meter = Rc::new(Meter::default());
    let mut archive = Archive::new(Metered { cursor: source.reader(), meter: meter.clone() });
    let mut entries = archive.entries_with_seek()?;
    loop {
        meter.left.set(LONGEST_TAR_HEADER);
        let entry = match entries.next() {
            Some(Ok(entry)) => entry,
            Some(Err(error)) => return Ok((Flow::Continue(()), condition_of_tar(&error)?)),
            None if meter.ended.get() => {
                let what = "the mark of its end is missing".to_owned();
                return Ok((Flow::Continue(()), Condition::Truncated(what)));
            }
            None => {
                let condition = source.check_end().map_or_else(|error| condition_of(&error), |()| Ok(Condition::Sound));
                return Ok((Flow::Continue(()), condition?));
            }
        };
        if !walk.has_room() {
            let what = format!("more than {MOST_MEMBERS} files in one archive");
            return Ok((Flow::Continue(()), Condition::Damaged(what)));
        }
        if member(walk, source, &entry, place)?.is_break() {
            return Ok((Flow::Break(()), Condition::Sound));
        }
    }
}

fn member(walk: &mut Walk<'_>, source: &Source, entry: &Entry<'_, Metered>, place: &Place) -> io::Result<Flow> {
    let name = names::label(&entry.path_bytes());
    let kind = entry.header().entry_type();
    // Links, devices and files with holes are no exports.
    if names::is_litter(&name) || !(kind.is_file() || kind.is_contiguous()) {
        walk.summary.litter += 1;
        return Ok(Flow::Continue(()));
    }
    let name = place.name(&name);
    let content = source.part(entry.raw_file_position(), entry.size());
    if content.goes_beyond(source) {
        return walk.failed(name, Condition::Truncated("its data goes beyond the archive".to_owned()));
    }
    let (mut reader, odd) = (content.reader(), walk.odd);
    let flow = walk.member(name, &content, &mut reader as &mut dyn Read, place)?;
    // There is no checksum that could tell.
    if walk.odd > odd {
        walk.doubt();
    }
    Ok(flow)
}

fn condition_of_tar(error: &io::Error) -> io::Result<Condition> {
    match condition_of(error)? {
        Condition::Damaged(_) if Exceeded::of(error).is_none() => {
            Ok(Condition::Damaged(format!("not a proper tar archive: {error}")))
        }
        condition => Ok(condition),
    }
}

/// What a header may still read, and whether the end of the bytes was seen.
#[derive(Default)]
struct Meter {
    left: Cell<u64>,
    ended: Cell<bool>,
}

/// The bytes of the headers: the library keeps them, so there is a limit. Data is passed over.
struct Metered {
    cursor: Cursor,
    meter: Rc<Meter>,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.cursor.read(buffer)?;
        self.meter.ended.set(count == 0 && !buffer.is_empty());
        let left = self.meter.left.get().checked_sub(count as u64).ok_or(Exceeded::Header)?;
        self.meter.left.set(left);
        Ok(count)
    }
}

impl Seek for Metered {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.cursor.seek(to)
    }
}
