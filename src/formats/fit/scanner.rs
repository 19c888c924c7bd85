//! Runs over a FIT file: sizes, CRC, definitions, message lengths. Decodes nothing but times, and holds one window.

use super::message::{Definition, Kind, Message, Shape};
use crc_fast::{CrcAlgorithm, Digest};
use std::io::{self, Read};

/// Bytes held at first; small enough to stay in the processor's cache between the CRC and the scan.
const WINDOW_LEN: usize = 32 << 10;

/// Bytes of the longest message: a header, and 255 fields and 255 developer fields of 255 bytes, rounded up. The window
/// grows to this if it has to.
const LONGEST_WINDOW: usize = 128 << 10;

const CRC_LEN: usize = 2;

/// Why a part could not be read to its end.
#[derive(Debug)]
pub enum Flaw {
    Io(io::Error),
    Truncated(String),
    Damaged(String),
}

/// How a part ended.
#[derive(Debug)]
pub struct Ending {
    pub flaw: Option<Flaw>,
    /// Whether another FIT header follows: files may be chained. Other bytes may follow, too; some firmware leaves them.
    pub another: bool,
}

/// First and last timed record of a part, for activities that have no session message.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Records {
    pub first: Option<u32>,
    pub last: Option<u32>,
    pub count: u32,
}

pub struct Scanner<R> {
    source: R,
    window: Vec<u8>,
    start: usize,
    end: usize,
    /// Bytes of the source before the window's start, for messages about damage.
    passed: u64,
    messages: Messages,
}

impl<R: Read> Scanner<R> {
    pub fn new(source: R) -> Self {
        Self { source, window: vec![0; WINDOW_LEN], start: 0, end: 0, passed: 0, messages: Messages::default() }
    }

    /// The records of the part that was scanned last.
    pub fn records(&self) -> Records {
        self.messages.records
    }

    /// Scans one FIT file from its header to its CRC and hands out the wanted messages. What was handed out before a flaw
    /// was found is still good, and damage inside does not keep the next part from being found.
    pub fn part(&mut self, wanted: &mut impl FnMut(&Message<'_>)) -> Ending {
        self.messages = Messages::default();
        let header = match self.header() {
            Ok(header) => header,
            Err(flaw) => return Ending { flaw: Some(flaw), another: false },
        };
        // A data size of 0 was never filled in: the device died before it closed the file.
        let mut left = if header.data_size == 0 { u64::MAX } else { header.data_size };
        let flaw = self.content(&header, &mut left, wanted).err();
        let another = match flaw {
            None => self.at_header(),
            Some(Flaw::Damaged(_)) if header.data_size > 0 => self.skip(left).and_then(|()| self.at_header()),
            Some(_) => Ok(false),
        };
        match another {
            Ok(another) => Ending { flaw, another },
            Err(worse) => Ending { flaw: Some(worse), another: false },
        }
    }

    /// Scans what a header announces; `left` are the bytes of it that have not been passed yet, without the CRC.
    fn content(&mut self, header: &Header, left: &mut u64, wanted: &mut impl FnMut(&Message<'_>)) -> Result<(), Flaw> {
        let mut crc = Digest::new(CrcAlgorithm::Crc16Arc);
        crc.update(&self.window[self.start..self.start + header.size]);
        self.consume(header.size);
        while *left > 0 {
            let available = (self.end - self.start).min(usize::try_from(*left).unwrap_or(usize::MAX));
            let bytes = &self.window[self.start..self.start + available];
            let (used, flaw) = self.messages.scan(bytes, wanted);
            crc.update(&bytes[..used]);
            *left -= used as u64;
            self.consume(used);
            if let Some(what) = flaw {
                return Err(self.damaged(&what));
            }
            if *left == 0 {
                break;
            }
            if (self.end - self.start) as u64 >= *left {
                return Err(self.damaged("the last message is longer than the file says"));
            }
            if self.fill()? == 0 {
                return Err(self.truncated(header.data_size, *left));
            }
        }
        self.check_crc(crc.finalize())
    }

    /// Passes over the rest of a damaged part and its CRC, as far as they are there.
    fn skip(&mut self, left: u64) -> Result<(), Flaw> {
        let mut left = left + CRC_LEN as u64;
        while left > 0 && self.ensure(1)? > 0 {
            let count = (self.end - self.start).min(usize::try_from(left).unwrap_or(usize::MAX));
            self.consume(count);
            left -= count as u64;
        }
        Ok(())
    }

    fn at_header(&mut self) -> Result<bool, Flaw> {
        self.ensure(12)?;
        Ok(self.window[self.start..self.end].get(8..12) == Some(b".FIT"))
    }

    fn header(&mut self) -> Result<Header, Flaw> {
        if self.ensure(14)? < 12 {
            return Err(Flaw::Truncated("the header is incomplete".to_owned()));
        }
        let bytes = &self.window[self.start..self.end];
        let size = usize::from(bytes[0]);
        if !matches!(size, 12 | 14) || &bytes[8..12] != b".FIT" {
            return Err(self.damaged("no FIT header"));
        }
        if bytes.len() < size {
            return Err(Flaw::Truncated("the header is incomplete".to_owned()));
        }
        let data_size = u32::from_le_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]).into();
        Ok(Header { size, data_size })
    }

    fn check_crc(&mut self, computed: u64) -> Result<(), Flaw> {
        if self.ensure(CRC_LEN)? < CRC_LEN {
            return Err(Flaw::Truncated("the checksum at the end is missing".to_owned()));
        }
        let stored = u64::from(u16::from_le_bytes([self.window[self.start], self.window[self.start + 1]]));
        if stored != computed {
            return Err(self.damaged(&format!("the checksum is {stored:04x}, the content's is {computed:04x}")));
        }
        self.consume(CRC_LEN);
        Ok(())
    }

    fn consume(&mut self, count: usize) {
        self.start += count;
        self.passed += count as u64;
    }

    /// Reads once more into the window; 0 at the end of the source.
    fn fill(&mut self) -> Result<usize, Flaw> {
        self.window.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        if self.end == self.window.len() && self.end < LONGEST_WINDOW {
            self.window.resize(LONGEST_WINDOW, 0);
        }
        loop {
            match self.source.read(&mut self.window[self.end..]) {
                Ok(count) => {
                    self.end += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Flaw::Io(error)),
            }
        }
    }

    /// Fills until that many bytes are there or the source ends; returns how many are.
    fn ensure(&mut self, count: usize) -> Result<usize, Flaw> {
        while self.end - self.start < count && self.fill()? > 0 {}
        Ok(self.end - self.start)
    }

    fn truncated(&self, data_size: u64, left: u64) -> Flaw {
        if data_size == 0 {
            return Flaw::Truncated("the device never wrote its length".to_owned());
        }
        let missing = left - (self.end - self.start) as u64;
        Flaw::Truncated(format!("{missing} of {data_size} bytes are missing"))
    }

    fn damaged(&self, what: &str) -> Flaw {
        Flaw::Damaged(format!("{what}, at byte {}", self.passed))
    }
}

struct Header {
    size: usize,
    data_size: u64,
}

/// The sixteen local message types, and what a part has told so far.
#[derive(Default)]
struct Messages {
    shapes: [Shape; 16],
    definitions: [Definition; 16],
    /// The latest time of any message, which compressed headers count on from.
    clock: Option<u32>,
    records: Records,
}

impl Messages {
    /// Scans the complete messages at the beginning of `bytes`; returns how many bytes they take, and what is wrong with what
    /// follows, if anything.
    fn scan(&mut self, bytes: &[u8], wanted: &mut impl FnMut(&Message<'_>)) -> (usize, Option<String>) {
        let mut at = 0;
        while let Some((&header, body)) = bytes[at..].split_first() {
            if header & 0xc0 == 0x40 {
                let Some(length) = Definition::length(body, header & 0x20 != 0) else { break };
                let Some(definition) = body.get(..length) else { break };
                self.define(header & 0x0f, definition);
                at += 1 + length;
                continue;
            }
            let compressed = header & 0x80 != 0;
            let local = usize::from(if compressed { header >> 5 & 0x03 } else { header & 0x0f });
            let shape = self.shapes[local];
            if shape.kind == Kind::Undefined {
                return (at, Some(format!("a message of the undefined local type {local}")));
            }
            let Some(data) = usize::try_from(shape.size).ok().and_then(|size| body.get(..size)) else { break };
            at += 1 + data.len();
            let time = shape.timestamp_of(data);
            if compressed {
                self.clock = self.clock.map(|clock| advance(clock, header & 0x1f));
            } else if time.is_some() {
                self.clock = time;
            }
            match shape.kind {
                Kind::Record => self.records.take(time.or(self.clock)),
                Kind::Wanted => {
                    let header_timestamp = self.clock.filter(|_| compressed);
                    wanted(&Message { definition: &self.definitions[local], data, header_timestamp });
                }
                Kind::PassedOver | Kind::Undefined => {}
            }
        }
        (at, None)
    }

    fn define(&mut self, local: u8, definition: &[u8]) {
        let local = usize::from(local);
        self.definitions[local].redefine(definition);
        self.shapes[local] = self.definitions[local].shape;
    }
}

impl Records {
    fn take(&mut self, time: Option<u32>) {
        if let Some(time) = time {
            self.first = self.first.or(Some(time));
            self.last = Some(time);
            self.count = self.count.saturating_add(1);
        }
    }
}

/// The next time whose lowest five bits are `offset`.
fn advance(clock: u32, offset: u8) -> u32 {
    clock.wrapping_add(u32::from(offset).wrapping_sub(clock) & 0x1f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_times_roll_over() {
        assert_eq!(advance(0x1234_5678, 0x18), 0x1234_5678);
        assert_eq!(advance(0x1234_5678, 0x19), 0x1234_5679);
        assert_eq!(advance(0x1234_567f, 0x00), 0x1234_5680);
        assert_eq!(advance(0x1234_5661, 0x00), 0x1234_5680);
    }
}
