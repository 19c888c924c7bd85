//! How an event is declared: once, for the log and for whoever wants to read what it means.

use serde::Serialize;

/// An event of the log, as people may rely on it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Event {
    pub name: &'static str,
    pub level: Level,
    pub fields: &'static [Field],
    /// What the log says of it besides.
    pub message: &'static str,
    /// When it fires.
    pub when: &'static str,
    /// What a person does about it. It asks for one unless this begins with "Nothing".
    pub remedy: &'static str,
}

impl Event {
    pub fn needs_person(&self) -> bool {
        !self.remedy.starts_with("Nothing")
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Error,
    Warn,
    Info,
    Debug,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub struct Field {
    pub name: &'static str,
    pub kind: Kind,
}

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Text,
    /// Text, or nothing where there is nothing to say.
    Maybe,
    /// Of a file or folder; what could mislead a reader is spelled out.
    Path,
    /// What went wrong, in words.
    Error,
    Count,
    /// A count too, of what is not held in memory.
    Total,
    /// Of a session's content, from 1.
    Revision,
    /// To deliver this revision, the one that is told of included.
    Attempts,
    Seconds,
    Millis,
    Bytes,
    /// RFC 3339, in UTC.
    Time,
    /// An address and a port, or "unix:" and a path.
    Address,
}

impl Level {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Maybe => "text, or nothing",
            Self::Path => "path",
            Self::Error => "error",
            Self::Count | Self::Total | Self::Attempts => "count",
            Self::Revision => "number",
            Self::Seconds => "seconds",
            Self::Millis => "milliseconds",
            Self::Bytes => "bytes",
            Self::Time => "time",
            Self::Address => "address",
        }
    }
}

/// Declares events: a function for each, by which it is logged, and `CATALOGUE`, which holds all of them.
macro_rules! events {
    ($(
        #[doc = $when:literal]
        #[doc = $blank:literal]
        #[doc = $remedy:literal]
        $level:ident $function:ident = $name:literal ($($field:ident: $kind:ident),*) $message:literal;
    )+) => {
        $(
            #[doc = $when]
            pub fn $function($($field: kind!(type $kind)),*) {
                log!($level, event = $name, $($field = kind!(value $kind $field),)* $message);
            }
        )+

        /// All of them.
        pub const CATALOGUE: &[Event] = &[$(Event {
            name: $name,
            level: Level::$level,
            fields: &[$(Field { name: stringify!($field), kind: Kind::$kind }),*],
            message: $message,
            when: $when.trim_ascii(),
            remedy: $remedy.trim_ascii(),
        }),+];
    };
}

macro_rules! log {
    (Error, $($rest:tt)+) => { tracing::error!($($rest)+) };
    (Warn, $($rest:tt)+) => { tracing::warn!($($rest)+) };
    (Info, $($rest:tt)+) => { tracing::info!($($rest)+) };
    (Debug, $($rest:tt)+) => { tracing::debug!($($rest)+) };
}

/// What a kind of field is in Rust, and in the log.
macro_rules! kind {
    (type Text) => { &str };
    (type Maybe) => { Option<&str> };
    (type Count) => { usize };
    (type Total) => { u64 };
    (type Revision) => { i64 };
    (type Attempts) => { u32 };
    (type Seconds) => { u64 };
    (type Millis) => { u128 };
    (type Bytes) => { u64 };
    (type Path) => { &std::path::Path };
    (type Error) => { &dyn std::fmt::Display };
    (type Time) => { jiff::Timestamp };
    (type Address) => { impl std::fmt::Display };
    // As JSON, greater integers would be text.
    (value Millis $field:ident) => { u64::try_from($field).unwrap_or(u64::MAX) };
    (value Path $field:ident) => { $crate::escape::path($field) };
    (value Error $field:ident) => { tracing::field::display($field) };
    (value Time $field:ident) => { tracing::field::display($field) };
    (value Address $field:ident) => { tracing::field::display($field) };
    (value $kind:ident $field:ident) => { $field };
}

pub(super) use {events, kind, log};
