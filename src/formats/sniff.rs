//! Recognises a file by its first bytes, never by its name.

mod json;
mod table;
mod why;

pub use why::why;

use super::HEAD_LEN;
use crate::workout::Format;

/// What the beginning of a file says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Known(Format),
    Gzip,
    Zip,
    Tar,
    /// Recognised, but not read here; the name is for the person who dropped it.
    Other(&'static str),
    Empty,
    Unknown,
}

impl Kind {
    /// Whether a file with this beginning could be another kind once more of it has been written, behind what is there or
    /// into its gaps.
    pub fn may_change(self, head: &[u8]) -> bool {
        match self {
            Self::Empty | Self::Unknown => true,
            // The word that decides is perhaps not there yet.
            Self::Other(_) => magic(head).is_none() && (head.len() < HEAD_LEN || head.contains(&0)),
            Self::Known(_) | Self::Gzip | Self::Zip | Self::Tar => false,
        }
    }
}

/// Root elements of XML files that hold workouts, or that people mistake for such.
const XML_ROOTS: &[(&str, Kind)] = &[
    ("gpx", Kind::Known(Format::Gpx)),
    ("TrainingCenterDatabase", Kind::Known(Format::Tcx)),
    ("kml", Kind::Known(Format::OpenTracks)),
    ("pwx", Kind::Other("PWX")),
    ("sml", Kind::Other("Suunto SML")),
    ("fitlog", Kind::Other("SportTracks fitlog")),
    ("FitnessWorkbook", Kind::Other("SportTracks fitlog")),
    ("Activity", Kind::Other("Sigma SLF")),
    ("HealthData", Kind::Known(Format::AppleHealth)),
    ("ClinicalDocument", Kind::Other("Apple Health clinical document")),
    ("html", Kind::Other("HTML page")),
];

/// Beginnings of files that are not XML.
const MAGIC: &[(&[u8], Kind)] = &[
    (b"\x1f\x8b", Kind::Gzip),
    (b"PK\x03\x04", Kind::Zip),
    (b"PK\x05\x06", Kind::Zip),
    (b"bvx2", Kind::Other("LZFSE file")),
    (b"[Params]", Kind::Other("Polar HRM")),
    (b"HRDATA", Kind::Other("Polar HRM")),
    (b"%PDF", Kind::Other("PDF document")),
    (b"\x89PNG", Kind::Other("PNG picture")),
    (b"\xff\xd8\xff", Kind::Other("JPEG picture")),
    (b"SQLite format 3\0", Kind::Other("SQLite database")),
];

/// What may stand before the content of a text.
const BLANK: [char; 5] = ['\u{feff}', ' ', '\t', '\r', '\n'];

/// Decides on the first [`HEAD_LEN`] bytes, or on all of a shorter file.
pub fn sniff(head: &[u8]) -> Kind {
    if head.is_empty() {
        return Kind::Empty;
    }
    if let Some((_, kind)) = magic(head) {
        return *kind;
    }
    if is_fit(head) {
        return Kind::Known(Format::Fit);
    }
    if is_tar(head) {
        return Kind::Tar;
    }
    let text = super::encoding::decode_head(head);
    let text = text.trim_start_matches(BLANK);
    if text.starts_with(['{', '[']) {
        return json::kind(text);
    }
    match root_element(text) {
        Some(root) => XML_ROOTS
            .iter()
            .find(|(name, _)| root == *name)
            .map_or(Kind::Other("XML of another kind"), |(_, kind)| *kind),
        None => table::kind(text),
    }
}

fn magic(head: &[u8]) -> Option<&'static (&'static [u8], Kind)> {
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic))
}

fn is_fit(head: &[u8]) -> bool {
    matches!(head.first(), Some(12 | 14)) && head.get(8..12) == Some(b".FIT")
}

/// The one mark of tar stands behind the name and the owner of the first member.
fn is_tar(head: &[u8]) -> bool {
    head.get(257..262) == Some(b"ustar")
}

/// The local name of the first element, past declarations, comments and the document type.
fn root_element(mut text: &str) -> Option<&str> {
    loop {
        text = text.trim_start();
        let skip_past = match text.strip_prefix('<')? {
            rest if rest.starts_with("!--") => "-->",
            rest if rest.starts_with('?') => "?>",
            rest if rest.starts_with('!') => {
                text = past_document_type(rest)?;
                continue;
            }
            rest => {
                let name = rest.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next()?;
                let local = name.rsplit(':').next()?;
                return (!local.is_empty()).then_some(local);
            }
        };
        text = &text[text.find(skip_past)? + skip_past.len()..];
    }
}

/// What follows a document type: its end is the first `>` outside brackets, quotes and comments.
fn past_document_type(mut text: &str) -> Option<&str> {
    let mut in_brackets = false;
    loop {
        text = &text[text.find(['[', ']', '>', '"', '\'', '<'])?..];
        if let Some(comment) = text.strip_prefix("<!--") {
            text = &comment[comment.find("-->")? + 3..];
            continue;
        }
        let (first, rest) = text.split_at_checked(1)?;
        text = match first {
            ">" if !in_brackets => return Some(rest),
            "\"" | "'" => &rest[rest.find(first)? + 1..],
            _ => rest,
        };
        in_brackets = first == "[" || in_brackets && first != "]";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_decides() {
        let gpx = Kind::Known(Format::Gpx);
        for (head, kind) in [
            (&b"\x0e\x10\x64\x00\x00\x00\x00\x00.FIT\x00\x00"[..], Kind::Known(Format::Fit)),
            (b"<gpx>", gpx),
            (b"\xef\xbb\xbf \r\n<?xml version='1.0'?><!-- <kml> --><!DOCTYPE gpx><g:gpx xmlns:g='x'", gpx),
            (b"<!DOCTYPE gpx [<!-- don't ] > --><!ENTITY a ']><kml>'> ]><gpx>", gpx),
            (b"<!DOCTYPE gpx [<!ENTITY a 'b'>", Kind::Unknown),
            (b"\xff\xfe<\0g\0p\0x\0>\0", gpx),
            (b"<TrainingCenterDatabase\n", Kind::Known(Format::Tcx)),
            (b"<kml ", Kind::Known(Format::OpenTracks)),
            (b"<unheard-of/>", Kind::Other("XML of another kind")),
            (b"\x1f\x8b\x08", Kind::Gzip),
            (b"  {\"a\":1}", Kind::Other("JSON")),
            (b"<", Kind::Unknown),
            (b"<!-- never closed", Kind::Unknown),
            (b"\xff\xff\xff", Kind::Unknown),
            (b"", Kind::Empty),
        ] {
            assert_eq!(sniff(head), kind, "{:?}", String::from_utf8_lossy(head));
        }
    }

    #[test]
    fn what_has_no_decisive_word_yet_may_change() {
        let padded = |beginning: &[u8], filler: u8| {
            let mut head = beginning.to_vec();
            head.resize(HEAD_LEN, filler);
            head
        };
        for (head, may) in [
            (vec![], true),
            (padded(b"", 0), true),
            (b"\x0e\x10".to_vec(), true),
            (b"<gp".to_vec(), true),
            (b"{\"dat".to_vec(), true),
            (b"Date,Wor".to_vec(), true),
            (padded(b"{\"a\":\"", 0), true),
            (padded(b"{\"a\":\"", b'x'), false),
            (padded(b"<html>", b' '), false),
            (b"\xff\xd8\xff".to_vec(), false),
            (b"<gpx>".to_vec(), false),
            (b"PK\x03\x04".to_vec(), false),
        ] {
            assert_eq!(sniff(&head).may_change(&head), may, "{:?}", String::from_utf8_lossy(&head));
        }
    }
}
