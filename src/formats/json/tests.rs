//! The walk through JSON, with records that keep two members.

use super::*;
use crate::formats::reading::Outcome;

const LAYOUT: Layout = Layout { path: &["data", "rows"], bare: false, names: &["id", "in"] };
const ROOT: Layout = Layout { path: &[], bare: false, names: &["id", "in"] };

fn walk(layout: &Layout, json: impl AsRef<[u8]>) -> (Vec<Node>, Reading) {
    let mut records = Vec::new();
    let reading = read(Format::Fitbit, json.as_ref(), layout, |record| {
        records.push(record.clone());
        Vec::new()
    });
    (records, reading.unwrap())
}

fn ids(layout: &Layout, json: impl AsRef<[u8]>) -> (Vec<String>, Condition) {
    let (records, reading) = walk(layout, json);
    (records.iter().map(|record| record.get("id").word().unwrap_or_default()).collect(), reading.condition)
}

#[test]
fn records_are_found_wherever_lists_stand() {
    for json in [
        r#"{"x":[{"id":9}],"data":{"rows":[{"id":1},{"id":2}],"more":{"rows":[{"id":3}]}}}"#,
        r#"[{"data":[{"rows":[[{"id":1}]]},{"rows":{"id":2}}]},null,7]"#,
        "{\"data\":{\"rows\":{\"id\":1}}}\n\n{\"data\":null}\r\n{\"data\":{\"rows\":[{\"id\":2}]}}",
        "\u{feff}{\"data\":{\"rows\":null,\"rows\":[{\"id\":1,\"id\":\"1\"},{\"a\":[{}],\"id\":2}]}}",
    ] {
        assert_eq!(ids(&LAYOUT, json), (vec!["1".to_owned(), "2".to_owned()], Condition::Sound), "{json}");
    }
    let utf16: Vec<u8> = "\u{feff}[{\"id\":\"ü\"}]".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(ids(&ROOT, utf16), (vec!["ü".to_owned()], Condition::Sound));
    let (_, reading) = walk(&ROOT, "[1,{\"id\":2}]");
    assert_eq!(reading.outcome(), Outcome::Error("record 1: not an object".to_owned()));
}

#[test]
fn members_are_taken_for_what_they_are() {
    let (records, _) = walk(
        &ROOT,
        r#"{"id":18446744073709551615,"in":{"id":[{"id":" 1.50 "},2,null],"other":1,"in":{"id":1e400000000000}}}"#,
    );
    assert!(records.is_empty());
    let (records, _) = walk(&ROOT, r#"{"id":18446744073709551615,"in":[{"id":" 1.50 "},true,null,-3]}"#);
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!(record.get("id").text(), Some("18446744073709551615"));
    assert_eq!(record.get("in").items().len(), 3);
    assert_eq!(record.get("in").get("id").number(), Some(1.5));
    assert_eq!(record.get("in").items()[2].whole(), Some(-3));
    assert_eq!(record.get("absent").get("more"), &Node::Nothing);
}

#[test]
fn numbers_that_are_none_are_nothing() {
    let (records, reading) = walk(&ROOT, r#"[{"id":NaN,"in":[-Infinity,Infinity,-NaN,-1,1e-3,"NaN"]}]"#);
    assert_eq!(reading.condition, Condition::Sound);
    assert_eq!(records[0].get("id"), &Node::Nothing);
    let numbers: Vec<_> = records[0].get("in").items().iter().map(Node::number).collect();
    assert_eq!(numbers, [Some(-1.0), Some(0.001), None]);
    let (_, reading) = walk(&ROOT, "[{\"id\":1},\n {\"id\":Not}]");
    assert!(matches!(reading.condition, Condition::Damaged(what) if what.contains("line 2, column 8")));
}

#[test]
fn every_prefix_is_truncated_and_keeps_whole_records() {
    let json = r#" {"x":[NaN,-Infinity,tru
e,"\ud83d\ude00"],"data":{"rows":[{"id":"1"},{"in":-12,"id":"2"}]}}"#
        .replace("tru\n", "tru");
    let (whole, condition) = ids(&LAYOUT, &json);
    assert_eq!((whole.len(), condition), (2, Condition::Sound));
    for end in 2..json.len() {
        let (part, condition) = ids(&LAYOUT, &json[..end]);
        assert!(matches!(condition, Condition::Truncated(_)), "{}: {condition:?}", &json[..end]);
        assert!(whole.starts_with(&part));
    }
}

#[test]
fn texts_are_cut_between_characters() {
    let filler = "x".repeat(16 << 10);
    for text in [
        format!("{filler}äöü"),
        format!("{}äöü\\\"", &filler[1..]),
        format!("{}\\ud83d\\ude00{}", &filler[2..], "\\ud83d\\ude00".repeat(3)),
        "\\ud83d\\ude00".repeat(50_000),
        "\\u0041".repeat(50_000),
        "ä".repeat(50_000),
    ] {
        let (records, reading) = walk(&ROOT, format!("{{\"in\":\"{text}\",\"id\":1}}"));
        assert_eq!((reading.condition, records[0].get("id")), (Condition::Sound, &Node::Whole(1)));
        assert!(records[0].get("in").text().is_some_and(|text| (2_700..=4096).contains(&text.len())));
    }
    // Control characters stand for themselves, as some writers leave them.
    let (records, _) = walk(&ROOT, "{\"in\":\"a\n\tb\",\"id\":1}");
    assert_eq!(records[0].get("in").text(), Some("a  b"));
}

#[test]
fn a_bad_line_among_lines_is_refused_alone() {
    let lines = "{\"id\":1}\n{\"id\":2\n{\"id\":\"3\n{]\n{\"id\":4} x {\"id\":5}\n[[[{\"id\":6}]]]\n";
    let (records, reading) = walk(&ROOT, lines);
    let found: Vec<_> = records.iter().map(|record| record.get("id").whole()).collect();
    assert_eq!(found, [Some(1), Some(4), Some(6)]);
    let lines: Vec<_> = reading.refused.iter().map(|reason| &reason[..7]).collect();
    assert_eq!((lines, reading.condition), (vec!["line 2:", "line 3:", "line 4:", "line 5:"], Condition::Sound));
    // Whatever the next line begins with.
    for bad in ["[1.", "{\"id\":1.", "tru"] {
        let refused = walk(&ROOT, format!("{{}}\n{bad}\n2\n3")).1.refused;
        let others = refused.iter().filter(|reason| reason.ends_with("not an object")).count();
        assert_eq!((refused[0].starts_with("line 2:"), others), (true, 2), "{bad}: {refused:?}");
    }
    let deep = format!("{{\"id\":1}}\n{}\n{{\"id\":2}}\n", "[".repeat(100_000));
    assert_eq!(walk(&ROOT, deep).0.len(), 2);
    // Where the first document has several lines, lines mean nothing.
    let (_, condition) = ids(&ROOT, "{\"id\":\n1}\n{\"id\":2 x\n{\"id\":3}\n");
    assert!(matches!(condition, Condition::Damaged(what) if what.contains("line 3, column 9")));
}

#[test]
fn bombs_are_bounded() {
    for deep in ["[".repeat(100_000), "{\"a\":".repeat(100_000), format!("{{\"in\":{}", "[".repeat(100_000))] {
        let (_, condition) = ids(&ROOT, deep);
        assert!(matches!(&condition, Condition::Damaged(what) if what.contains("deeper")), "{condition:?}");
    }
    let (records, _) = walk(&ROOT, format!("{{\"in\":[{}0],\"id\":1}}", "\"x\",".repeat(100_000)));
    assert!(records[0].get("in").items().len() < 2_500);
    let many = format!("[{}{{}}]", "{},".repeat(MOST_WORKOUTS));
    let reading = read(Format::Fitbit, many.as_bytes(), &ROOT, |_| vec![Err("empty".into())]).unwrap();
    assert!(matches!(reading.condition, Condition::Damaged(_)), "{:?}", reading.condition);
    let text = format!("{{\"in\":\"{}\"}}\n", "x".repeat(4 << 10));
    let (records, reading) = walk(&ROOT, text.repeat(5_000));
    assert!(matches!(reading.condition, Condition::Damaged(what) if what.contains("MiB")));
    assert_eq!(records.len(), 4 * 1024 + 1);
}

/// From within one text to within another it would look like a single text.
#[test]
fn a_gap_is_not_text() {
    let long = "x".repeat(40_000);
    for text in ["", "a", &long] {
        for json in [
            format!("[{{\"id\":1}},{{\"in\":\"{text}\0\0b\",\"id\":2}}]"),
            format!("{{\"id\":1}}\n{{\"in\":\"{text}\0\"}}\n{{}}"),
        ] {
            let (ids, condition) = ids(&ROOT, json);
            assert_eq!(ids, ["1"]);
            assert!(matches!(&condition, Condition::Truncated(what) if what.contains("gap")), "{condition:?}");
        }
    }
}
