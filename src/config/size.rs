//! An amount of bytes as people write it in settings: "64MB", "1.5 GB", "512MiB", "0".

use bytesize::ByteSize;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;

/// Those of the units that it is told in, the largest first.
const UNITS: [(&str, u64); 5] =
    [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", MEGABYTE), ("KB", 1000), ("B", 1)];

const MEGABYTE: u64 = 1_000_000;

const RIGHT: &str = "\"500KB\", \"64MB\", \"1.5GB\" or \"512MiB\"";

/// Whole bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(u64);

impl Size {
    pub const fn bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    pub const fn megabytes(megabytes: u64) -> Self {
        Self(megabytes * MEGABYTE)
    }

    pub fn get(self) -> u64 {
        self.0
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.trim();
        // Somebody who writes 64 hardly means bytes; of nothing there is the same in every unit.
        if number.parse::<f64>().is_ok_and(|number| number > 0.0) {
            return Err(format!("\"{text}\" has no unit: write it like {RIGHT}"));
        }
        match number.parse() {
            // What is more than can be counted is cut there.
            Ok(ByteSize(bytes)) if bytes < u64::MAX => Ok(Self(bytes)),
            _ => Err(format!("\"{text}\" is not an amount of bytes such as {RIGHT}")),
        }
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
            ("64MB", 64_000_000, "64MB"),
            (" 1 gb ", 1_000_000_000, "1GB"),
            ("500kb", 500_000, "500KB"),
            ("1TB", 1_000_000_000_000, "1TB"),
            ("1.5GB", 1_500_000_000, "1500MB"),
            ("0.5 T", 500_000_000_000, "500GB"),
            ("64MiB", 64 << 20, "67MB"),
            ("1.5 gib", 3 << 29, "1610MB"),
            ("4Ki", 4096, "4096B"),
            ("1234B", 1234, "1234B"),
            ("0", 0, "0B"),
        ] {
            let size: Size = text.parse().unwrap_or_else(|error| panic!("{error}"));
            assert_eq!((size.get(), size.to_string()), (bytes, shown.to_owned()), "{text}");
            let written = serde_json::to_string(&size).unwrap();
            assert_eq!(serde_json::from_str::<Size>(&written).unwrap(), size, "{written}");
        }
        assert_eq!(Size::bytes(70_012_345).to_string(), "70MB");
        let refused = |text: &str| text.parse::<Size>().expect_err(text);
        for nonsense in ["", "MB", "-1", "-1MB", "1,5GB", "64 apples", "99999999999GB", "64MB free", "NaN", "inf MB"] {
            assert!(refused(nonsense).contains("is not an amount of bytes"), "{nonsense}");
        }
        for bare in ["64", " 64 ", "1.5", "67108864"] {
            assert!(refused(bare).contains("has no unit"), "{bare}");
        }
    }
}
