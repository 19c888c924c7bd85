//! Recognises JSON files by the names of their members.

use super::Kind;

/// `text` is the beginning of a document, perhaps cut off.
pub fn kind(_text: &str) -> Kind {
    Kind::Other("JSON")
}
