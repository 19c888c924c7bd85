//! One row of a table: its cells as text, numbers and times.

use super::clock::{Clock, unreadable};
use super::value;
use crate::formats::number;
use encoding_rs::WINDOWS_1252;
use std::borrow::Cow;

/// Bytes of a name or word that are kept.
const LONGEST_WORD: usize = 1 << 10;

/// Bytes of notes that are kept.
const LONGEST_NOTES: usize = 4 << 10;

/// One row, and where it stands.
pub struct Row<'t> {
    pub(super) bytes: &'t [u8],
    pub(super) ends: &'t [usize],
    pub(super) number: u64,
    pub(super) line: u64,
}

impl Row<'_> {
    pub(super) fn cell(&self, column: usize) -> Cow<'_, str> {
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        let end = self.ends.get(column).copied().unwrap_or(start);
        let bytes = &self.bytes[start..end];
        match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => WINDOWS_1252.decode_without_bom_handling(bytes).0,
        }
    }

    /// What a cell says, without the blanks around it; `None` for a missing or empty one, and for the words that mean so.
    pub fn value(&self, column: Option<usize>) -> Option<Cow<'_, str>> {
        let value = match self.cell(column?) {
            Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
            Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
        };
        let says_nothing = matches!(&*value, "" | "-" | "--" | "None" | "null" | "NULL" | "NaN" | "nan" | "N/A");
        // Spreadsheets and Strava write the latter.
        (!says_nothing && !value.starts_with("#error") && !value.starts_with("#ERROR")).then_some(value)
    }

    /// A name or a word.
    pub fn word(&self, column: Option<usize>) -> Option<String> {
        self.at_most(column, LONGEST_WORD)
    }

    /// A longer text of the person.
    pub fn notes(&self, column: Option<usize>) -> Option<String> {
        self.at_most(column, LONGEST_NOTES)
    }

    fn at_most(&self, column: Option<usize>, length: usize) -> Option<String> {
        let value = self.value(column)?;
        Some(value[..value.floor_char_boundary(length)].to_owned())
    }

    /// A number above zero, with a point or a comma before its fraction.
    pub fn number(&self, column: Option<usize>) -> Option<f64> {
        value::plain(&self.value(column)?).filter(|number| *number > 0.0)
    }

    /// The same in the account's language, with marks between thousands.
    pub fn grouped(&self, column: Option<usize>) -> Option<f64> {
        value::grouped(&self.value(column)?).filter(|number| *number > 0.0)
    }

    /// A number above zero, rounded.
    pub fn whole<T: TryFrom<i64>>(&self, column: Option<usize>) -> Option<T> {
        self.number(column).and_then(number::rounded)
    }

    /// The same in metres, from a column with the metres in one of its units.
    pub fn meters(&self, column: Option<(usize, f64)>) -> Option<f64> {
        let (column, unit) = column?;
        self.number(Some(column)).map(|number| number * unit)
    }

    /// A time, as `read` understands it; `what` is what a row without one lacks.
    pub fn time(
        &self,
        what: &str,
        column: Option<usize>,
        read: impl FnOnce(&str) -> Option<Clock>,
    ) -> Result<Clock, String> {
        let text = self.value(column);
        text.as_deref().and_then(read).ok_or_else(|| unreadable(what, text.as_deref()))
    }

    /// A reason to refuse this row, with its place.
    pub fn at(&self, reason: &str) -> String {
        format!("row {} (line {}): {reason}", self.number, self.line)
    }
}
