//! Walks an XML document and hands its elements to a format: local names, plain text, bounded memory.

use super::encoding;
use super::reading::{Condition, condition_of};
use encoding_rs_io::DecodeReaderBytes;
use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};
use std::io::{self, BufRead, BufReader, Read};

/// Bytes one tag, comment, text or document type may have. The parser holds one at a time; real ones are far below.
const LONGEST_EVENT: usize = 1 << 20;

/// Bytes of text kept of one element; names and notes are far below.
const LONGEST_TEXT: usize = 4 << 10;

/// Bytes an attribute's value may have to be kept; those we ask for are names and times.
const LONGEST_VALUE: usize = 1 << 10;

/// Elements inside one another; real files have about ten levels.
const DEEPEST: usize = 256;

/// Bytes the names of all open elements may have together, as the parser holds them; real ones have a few hundred.
const LONGEST_NAMES: usize = 64 << 10;

const BUFFER_LEN: usize = 64 << 10;

/// A format that is written in XML: it names the elements it knows and takes their text.
pub trait Document {
    /// An element in its place, as the format knows it; the default stands for all others.
    type Element: Copy + Default;

    /// An element begins inside `parent` (the default at the root); says which one it is.
    fn open(&mut self, parent: Self::Element, name: &str, attributes: &Attributes<'_>) -> Self::Element;

    /// Whether the text of this element is wanted.
    fn has_text(element: Self::Element) -> bool;

    /// An element ends; `text` is its own text, trimmed, or empty where it is not wanted.
    fn close(&mut self, element: Self::Element, text: &str);
}

/// The attributes of an element, looked up by local name.
pub struct Attributes<'a>(&'a BytesStart<'a>);

impl Attributes<'_> {
    /// The value, unless it is absurdly long: workouts are many, and each keeps one.
    pub fn get(&self, name: &str) -> Option<String> {
        let attribute = self.0.attributes().flatten().find(|a| a.key.local_name().as_ref() == name)?;
        if attribute.value.len() > LONGEST_VALUE {
            return None;
        }
        Some(match attribute.normalized_value(quick_xml::XmlVersion::Implicit1_0) {
            Ok(value) => value.into_owned(),
            Err(_) => attribute.value.into_owned(),
        })
    }

    /// A number, without the cost of resolving references that numbers do not have.
    pub fn numbers<const N: usize>(&self, names: [&str; N]) -> [Option<f64>; N] {
        let mut numbers = [None; N];
        for attribute in self.0.attributes().with_checks(false).flatten() {
            if let Some(index) = names.iter().position(|name| attribute.key.as_ref() == *name) {
                numbers[index] = attribute.value.trim().parse().ok();
            }
        }
        numbers
    }
}

/// Walks from the first element to the end of the root element, and through every further document of the same kind that
/// somebody has put behind it; `open` is told of each root.
///
/// The condition says whether the end was reached; whatever the document took before stays valid.
/// Errors are those of the device or file system only.
pub fn walk<D: Document>(head: &[u8], source: impl Read, document: &mut D) -> io::Result<Condition> {
    let mut walker = Walker { reader: reader(head, source)?, open: Open::default(), text: String::new(), document };
    let mut buffer = Vec::new();
    let mut root = None;
    // A document has ended, and the next has not begun.
    let mut is_behind = false;
    loop {
        buffer.clear();
        walker.reader.get_mut().left = LONGEST_EVENT;
        // Space between elements is skipped in place; inside a wanted text it stands between its pieces.
        walker.reader.config_mut().trim_text_start = !walker.open.last().is_some_and(D::has_text);
        let event = match walker.reader.read_event_into(&mut buffer) {
            Ok(event) => event,
            // Its place on the disk was reserved, and more than it needs.
            Err(quick_xml::Error::Io(_)) if is_behind && walker.reader.get_ref().in_gap => return Ok(Condition::Sound),
            Err(quick_xml::Error::Io(_)) if is_behind && walker.reader.get_ref().exceeded => {
                return Ok(Condition::Damaged("much follows the end of the document".to_owned()));
            }
            Err(error) => return walker.explain(error),
        };
        if is_behind {
            match behind(root.as_deref(), &event) {
                Behind::Nothing => continue,
                Behind::Another => {}
                Behind::End => return Ok(Condition::Sound),
                Behind::Strange => {
                    let at = walker.reader.buffer_position();
                    let what = format!("something else follows the end of the document, before byte {at}");
                    return Ok(Condition::Damaged(what));
                }
            }
        } else if let (None, Event::Start(start) | Event::Empty(start)) = (&root, &event) {
            root = Some(start.local_name().as_ref().to_owned());
        }
        match take(&mut walker.open, &mut walker.text, walker.document, event) {
            Step::More => is_behind = false,
            Step::Ended => is_behind = true,
            Step::Stop(condition) => return Ok(condition),
        }
    }
}

/// What stands behind a document.
enum Behind {
    Nothing,
    Another,
    End,
    Strange,
}

fn behind(root: Option<&str>, event: &Event<'_>) -> Behind {
    match event {
        Event::Start(start) | Event::Empty(start) if root == Some(start.local_name().as_ref()) => Behind::Another,
        Event::Text(text) if text.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}').is_empty() => {
            Behind::Nothing
        }
        Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => Behind::Nothing,
        Event::Eof => Behind::End,
        _ => Behind::Strange,
    }
}

/// The same for a document, or one element of it, that is in memory already.
pub fn walk_text<D: Document>(text: &str, document: &mut D) -> Condition {
    let mut reader = Reader::from_str(text);
    reader.config_mut().allow_dangling_amp = true;
    let (mut open, mut own_text) = (Open::default(), String::new());
    loop {
        let step = match reader.read_event() {
            Ok(event) => take(&mut open, &mut own_text, document, event),
            Err(error) => {
                Step::Stop(Condition::Damaged(format!("not well-formed at byte {}: {error}", reader.error_position())))
            }
        };
        match step {
            Step::More => {}
            Step::Ended => return Condition::Sound,
            Step::Stop(condition) => return condition,
        }
    }
}

/// Decoded, then buffered, then bounded.
type XmlReader<R> = Reader<Bounded<BufReader<DecodeReaderBytes<R, Vec<u8>>>>>;

struct Walker<'d, R: Read, D: Document> {
    reader: XmlReader<R>,
    open: Open<D::Element>,
    text: String,
    document: &'d mut D,
}

/// The elements from the root to the present one.
#[derive(Default)]
struct Open<E> {
    elements: Vec<E>,
    /// Bytes of their names.
    names: usize,
}

impl<E: Copy> Open<E> {
    fn last(&self) -> Option<E> {
        self.elements.last().copied()
    }

    /// Makes sure that there is room for one more.
    fn check(&self, name: &str) -> Result<(), String> {
        if self.elements.len() == DEEPEST {
            return Err(format!("elements nested deeper than {DEEPEST}"));
        }
        if self.names + name.len() > LONGEST_NAMES {
            return Err(format!("names of nested elements longer than {LONGEST_NAMES} bytes"));
        }
        Ok(())
    }

    fn push(&mut self, element: E, name: &str) {
        self.elements.push(element);
        self.names += name.len();
    }

    /// The parser has made sure that the name is that of the last one.
    fn pop(&mut self, name: &str) -> Option<E> {
        self.names = self.names.saturating_sub(name.len());
        self.elements.pop()
    }
}

enum Step {
    More,
    Ended,
    Stop(Condition),
}

fn reader<R: Read>(head: &[u8], source: R) -> io::Result<XmlReader<R>> {
    let decoder = encoding::decoder(head, source)?;
    let inner = BufReader::with_capacity(BUFFER_LEN, decoder);
    let bounded = Bounded { inner, left: LONGEST_EVENT, exceeded: false, clean: 0, in_gap: false };
    let mut reader = Reader::from_reader(bounded);
    reader.config_mut().allow_dangling_amp = true;
    Ok(reader)
}

fn take<D: Document>(open: &mut Open<D::Element>, text: &mut String, document: &mut D, event: Event<'_>) -> Step {
    let parent = open.last();
    let wanted = parent.is_some_and(D::has_text);
    match event {
        Event::Start(start) => {
            if let Err(what) = open.check(start.name().as_ref()) {
                return Step::Stop(Condition::Damaged(what));
            }
            let name = start.local_name();
            let element = document.open(parent.unwrap_or_default(), name.as_ref(), &Attributes(&start));
            open.push(element, start.name().as_ref());
            text.clear();
        }
        Event::Empty(start) => {
            let name = start.local_name();
            let element = document.open(parent.unwrap_or_default(), name.as_ref(), &Attributes(&start));
            document.close(element, "");
            if parent.is_none() {
                return Step::Ended;
            }
        }
        Event::End(end) => {
            if let Some(element) = open.pop(end.name().as_ref()) {
                document.close(element, if D::has_text(element) { text.trim() } else { "" });
                text.clear();
            }
            if open.last().is_none() {
                return Step::Ended;
            }
        }
        Event::Text(piece) if wanted => append(text, &piece.into_inner()),
        Event::CData(piece) if wanted => append(text, &piece.into_inner()),
        Event::GeneralRef(reference) if wanted => append(text, &resolve(&reference)),
        Event::Eof if parent.is_none() => return Step::Stop(Condition::Truncated("no root element".to_owned())),
        Event::Eof => return Step::Stop(Condition::Truncated("the root element is not closed".to_owned())),
        _ => {}
    }
    Step::More
}

fn append(text: &mut String, piece: &str) {
    let room = LONGEST_TEXT.saturating_sub(text.len());
    text.push_str(&piece[..piece.floor_char_boundary(room)]);
}

/// The five predefined entities and numbers; others are left as they stand, so that nothing can expand.
fn resolve(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(char)) = reference.resolve_char_ref() {
        return char.to_string();
    }
    let name: &str = reference;
    match quick_xml::escape::resolve_xml_entity(name) {
        Some(text) => text.to_owned(),
        None => format!("&{name};"),
    }
}

impl<R: Read, D: Document> Walker<'_, R, D> {
    fn explain(&self, error: quick_xml::Error) -> io::Result<Condition> {
        let at = self.reader.error_position();
        match error {
            quick_xml::Error::Io(_) if self.reader.get_ref().exceeded => {
                Ok(Condition::Damaged(format!("one element at byte {at} is longer than {LONGEST_EVENT} bytes")))
            }
            quick_xml::Error::Io(_) if self.reader.get_ref().in_gap => Ok(Condition::gap(format!("after byte {at}"))),
            quick_xml::Error::Io(error) => condition_of(&error),
            quick_xml::Error::Syntax(what) => Ok(Condition::Truncated(format!("{what}, at byte {at}"))),
            other => Ok(Condition::Damaged(format!("not well-formed at byte {at}: {other}"))),
        }
    }
}

/// Refuses to hand out more than one event's worth of bytes, because the parser would collect them all; and zeros, which no
/// XML has, because it would take them for text.
struct Bounded<R> {
    inner: R,
    left: usize,
    exceeded: bool,
    /// Bytes ahead that are known to hold no zero.
    clean: usize,
    in_gap: bool,
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            self.exceeded = true;
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        let bytes = self.inner.fill_buf()?;
        if self.clean == 0 {
            self.clean = memchr::memchr(0, bytes).unwrap_or(bytes.len());
            self.in_gap = self.clean == 0 && !bytes.is_empty();
        }
        if self.in_gap {
            return Err(io::Error::from(io::ErrorKind::InvalidData));
        }
        Ok(&bytes[..self.clean])
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
        self.clean = self.clean.saturating_sub(count);
        self.inner.consume(count);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Keeps the text of every `<t>` directly in the root.
    #[derive(Default)]
    struct Texts(Vec<String>);

    #[derive(Clone, Copy, Default, PartialEq)]
    enum Element {
        #[default]
        Outside,
        Root,
        Text,
        Other,
    }

    impl Document for Texts {
        type Element = Element;

        fn open(&mut self, parent: Element, name: &str, _: &Attributes<'_>) -> Element {
            match (parent, name) {
                (Element::Outside, _) => Element::Root,
                (Element::Root, "t") => Element::Text,
                _ => Element::Other,
            }
        }

        fn has_text(element: Element) -> bool {
            element == Element::Text
        }

        fn close(&mut self, element: Element, text: &str) {
            if element == Element::Text {
                self.0.push(text.to_owned());
            }
        }
    }

    fn texts(xml: &str) -> (Vec<String>, Condition) {
        let mut texts = Texts::default();
        let condition = walk(xml.as_bytes(), xml.as_bytes(), &mut texts).unwrap();
        (texts.0, condition)
    }

    #[test]
    fn text_is_put_together_and_trimmed() {
        let (found, condition) = texts(
            "\u{feff} <?xml version='1.0'?><x:r><y:t> a&amp;b&#33; <![CDATA[<c>]]> &unknown; d & e\r\n</y:t><t/><o>no</o></x:r>",
        );
        assert_eq!(found, ["a&b! <c> &unknown; d & e", ""]);
        assert_eq!(condition, Condition::Sound);
    }

    #[test]
    fn every_prefix_is_truncated() {
        let xml = "<r a='1'><!-- c --><t>one</t><t>two</t></r>";
        for end in 0..xml.len() {
            assert!(matches!(texts(&xml[..end]).1, Condition::Truncated(_)), "{}", &xml[..end]);
        }
    }

    #[test]
    fn what_stands_behind_a_document_is_read_or_told() {
        let xml = "<r><t>one</t></r>";
        for nothing in ["", "\n", "\u{feff}", "<!-- c -->\n<?p?>", "\0\0<rest", "<r/>"] {
            assert_eq!(texts(&format!("{xml}{nothing}")), (vec!["one".to_owned()], Condition::Sound), "{nothing:?}");
        }
        let again = format!("{xml}\n<?xml version='1.0'?><x:r><t>two</t></x:r>\u{feff}{xml}");
        assert_eq!(texts(&again), (["one", "two", "one"].map(str::to_owned).to_vec(), Condition::Sound));
        assert!(matches!(texts(&again[..again.len() - 4]).1, Condition::Truncated(_)));
        for strange in ["rest", "<other/>", "</r>", "<![CDATA[x]]>", "&amp;", "\n.FIT"] {
            let (found, condition) = texts(&format!("{xml}{strange}"));
            assert!(found == ["one"] && matches!(condition, Condition::Damaged(_)), "{strange:?}: {condition:?}");
        }
    }

    #[test]
    fn a_gap_is_not_text() {
        for xml in ["<r><t>on\0\0\0\0ne</t></r>", "<r a='1\0'/>", "\0<r/>", "<r>\0</r>"] {
            assert!(matches!(texts(xml).1, Condition::Truncated(what) if what.contains("gap")), "{xml:?}");
        }
    }

    #[test]
    fn long_texts_are_cut() {
        let long = format!("<r><t>{}</t><t>short</t></r>", "ü".repeat(100_000));
        assert_eq!(texts(&long), (vec!["ü".repeat(LONGEST_TEXT / 2), "short".to_owned()], Condition::Sound));
    }

    #[test]
    fn bombs_are_bounded() {
        let deep = "<a>".repeat(DEEPEST + 1);
        assert!(matches!(texts(&deep).1, Condition::Damaged(_)));
        let named = |count: usize| format!("<r>{}", format!("<{}>", "n".repeat(1 << 10)).repeat(count));
        assert!(matches!(texts(&named(63)).1, Condition::Truncated(_)));
        assert!(matches!(texts(&named(64)).1, Condition::Damaged(what) if what.contains("names")));
        let name = "n".repeat(1 << 10);
        let in_turn = format!("<r>{}<t>x</t></r>", format!("<{name}></{name} >").repeat(100));
        assert_eq!(texts(&in_turn), (vec!["x".to_owned()], Condition::Sound));
        let long = format!("<r><t>{}</t></r>", "x".repeat(LONGEST_EVENT * 2));
        assert!(matches!(texts(&long).1, Condition::Damaged(what) if what.contains("longer")));
        let many = format!("<r><t>{}</t></r>", "&amp;x".repeat(100_000));
        let (found, condition) = texts(&many);
        assert_eq!(condition, Condition::Sound);
        assert!(found[0].len() <= LONGEST_TEXT);
        let laughs = "<!DOCTYPE r [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]><r><t>&b;</t></r>";
        assert_eq!(texts(laughs).0, ["&b;"]);
    }
}
