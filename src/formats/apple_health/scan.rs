//! Finds the `Workout` elements of an export among gigabytes of other things, at the speed of memory.

use crate::formats::reading::{Condition, condition_of};
use memchr::memmem::{self, Finder};
use std::io::{self, Read};
use std::ops::Range;

/// Bytes asked of the source at once; they stay in the processor's cache while they are searched.
const CHUNK_LEN: usize = 256 << 10;

/// Bytes one workout may have; real ones, with thousands of laps, are far below. Of a longer one only the first tag is
/// taken.
const LONGEST_WORKOUT: usize = 4 << 20;

/// Bytes at the end in which the closing tag of the document is looked for.
const TAIL_LEN: usize = 4 << 10;

const OPENING: &[u8] = b"<Workout";
const CLOSING: &[u8] = b"</Workout>";
const ROOT_CLOSING: &[u8] = b"</HealthData";

/// So many zeros in a row are no mistake of whoever wrote the text, but a gap.
const GAP: &[u8] = &[0; 16];

/// After so many nothing more is expected: a file may pretend to be of any size, and cost nobody but us anything.
const LONGEST_GAP: usize = 256 << 20;

/// A search over a source whose text is UTF-8, or compatible with ASCII at least.
pub struct Scan<'s> {
    source: &'s mut dyn Read,
    opening: Finder<'static>,
    gap: Finder<'static>,
    has_gap: bool,
    /// How many zeros came last, in whole readings.
    zeros: usize,
    /// What was read and not yet left behind; the bytes from `filled` on are room for more.
    buffer: Vec<u8>,
    filled: usize,
    /// Where the search goes on.
    position: usize,
    /// Where the buffer begins in the document.
    offset: u64,
    /// The source has no more, or failed.
    ended: bool,
    failure: Option<io::Error>,
}

/// What begins with [`OPENING`].
#[derive(Debug, PartialEq)]
enum Extent {
    /// Another element: `WorkoutEvent`, `WorkoutRoute`.
    Other,
    /// A workout of this length, whole or cut short by the next one.
    Workout(usize),
    /// A workout whose end is not in sight; the length of its first tag, if that is.
    Unfinished(Option<usize>),
}

impl<'s> Scan<'s> {
    pub fn new(source: &'s mut dyn Read) -> Self {
        Self {
            source,
            opening: Finder::new(OPENING),
            gap: Finder::new(GAP),
            has_gap: false,
            zeros: 0,
            buffer: vec![0; CHUNK_LEN + TAIL_LEN],
            filled: 0,
            position: 0,
            offset: 0,
            ended: false,
            failure: None,
        }
    }

    /// The next workout: where it begins in the document, and its bytes.
    pub fn next_element(&mut self) -> Option<(u64, &[u8])> {
        let range = self.next_range()?;
        Some((self.offset + range.start as u64, &self.buffer[range]))
    }

    fn next_range(&mut self) -> Option<Range<usize>> {
        loop {
            let Some(found) = self.opening.find(&self.buffer[self.position..self.filled]) else {
                if self.ended {
                    return None;
                }
                // The name may stand across the border of two chunks.
                let searched = self.filled.saturating_sub(OPENING.len() - 1).max(self.position);
                let dropped = self.fill(self.filled.saturating_sub(TAIL_LEN));
                self.position = searched - dropped;
                continue;
            };
            let start = self.position + found;
            let length = match extent(&self.buffer[start..self.filled]) {
                Extent::Other => {
                    self.position = start + OPENING.len();
                    continue;
                }
                Extent::Workout(length) => length,
                Extent::Unfinished(tag) if self.filled - start >= LONGEST_WORKOUT || self.is_rest(start) => match tag {
                    Some(tag) => tag,
                    None => {
                        self.position = start + OPENING.len();
                        continue;
                    }
                },
                Extent::Unfinished(_) if self.ended => return None,
                Extent::Unfinished(_) => {
                    let dropped = self.fill(start.saturating_sub(TAIL_LEN));
                    self.position = start - dropped;
                    continue;
                }
            };
            self.position = start + length;
            return Some(start..self.position);
        }
    }

    /// Whether the document ends properly although the workout that begins here does not.
    fn is_rest(&self, start: usize) -> bool {
        self.ended && memmem::find(&self.buffer[start..self.filled], ROOT_CLOSING).is_some()
    }

    /// Leaves the bytes before `keep` behind and reads more; says how many were left behind.
    fn fill(&mut self, keep: usize) -> usize {
        self.buffer.copy_within(keep..self.filled, 0);
        self.filled -= keep;
        self.offset += keep as u64;
        if self.buffer.len() - self.filled < CHUNK_LEN {
            self.buffer.resize(self.filled + CHUNK_LEN, 0);
        }
        match self.source.read(&mut self.buffer[self.filled..]) {
            Ok(0) => self.ended = true,
            Ok(count) => {
                // It may begin in what was read before.
                let from = self.filled.saturating_sub(GAP.len() - 1);
                let is_zero = self.buffer[self.filled..self.filled + count].iter().all(|byte| *byte == 0);
                self.zeros = if is_zero { self.zeros + count } else { 0 };
                self.filled += count;
                self.has_gap |= self.gap.find(&self.buffer[from..self.filled]).is_some();
                self.ended |= self.zeros > LONGEST_GAP;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                self.ended = true;
                self.failure = Some(error);
            }
        }
        keep
    }

    /// Whether the document was read to its proper end. Errors are those of the device or file system only.
    pub fn end(self) -> io::Result<Condition> {
        if let Some(failure) = self.failure {
            return condition_of(&failure);
        }
        let tail = &self.buffer[self.filled.saturating_sub(TAIL_LEN)..self.filled];
        let closing = memmem::rfind(tail, ROOT_CLOSING).map(|at| tail[at + ROOT_CLOSING.len()..].trim_ascii_start());
        if closing.is_some_and(|rest| rest.starts_with(b">")) {
            return Ok(if self.has_gap { Condition::gap("before its end") } else { Condition::Sound });
        }
        Ok(Condition::Truncated("the root element is not closed".to_owned()))
    }
}

/// Judges what begins with [`OPENING`]. Every byte is looked at a fixed number of times, whatever the bytes are.
fn extent(bytes: &[u8]) -> Extent {
    match bytes.get(OPENING.len()) {
        None => return Extent::Unfinished(None),
        Some(next) if !ends_name(*next) => return Extent::Other,
        Some(_) => {}
    }
    let tag = match tag_len(bytes) {
        Ok(tag) => tag,
        Err(None) => return Extent::Unfinished(None),
        // The next tag begins inside this one: nothing of it can be believed.
        Err(Some(broken)) => return Extent::Workout(broken),
    };
    if bytes[..tag].ends_with(b"/>") {
        return Extent::Workout(tag);
    }
    let body = &bytes[tag..];
    let is_workout = |at: &usize| body.get(at + OPENING.len()).is_some_and(|next| ends_name(*next));
    let next = memmem::find_iter(body, OPENING).find(is_workout);
    match (memmem::find(&body[..next.unwrap_or(body.len())], CLOSING), next) {
        (Some(closing), _) => Extent::Workout(tag + closing + CLOSING.len()),
        (None, Some(next)) => Extent::Workout(tag + next),
        (None, None) => Extent::Unfinished(Some(tag)),
    }
}

fn ends_name(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'>')
}

/// The length of the tag that begins here; an error if it has no end, or where another one begins inside it.
fn tag_len(bytes: &[u8]) -> Result<usize, Option<usize>> {
    let mut quote = None;
    let mut at = 1;
    while let Some(found) = match quote {
        Some(quote) => memchr::memchr2(quote, b'<', &bytes[at..]),
        None => bytes[at..].iter().position(|byte| matches!(byte, b'"' | b'\'' | b'>' | b'<')),
    } {
        at += found + 1;
        match (bytes[at - 1], quote) {
            (b'<', _) => return Err(Some(at - 1)),
            (b'>', None) => return Ok(at),
            (byte, None) => quote = Some(byte),
            (_, Some(_)) => quote = None,
        }
    }
    Err(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Hands out a few bytes at a time, so that every border falls everywhere.
    struct Drip<'a>(&'a [u8], usize);

    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = self.1.min(self.0.len()).min(buffer.len());
            buffer[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn found(text: &str, step: usize) -> (Vec<String>, Condition) {
        let mut source = Drip(text.as_bytes(), step);
        let mut scan = Scan::new(&mut source);
        let mut found = Vec::new();
        while let Some((offset, bytes)) = scan.next_element() {
            let start = usize::try_from(offset).unwrap();
            assert_eq!(&text.as_bytes()[start..start + bytes.len()], bytes);
            found.push(String::from_utf8(bytes.to_vec()).unwrap());
        }
        (found, scan.end().unwrap())
    }

    const TEXT: &str = "<HealthData><Record/><Workout a='>'/><WorkoutEvent/><Workout\nb=\"1\"><WorkoutRoute/></Workout>
        <Workout c='1'><x><Workout d='</Workout>'/><Workout e='></Workout><Workout/></HealthData>\n";

    #[test]
    fn elements_are_found_wherever_chunks_end() {
        let whole =
            ["<Workout a='>'/>", "<Workout\nb=\"1\"><WorkoutRoute/></Workout>", "<Workout c='1'><x>", "<Workout d='"];
        for step in [1, 2, 3, 7, 11, 1000] {
            let (elements, condition) = found(TEXT, step);
            assert_eq!(elements[..4], whole);
            assert_eq!(elements[4..], ["<Workout e='>", "<Workout/>"]);
            assert_eq!(condition, Condition::Sound);
        }
    }

    #[test]
    fn every_prefix_is_unfinished_and_finds_no_more() {
        let whole = found(TEXT, 1000).0;
        for end in 0..TEXT.trim_end().len() {
            let (elements, condition) = found(&TEXT[..end], 5);
            assert!(matches!(condition, Condition::Truncated(_)), "{end}");
            assert!(elements.len() <= whole.len(), "{end}");
        }
    }

    #[test]
    fn a_gap_is_seen_wherever_chunks_end() {
        let gap = TEXT.replacen("a='>'", &format!("a='{}'", "\0".repeat(GAP.len())), 1);
        for step in [1, 7, 15, 1000] {
            assert!(matches!(found(&gap, step).1, Condition::Truncated(what) if what.contains("gap")), "{step}");
        }
    }

    #[test]
    fn of_an_endless_workout_the_first_tag_is_taken() {
        let text =
            format!("<HealthData><Workout a='1'>{}</Workout><Workout/></HealthData>", " ".repeat(2 * LONGEST_WORKOUT));
        assert_eq!(found(&text, 1 << 16).0, ["<Workout a='1'>", "<Workout/>"]);
        let endless = format!("<HealthData><Workout a='{}", "x".repeat(LONGEST_WORKOUT * 2));
        assert_eq!(found(&endless, 1 << 16), (vec![], Condition::Truncated("the root element is not closed".into())));
    }
}
