//! Names as people are shown them: a file may be called what looks like a line of the log, or moves the cursor.

use std::borrow::Cow;
use std::path::Path;

/// A path without control characters.
pub fn path(path: &Path) -> String {
    text(&path.to_string_lossy()).into_owned()
}

/// Text without control characters.
pub fn text(text: &str) -> Cow<'_, str> {
    if !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_fool_a_reader_is_spelled_out() {
        assert_eq!(text("Läufe/März 1.fit"), "Läufe/März 1.fit");
        assert_eq!(text("a\nERROR\u{1b}[2J"), "a\\nERROR\\u{1b}[2J");
        assert_eq!(path(Path::new("/w/x\ny")), "/w/x\\ny");
    }
}
