//! Bytes that can be read at any offset: a file, a part of one, or what unpacks from one, without ever being unpacked to
//! anywhere.

use super::limits::Ration;
use super::unpack::{Method, Unpacked};
use rawzip::{FileReader, ReaderAt};
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

/// Bytes that are unpacked at once.
const CHUNK_LEN: usize = 32 << 10;

/// Bytes that are kept behind the place to which was unpacked: most directories of archives inside archives fit, so that
/// looking for one costs one pass.
const HISTORY_LEN: usize = 256 << 10;

/// A part of something that can be read at any offset; cheap to clone.
#[derive(Clone)]
pub struct Source {
    bytes: Rc<dyn ReaderAt>,
    start: u64,
    /// Unknown for what unpacks from a stream that does not tell.
    len: Option<u64>,
}

impl Source {
    pub fn of_file(file: &File) -> io::Result<Self> {
        let len = file.metadata()?.len();
        let bytes = Rc::new(FileReader::from(file.try_clone()?));
        Ok(Self { bytes, start: 0, len: Some(len) })
    }

    /// A part of it, which may turn out to go beyond its end.
    pub fn part(&self, offset: u64, len: u64) -> Self {
        Self { bytes: self.bytes.clone(), start: self.start.saturating_add(offset), len: Some(len) }
    }

    /// What unpacks from it.
    pub fn unpacked(&self, method: Method, len: Option<u64>, ration: &Rc<Ration>) -> Self {
        let rewinding = Rewinding { packed: self.clone(), method, ration: ration.clone(), state: RefCell::default() };
        Self { bytes: Rc::new(rewinding), start: 0, len }
    }

    /// Its length, for which a packed stream may have to be read to its end.
    pub fn measure(&mut self) -> io::Result<u64> {
        if let Some(len) = self.len {
            return Ok(len);
        }
        let len = io::copy(&mut self.reader(), &mut io::sink())?;
        self.len = Some(len);
        Ok(len)
    }

    /// Makes sure of the end of a packed stream, where its checksum stands.
    pub fn check_end(&self) -> io::Result<()> {
        match self.len {
            Some(_) => Ok(()),
            None => self.read_at(&mut [0], u64::MAX - self.start).map(drop),
        }
    }

    /// Reads it from its beginning.
    pub fn reader(&self) -> Cursor {
        Cursor { source: self.clone(), position: 0 }
    }

    /// Whether it goes on beyond the end of what it is a part of, as far as that is known.
    pub fn goes_beyond(&self, whole: &Self) -> bool {
        let end = |source: &Self| source.len.map(|len| source.start.saturating_add(len));
        end(whole).zip(end(self)).is_some_and(|(whole, part)| part > whole)
    }
}

impl ReaderAt for Source {
    /// Fails where it is shorter than it should be.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let left = self.len.map_or(u64::MAX, |len| len.saturating_sub(offset));
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        if wanted == 0 {
            return Ok(0);
        }
        let count = self.bytes.read_at(&mut buffer[..wanted], self.start.saturating_add(offset))?;
        if count == 0 && self.len.is_some() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(count)
    }
}

/// A place in a source from which it is read.
pub struct Cursor {
    source: Source,
    position: u64,
}

impl Read for Cursor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read_at(buffer, self.position)?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Cursor {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
            SeekFrom::End(by) => self.source.measure()?.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

/// A packed stream that is unpacked as far as somebody reads, and anew from its beginning for whoever goes back beyond
/// what is kept.
struct Rewinding {
    packed: Source,
    method: Method,
    ration: Rc<Ration>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    decoder: Option<Unpacked<Cursor>>,
    /// The last bytes that were unpacked.
    history: Vec<u8>,
    /// Where they begin.
    history_start: u64,
}

impl State {
    fn position(&self) -> u64 {
        self.history_start + self.history.len() as u64
    }

    /// Unpacks some more bytes; says how many.
    fn advance(&mut self, rewinding: &Rewinding) -> io::Result<usize> {
        if self.history.len() >= 2 * HISTORY_LEN {
            let dropped = self.history.len() - HISTORY_LEN;
            self.history.drain(..dropped);
            self.history_start += dropped as u64;
        }
        let begin = || Unpacked::new(rewinding.method, rewinding.packed.reader(), Some(rewinding.ration.clone()));
        let decoder = self.decoder.get_or_insert_with(begin);
        let before = self.history.len();
        self.history.resize(before + CHUNK_LEN, 0);
        let count = decoder.read(&mut self.history[before..]);
        self.history.truncate(before + *count.as_ref().unwrap_or(&0));
        count
    }
}

impl ReaderAt for Rewinding {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state.borrow_mut();
        if offset < state.history_start {
            *state = State::default();
        }
        while offset >= state.position() {
            match state.advance(self) {
                Ok(0) => return Ok(0),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let from = usize::try_from(offset - state.history_start).unwrap_or(usize::MAX);
        let kept = state.history.get(from..).unwrap_or_default();
        let count = kept.len().min(buffer.len());
        buffer[..count].copy_from_slice(&kept[..count]);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::Compression;
    use flate2::write::GzEncoder;
    use std::io::Write;

    #[test]
    fn a_packed_source_reads_like_the_bytes_in_it() {
        let plain: Vec<u8> = (0_u32..500_000).flat_map(|number| (number / 3).to_le_bytes()).collect();
        let mut encoder = GzEncoder::new(tempfile::tempfile().unwrap(), Compression::fast());
        encoder.write_all(&plain).unwrap();
        let file = encoder.finish().unwrap();
        let packed = Source::of_file(&file).unwrap();
        let ration = Rc::new(Ration::for_file(1 << 20));
        let mut source = packed.unpacked(Method::Gzip, None, &ration);
        for offset in [1_999_000, 10, 1_500_000, 1_400_000, 0, 1_999_999, 700_000] {
            let mut buffer = vec![0; 1000.min(plain.len() - offset)];
            source.read_exact_at(&mut buffer, offset as u64).unwrap();
            assert!(buffer == plain[offset..offset + buffer.len()], "{offset}");
        }
        assert_eq!(source.read_at(&mut [0; 4], 2_000_000).unwrap(), 0);
        assert_eq!(source.measure().unwrap(), 2_000_000);
        let part = source.part(1_999_990, 20);
        assert!(part.goes_beyond(&source));
        let error = io::copy(&mut part.reader(), &mut io::sink()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        assert!(!ration.is_spent());
        let little = Rc::new(Ration::for_file(0));
        let source = packed.unpacked(Method::Gzip, None, &little);
        while !little.is_spent() {
            let read = source.read_exact_at(&mut [0], 1_999_999).and_then(|()| source.read_exact_at(&mut [0], 0));
            assert!(read.is_ok() || little.is_spent(), "{read:?}");
        }
    }
}
