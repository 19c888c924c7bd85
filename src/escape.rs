//! Names as people are shown them: a file may be called what looks like a line of the log, or moves the cursor.

use std::borrow::Cow;
use std::path::Path;

/// A path without what [`text`] spells out.
pub fn path(path: &Path) -> String {
    text(&path.to_string_lossy()).into_owned()
}

/// Text without control characters, nor those that turn the direction of all that follows.
pub fn text(text: &str) -> Cow<'_, str> {
    if !text.contains(is_misleading) {
        return Cow::Borrowed(text);
    }
    let escape = |c: char| if is_misleading(c) { c.escape_default().to_string() } else { c.to_string() };
    Cow::Owned(text.chars().map(escape).collect())
}

/// The embeddings, overrides and isolates of bidirectional text show "gpx.exe" as "exe.xpg"; marks and letters do not.
fn is_misleading(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_fool_a_reader_is_spelled_out() {
        assert_eq!(text("Läufe/März 1.fit"), "Läufe/März 1.fit");
        assert_eq!(text("a\nERROR\u{1b}[2J"), "a\\nERROR\\u{1b}[2J");
        assert_eq!(path(Path::new("/w/x\ny")), "/w/x\\ny");
        assert_eq!(text("a \u{202e}exe.xpg\u{2069}"), "a \\u{202e}exe.xpg\\u{2069}");
        assert_eq!(text("ריצה \u{200f}🏃🏽\u{200d}♀️"), "ריצה \u{200f}🏃🏽\u{200d}♀️");
    }
}
