//! The names of a table's columns, whatever the language and dress they come in.

use std::borrow::Cow;

/// Bytes of a column's name that are looked at.
const LONGEST_NAME: usize = 512;

/// Column names in lower case, without markup and superfluous blanks.
#[derive(Default)]
pub struct Header {
    names: Vec<String>,
}

impl Header {
    pub fn new<'c>(cells: impl Iterator<Item = Cow<'c, str>>) -> Self {
        Self { names: cells.map(|cell| plain(&cell)).collect() }
    }

    pub fn len(&self) -> usize {
        self.names.len()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    pub fn name(&self, column: usize) -> &str {
        self.names.get(column).map_or("", String::as_str)
    }

    /// The first column that has one of these names; an earlier name is preferred.
    pub fn find(&self, names: &[&str]) -> Option<usize> {
        self.nth(names, 0)
    }

    /// The nth column of the same name, counted from 0. Spreadsheets number repeated names: `name`, `name.1`.
    pub fn nth(&self, names: &[&str], nth: usize) -> Option<usize> {
        names.iter().find_map(|wanted| {
            let mut same = self.names.iter().enumerate().filter(|(_, name)| name == wanted);
            same.nth(nth).map(|(column, _)| column).or_else(|| {
                let numbered = format!("{wanted}.{nth}");
                self.names.iter().position(|name| *name == numbered)
            })
        })
    }

    /// Whether all these columns are there.
    pub fn has(&self, names: &[&str]) -> bool {
        names.iter().all(|name| self.find(&[name]).is_some())
    }

    /// The first column whose name begins like this, and the rest of its name: `distance (` and `km)`.
    pub fn beginning(&self, with: &str) -> Option<(usize, &str)> {
        self.names.iter().enumerate().find_map(|(column, name)| Some((column, name.strip_prefix(with)?)))
    }

    /// Whether a name has this word in it.
    pub fn mentions(&self, word: &str) -> bool {
        self.names.iter().any(|name| name.contains(word))
    }
}

/// A name without markup, in lower case, with plain blanks and apostrophes.
fn plain(cell: &str) -> String {
    let cell = &cell[..cell.floor_char_boundary(LONGEST_NAME)];
    let (mut text, mut in_tag) = (String::new(), false);
    for c in cell.chars() {
        match c {
            '<' => in_tag = true,
            '>' => in_tag = false,
            '\u{2019}' if !in_tag => text.push('\''),
            '\u{feff}' => {}
            c if !in_tag => text.extend(c.to_lowercase()),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The length of a first line that stands before the header: Samsung names the table there, spreadsheets the delimiter.
pub fn preamble(text: &[u8]) -> Option<usize> {
    let length = text.iter().position(|byte| *byte == b'\n')? + 1;
    (text.starts_with(b"com.samsung.") && !text[..length].contains(&b';') || text.starts_with(b"sep="))
        .then_some(length)
        .filter(|length| *length < LONGEST_NAME && text[..*length].iter().filter(|byte| **byte == b',').count() < 4)
}

/// What stands between the cells of the header: what there is most of outside its quotes.
pub fn delimiter(text: &[u8], preamble: Option<usize>) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in &text[preamble.unwrap_or_default()..] {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            byte if !quoted => {
                counts.iter_mut().filter(|(delimiter, _)| delimiter == byte).for_each(|(_, count)| *count += 1);
            }
            _ => {}
        }
    }
    // Of equals the last is the greatest.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_dress() {
        let missing =
            "<span class=\"translation_missing\" title=\"translation missing: en-US.x.type\">Sport Type</span>";
        for (cell, name) in [
            (missing, "sport type"),
            (" Normalized\u{a0}Power® (NP®) ", "normalized power® (np®)"),
            ("ID de l\u{2019}activité", "id de l'activité"),
            ("\u{feff}Date", "date"),
        ] {
            assert_eq!(plain(cell), name);
        }
    }

    #[test]
    fn repeated_names_are_told_apart() {
        let header = |names: &[&str]| Header::new(names.iter().map(|name| Cow::Owned((*name).to_owned())));
        let twice = header(&["Distance", "Time", "Distance"]);
        assert_eq!((twice.nth(&["distance"], 0), twice.nth(&["distance"], 1)), (Some(0), Some(2)));
        assert_eq!(twice.nth(&["distance"], 2), None);
        assert_eq!(header(&["Distance", "Distance.1"]).nth(&["distance"], 1), Some(1));
        assert_eq!(twice.find(&["dauer", "time", "distance"]), Some(1));
    }

    #[test]
    fn the_header_tells_its_delimiter() {
        for (text, delimiter) in [
            ("a,b;c,d\n;;;;;;", b','),
            ("a;b;\"c,,,,,\"", b';'),
            ("a\tb\tc", b'\t'),
            ("alone", b','),
            ("\"a\n;;;\",b,c", b','),
        ] {
            assert_eq!(super::delimiter(text.as_bytes(), None), delimiter, "{text}");
        }
        assert_eq!(preamble(b"sep=;\na,b;c"), Some(6));
        assert_eq!(preamble(b"com.samsung.shealth.exercise,4,5\nstart_time"), Some(33));
        assert_eq!(preamble(b"com.samsung.health.exercise.start_time,b,c,d,e,f\n"), None);
    }
}
