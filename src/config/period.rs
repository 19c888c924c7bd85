//! A span of time as people write it in settings: "2s", "10m", "1h 30m", "14d".

use jiff::{Span, SpanRelativeTo};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;
use std::time::Duration;

/// A non-negative span of whole milliseconds; a day is 24 hours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Period(Duration);

impl Period {
    pub const fn seconds(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }

    pub fn get(self) -> Duration {
        self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_lowercase();
        if text.parse() == Ok(0.0) {
            return Some(Self(Duration::ZERO));
        }
        let span: Span = text.parse().ok()?;
        let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
        Duration::try_from(duration).ok().map(Self)
    }
}

impl FromStr for Period {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refusal = || {
            let what = if text.trim().parse::<f64>().is_ok_and(|number| number > 0.0) {
                "has no unit: write it like"
            } else {
                "is not a span of time such as"
            };
            format!("\"{text}\" {what} \"2s\", \"10m\", \"1h 30m\" or \"14d\"")
        };
        Self::parse(text).ok_or_else(refusal)
    }
}

impl From<Duration> for Period {
    fn from(duration: Duration) -> Self {
        Self(duration)
    }
}

impl std::fmt::Display for Period {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let millis = self.0.as_millis();
        if millis == 0 {
            return f.write_str("0s");
        }
        match [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s")]
            .into_iter()
            .find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit))
        {
            Some((unit, name)) => write!(f, "{}{name}", millis / unit),
            None => write!(f, "{millis}ms"),
        }
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Period {
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
        for (text, seconds) in [("2s", 2), ("10m", 600), ("1h", 3600), ("14d", 1_209_600), ("0s", 0)] {
            let period = Period::parse(text).unwrap();
            assert_eq!(period, Period::seconds(seconds));
            assert_eq!(Period::parse(&period.to_string()), Some(period));
        }
        assert_eq!(Period::parse("1h 30m"), Some(Period::seconds(5400)));
        assert_eq!(Period(Duration::from_millis(250)).to_string(), "250ms");
        for (text, seconds) in [
            ("0", 0),
            (" 2 S ", 2),
            ("10 Min", 600),
            ("90 minutes", 5400),
            ("1.5h", 5400),
            ("1H30M", 5400),
            ("1 hour, 30 minutes", 5400),
            ("2 weeks", 1_209_600),
            ("PT1H", 3600),
        ] {
            assert_eq!(Period::parse(text), Some(Period::seconds(seconds)), "{text}");
        }
        let refused = |text: &str| text.parse::<Period>().expect_err(text);
        for nonsense in ["", "-2s", "soon", "1 month", "NaN"] {
            assert!(refused(nonsense).contains("is not a span of time"), "{nonsense}");
        }
        for bare in ["2", " 60 ", "1.5"] {
            assert!(refused(bare).contains("has no unit"), "{bare}");
        }
    }
}
