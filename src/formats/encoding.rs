//! Text in whatever encoding it declares, as UTF-8; bytes that make no sense become U+FFFD instead of an error.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use encoding_rs_io::{DecodeReaderBytes, DecodeReaderBytesBuilder};
use std::io::{self, Read};

/// Bytes decoded at once.
const BUFFER_LEN: usize = 64 << 10;

/// Decodes a source by its byte order mark, else by the encoding that the XML declaration in `head` names, else as UTF-8.
pub fn decoder<R: Read>(head: &[u8], source: R) -> io::Result<DecodeReaderBytes<R, Vec<u8>>> {
    DecodeReaderBytesBuilder::new()
        .encoding(Some(declared(head).unwrap_or(UTF_8)))
        .bom_override(true)
        .build_with_buffer(source, vec![0; BUFFER_LEN])
}

/// Whether the bytes are UTF-8 as they stand, by the same signs.
pub fn is_utf8(head: &[u8]) -> bool {
    match Encoding::for_bom(head) {
        Some((encoding, _)) => encoding == UTF_8,
        None => declared(head).is_none_or(|encoding| encoding == UTF_8),
    }
}

/// Decodes a source by its byte order mark; without one its bytes stay what they are.
pub fn marked<R: Read>(source: R) -> io::Result<DecodeReaderBytes<R, Vec<u8>>> {
    DecodeReaderBytesBuilder::new().bom_override(true).build_with_buffer(source, vec![0; BUFFER_LEN])
}

/// The beginning of a file as text, for looking at it. What has no mark and is not UTF-8 is in the old code page of Windows.
pub fn decode_head(head: &[u8]) -> String {
    // A character may be cut in two at the end.
    let is_utf8 = std::str::from_utf8(head).map_or_else(|error| error.error_len().is_none(), |_| true);
    let (encoding, bom_len) = Encoding::for_bom(head).unwrap_or((if is_utf8 { UTF_8 } else { WINDOWS_1252 }, 0));
    encoding.decode_without_bom_handling(&head[bom_len..]).0.into_owned()
}

/// The encoding named by an XML declaration that is itself ASCII.
fn declared(head: &[u8]) -> Option<&'static Encoding> {
    let start = head.iter().position(|&byte| byte == b'<')?;
    let head = &head[start..];
    let declaration = std::str::from_utf8(&head[..head.windows(2).position(|end| end == b"?>")?]).ok()?;
    let value = declaration.strip_prefix("<?xml")?.split_once("encoding")?.1.trim_start().strip_prefix('=')?;
    let label = value.trim_start().trim_start_matches(['"', '\'']).split(['"', '\'']).next()?;
    let encoding = Encoding::for_label(label.as_bytes())?;
    // A declaration that could be read byte by byte is not in UTF-16, whatever it says.
    encoding.is_ascii_compatible().then_some(encoding)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(bytes: &[u8]) -> String {
        let mut text = String::new();
        decoder(bytes, bytes).unwrap().read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn declared_marked_and_broken_encodings() {
        assert!(decode(b"<?xml version='1.0' encoding='latin1'?><a>\xe9</a>").ends_with("<a>é</a>"));
        assert_eq!(decode(b"\xff\xfe<\0a\0>\0"), "<a>");
        assert_eq!(decode(b"<?xml version='1.0' encoding='utf-16'?><a/>").len(), 43);
        assert_eq!(decode(b"<a>\xff</a>"), "<a>\u{fffd}</a>");
    }
}
