//! FIT files of every make, whole and broken, and the corpus against another decoder.

use super::{read, sounds};
use crate::support::corpus;
use crate::support::fit::{EPOCH, FitFile, Run, Value};
use fitferry::formats::{Condition, Outcome, Reading};
use fitferry::workout::Format;
use proptest::prelude::*;
use rustyfit::profile::mesgdef;
use rustyfit::profile::typedef::MesgNum;
use rustyfit::{Decoder, DecoderEvent, StreamingIterator};

fn only(reading: &Reading) -> &fitferry::workout::Workout {
    assert!(sounds(reading), "{reading:?}");
    assert_eq!(reading.workouts.len(), 1, "{reading:?}");
    &reading.workouts[0]
}

#[test]
fn a_run_with_everything_that_a_watch_says() {
    let reading = read(&Run::default().build());
    let run = only(&reading);
    assert_eq!(reading.format, Some(Format::Fit));
    assert_eq!(run.start.to_string(), "2026-04-12T06:30:15Z");
    assert_eq!(run.duration().as_secs(), 3600);
    assert_eq!(run.active_millis, Some(3_540_000));
    assert_eq!(run.activity_type.number(), 8);
    assert_eq!(run.utc_offset_seconds, Some(7200));
    assert_eq!(run.source.sport.as_deref(), Some("running"));
    assert_eq!(run.source.device.as_deref(), Some("Garmin 1967"));
    assert_eq!(run.metrics.distance_meters, Some(10_234.5));
    assert_eq!(run.metrics.energy_kcal, Some(612));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(148), Some(171)));
    assert_eq!(run.metrics.ascent_meters, Some(120));
    assert!(run.key.is_some());
}

#[test]
fn both_byte_orders_mean_the_same() {
    let run = Run::default();
    let mut big = FitFile::big_endian();
    run.file_id(&mut big);
    run.records(&mut big);
    run.session(&mut big);
    run.activity(&mut big);
    assert_eq!(read(&big.build()), read(&run.build()));
}

#[test]
fn developer_fields_unknown_messages_and_redefinitions_are_passed_over() {
    let run = Run::default();
    let mut file = FitFile::new();
    run.file_id(&mut file);
    let fields = [(253, Value::U32(1)), (200, Value::U16(7))];
    // A manufacturer's message with two developer fields of three bytes together.
    file.define(5, 0xff42, &fields, &[1, 2]).data_message(5, &fields).raw(&[1, 2, 3]);
    // Local type 1 means something else before it means records.
    file.message(1, 999, &[(1, Value::U8(1)), (2, Value::Text("noise", 40))]);
    run.records(&mut file);
    run.session(&mut file);
    run.activity(&mut file);
    assert_eq!(read(&file.build()), read(&run.build()));
}

#[test]
fn an_activity_without_a_session_is_put_together_from_its_records() {
    let run = Run { records: 5, ..Run::default() };
    let mut file = FitFile::new();
    run.file_id(&mut file);
    file.message(4, 12, &[(0, Value::U8(2)), (1, Value::U8(8)), (3, Value::Text("MTB", 8))]);
    run.records(&mut file);
    let reading = read(&file.build());
    let ride = only(&reading);
    assert_eq!(ride.duration().as_secs(), 2880);
    assert_eq!(ride.activity_type.number(), 15);
    assert_eq!(ride.source.title.as_deref(), Some("MTB"));
}

#[test]
fn compressed_headers_carry_the_time_on() {
    let start = u32::try_from(Run::default().start - EPOCH).unwrap();
    let mut file = FitFile::new();
    Run::default().file_id(&mut file);
    file.message(1, 20, &[(253, Value::U32(start))]);
    let heart_rate = [(3, Value::U8(140))];
    file.define(2, 20, &heart_rate, &[]);
    for second in 1..=100 {
        let offset = u8::try_from((start + second) & 0x1f).unwrap();
        file.compressed(2, offset, &heart_rate);
    }
    assert_eq!(only(&read(&file.build())).duration().as_secs(), 100);
}

#[test]
fn chained_files_give_all_their_activities_and_a_tail_of_rubbish_none() {
    let first = Run::default();
    let second = Run { start: first.start + 86_400, serial: 4712, ..first };
    let mut settings = FitFile::new();
    settings.message(0, 0, &[(0, Value::U8(2))]);
    let mut strap = FitFile::new();
    first.file_id(&mut strap);
    first.records(&mut strap);
    let chain = [first.build(), settings.build(), strap.build(), second.build(), vec![0; 7]].concat();
    let reading = read(&chain);
    assert!(sounds(&reading));
    assert_eq!(starts(&reading), [first.start, second.start]);
}

fn starts(reading: &Reading) -> Vec<i64> {
    reading.workouts.iter().map(|workout| workout.start.as_second()).collect()
}

/// A day later, on another device.
fn next_day() -> Run {
    Run { start: Run::default().start + 86_400, serial: 4712, ..Run::default() }
}

#[test]
fn a_damaged_part_does_not_hide_those_behind_it() {
    let (first, second) = (Run::default(), next_day());
    let whole = first.build();
    let checksum = whole.len() - 1;
    // Within the records, so that no message comes out of step; at the end of the file identity, so that all do.
    for (index, value, salvaged) in [(checksum, 0xff, true), (120, 0xff, true), (14, 0x0f, false)] {
        let mut broken = whole.clone();
        broken[index] ^= value;
        let expected = if salvaged { vec![first.start, second.start] } else { vec![second.start] };
        for tail in [vec![], vec![0; 7]] {
            let reading = read(&[broken.clone(), second.build(), tail].concat());
            assert_eq!(starts(&reading), expected, "byte {index}");
            assert!(matches!(reading.condition, Condition::Damaged(_)), "byte {index}: {reading:?}");
        }
        let alone = read(&broken);
        assert_eq!((alone.workouts.len(), sounds(&alone)), (usize::from(salvaged), false), "byte {index}");
    }
}

/// However many messages were read at once before it.
#[test]
fn damage_is_told_with_its_place() {
    let mut file = Run { records: 50, ..Run::default() }.file();
    // Without the checksum.
    let place = file.build().len() - 2;
    let bytes = file.raw(&[7; 40]).build();
    let Condition::Damaged(said) = read(&bytes).condition else { panic!("{:?}", read(&bytes).condition) };
    assert_eq!(said, format!("a message of the undefined local type 7, at byte {place}"));
}

#[test]
fn a_damaged_part_and_a_missing_end_are_a_missing_end() {
    let mut broken = Run::default().build();
    *broken.last_mut().unwrap() ^= 1;
    let second = next_day().build();
    let reading = read(&[&broken, &second[..second.len() - 1]].concat());
    assert_eq!(reading.workouts.len(), 2);
    assert!(matches!(reading.condition, Condition::Truncated(_)), "{reading:?}");
}

#[test]
fn a_damaged_header_ends_the_reading() {
    let mut second = next_day().build();
    second[0] = 13;
    let reading = read(&[Run::default().build(), second, next_day().build()].concat());
    assert_eq!(reading.workouts.len(), 1);
    assert!(matches!(reading.condition, Condition::Damaged(_)), "{reading:?}");
}

#[test]
fn a_part_that_breaks_off_before_its_session_is_put_together_beside_others() {
    let (first, second) = (Run::default(), next_day());
    let mut recorded = FitFile::new();
    second.file_id(&mut recorded);
    second.records(&mut recorded);
    let recorded = recorded.build();
    let broken_off = read(&[&first.build()[..], &recorded[..recorded.len() - 1]].concat());
    assert_eq!(starts(&broken_off), [first.start, second.start]);
    assert!(matches!(broken_off.condition, Condition::Truncated(_)), "{broken_off:?}");
    let in_front = read(&[recorded.clone(), first.build(), recorded].concat());
    assert!(sounds(&in_front));
    assert_eq!(starts(&in_front), [first.start, second.start]);
}

#[test]
fn of_parts_without_sessions_that_share_their_time_the_longest_is_taken() {
    let long = Run::default();
    let strap = Run { start: long.start + 60, seconds: 600, serial: 4712, ..long };
    let part = |run: &Run| {
        let mut file = FitFile::new();
        run.file_id(&mut file);
        run.records(&mut file);
        file.build()
    };
    assert_eq!(starts(&read(&[part(&strap), part(&long)].concat())), [long.start]);
}

#[test]
fn legs_end_when_they_end_and_transitions_are_left_out() {
    let mut file = FitFile::new();
    let legs = [(5, 0, 0, 1800), (3, 0, 1800, 120), (2, 0, 1920, 7200)];
    for (sport, sub_sport, offset, seconds) in legs {
        let start = Run::default().start + offset;
        Run { start, seconds, sport, sub_sport, ..Run::default() }.session(&mut file);
    }
    let reading = read(&file.build());
    let spans: Vec<_> = reading.workouts.iter().map(|leg| (leg.start.as_second(), leg.duration().as_secs())).collect();
    assert_eq!(spans, [(1_775_975_415, 1800), (1_775_977_335, 7200)]);
    assert_eq!(reading.refused.len(), 1);
}

/// Some devices write the summaries of a triathlon in front, some behind what they recorded.
#[test]
fn summaries_may_stand_before_or_behind_the_records() {
    let first = Run { sport: 5, seconds: 1200, ..Run::default() };
    let second = Run { sport: 2, start: first.start + 1200, ..first };
    let last = Run { sport: 1, start: second.start + 1200, ..first };
    let file = |write: &dyn Fn(&mut FitFile)| {
        let mut file = FitFile::new();
        first.file_id(&mut file);
        write(&mut file);
        read(&file.build())
    };
    let legs = [first, second, last];
    let behind = file(&|file| {
        legs.iter().for_each(|leg| leg.records(file));
        legs.iter().for_each(|leg| leg.session(file));
    });
    let in_front = file(&|file| {
        legs.iter().for_each(|leg| leg.session(file));
        legs.iter().for_each(|leg| leg.records(file));
    });
    assert_eq!(starts(&behind), legs.map(|leg| leg.start));
    assert_eq!(in_front, behind);
}

/// The header's checksum is often left out, and nobody misses it. Without the one behind the content, nothing proves that
/// it is what was written.
#[test]
fn checksums_of_zero() {
    let mut file = Run::default().build();
    assert_eq!(file[12..14], [0, 0]);
    assert!(sounds(&read(&file)));
    let end = file.len();
    file[end - 2..].fill(0);
    let reading = read(&file);
    assert_eq!(reading.workouts.len(), 1);
    assert!(matches!(reading.outcome(), Outcome::Ok(Some(why)) if why.contains("the checksum is 0000")));
}

#[test]
fn what_is_no_activity_says_so() {
    for (kind, word) in
        [(9, "weight"), (6, "course"), (5, "workout"), (2, "settings"), (32, "monitoring"), (200, "200")]
    {
        let mut file = FitFile::new();
        file.message(0, 0, &[(0, Value::U8(kind))]);
        let outcome = read(&file.build()).outcome();
        assert!(matches!(&outcome, Outcome::NoSession(why) if why.contains(word)), "{kind}: {outcome:?}");
    }
}

#[test]
fn a_clock_that_was_never_set_is_an_error() {
    let mut file = FitFile::new();
    file.message(2, 18, &[(2, Value::U32(0x0fff_ffff)), (7, Value::U32(3_600_000)), (5, Value::U8(1))]);
    let outcome = read(&file.build()).outcome();
    assert!(matches!(&outcome, Outcome::Error(why) if why.contains("clock")), "{outcome:?}");
}

#[test]
fn unknown_sports_become_other_and_keep_their_numbers() {
    let reading = read(&Run { sport: 210, sub_sport: 211, ..Run::default() }.build());
    let workout = only(&reading);
    assert_eq!(workout.activity_type.number(), 108);
    assert_eq!(workout.source.sport.as_deref(), Some("210"));
    assert_eq!(workout.source.sub_sport.as_deref(), Some("211"));
}

#[test]
fn local_times_that_cannot_be_are_not_believed() {
    for (local_minus_utc, offset) in [(7200, Some(7200)), (7190, Some(7200)), (1800, Some(1800)), (1000, None)] {
        let mut file = Run::default().file();
        let utc = 1_200_000_000_u32;
        file.message(3, 34, &[(253, Value::U32(utc)), (5, Value::U32(utc + local_minus_utc))]);
        assert_eq!(only(&read(&file.build())).utc_offset_seconds, offset, "{local_minus_utc}");
    }
    let mut file = Run::default().file();
    file.message(3, 34, &[(253, Value::U32(1_200_000_000)), (5, Value::U32(0))]);
    assert_eq!(only(&read(&file.build())).utc_offset_seconds, None);
}

#[test]
fn a_file_that_the_device_never_closed_is_salvaged() {
    let file = Run::default().file().with_data_size(0);
    let reading = read(&file);
    assert!(matches!(reading.condition, Condition::Truncated(_)));
    assert!(matches!(reading.outcome(), Outcome::Ok(Some(_))));
    assert_eq!(reading.workouts.len(), 1);
}

#[test]
fn lying_sizes_are_noticed_and_what_is_there_is_kept() {
    let run = Run::default();
    let whole = run.file();
    let size = u32::try_from(whole.build().len() - 16).unwrap();
    for lie in [1, 13, size - 1, size + 1, size + 1000, u32::MAX] {
        let mut file = whole.with_data_size(lie);
        file.extend([0, 0]);
        assert!(!sounds(&read(&file)), "{lie}");
    }
}

/// Any prefix is recognised as incomplete, never as a whole file, and costs nothing but the verdict.
#[test]
fn every_prefix_is_unfinished() {
    let whole = Run::default().build();
    for end in 12..whole.len() {
        let reading = read(&whole[..end]);
        assert!(matches!(reading.condition, Condition::Truncated(_)), "{end}: {reading:?}");
    }
    assert!(sounds(&read(&whole)));
}

/// The checksum covers every byte: no single flipped bit goes unnoticed.
#[test]
fn every_flipped_bit_is_noticed() {
    let whole = Run { records: 3, ..Run::default() }.build();
    for index in 0..whole.len() {
        for bit in 0..8 {
            let mut broken = whole.clone();
            broken[index] ^= 1 << bit;
            assert!(!read(&broken).is_complete(), "byte {index}, bit {bit}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Nothing panics or hangs, whatever follows a FIT header.
    #[test]
    fn anything_behind_a_header_gets_a_verdict(data in prop::collection::vec(any::<u8>(), 0..2000), size in any::<u32>()) {
        let mut file = vec![14, 0x20, 0, 0];
        file.extend(size.to_le_bytes());
        file.extend(b".FIT\0\0");
        file.extend(data);
        read(&file).outcome();
    }

    /// Nor whatever is done to the messages of a real one, even if the checksum fits.
    #[test]
    fn mutilated_messages_get_a_verdict(changes in prop::collection::vec((0..600_usize, any::<u8>()), 1..20)) {
        let whole = Run::default().build();
        let mut data = whole[14..whole.len() - 2].to_vec();
        for (index, byte) in changes {
            let index = index % data.len();
            data[index] = byte;
        }
        let mut file = FitFile::new();
        file.raw(&data);
        let reading = read(&file.build());
        for workout in &reading.workouts {
            prop_assert!(workout.start < workout.end);
        }
    }
}

/// What another decoder says of the sessions of a file; `None` where it gives up.
fn oracle(bytes: &[u8]) -> Option<Vec<mesgdef::Session>> {
    // Its idea of the checksum differs from the official one for files whose header has none.
    let mut decoder = Decoder::builder().checksum(false).build();
    let mut stream = decoder.stream(bytes);
    let mut sessions = Vec::new();
    while let Some(event) = stream.next() {
        if let DecoderEvent::Message(message) = event.ok()?
            && message.num == MesgNum::SESSION
        {
            sessions.push(mesgdef::Session::from(message));
        }
    }
    Some(sessions)
}

/// Over the real files of the corpus, our scanner and a general decoder agree on every session.
#[test]
fn another_decoder_says_the_same() {
    const TRANSITION: u8 = 3;
    let files = corpus::files("fit");
    let mut compared = 0;
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        let reading = read(&bytes);
        let Some(sessions) = oracle(&bytes) else {
            assert!(!sounds(&reading), "{}: only the other decoder finds fault", path.display());
            continue;
        };
        assert!(sounds(&reading), "{}: {:?}", path.display(), reading.condition);
        let has_date = |session: &&mesgdef::Session| session.start_time.0 >= 0x1000_0000;
        let legs = sessions.iter().filter(|session| session.sport.0 != TRANSITION).filter(has_date);
        let legs: Vec<_> = legs.collect();
        if legs.is_empty() {
            continue;
        }
        assert_eq!(reading.workouts.len(), legs.len(), "{}", path.display());
        for (ours, theirs) in reading.workouts.iter().zip(legs) {
            let start = EPOCH + i64::from(theirs.start_time.0);
            assert_eq!(ours.start.as_second(), start, "{}", path.display());
            assert_eq!(ours.duration().as_millis(), i128::from(theirs.total_elapsed_time), "{}", path.display());
            let timer = theirs.total_timer_time.min(theirs.total_elapsed_time);
            assert_eq!(ours.active_millis, Some(i64::from(timer)), "{}", path.display());
            let distance = Some(theirs.total_distance).filter(|cm| *cm != u32::MAX && *cm > 0);
            assert_eq!(ours.metrics.distance_meters, distance.map(|cm| f64::from(cm) / 100.0), "{}", path.display());
            let energy = Some(theirs.total_calories).filter(|kcal| *kcal != u16::MAX && *kcal > 0);
            assert_eq!(ours.metrics.energy_kcal, energy.map(u32::from), "{}", path.display());
            let rate = |rate: u8| Some(u16::from(rate)).filter(|rate| *rate != 255 && *rate > 0);
            assert_eq!(ours.metrics.average_heart_rate, rate(theirs.avg_heart_rate), "{}", path.display());
            assert_eq!(ours.metrics.max_heart_rate, rate(theirs.max_heart_rate), "{}", path.display());
            compared += 1;
        }
    }
    assert!(files.is_empty() || compared >= 50, "only {compared} sessions were compared");
}
