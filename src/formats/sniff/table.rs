//! Recognises tables of text (CSV) by their header.

use super::Kind;

/// `text` is the beginning of a file, perhaps cut off.
pub fn kind(_text: &str) -> Kind {
    Kind::Unknown
}
