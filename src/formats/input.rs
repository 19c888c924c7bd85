//! A source of bytes whose beginning has been looked at and can still be read.

use std::io::{self, Read};

/// How much of the beginning is looked at; enough for an XML declaration, comments and the root element.
pub const HEAD_LEN: usize = 4096;

/// Reads the beginning at once and the rest on demand.
pub struct Input<R> {
    head: Vec<u8>,
    given: usize,
    /// What ended the beginning early; told once everything before it has been read.
    failure: Option<io::Error>,
    rest: R,
}

impl<R: Read> Input<R> {
    /// Fails only if there is nothing to look at.
    pub fn new(mut source: R) -> io::Result<Self> {
        let mut head = Vec::with_capacity(HEAD_LEN);
        let failure = source.by_ref().take(HEAD_LEN as u64).read_to_end(&mut head).err();
        match failure {
            Some(error) if head.is_empty() => Err(error),
            failure => Ok(Self { head, given: 0, failure, rest: source }),
        }
    }

    pub fn head(&self) -> &[u8] {
        &self.head
    }
}

impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = &self.head[self.given..];
        if left.is_empty() {
            return match self.failure.take() {
                Some(error) => Err(error),
                None => self.rest.read(buffer),
            };
        }
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.given += count;
        Ok(count)
    }
}
