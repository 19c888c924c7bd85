//! The words of others, before they are logged, kept or shown: without our secrets, and bounded.

use crate::escape;
use std::borrow::Cow;
use std::cmp::Reverse;

/// Characters of a reason.
pub const LONGEST: usize = 300;

/// What stands where a secret stood.
const CUT: &str = "…";

/// Cuts the secrets out of a text from outside, as they are and as a form or a query spells them, writes control
/// characters out, and keeps the first `longest` characters.
pub fn foreign(text: &str, secrets: &[&str], longest: usize) -> String {
    let spellings = |secret: &str| [secret.to_owned(), form_urlencoded::byte_serialize(secret.as_bytes()).collect()];
    let mut spellings: Vec<String> =
        secrets.iter().filter(|secret| !secret.is_empty()).flat_map(|secret| spellings(secret)).collect();
    // One may begin with another, and its rest would stay.
    spellings.sort_unstable_by_key(|spelling| Reverse(spelling.len()));
    let mut text = Cow::Borrowed(text);
    for spelling in &spellings {
        if text.contains(spelling) {
            text = Cow::Owned(text.replace(spelling, CUT));
        }
    }
    // Only now, as half a secret would not have been found.
    let short: String = text.chars().take(longest).collect();
    escape::text(&short).chars().take(longest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_however_they_are_spelled() {
        for (text, expected) in [
            ("token 1//0a+b= is bad", "token … is bad"),
            ("token=1%2F%2F0a%2Bb%3D&secret=s+%C3%A9%26", "token=…&secret=…"),
            ("s é&s é&", "……"),
            ("1//0a+b=-and-more", "…"),
            ("nothing of ours", "nothing of ours"),
        ] {
            assert_eq!(foreign(text, &["1//0a+b=", "1//0a+b=-and-more", "s é&", ""], LONGEST), expected);
        }
    }

    #[test]
    fn no_part_of_a_secret_is_left_at_the_end() {
        let text = format!("{}secret", "x".repeat(LONGEST - 3));
        assert!(!foreign(&text, &["secret"], LONGEST).contains('s'));
    }

    #[test]
    fn nothing_long_and_nothing_that_moves_the_cursor() {
        assert_eq!(foreign("a\nERROR\u{1b}[2J", &[], LONGEST), "a\\nERROR\\u{1b}[2J");
        for text in ["é".repeat(900_000), "\u{1b}".repeat(900_000)] {
            assert_eq!(foreign(&text, &[], LONGEST).chars().count(), LONGEST);
        }
    }
}
