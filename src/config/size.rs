//! An amount of bytes as people write it in settings: "64MB", "1 GB", "0".

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;

/// Units as `df -h` has them: each is 1024 of the one before.
const UNITS: [(&str, u64); 4] = [("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10), ("B", 1)];

/// Whole bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn megabytes(megabytes: u64) -> Self {
        Self(megabytes << 20)
    }

    pub fn get(self) -> u64 {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = (text[..digits].parse::<u64>().ok()?, text[digits..].trim());
        let unit = if unit.is_empty() { "B" } else { unit };
        let (_, unit) = UNITS.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(unit))?;
        number.checked_mul(unit).map(Self)
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::parse(text)
            .ok_or_else(|| format!("\"{text}\" is not an amount of bytes such as \"500KB\", \"64MB\" or \"1GB\""))
    }
}

/// To be read back where it is a whole number of some unit; else people do not count single bytes.
impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let exact = UNITS.into_iter().find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match exact {
            Some((name, unit)) if self.0 / unit < 10_000 => write!(f, "{}{name}", self.0 / unit),
            _ => match UNITS.into_iter().find(|(_, unit)| self.0 >= unit * 10) {
                Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
                None => write!(f, "{}B", self.0),
            },
        }
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // As it may be read back, it has to be exact.
        let exact = UNITS.into_iter().find(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit));
        match exact {
            Some((name, unit)) => serializer.collect_str(&format_args!("{}{name}", self.0 / unit)),
            None => serializer.collect_str("0B"),
        }
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_read() {
        for (text, bytes, shown) in [
            ("64MB", 64 << 20, "64MB"),
            (" 1 gb ", 1 << 30, "1GB"),
            ("500kb", 500 << 10, "500KB"),
            ("0", 0, "0B"),
            ("1234", 1234, "1234B"),
        ] {
            let size = Size::parse(text).unwrap();
            assert_eq!((size.get(), size.to_string()), (bytes, shown.to_owned()), "{text}");
            let written = serde_json::to_string(&size).unwrap();
            assert_eq!(serde_json::from_str::<Size>(&written).unwrap(), size, "{written}");
        }
        assert_eq!(Size::bytes((70 << 20) + 12_345).to_string(), "70MB");
        let odd = Size::bytes((70 << 20) + 12_345);
        assert_eq!(serde_json::from_str::<Size>(&serde_json::to_string(&odd).unwrap()).unwrap(), odd);
        for nonsense in ["", "MB", "-1", "1.5GB", "64 apples", "99999999999GB"] {
            assert_eq!(Size::parse(nonsense), None, "{nonsense}");
        }
    }
}
