//! Says in words by what a file is recognised.

use super::{BLANK, Kind, is_fit, is_tar, json, magic, root_element, table};
use crate::formats::encoding;

/// Names of members or columns that are told.
const MOST_NAMES: usize = 8;

/// Characters of each.
const LONGEST_NAME: usize = 60;

/// By what [`sniff`](super::sniff) decides on the same bytes.
pub fn why(head: &[u8]) -> String {
    if head.is_empty() {
        return "it is empty".to_owned();
    }
    if let Some((magic, kind)) = magic(head) {
        let name = match kind {
            Kind::Gzip => "gzip",
            Kind::Zip => "zip",
            Kind::Other(name) => name,
            _ => "known",
        };
        return format!("it begins with {}, as {name} does", magic.escape_ascii());
    }
    if is_fit(head) {
        return "bytes 8 to 11 are .FIT".to_owned();
    }
    if is_tar(head) {
        return "bytes 257 to 261 are ustar".to_owned();
    }
    let text = encoding::decode_head(head);
    let text = text.trim_start_matches(BLANK);
    if text.starts_with(['{', '[']) {
        return json::why(text);
    }
    match root_element(text) {
        Some(root) => format!("XML with the root element {}", some_of(std::iter::once(root))),
        None => table::why(text),
    }
}

/// The first of some names.
pub fn some_of<'a>(mut names: impl Iterator<Item = &'a str>) -> String {
    let cut = |name: &str| name.chars().take(LONGEST_NAME).collect::<String>();
    let first: Vec<String> = names.by_ref().take(MOST_NAMES).map(cut).collect();
    first.join(", ") + if names.next().is_some() { " …" } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sign_is_named() {
        for (head, words) in [
            (&b"\x0e\x10\x64\x00\x00\x00\x00\x00.FIT\x00\x00"[..], "bytes 8 to 11 are .FIT"),
            (b"\xef\xbb\xbf <?xml version='1.0'?><g:gpx ", "XML with the root element gpx"),
            (b"PK\x03\x04\x14", "it begins with PK\\x03\\x04, as zip does"),
            (
                b"[{\"fitnessActivity\":\"running\",\"startTime\":\"\",\"endTime\":\"\"",
                "JSON with the members fitnessActivity, startTime, endTime",
            ),
            (b"{\"b\":1,\"a\":{}}", "JSON without the members of any known format; it has a, b"),
            (
                b"Title,Start_Time,end_time,description,exercise_title\n",
                "a table with the header title, start_time, end_time, description, exercise_title",
            ),
            (b"a;b\n1;2\n", "if it is a table, no reader knows its header a, b"),
            (b"\xff\xff\xff", "nothing in its beginning is known"),
            (b"", "it is empty"),
        ] {
            assert_eq!(why(head), words);
        }
        let many = ["x"; MOST_NAMES + 1];
        assert_eq!(some_of(many.into_iter()), "x, x, x, x, x, x, x, x …");
    }
}
