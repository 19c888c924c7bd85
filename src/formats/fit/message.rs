//! Definitions and messages of a FIT file: where each field lies, and what it says unless it says nothing.

/// Global message numbers that a workout is made of.
pub const FILE_ID: u16 = 0;
pub const SPORT: u16 = 12;
pub const SESSION: u16 = 18;
pub const LAP: u16 = 19;
pub const RECORD: u16 = 20;
pub const WORKOUT: u16 = 26;
pub const ACTIVITY: u16 = 34;

/// The field that every timed message shares.
pub const TIMESTAMP: u8 = 253;

/// What the scanner needs of a local message type to pass over its messages; small, so that all sixteen stay close.
#[derive(Clone, Copy, Default)]
pub struct Shape {
    pub kind: Kind,
    pub big_endian: bool,
    /// Bytes of a message without its header.
    pub size: u32,
    /// Where the timestamp lies, in bytes from the first field.
    pub timestamp: Option<u16>,
}

/// What is done with the messages of a local type.
#[derive(Clone, Copy, Default, PartialEq)]
pub enum Kind {
    /// There must be none: nothing has defined them.
    #[default]
    Undefined,
    PassedOver,
    /// Counted, and their times noted.
    Record,
    Wanted,
}

impl Shape {
    /// The timestamp of a message of this shape; `None` where it is absent or invalid.
    pub fn timestamp_of(&self, data: &[u8]) -> Option<u32> {
        let at = usize::from(self.timestamp?);
        let bytes = data.get(at..at + 4)?.try_into().ok()?;
        let value = if self.big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) };
        (value != u32::MAX).then_some(value)
    }
}

/// One local message type, as its latest definition gives it.
#[derive(Clone, Default)]
pub struct Definition {
    pub shape: Shape,
    pub global: u16,
    /// Only filled for wanted messages.
    fields: Vec<Field>,
}

#[derive(Clone, Copy)]
struct Field {
    number: u8,
    base_type: u8,
    offset: usize,
    size: usize,
}

impl Definition {
    /// Length of a definition message without its header, from its first six bytes and, with developer fields, the byte
    /// behind its fields. `None` if `bytes` ends before that can be told.
    pub fn length(bytes: &[u8], has_developer_fields: bool) -> Option<usize> {
        let fields = 5 + usize::from(*bytes.get(4)?) * 3;
        if has_developer_fields { Some(fields + 1 + usize::from(*bytes.get(fields)?) * 3) } else { Some(fields) }
    }

    /// Takes over a new definition; `bytes` is exactly as long as [`Definition::length`] says.
    pub fn redefine(&mut self, bytes: &[u8]) {
        let big_endian = bytes[1] == 1;
        let global = [bytes[2], bytes[3]];
        self.global = if big_endian { u16::from_be_bytes(global) } else { u16::from_le_bytes(global) };
        let kind = match self.global {
            FILE_ID | SPORT | SESSION | LAP | WORKOUT | ACTIVITY => Kind::Wanted,
            RECORD => Kind::Record,
            _ => Kind::PassedOver,
        };
        self.fields.clear();
        let count = usize::from(bytes[4]);
        let (mut offset, mut timestamp) = (0_u16, None);
        for field in bytes[5..5 + count * 3].chunks_exact(3) {
            let [number, size, base_type] = [field[0], field[1], field[2]];
            if number == TIMESTAMP && size == 4 {
                timestamp = Some(offset);
            }
            if kind == Kind::Wanted {
                self.fields.push(Field { number, base_type, offset: offset.into(), size: size.into() });
            }
            // At most 255 times 255, which fits.
            offset += u16::from(size);
        }
        let developer = bytes.get(5 + count * 3 + 1..).unwrap_or_default();
        let developer_size: u32 = developer.chunks_exact(3).map(|field| u32::from(field[1])).sum();
        self.shape = Shape { kind, big_endian, size: u32::from(offset) + developer_size, timestamp };
    }
}

/// One message that somebody wants to look into.
pub struct Message<'a> {
    pub definition: &'a Definition,
    pub data: &'a [u8],
    /// The time that its header adds, if it is a compressed one.
    pub header_timestamp: Option<u32>,
}

impl Message<'_> {
    /// An unsigned value, raw and unscaled; `None` if absent or the type's invalid value.
    pub fn number(&self, number: u8) -> Option<u32> {
        let (field, bytes) = self.field(number)?;
        let mut bytes = bytes.get(..element_size(field.base_type).min(field.size))?.to_vec();
        if !self.definition.shape.big_endian {
            bytes.reverse();
        }
        if bytes.is_empty() || bytes.len() > 4 {
            return None;
        }
        let value = bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte));
        let all_ones = u32::MAX >> (32 - 8 * bytes.len());
        let invalid = match field.base_type & 0x1f {
            10..=12 => 0,               // uint8z, uint16z, uint32z
            1 | 3 | 5 => all_ones >> 1, // sint8, sint16, sint32
            _ => all_ones,
        };
        (value != invalid).then_some(value)
    }

    /// A value that fits one byte: an enum, a heart rate.
    pub fn small(&self, number: u8) -> Option<u8> {
        self.number(number)?.try_into().ok()
    }

    /// A text up to its terminator; `None` if absent or empty. Bytes that are not UTF-8 occur and are replaced.
    pub fn text(&self, number: u8) -> Option<String> {
        let (_, bytes) = self.field(number)?;
        let text = String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next()?).trim().to_owned();
        (!text.is_empty()).then_some(text)
    }

    /// The message's own time, or the one that its compressed header carries.
    pub fn timestamp(&self) -> Option<u32> {
        self.definition.shape.timestamp_of(self.data).or(self.header_timestamp)
    }

    fn field(&self, number: u8) -> Option<(Field, &[u8])> {
        let field = *self.definition.fields.iter().find(|field| field.number == number)?;
        Some((field, self.data.get(field.offset..field.offset + field.size)?))
    }
}

/// Bytes of one element of a base type; strings and bytes are read otherwise.
fn element_size(base_type: u8) -> usize {
    match base_type & 0x1f {
        3 | 4 | 11 => 2,
        5 | 6 | 8 | 12 => 4,
        9 | 14..=16 => 8,
        _ => 1,
    }
}
