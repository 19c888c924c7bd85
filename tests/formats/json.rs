//! What holds for every format written in JSON: prefixes, mutilations, encodings, bad records among good ones.

use super::{fitbit, garmin_export, google_fit, health_auto_export, nike, polar, read, runtastic, sessions, suunto};
use fitferry::formats::{Condition, Outcome};
use fitferry::workout::Format;
use proptest::prelude::*;

/// One full document of each format.
pub fn documents() -> Vec<(Format, String)> {
    vec![
        (Format::Fitbit, fitbit::LOGS.to_owned()),
        (Format::GarminExport, garmin_export::EXPORT.to_owned()),
        (Format::GoogleFit, google_fit::SESSION.to_owned()),
        (Format::HealthAutoExport, health_auto_export::VERSION_2.to_owned()),
        (Format::Nike, nike::ACTIVITY.to_owned()),
        (Format::Polar, polar::NEWER.to_owned()),
        (Format::Polar, polar::OLDER.to_owned()),
        (Format::Runtastic, runtastic::SESSION.to_owned()),
        (Format::Sessions, sessions::LIST.to_owned()),
        (Format::Suunto, suunto::LOG.to_owned()),
    ]
}

#[test]
fn every_prefix_is_truncated_and_tells_no_more_than_the_whole() {
    for (format, document) in documents() {
        let whole = read(document.as_bytes());
        assert_eq!((whole.format, whole.flaw()), (Some(format), None), "{document}");
        assert!(!whole.workouts.is_empty(), "{whole:?}");
        let mut recognised = 0;
        for end in 1..document.trim_end().len() {
            let reading = read(&document.as_bytes()[..end]);
            assert!(whole.workouts.starts_with(&reading.workouts), "{format}: {end}");
            if reading.format.is_some() {
                recognised += 1;
                assert_eq!(reading.format, Some(format), "{end}");
                assert!(matches!(reading.condition, Condition::Truncated(_)), "{format}: {end}: {reading:?}");
            }
        }
        assert!(recognised > document.len() / 4, "{format}: {recognised}");
    }
}

#[test]
fn a_mark_utf16_and_space_change_nothing() {
    for (_, document) in documents() {
        let whole = read(document.as_bytes());
        let marked = format!("\u{feff}\r\n {document}\n\n");
        assert_eq!(read(marked.as_bytes()), whole);
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            let utf16: Vec<u8> = format!("\u{feff}{document}").encode_utf16().flat_map(bytes).collect();
            assert_eq!(read(&utf16), whole);
        }
    }
}

#[test]
fn what_follows_damage_is_lost_and_what_was_before_is_kept() {
    let logs = fitbit::LOGS;
    let second = logs.rfind("{\"logId\"").unwrap();
    let reading = read(format!("{}{{logId}},{}", &logs[..second], &logs[second..]).as_bytes());
    assert_eq!(reading.workouts.len(), 1);
    assert!(matches!(&reading.condition, Condition::Damaged(what) if what.contains("line 2, column")), "{reading:?}");
}

#[test]
fn one_bad_record_fails_nothing_else() {
    let log = fitbit::log(1, "auto_detected", "04/12/26 06:30:15", "");
    let bad = ["{}", "7", "{\"logId\":{\"a\":[1]},\"startTime\":7,\"duration\":\"x\"}", "{\"logId\":2,\"duration\":1}"];
    let other = fitbit::log(3, "tracker", "04/13/26 06:30:15", "");
    let reading = read(format!("[{log},{},{other}]", bad.join(",")).as_bytes());
    assert_eq!(reading.workouts.len(), 2, "{reading:?}");
    assert_eq!(reading.refused.len(), 4);
    assert!(reading.refused[1].starts_with("record 3: "), "{:?}", reading.refused);
    let [only_bad] = [read(format!("[{},{{\"logId\":1,\"activityTypeId\":1}}]", bad.join(",")).as_bytes())];
    assert!(matches!(only_bad.outcome(), Outcome::Error(_)));
}

#[test]
fn other_json_is_none_of_ours() {
    for other in [
        "{}",
        "[]",
        "[1,2",
        "{\"a\":[{\"b\":NaN}]}",
        "{\"type\":\"FeatureCollection\",\"features\":[]}",
        "{\"data\":{\"workouts\":7}}",
        "{\"startTime\":\"2026-04-12T06:30:15\",\"stopTime\":\"2026-04-12T07:30:15\"}",
        &"[".repeat(4096),
    ] {
        let reading = read(other.as_bytes());
        assert_eq!(reading.format, None, "{other}");
        assert_eq!(reading.outcome(), Outcome::Error("JSON: not a format that fitferry reads".to_owned()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Nothing panics, and no workout is nonsense, whatever happened to the file.
    #[test]
    fn mutilated_files_get_a_verdict(
        which in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
    ) {
        let documents = documents();
        let mut bytes = documents[which.index(documents.len())].1.clone().into_bytes();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let reading = read(&bytes);
        reading.outcome();
        for workout in &reading.workouts {
            prop_assert!(workout.start < workout.end);
        }
    }
}
