//! Zip archives, by their directory: plain and deflated members, read where they lie.
//!
//! Facts: PKWARE's APPNOTE 6.3. The directory stands at the end, so an archive without one was not copied completely.

use super::limits::{LONGEST_NAMES, MOST_MEMBERS, allowance};
use super::names;
use super::source::Source;
use super::unpack::Method;
use super::{Flow, Place, Walk};
use crate::formats::reading::{Condition, condition_of};
use rawzip::{
    CompressionMethod, Error, ErrorKind, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder, ZipLocator,
};
use std::io::{self, Read};

/// Bytes that a member has before its data, at least.
const LEAST_HEADER: u64 = 30;

/// What the directory tells of a member.
struct Entry {
    name: String,
    wayfinder: ZipArchiveEntryWayfinder,
    offset: u64,
    method: CompressionMethod,
    is_encrypted: bool,
    /// Its data is also that of another member.
    overlaps: bool,
}

/// Reads the members; the condition is that of the archive itself.
pub fn walk(walk: &mut Walk<'_>, mut source: Source, place: &Place) -> io::Result<(Flow, Condition)> {
    let len = match source.measure() {
        Ok(len) => len,
        Err(error) => return Ok((Flow::Continue(()), condition_of(&error)?)),
    };
    let mut buffer = vec![0; RECOMMENDED_BUFFER_SIZE];
    let archive = match ZipLocator::new().locate_in_reader(source, &mut buffer, len) {
        Ok(archive) => archive,
        Err((_, error)) => return Ok((Flow::Continue(()), condition_of_zip(error)?)),
    };
    let (mut entries, condition) = list(walk, &archive, &mut buffer)?;
    drop(buffer);
    mark_overlaps(&mut entries);
    entries.sort_by_key(|entry| (names::rank(&entry.name), entry.offset));
    for entry in entries {
        if member(walk, &archive, &entry, place)?.is_break() {
            return Ok((Flow::Break(()), condition));
        }
    }
    Ok((Flow::Continue(()), condition))
}

/// The members worth a look, as far as the directory can be read.
fn list(walk: &mut Walk<'_>, archive: &ZipArchive<Source>, buffer: &mut [u8]) -> io::Result<(Vec<Entry>, Condition)> {
    let (mut found, mut names_len, mut first) = (Vec::new(), 0, None);
    let mut entries = archive.entries(buffer);
    loop {
        let entry = match entries.next_entry() {
            Ok(Some(entry)) => entry,
            Ok(None) => break,
            Err(error) => return Ok((found, condition_of_zip(error)?)),
        };
        let offset = entry.local_header_offset();
        first = Some(first.map_or(offset, |first: u64| first.min(offset)));
        if !walk.has_room() {
            let what = format!("more than {MOST_MEMBERS} files in one archive");
            return Ok((found, Condition::Damaged(what)));
        }
        let path = entry.file_path();
        let name = names::label(path.as_bytes());
        if names::is_litter(&name) || entry.mode().is_symlink() {
            walk.summary.litter += 1;
            continue;
        }
        names_len += name.len();
        if names_len > LONGEST_NAMES {
            let what = format!("the names of its files are longer than {LONGEST_NAMES} bytes");
            return Ok((found, Condition::Damaged(what)));
        }
        found.push(Entry {
            name,
            wayfinder: entry.wayfinder(),
            offset,
            method: entry.compression_method(),
            is_encrypted: entry.flags().is_encrypted(),
            overlaps: false,
        });
    }
    // A part of the file that happens to end with the directory of an archive inside it.
    if first.is_some_and(|first| first > 0) {
        return Ok((found, Condition::Truncated("its own directory is missing".to_owned())));
    }
    Ok((found, Condition::Sound))
}

/// Members share no bytes, unless an archive was made to explode.
fn mark_overlaps(entries: &mut [Entry]) {
    entries.sort_by_key(|entry| entry.offset);
    let mut end = 0;
    for entry in entries {
        entry.overlaps = entry.offset < end;
        let data = entry.wayfinder.compressed_size_hint().saturating_add(LEAST_HEADER);
        end = end.max(entry.offset.saturating_add(data));
    }
}

fn member(walk: &mut Walk<'_>, archive: &ZipArchive<Source>, entry: &Entry, place: &Place) -> io::Result<Flow> {
    let name = place.name(&entry.name);
    let (packed, plain) = (entry.wayfinder.compressed_size_hint(), entry.wayfinder.uncompressed_size_hint());
    let method = match entry.method {
        _ if entry.is_encrypted => return walk.unread(name, "encrypted; unpack it with its password"),
        _ if entry.overlaps => return walk.unread(name, "damaged: its data is also that of another file"),
        _ if plain > allowance(packed) => return walk.unread(name, "damaged: it says that it unpacks to far too much"),
        CompressionMethod::STORE => None,
        CompressionMethod::DEFLATE => Some(Method::Deflate),
        other => return walk.unread(name, &format!("packed by a method that is not read here: {other}; pack it anew")),
    };
    let found = match archive.get_entry(entry.wayfinder) {
        Ok(found) => found,
        Err(error) => {
            let condition = condition_of_zip(error)?;
            walk.doubt();
            return walk.failed(name, condition);
        }
    };
    let (start, end) = found.compressed_data_range();
    let data = archive.get_ref().part(start, end - start);
    if data.goes_beyond(archive.get_ref()) {
        return walk.failed(name, Condition::Truncated("its data goes beyond the archive".to_owned()));
    }
    let content = match method {
        None => data,
        Some(method) => data.unpacked(method, Some(plain), &walk.ration),
    };
    let (mut reader, odd) = (found.verifying_reader(content.reader()), walk.odd);
    let flow = walk.member(name, &content, &mut reader as &mut dyn Read, place)?;
    // With the right checksum that is how it was packed.
    if walk.odd > odd && io::copy(&mut found.verifying_reader(content.reader()), &mut io::sink()).is_err() {
        walk.doubt();
    }
    Ok(flow)
}

/// What a failure says of an archive: errors of the operating system are passed on.
fn condition_of_zip(error: Error) -> io::Result<Condition> {
    Ok(match error.into_kind() {
        ErrorKind::IO(error) => condition_of(&error)?,
        ErrorKind::MissingEndOfCentralDirectory => {
            Condition::Truncated("the directory at its end is missing".to_owned())
        }
        ErrorKind::Eof => Condition::Truncated("the directory at its end breaks off".to_owned()),
        other => Condition::Damaged(format!("not a proper zip archive: {other}")),
    })
}
