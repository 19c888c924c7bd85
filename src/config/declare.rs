//! How a key of the configuration is declared: once, for the types that hold it, the check of its range, and what people
//! read about it.

use super::{Listen, Period, Redacted, Size, TcpAddress};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A key, as people may write it.
#[derive(Clone, Copy)]
pub struct Key {
    pub name: &'static str,
    pub kind: Kind,
    /// What it does.
    pub about: &'static str,
    /// Its default, in TOML, if its type has one.
    pub default: fn() -> Option<String>,
    /// What a text or a number stands for.
    pub unit: Option<&'static str>,
    /// The least and the most that it may be, as they are written.
    pub range: Option<(&'static str, &'static str)>,
    /// What it says when it is left out, in TOML, where its type has no default.
    pub unset: Option<&'static str>,
    /// How it might look, in TOML, where it says nothing when it is left out.
    pub like: Option<&'static str>,
}

/// What a key holds.
#[derive(Clone, Copy)]
pub enum Kind {
    Plain(&'static str),
    /// One of these words, each with what it means.
    Words(&'static [(&'static str, &'static str)]),
    Table(&'static Table),
    /// A list of tables.
    Tables(&'static Table),
    /// A table whose keys are not ours to name, and what each of them holds.
    Map(&'static str),
}

pub struct Table {
    /// How it might look, in TOML.
    pub example: &'static str,
    pub keys: &'static [Key],
}

impl Key {
    pub const fn new(name: &'static str, kind: Kind, about: &'static str, default: fn() -> Option<String>) -> Self {
        Self { name, kind, about, default, unit: None, range: None, unset: None, like: None }
    }

    pub const fn unit(self, unit: &'static str) -> Self {
        Self { unit: Some(unit), ..self }
    }

    pub const fn within(self, least: &'static str, most: &'static str) -> Self {
        Self { range: Some((least, most)), ..self }
    }

    pub const fn unset(self, value: &'static str) -> Self {
        Self { unset: Some(value), ..self }
    }

    pub const fn like(self, value: &'static str) -> Self {
        Self { like: Some(value), ..self }
    }

    /// What it says when it is left out, in TOML, if that is anything.
    pub fn effective(&self) -> Option<String> {
        let is_value = matches!(self.kind, Kind::Plain(_) | Kind::Words(_));
        (self.default)().or(self.unset.map(str::to_owned)).filter(|_| is_value && !self.is_needed())
    }

    /// Whether it has no room for fractions.
    pub fn is_whole(&self) -> bool {
        matches!(self.kind, Kind::Plain("whole number" | "list of whole numbers") | Kind::Map("whole number"))
    }

    /// Whether it must be there: its type's default is nothing at all.
    pub fn is_needed(&self) -> bool {
        self.like.is_some() && (self.default)().is_some_and(|value| matches!(value.as_str(), "\"\"" | "[]"))
    }

    /// What the example says of it.
    pub fn shown(&self) -> String {
        self.effective().or(self.like.map(str::to_owned)).unwrap_or_default()
    }

    /// Whether a variable of the environment can say it.
    pub fn fits_a_variable(&self) -> bool {
        match self.kind {
            Kind::Plain(words) => !words.starts_with("list"),
            Kind::Words(_) => true,
            Kind::Table(_) | Kind::Tables(_) | Kind::Map(_) => false,
        }
    }

    /// A key of this name in the table at this path.
    pub fn below(&self, path: &str) -> String {
        if path.is_empty() { self.name.to_owned() } else { format!("{path}.{}", self.name) }
    }
}

/// What can be the value of a key.
pub trait Setting: Serialize {
    const KIND: Kind;
}

macro_rules! plain {
    ($($type:ty: $words:literal),+ $(,)?) => {
        $(impl Setting for $type {
            const KIND: Kind = Kind::Plain($words);
        })+
    };
}

plain! {
    bool: "true or false",
    usize: "whole number",
    u32: "whole number",
    u64: "whole number",
    f64: "number",
    String: "text",
    PathBuf: "path",
    TcpAddress: "address:port",
    Listen: "address:port, or unix:path",
    Redacted: "text",
    Period: "span of time",
    Size: "size",
    Vec<String>: "list of texts",
    Vec<i64>: "list of whole numbers",
}

impl<T: Setting> Setting for Option<T> {
    const KIND: Kind = T::KIND;
}

impl Setting for BTreeMap<String, String> {
    const KIND: Kind = Kind::Map("text");
}

impl Setting for BTreeMap<String, i64> {
    const KIND: Kind = Kind::Map("whole number");
}

/// As it stands in a file; nothing for what has no value.
pub fn written<T: Serialize>(value: &T) -> Option<String> {
    toml::Value::try_from(value).ok().map(|value| value.to_string())
}

/// Declares tables of the configuration: the type that holds each, its defaults, and its keys for people.
macro_rules! settings {
    ($(
        $(#[doc = $about:literal])+
        $(#[serde($($serde:tt)+)])?
        pub struct $name:ident like $example:literal {
            $(
                $(#[doc = $prose:literal])+
                $field:ident: $type:ty $(= $default:expr)? $(, $note:ident $arguments:tt)*;
            )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
            #[serde(default, deny_unknown_fields $(, $($serde)+)?)]
            pub struct $name {
                $($(#[doc = $prose])+ pub $field: $type),+
            }

            impl Default for $name {
                fn default() -> Self {
                    Self { $($field: $crate::config::declare::or_default!($($default)?)),+ }
                }
            }

            impl $crate::config::declare::Setting for $name {
                const KIND: $crate::config::declare::Kind = $crate::config::declare::Kind::Table(Self::TABLE);
            }

            impl $name {
                pub const TABLE: &'static $crate::config::declare::Table = &$crate::config::declare::Table {
                    example: $example,
                    keys: &[$({
                        use $crate::config::declare::{Key, Setting, or_default, written};
                        let default = || written::<$type>(&or_default!($($default)?));
                        let about = concat!($($prose),+).trim_ascii();
                        Key::new(stringify!($field), <$type as Setting>::KIND, about, default)$(.$note $arguments)*
                    }),+],
                };
            }
        )+
    };
}

macro_rules! or_default {
    () => {
        Default::default()
    };
    ($value:expr) => {
        $value
    };
}

/// Declares a choice of words, and which of them is the default.
macro_rules! words {
    ($(
        $(#[doc = $about:literal])+
        pub enum $name:ident = $default:ident {
            $($(#[doc = $prose:literal])+ $variant:ident = $word:literal,)+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $name {
                $($(#[doc = $prose])+ $variant),+
            }

            impl $name {
                const WORDS: &'static [(&'static str, &'static str)] =
                    &[$(($word, concat!($($prose),+).trim_ascii())),+];
            }

            impl Default for $name {
                fn default() -> Self {
                    Self::$default
                }
            }

            impl $crate::config::declare::Setting for $name {
                const KIND: $crate::config::declare::Kind = $crate::config::declare::Kind::Words(Self::WORDS);
            }

            impl serde::Serialize for $name {
                fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                    serializer.serialize_str(match self {
                        $(Self::$variant => $word),+
                    })
                }
            }

            impl<'de> serde::Deserialize<'de> for $name {
                fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                    match text.as_str() {
                        $($word => Ok(Self::$variant),)+
                        _ => Err(serde::de::Error::custom($crate::config::declare::not_one_of(&text, Self::WORDS))),
                    }
                }
            }
        )+
    };
}

pub fn not_one_of(text: &str, words: &[(&str, &str)]) -> String {
    let words: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    format!("\"{text}\" is none of {}", words.join(", "))
}

pub(super) use {or_default, settings, words};
