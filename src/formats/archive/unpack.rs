//! Unpacks deflate and gzip streams, and stops where a bomb shows.

use super::limits::{Exceeded, Ration, allowance};
use flate2::read::{DeflateDecoder, MultiGzDecoder};
use std::io::{self, Read};
use std::rc::Rc;

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Deflate,
    Gzip,
}

/// A packed stream, unpacked. Fails where it yields too much for what it has consumed.
pub struct Unpacked<R: Read> {
    decoder: Decoder<R>,
    produced: u64,
    ration: Option<Rc<Ration>>,
}

enum Decoder<R: Read> {
    Deflate(DeflateDecoder<Counted<R>>),
    Gzip(MultiGzDecoder<Counted<R>>),
}

impl<R: Read> Unpacked<R> {
    /// Where there is a ration, it pays for every byte.
    pub fn new(method: Method, packed: R, ration: Option<Rc<Ration>>) -> Self {
        let packed = Counted { inner: packed, count: 0 };
        let decoder = match method {
            Method::Deflate => Decoder::Deflate(DeflateDecoder::new(packed)),
            Method::Gzip => Decoder::Gzip(MultiGzDecoder::new(packed)),
        };
        Self { decoder, produced: 0, ration }
    }

    fn consumed(&self) -> u64 {
        match &self.decoder {
            Decoder::Deflate(decoder) => decoder.get_ref().count,
            Decoder::Gzip(decoder) => decoder.get_ref().count,
        }
    }
}

impl<R: Read> Read for Unpacked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.decoder {
            Decoder::Deflate(decoder) => decoder.read(buffer),
            Decoder::Gzip(decoder) => decoder.read(buffer),
        }?;
        self.produced += count as u64;
        if self.produced > allowance(self.consumed()) {
            return Err(Exceeded::Ratio.into());
        }
        if let Some(ration) = &self.ration {
            ration.take(count)?;
        }
        Ok(count)
    }
}

/// Counts the bytes that go through it.
struct Counted<R> {
    inner: R,
    count: u64,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.count += count as u64;
        Ok(count)
    }
}
