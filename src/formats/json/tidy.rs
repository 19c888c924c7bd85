//! JSON as it is found, made fit for a parser: decoded, without `NaN`, with bounded texts and depth, one document at a
//! time.
//!
//! Hands out single bytes in step with the parser, so that it always knows the line that is being read.

use crate::formats::encoding;
use crate::formats::reading::{Condition, condition_of};
use encoding_rs_io::DecodeReaderBytes;
use std::io::{self, Read};

/// Objects and lists inside one another; real files have about ten levels. The parser calls itself for each.
const DEEPEST: usize = 64;

/// Bytes handed out of one text or name: the parser collects them. The rest is dropped, between two characters.
const LONGEST_TEXT: usize = 16 << 10;

const BUFFER_LEN: usize = 64 << 10;

pub struct Tidy<R> {
    source: DecodeReaderBytes<R, Vec<u8>>,
    buffer: Vec<u8>,
    next: usize,
    filled: usize,
    /// Bytes from `next` on that can be handed out without a thought; the column has them already.
    plain: usize,
    /// What is still to be handed out in place of something else.
    instead: &'static [u8],
    place: Place,
    text: Option<Text>,
    depth: usize,
    too_deep: bool,
    /// A text has zeros in it.
    in_gap: bool,
    /// Line of the present document's first byte, and how many documents there were.
    began: u64,
    documents: u64,
    /// Whether each document has a line of its own, and then ends with it.
    on_lines: bool,
    /// The present document ended with its line.
    cut: bool,
    /// The parser was told that nothing follows.
    ended: bool,
}

/// Where the last byte stood that was read; both from 1.
struct Place {
    line: u64,
    column: u64,
}

/// Inside a text or name.
#[derive(Default)]
struct Text {
    /// Bytes handed out.
    given: usize,
    dropping: bool,
    escape: Escape,
    /// The last character is the first half of one that takes two escapes.
    is_half: bool,
}

#[derive(Clone, Copy, Default)]
enum Escape {
    #[default]
    None,
    Begun,
    /// Hexadecimal digits to come, and the value of those before.
    Digits(u8, u32),
}

impl<R: Read> Tidy<R> {
    pub fn new(source: R) -> io::Result<Self> {
        Ok(Self {
            // JSON declares no encoding: a byte order mark decides.
            source: encoding::decoder(&[], source)?,
            buffer: vec![0; BUFFER_LEN],
            next: 0,
            filled: 0,
            plain: 0,
            instead: &[],
            place: Place { line: 1, column: 0 },
            text: None,
            depth: 0,
            too_deep: false,
            in_gap: false,
            began: 1,
            documents: 0,
            on_lines: false,
            cut: false,
            ended: false,
        })
    }

    /// Goes to the next document, if there is one.
    pub fn next_document(&mut self) -> io::Result<bool> {
        self.stand_still();
        let is_one_line = self.place.line == self.began;
        while let Some(byte) = self.peek()? {
            if !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x1e) {
                self.on_lines |= self.documents == 1 && is_one_line && self.place.line > self.began;
                self.began = self.place.line;
                self.documents += 1;
                (self.text, self.depth, self.cut) = (None, 0, false);
                return Ok(true);
            }
            self.take()?;
        }
        Ok(false)
    }

    /// Line on which the present document begins.
    pub fn line(&self) -> u64 {
        self.began
    }

    /// After an error: goes past the line of the present document, if others follow that do not depend on it.
    pub fn skip_line(&mut self) -> bool {
        if !self.on_lines {
            return false;
        }
        self.stand_still();
        while !self.cut && self.place.line == self.began {
            match self.take() {
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(_) => return false,
            }
        }
        (self.instead, self.too_deep) = (&[], false);
        true
    }

    /// What an error of the parser says of the file.
    pub fn explain(&self, error: serde_json::Error) -> io::Result<Condition> {
        let (line, column) = (self.place.line, self.place.column - length(self.plain));
        if self.too_deep {
            return Ok(Condition::Damaged(format!(
                "nested deeper than {DEEPEST} levels at line {line}, column {column}"
            )));
        }
        if self.in_gap {
            return Ok(Condition::gap(format!("at line {line}, column {column}")));
        }
        if error.is_io() {
            return condition_of(&io::Error::from(error));
        }
        // A number that breaks off is an error of its own to the parser.
        if self.ended {
            return Ok(Condition::Truncated(format!("the JSON breaks off at line {line}, column {column}")));
        }
        if self.cut {
            return Ok(Condition::Damaged("the JSON is not finished at the end of the line".to_owned()));
        }
        // The parser's own position counts what it was given, not what stands in the file.
        let what = error.to_string();
        let what = what.rsplit_once(" at line ").map_or(&*what, |(what, _)| what);
        Ok(Condition::Damaged(format!("not well-formed at line {line}, column {column}: {what}")))
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        if self.next == self.filled {
            (self.next, self.filled) = (0, 0);
            self.filled = loop {
                match self.source.read(&mut self.buffer) {
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    other => break other?,
                }
            };
        }
        Ok(self.buffer[self.next..self.filled].first().copied())
    }

    fn take(&mut self) -> io::Result<Option<u8>> {
        let Some(byte) = self.peek()? else { return Ok(None) };
        self.next += 1;
        match byte {
            b'\n' => self.place = Place { line: self.place.line + 1, column: 0 },
            // The second and further bytes of a character.
            0x80..=0xbf => {}
            _ => self.place.column += 1,
        }
        Ok(Some(byte))
    }

    /// The next byte for the parser.
    fn give(&mut self) -> io::Result<Option<u8>> {
        if let Some((byte, rest)) = self.instead.split_first() {
            self.instead = rest;
            return Ok(Some(*byte));
        }
        loop {
            if self.cut {
                return Ok(None);
            }
            let Some(byte) = self.take()? else {
                self.ended = true;
                return Ok(None);
            };
            if byte == b'\n' && self.on_lines {
                self.cut = true;
                return Ok(None);
            }
            if let Some(text) = &mut self.text {
                if byte == 0 {
                    self.in_gap = true;
                    return Err(io::Error::from(io::ErrorKind::InvalidData));
                }
                let (is_over, given) = (text.is_over(byte), text.pass(byte));
                match given {
                    Some(byte) if is_over => {
                        self.text = None;
                        return Ok(Some(byte));
                    }
                    Some(byte) => return Ok(Some(byte)),
                    None if text.skips() => self.skip_text(),
                    None => {}
                }
                continue;
            }
            match byte {
                b'"' => self.text = Some(Text::default()),
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => self.depth = self.depth.saturating_sub(1),
                b'-' if matches!(self.peek()?, Some(b'I' | b'N')) => continue,
                b'N' | b'I' => return self.no_number(byte),
                _ => {}
            }
            if self.depth > DEEPEST {
                self.too_deep = true;
                return Err(io::Error::from(io::ErrorKind::InvalidData));
            }
            return Ok(Some(byte));
        }
    }

    /// Sees how far nothing has to be seen to: most bytes are handed out from here.
    fn look_ahead(&mut self) {
        let ahead = &self.buffer[self.next..self.filled];
        self.plain = match &mut self.text {
            None => run(ahead, |byte| {
                !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b'-' | b'N' | b'I' | b'\n' | 0x80..)
            }),
            Some(text) => text.look_ahead(ahead),
        };
        self.place.column += length(self.plain);
    }

    /// Makes the place that of the last byte handed out.
    fn stand_still(&mut self) {
        self.place.column -= length(self.plain);
        self.plain = 0;
    }

    /// The first byte of what stands for a number that is none.
    fn no_number(&mut self, first: u8) -> io::Result<Option<u8>> {
        let rest: &[u8] = if first == b'N' { b"aN" } else { b"nfinity" };
        for expected in rest {
            match self.peek()? {
                None => {
                    self.ended = true;
                    return Ok(None);
                }
                Some(byte) if byte == *expected => self.take()?,
                // The parser will object.
                Some(_) => return Ok(Some(first)),
            };
        }
        self.instead = b"ull";
        Ok(Some(b'n'))
    }

    /// Goes past what is dropped anyway.
    fn skip_text(&mut self) {
        let dropped = &self.buffer[self.next..self.filled];
        let end = dropped.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n' | 0)).unwrap_or(dropped.len());
        self.place.column += dropped[..end].iter().map(|byte| u64::from(!matches!(byte, 0x80..=0xbf))).sum::<u64>();
        self.next += end;
    }
}

impl Text {
    /// What is handed out for a byte, if anything.
    fn pass(&mut self, byte: u8) -> Option<u8> {
        if self.is_over(byte) {
            return Some(byte);
        }
        let begins = matches!(self.escape, Escape::None) && !matches!(byte, 0x80..=0xbf);
        if begins {
            self.dropping |= self.given >= LONGEST_TEXT && !self.is_half;
        }
        let is_plain = matches!(self.escape, Escape::None);
        self.escape = match (self.escape, byte) {
            (Escape::None, b'\\') => Escape::Begun,
            (Escape::Begun, b'u') => Escape::Digits(4, 0),
            (Escape::Digits(left @ 2.., value), digit) => {
                let digit = char::from(digit).to_digit(16).unwrap_or_default();
                Escape::Digits(left - 1, value * 16 + digit)
            }
            (Escape::Digits(_, value), _) => {
                // The value lacks its last digit.
                self.is_half = (0xd80..0xdc0).contains(&value);
                Escape::None
            }
            _ => {
                self.is_half = false;
                Escape::None
            }
        };
        if self.dropping {
            return None;
        }
        self.given += 1;
        // Line ends and control characters that should have been escaped.
        Some(if is_plain && byte < b' ' { b' ' } else { byte })
    }

    /// How many of the bytes ahead are characters that stand for themselves, and are not too many.
    fn look_ahead(&mut self, ahead: &[u8]) -> usize {
        if self.dropping || !matches!(self.escape, Escape::None) {
            return 0;
        }
        let ahead = &ahead[..ahead.len().min(LONGEST_TEXT.saturating_sub(self.given))];
        let plain = run(ahead, |byte| !matches!(byte, b'"' | b'\\' | ..b' ' | 0x80..));
        self.given += plain;
        self.is_half &= plain == 0;
        plain
    }

    /// Whether whole characters are being dropped.
    fn skips(&self) -> bool {
        self.dropping && matches!(self.escape, Escape::None)
    }

    /// Whether this byte is the closing quote.
    fn is_over(&self, byte: u8) -> bool {
        byte == b'"' && matches!(self.escape, Escape::None)
    }
}

impl<R: Read> Read for Tidy<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(first) = buffer.first_mut() else { return Ok(0) };
        if self.plain > 0 {
            self.plain -= 1;
            *first = self.buffer[self.next];
            self.next += 1;
            return Ok(1);
        }
        let given = self.give()?;
        // At the end of a line the parser asks once more, and is not to have the next one.
        if given.is_some() && self.instead.is_empty() {
            self.look_ahead();
        }
        match given {
            Some(byte) => {
                *first = byte;
                Ok(1)
            }
            None => Ok(0),
        }
    }
}

/// How many bytes in a row are such.
fn run(bytes: &[u8], is_such: impl Fn(u8) -> bool) -> usize {
    bytes.iter().position(|byte| !is_such(*byte)).unwrap_or(bytes.len())
}

fn length(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}
