//! Writes small FIT files, well-formed or not, for tests and benchmarks. Knows the protocol, not the code under test.

/// 1989-12-31T00:00:00Z in Unix seconds.
pub const EPOCH: i64 = 631_065_600;

const UINT8: u8 = 0x02;
const UINT16: u8 = 0x84;
const UINT32: u8 = 0x86;
const STRING: u8 = 0x07;

/// A value, in the width of its field.
#[derive(Clone, Debug)]
pub enum Value {
    U8(u8),
    U16(u16),
    U32(u32),
    Text(&'static str, u8),
}

impl Value {
    fn base_type(&self) -> u8 {
        match self {
            Self::U8(_) => UINT8,
            Self::U16(_) => UINT16,
            Self::U32(_) => UINT32,
            Self::Text(..) => STRING,
        }
    }

    fn bytes(&self, big_endian: bool) -> Vec<u8> {
        match self {
            Self::U8(value) => vec![*value],
            Self::U16(value) if big_endian => value.to_be_bytes().to_vec(),
            Self::U16(value) => value.to_le_bytes().to_vec(),
            Self::U32(value) if big_endian => value.to_be_bytes().to_vec(),
            Self::U32(value) => value.to_le_bytes().to_vec(),
            Self::Text(text, size) => {
                let mut bytes = text.as_bytes().to_vec();
                bytes.resize(usize::from(*size), 0);
                bytes
            }
        }
    }
}

/// Puts a FIT file together message by message.
#[derive(Clone, Debug, Default)]
pub struct FitFile {
    data: Vec<u8>,
    pub big_endian: bool,
}

impl FitFile {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn big_endian() -> Self {
        Self { big_endian: true, ..Self::default() }
    }

    /// Defines local type `local` for these fields and writes one message of it.
    pub fn message(&mut self, local: u8, global: u16, fields: &[(u8, Value)]) -> &mut Self {
        self.define(local, global, fields, &[]);
        self.data_message(local, fields)
    }

    /// A definition; `developer` are sizes of developer fields.
    pub fn define(&mut self, local: u8, global: u16, fields: &[(u8, Value)], developer: &[u8]) -> &mut Self {
        let has_developer = if developer.is_empty() { 0 } else { 0x20 };
        self.data.extend([0x40 | has_developer | local, 0, u8::from(self.big_endian)]);
        self.data.extend(if self.big_endian { global.to_be_bytes() } else { global.to_le_bytes() });
        self.data.push(u8::try_from(fields.len()).unwrap());
        for (number, value) in fields {
            let size = u8::try_from(value.bytes(false).len()).unwrap();
            self.data.extend([*number, size, value.base_type()]);
        }
        if has_developer != 0 {
            self.data.push(u8::try_from(developer.len()).unwrap());
            for (index, size) in developer.iter().enumerate() {
                self.data.extend([u8::try_from(index).unwrap(), *size, 0]);
            }
        }
        self
    }

    /// A message of a type that was defined before.
    pub fn data_message(&mut self, local: u8, fields: &[(u8, Value)]) -> &mut Self {
        self.data.push(local);
        self.values(fields)
    }

    /// A message whose header carries five bits of its time.
    pub fn compressed(&mut self, local: u8, offset: u8, fields: &[(u8, Value)]) -> &mut Self {
        self.data.push(0x80 | local << 5 | offset & 0x1f);
        self.values(fields)
    }

    fn values(&mut self, fields: &[(u8, Value)]) -> &mut Self {
        for (_, value) in fields {
            let bytes = value.bytes(self.big_endian);
            self.data.extend(bytes);
        }
        self
    }

    pub fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.data.extend(bytes);
        self
    }

    /// The file: header, data, checksum.
    pub fn build(&self) -> Vec<u8> {
        let size = u32::try_from(self.data.len()).unwrap();
        let mut file = self.with_data_size(size);
        file.extend(crc(&file).to_le_bytes());
        file
    }

    /// Header with any length, and data, but no checksum.
    pub fn with_data_size(&self, size: u32) -> Vec<u8> {
        let mut file = vec![14, 0x20, 0x54, 0x08];
        file.extend(size.to_le_bytes());
        file.extend(b".FIT\0\0");
        file.extend(&self.data);
        file
    }
}

/// The protocol's checksum, a nibble at a time, as its documentation has it.
pub fn crc(bytes: &[u8]) -> u16 {
    const TABLE: [u16; 16] = [
        0x0000, 0xcc01, 0xd801, 0x1400, 0xf001, 0x3c00, 0x2800, 0xe401, 0xa001, 0x6c00, 0x7800, 0xb401, 0x5000, 0x9c01,
        0x8801, 0x4400,
    ];
    bytes.iter().fold(0, |crc: u16, byte| {
        let low = crc >> 4 & 0x0fff ^ TABLE[usize::from(crc & 0xf)] ^ TABLE[usize::from(byte & 0xf)];
        low >> 4 & 0x0fff ^ TABLE[usize::from(low & 0xf)] ^ TABLE[usize::from(byte >> 4)]
    })
}

/// A run as a watch would record it: identity, records every second, a session.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Unix seconds.
    pub start: i64,
    pub seconds: u32,
    pub sport: u8,
    pub sub_sport: u8,
    pub serial: u32,
    pub records: u32,
}

impl Default for Run {
    fn default() -> Self {
        Self { start: 1_775_975_415, seconds: 3600, sport: 1, sub_sport: 0, serial: 4711, records: 10 }
    }
}

impl Run {
    pub fn at(start: i64) -> Self {
        Self { start, ..Self::default() }
    }

    fn fit_start(&self) -> u32 {
        u32::try_from(self.start - EPOCH).unwrap()
    }

    pub fn file_id(&self, file: &mut FitFile) {
        file.message(
            0,
            0,
            &[
                (0, Value::U8(4)),
                (1, Value::U16(1)),
                (2, Value::U16(1967)),
                (3, Value::U32(self.serial)),
                (4, Value::U32(self.fit_start())),
            ],
        );
    }

    pub fn records(&self, file: &mut FitFile) {
        let record = |second: u32| {
            let progress = f64::from(second) / f64::from(self.seconds.max(1));
            let heart_rate = 120 + u8::try_from(second % 40).unwrap();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small positive number")]
            let distance = (progress * 1_000_000.0) as u32;
            [
                (253, Value::U32(self.fit_start() + second)),
                (0, Value::U32(596_523_235 + second)),
                (1, Value::U32(95_443_717 + second)),
                (5, Value::U32(distance)),
                (3, Value::U8(heart_rate)),
            ]
        };
        file.define(1, 20, &record(0), &[]);
        for index in 0..self.records {
            let second = index * self.seconds / self.records.max(1);
            file.data_message(1, &record(second));
        }
    }

    pub fn session(&self, file: &mut FitFile) {
        let start = self.fit_start();
        file.message(
            2,
            18,
            &[
                (253, Value::U32(start + self.seconds)),
                (2, Value::U32(start)),
                (7, Value::U32(self.seconds * 1000)),
                (8, Value::U32(self.seconds * 1000 - 60_000)),
                (9, Value::U32(1_023_450)),
                (11, Value::U16(612)),
                (22, Value::U16(120)),
                (5, Value::U8(self.sport)),
                (6, Value::U8(self.sub_sport)),
                (16, Value::U8(148)),
                (17, Value::U8(171)),
            ],
        );
    }

    /// A session that says nothing but its start.
    pub fn session_without_timer(&self, file: &mut FitFile) {
        let start = self.fit_start();
        file.message(2, 18, &[(253, Value::U32(start)), (2, Value::U32(start)), (5, Value::U8(self.sport))]);
    }

    pub fn activity(&self, file: &mut FitFile) {
        let end = self.fit_start() + self.seconds;
        file.message(3, 34, &[(253, Value::U32(end)), (5, Value::U32(end + 7200)), (1, Value::U16(1))]);
    }

    pub fn file(&self) -> FitFile {
        let mut file = FitFile::new();
        self.file_id(&mut file);
        self.records(&mut file);
        self.session(&mut file);
        self.activity(&mut file);
        file
    }

    pub fn build(&self) -> Vec<u8> {
        self.file().build()
    }
}
