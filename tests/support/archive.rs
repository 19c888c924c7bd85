//! Writes zip and tar archives, proper ones and such that lie.

use flate2::write::{DeflateEncoder, GzEncoder};
use flate2::{Compression, Crc};
use std::io::Write;

/// What the directory of a zip archive says of a member. All of it can be a lie.
#[derive(Clone, Debug)]
pub struct Entry {
    pub name: Vec<u8>,
    pub method: u16,
    pub flags: u16,
    pub crc: u32,
    pub packed_len: u32,
    pub len: u32,
    /// Where its header stands.
    pub offset: u32,
    /// The Unix mode.
    pub mode: u16,
}

#[derive(Default)]
pub struct Zip {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Zip {
    pub fn new() -> Self {
        Self::default()
    }

    /// A deflated member.
    pub fn add(mut self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.member(name.as_ref(), content.as_ref(), true);
        self
    }

    /// A member as it is.
    pub fn store(mut self, name: impl AsRef<[u8]>, content: impl AsRef<[u8]>) -> Self {
        self.member(name.as_ref(), content.as_ref(), false);
        self
    }

    /// The same, and what is said of it differs.
    pub fn lie(mut self, name: &str, content: &[u8], lie: impl FnOnce(&mut Entry)) -> Self {
        self.member(name.as_bytes(), content, true);
        lie(self.entries.last_mut().unwrap());
        self
    }

    /// One more entry of the directory, without a member.
    pub fn entry(mut self, lie: impl FnOnce(&Entry) -> Entry) -> Self {
        let entry = lie(self.entries.last().unwrap());
        self.entries.push(entry);
        self
    }

    /// A deflated member that was packed before.
    pub fn packed(mut self, name: &str, packed: &Packed) -> Self {
        self.push(name.as_bytes(), 8, packed);
        self
    }

    fn member(&mut self, name: &[u8], content: &[u8], is_deflated: bool) {
        let bytes = if is_deflated { deflate(content) } else { content.to_vec() };
        let mut crc = Crc::new();
        crc.update(content);
        let packed = Packed { bytes, crc: crc.sum(), len: u32::try_from(content.len()).unwrap() };
        self.push(name, if is_deflated { 8 } else { 0 }, &packed);
    }

    fn push(&mut self, name: &[u8], method: u16, packed: &Packed) {
        let entry = Entry {
            name: name.to_vec(),
            method,
            flags: 0,
            crc: packed.crc,
            packed_len: u32::try_from(packed.bytes.len()).unwrap(),
            len: packed.len,
            offset: u32::try_from(self.bytes.len()).unwrap(),
            mode: 0o100_644,
        };
        self.bytes.extend(b"PK\x03\x04\x14\0");
        header(&mut self.bytes, &entry);
        self.bytes.extend(name);
        self.bytes.extend(&packed.bytes);
        self.entries.push(entry);
    }

    pub fn build(self) -> Vec<u8> {
        let Self { mut bytes, entries } = self;
        let start = bytes.len();
        for entry in &entries {
            bytes.extend(b"PK\x01\x02\x14\x03\x14\0");
            header(&mut bytes, entry);
            bytes.extend([0; 6]);
            bytes.extend((u32::from(entry.mode) << 16).to_le_bytes());
            bytes.extend(entry.offset.to_le_bytes());
            bytes.extend(&entry.name);
        }
        let count = u16::try_from(entries.len()).unwrap().to_le_bytes();
        let len = u32::try_from(bytes.len() - start).unwrap();
        bytes.extend(b"PK\x05\x06\0\0\0\0");
        bytes.extend([count, count].concat());
        bytes.extend(len.to_le_bytes());
        bytes.extend(u32::try_from(start).unwrap().to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    }
}

/// What the header before a member and its entry in the directory have in common.
fn header(bytes: &mut Vec<u8>, entry: &Entry) {
    bytes.extend(entry.flags.to_le_bytes());
    bytes.extend(entry.method.to_le_bytes());
    bytes.extend([0, 0, 0x21, 0]);
    for number in [entry.crc, entry.packed_len, entry.len] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(u16::try_from(entry.name.len()).unwrap().to_le_bytes());
    bytes.extend([0, 0]);
}

/// A deflated stream, and what it unpacks to.
pub struct Packed {
    pub bytes: Vec<u8>,
    pub crc: u32,
    pub len: u32,
}

impl Packed {
    /// So many megabytes of space between two texts, packed as tight as can be without packing each of them.
    pub fn bomb(before: &[u8], megabytes: u32, behind: &[u8]) -> Self {
        let blank = vec![b' '; 1 << 20];
        let (mut crc, mut one) = (Crc::new(), Crc::new());
        crc.update(before);
        one.update(&blank);
        let (mut bytes, blank) = (flushed(before), flushed(&blank));
        for _ in 0..megabytes {
            crc.combine(&one);
            bytes.extend(&blank);
        }
        crc.update(behind);
        bytes.extend(deflate(behind));
        Self { bytes, crc: crc.sum(), len: crc.amount() }
    }

    /// The same in gzip's dress.
    pub fn gzip(&self) -> Vec<u8> {
        let head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff".as_slice();
        [head, &self.bytes, &self.crc.to_le_bytes(), &self.len.to_le_bytes()].concat()
    }
}

/// Packed so that more may follow.
fn flushed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.flush().unwrap();
    encoder.get_ref().clone()
}

pub fn deflate(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn gzip(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// A ustar archive.
pub fn tar(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, content) in members {
        bytes.extend(tar_header(name, b'0', content.len() as u64));
        bytes.extend(*content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

/// The header of a member that says how long it is, in GNU's binary form where octal has no room.
pub fn tar_header(name: &str, kind: u8, len: u64) -> [u8; 512] {
    let mut header = [0; 512];
    header[..name.len()].copy_from_slice(name.as_bytes());
    header[100..108].copy_from_slice(b"0000644\0");
    match len >> 33 {
        0 => header[124..136].copy_from_slice(format!("{len:011o}\0").as_bytes()),
        _ => {
            header[124] = 0x80;
            header[128..136].copy_from_slice(&len.to_be_bytes());
        }
    }
    header[136..148].copy_from_slice(b"00000000000\0");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar  \0");
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
