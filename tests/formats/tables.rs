//! What holds for all tables: how they are written, where they end, and that no row costs more than a row.

use super::{
    concept2, garmin_activities, google_health, hevy, peloton, read, runkeeper, samsung_health, sounds, strava, strong,
};
use fitferry::formats::{self, Condition, Options, Outcome};
use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use std::io::{Read, Write};

pub fn examples() -> [String; 9] {
    let strava = strava::example();
    let others = [
        garmin_activities::EXAMPLE,
        samsung_health::EXAMPLE,
        hevy::EXAMPLE,
        strong::EXAMPLE,
        runkeeper::EXAMPLE,
        peloton::EXAMPLE,
        concept2::EXAMPLE,
        google_health::EXAMPLE,
    ];
    let mut all = others.map(str::to_owned).to_vec();
    all.push(strava);
    all.try_into().unwrap()
}

/// Line ends, byte order marks, encodings and a line that names the delimiter say nothing about workouts.
#[test]
fn a_tables_dress_does_not_matter() {
    for example in examples() {
        let plain = example.trim_start_matches('\u{feff}');
        let workouts = read(plain.as_bytes()).workouts;
        assert!(!workouts.is_empty());
        let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
            std::iter::once(0xfeff).chain(plain.encode_utf16()).flat_map(bytes).collect()
        };
        let mut dresses = vec![
            format!("\u{feff}{plain}").into_bytes(),
            format!("{}\n\n,,,,\n", plain.trim_end()).into_bytes(),
            utf16(u16::to_le_bytes),
            utf16(u16::to_be_bytes),
        ];
        if !plain.starts_with("com.samsung") {
            dresses.push(format!("sep=,\r\n{plain}").into_bytes());
        }
        for dress in dresses {
            let reading = read(&dress);
            assert!(sounds(&reading), "{reading:?}");
            assert_eq!(reading.workouts, workouts, "{}", String::from_utf8_lossy(&dress));
        }
    }
}

/// Whoever copies it has reserved the space, and is not there yet.
#[test]
fn a_table_with_a_gap_tells_what_stands_before_it() {
    for (from, rest) in [(strong::EXAMPLE.rfind("Row").unwrap(), ",W,40,8,0,0,,,\n"), (strong::EXAMPLE.len(), "")] {
        let table = [&strong::EXAMPLE.as_bytes()[..from], &[0; 100], rest.as_bytes()].concat();
        let reading = read(&table);
        assert!(matches!(reading.condition, Condition::Truncated(_)), "{reading:?}");
        let whole = read(strong::EXAMPLE.as_bytes()).workouts;
        assert_eq!(reading.workouts, whole[..reading.workouts.len()]);
        assert!(!reading.workouts.is_empty());
    }
}

/// What a spreadsheet in Europe or a person with tabs makes of a table without quotes.
#[test]
fn other_delimiters_are_seen_in_the_header() {
    let plain = runkeeper::EXAMPLE.replace("\"Nice, steady\"", "Nice");
    for delimiter in [";", "\t"] {
        assert_eq!(read(plain.replace(',', delimiter).as_bytes()), read(plain.as_bytes()));
    }
}

/// Nothing marks the end of a table. One that ends with a row may be whole, and has to rest before that is believed; one
/// that ends within a row is not whole.
#[test]
fn every_prefix_is_unproven_or_unfinished() {
    for example in examples() {
        let whole = read(example.as_bytes());
        assert_eq!(whole.condition, Condition::Unmarked);
        for end in 1..example.len() {
            let reading = read(&example.as_bytes()[..end]);
            assert!(!reading.is_complete(), "{end}: {reading:?}");
            assert!(reading.workouts.len() <= whole.workouts.len());
            let keys: Vec<_> = reading.workouts.iter().map(|workout| (&workout.key, workout.start)).collect();
            let known: Vec<_> = whole.workouts.iter().map(|workout| (&workout.key, workout.start)).collect();
            assert!(keys.iter().all(|key| known.contains(key)), "{end}: {reading:?}");
        }
    }
}

#[test]
fn a_row_that_breaks_off_is_not_taken() {
    let text = runkeeper::EXAMPLE.trim_end();
    let cut = |at: &str| read(&text.as_bytes()[..text.find(at).unwrap()]);
    let reading = cut("Arc Trainer");
    assert_eq!(reading.workouts.len(), 1);
    assert_eq!(reading.condition, Condition::Truncated("row 2 (line 3) breaks off".to_owned()));
    let quoted = cut("steady");
    assert_eq!(quoted.condition, Condition::Truncated("row 1 (line 2) breaks off within quotes".to_owned()));
    assert!(matches!(quoted.outcome(), Outcome::Error(why) if why.starts_with("truncated")));
    let header = cut("Calories Burned");
    assert_eq!(header.condition, Condition::Truncated("the header breaks off".to_owned()));
}

#[test]
fn the_end_of_a_compressed_stream_proves_that_of_its_table() {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(strong::EXAMPLE.as_bytes()).unwrap();
    let compressed = encoder.finish().unwrap();
    assert!(read(&compressed).is_complete());
    for end in 20..compressed.len() {
        let reading = read(&compressed[..end]);
        assert!(!reading.is_complete(), "{end}: {reading:?}");
        assert!(reading.format.is_none() || !sounds(&reading), "{end}: {reading:?}");
    }
}

/// A source without an end that counts what is taken from it.
struct Endless<'c> {
    pattern: &'static [u8],
    taken: &'c mut usize,
}

impl Read for Endless<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        for byte in buffer.iter_mut() {
            *byte = self.pattern[*self.taken % self.pattern.len()];
            *self.taken += 1;
        }
        Ok(buffer.len())
    }
}

/// No row, no quotes, no number of cells costs more than a few megabytes of reading, whatever follows.
#[test]
fn what_never_ends_has_its_verdict_soon() {
    let header = runkeeper::EXAMPLE.split_inclusive('\n').next().unwrap();
    let rows = runkeeper::EXAMPLE;
    for (beginning, pattern) in [
        (rows.to_owned(), &b"x"[..]),
        (rows.to_owned(), b"x,"),
        (rows.to_owned(), b"\"x\n"),
        (format!("{rows}1,\""), b"never closed\n"),
        (header.trim_end().to_owned(), b",more"),
        (String::new(), b"x"),
    ] {
        let mut taken = 0;
        let source = beginning.as_bytes().chain(Endless { pattern, taken: &mut taken });
        let reading = formats::read(source, &Options::default()).unwrap();
        let is_table = !beginning.is_empty();
        assert_eq!(matches!(reading.condition, Condition::Damaged(_)), is_table, "{:?}", reading.condition);
        assert_eq!(reading.workouts.len(), if beginning.starts_with(rows) { 2 } else { 0 });
        assert!(taken < 4 << 20, "{taken} bytes for {pattern:?}");
    }
}

/// More rows than a life has: the first ones are kept, and the rest is not waited for.
#[test]
fn millions_of_rows_end_in_a_verdict() {
    let header = runkeeper::EXAMPLE.split_inclusive('\n').next().unwrap();
    let mut taken = 0;
    let source = header.as_bytes().chain(Endless { pattern: b"1,never,Running,,,,,,,,,,,\n", taken: &mut taken });
    let reading = formats::read(source, &Options::default()).unwrap();
    assert!(matches!(reading.condition, Condition::Damaged(_)), "{:?}", reading.condition);
    assert!(reading.refused.len() <= 100_000);
}

#[test]
fn prose_and_unknown_tables_are_none() {
    for text in [
        "Dear diary, today I ran; it was far.\n",
        "a,b,c\n1,2,3\n",
        "date,exercise,category,weight\n2021-01-01,Bench,Chest,80\n",
    ] {
        assert_eq!(read(text.as_bytes()).format, None, "{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Nothing panics, and no workout is nonsense, whatever happened to the table.
    #[test]
    fn mutilated_tables_get_a_verdict(
        table in 0_usize..9,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30),
    ) {
        let mut bytes = examples()[table].clone().into_bytes();
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

    /// Cells may hold anything that can be quoted, and come back as they were.
    #[test]
    fn texts_survive_their_quotes(notes in "[ -~äé漢💪\n\r,;\t\"]{1,60}") {
        let text = notes.trim();
        prop_assume!(!text.is_empty() && !matches!(text, "-" | "--" | "nan" | "NaN" | "null"));
        let quoted = runkeeper::EXAMPLE.replace("\"Nice, steady\"", &format!("\"{}\"", notes.replace('"', "\"\"")));
        let reading = read(quoted.as_bytes());
        prop_assert_eq!(reading.workouts[0].source.notes.as_deref(), Some(text));
        prop_assert_eq!(reading.workouts.len(), 2);
    }
}
