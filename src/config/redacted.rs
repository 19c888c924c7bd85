//! A secret among the settings, which is used but never shown.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// Text that every way of printing replaces by dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Redacted(String);

impl Redacted {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<SecretString> for Redacted {
    fn from(secret: SecretString) -> Self {
        Self(secret.expose_secret().to_owned())
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("...")
    }
}

impl Serialize for Redacted {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("...")
    }
}

impl<'de> Deserialize<'de> for Redacted {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A number is what the environment makes of a secret of digits.
        struct Text;
        impl serde::de::Visitor<'_> for Text {
            type Value = Redacted;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("text")
            }

            fn visit_str<E>(self, text: &str) -> Result<Redacted, E> {
                Ok(Redacted(text.to_owned()))
            }

            fn visit_i64<E>(self, number: i64) -> Result<Redacted, E> {
                Ok(Redacted(number.to_string()))
            }

            fn visit_u64<E>(self, number: u64) -> Result<Redacted, E> {
                Ok(Redacted(number.to_string()))
            }
        }
        deserializer.deserialize_any(Text)
    }
}
