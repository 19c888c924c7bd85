//! GPX files as different writers make them.

use super::{read, sounds};
use crate::support::xml;
use fitferry::formats::{self, Condition, Options, Outcome, Reading};
use fitferry::workout::Format;
use jiff::tz::TimeZone;
use proptest::prelude::*;

const START: i64 = 1_775_975_415;

fn track(points: &str) -> String {
    format!("<gpx creator='Test'><trk><trkseg>{points}</trkseg></trk></gpx>")
}

#[test]
fn a_track_with_all_that_gpx_can_say() {
    let reading = read(xml::gpx(START, 3600, 361, "trail_running").as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Gpx));
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((run.start.as_second(), run.duration().as_secs()), (START, 3600));
    assert_eq!(run.activity_type.number(), 8);
    assert_eq!(run.source.sport.as_deref(), Some("trail_running"));
    assert_eq!(run.source.device.as_deref(), Some("Test"));
    assert_eq!((run.metrics.average_heart_rate, run.metrics.max_heart_rate), (Some(139), Some(159)));
    // 360 steps of 90 and 70 millionths of a degree, at 50 degrees north.
    let meters = run.metrics.distance_meters.unwrap();
    assert!((4_020.0..4_050.0).contains(&meters), "{meters}");
}

#[test]
fn names_notes_and_sport_come_from_the_track_and_nowhere_else() {
    let text = "<?xml version='1.0'?><gpx creator='StravaGPX'><metadata><name>file</name><desc>no</desc>
        <link><type>text/html</type></link><time>1970-01-01T00:00:00Z</time></metadata>
        <wpt><name>cafe</name><time>2001-01-01T00:00:00Z</time></wpt>
        <trk><link><type>text/html</type></link><desc> Tom &amp; Jerry </desc><cmt>second</cmt>
        <trkseg><trkpt lat='1' lon='1'><name>point</name><ele>1</ele><time> 2026-04-12T06:30:15Z </time></trkpt>
        <trkpt lat='1' lon='1.001'><time>2026-04-12T07:30:15.5Z</time></trkpt></trkseg><type>10</type></trk></gpx>";
    let reading = read(text.as_bytes());
    let [walk] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(walk.source.title.as_deref(), Some("file"));
    assert_eq!(walk.source.notes.as_deref(), Some("Tom & Jerry"));
    assert_eq!((walk.source.sport.as_deref(), walk.activity_type.number()), (Some("10"), 7));
    assert_eq!(walk.duration().as_millis(), 3_600_500);
}

#[test]
fn a_number_is_a_sport_only_where_strava_wrote_it() {
    let text = xml::gpx(START, 60, 2, "9");
    assert_eq!(read(text.as_bytes()).workouts[0].activity_type.number(), 108);
    let strava = text.replace("creator=\"Test\"", "creator=\"StravaGPX iPhone\"");
    assert_eq!(read(strava.as_bytes()).workouts[0].activity_type.number(), 8);
}

#[test]
fn every_track_with_times_is_a_workout() {
    let one = |time: &str| {
        format!(
            "<trk><trkseg><trkpt lat='1' lon='1'><time>{time}:00Z</time></trkpt><trkpt lat='1' lon='1'><time>{time}:30Z</time></trkpt></trkseg></trk>"
        )
    };
    let tracks = [
        one("2026-04-12T06:30"),
        "<trk><trkseg><trkpt lat='1' lon='1'/></trkseg></trk>".to_owned(),
        one("2026-04-13T06:30"),
    ];
    let reading = read(format!("<gpx>{}</gpx>", tracks.concat()).as_bytes());
    assert_eq!(reading.workouts.len(), 2);
    let outcome =
        read(b"<gpx><rte><rtept lat='1' lon='1'><time>2026-04-12T06:30:00Z</time></rtept></rte></gpx>").outcome();
    assert!(matches!(outcome, Outcome::NoSession(_)));
}

/// A track of two points with any elements besides, from and to a time of 2026-04-12.
fn timed(elements: &str, from: &str, to: &str) -> String {
    format!(
        "<trk>{elements}<trkseg><trkpt lat='50' lon='8'><time>2026-04-12T{from}Z</time></trkpt>
         <trkpt lat='50.001' lon='8'><time>2026-04-12T{to}Z</time></trkpt></trkseg></trk>"
    )
}

fn seconds(reading: &Reading) -> Vec<i64> {
    reading.workouts.iter().map(|workout| workout.duration().as_secs()).collect()
}

#[test]
fn tracks_that_follow_upon_one_another_are_one_workout() {
    let second = timed("<name>Lap 2</name><type>running</type>", "07:00:00", "07:10:00");
    let first = timed("<name>Lap 1</name><type>Running</type>", "06:30:00", "06:50:00");
    let within = timed("<desc>the same on a phone</desc>", "06:31:00", "06:49:00");
    let third = timed("", "11:10:00", "11:20:00");
    let reading = read(format!("<gpx>{second}{first}{within}{third}</gpx>").as_bytes());
    assert!(sounds(&reading));
    assert_eq!(seconds(&reading), [4 * 3600 + 50 * 60]);
    let run = &reading.workouts[0];
    assert_eq!(run.start.to_string(), "2026-04-12T06:30:00Z");
    assert_eq!(run.source.title.as_deref(), Some("Lap 1"));
    assert_eq!(run.source.notes.as_deref(), Some("the same on a phone"));
    assert_eq!(run.activity_type.number(), 8);
    // Three times a thousandth of a degree: neither the ways between the tracks count, nor one that was recorded twice.
    assert_eq!(run.metrics.distance_meters, Some(333.6));
}

#[test]
fn tracks_far_apart_or_of_different_kinds_are_workouts_of_their_own() {
    let pair = |first: &str, second: &str, from: &str| {
        let tracks = timed(first, "06:30:00", "06:50:00") + &timed(second, from, "11:00:00");
        seconds(&read(format!("<gpx>{tracks}</gpx>").as_bytes()))
    };
    assert_eq!(pair("", "", "10:50:00"), [4 * 3600 + 30 * 60]);
    assert_eq!(pair("", "", "10:50:01"), [1200, 599]);
    assert_eq!(pair("<type>running</type>", "<type>cycling</type>", "06:55:00"), [1200, 14_700]);
    let id = |id: &str| format!("<extensions><trackid>{id}</trackid></extensions>");
    assert_eq!(pair(&id("a"), &id("b"), "06:55:00"), [1200, 14_700]);
}

#[test]
fn tracks_without_an_end_in_sight_are_not_one_workout() {
    let days = (10..17).flat_map(|day| (0..8).map(move |part| format!("2026-04-{day}T{:02}", part * 3)));
    let tracks: String = days.map(|hour| timed("", "06:30:00", "06:50:00").replace("2026-04-12T06", &hour)).collect();
    assert_eq!(read(format!("<gpx>{tracks}</gpx>").as_bytes()).workouts.len(), 56);
}

#[test]
fn an_absurdly_long_creator_is_not_kept() {
    let device = |length: usize| {
        let text = xml::gpx(START, 60, 2, "running").replace("\"Test\"", &format!("\"{}\"", "x".repeat(length)));
        read(text.as_bytes()).workouts[0].source.device.clone()
    };
    assert_eq!(device(1024).map(|name| name.len()), Some(1024));
    assert_eq!(device(1025), None);
}

#[test]
fn the_older_version_is_read_alike_and_a_track_without_times_is_no_workout() {
    let point =
        |time: &str| format!("<trkpt lat='1' lon='1'><ele>1</ele>{time}<course>90</course><speed>2.5</speed></trkpt>");
    let document = |points: [String; 2]| {
        format!(
            "<?xml version='1.0'?><gpx version='1.0' creator='GPSBabel' xmlns='http://www.topografix.com/GPX/1/0'>
             <time>2001-01-01T00:00:00Z</time><bounds minlat='1' minlon='1' maxlat='1' maxlon='1'/>
             <trk><name>Old</name><trkseg>{}</trkseg></trk></gpx>",
            points.concat()
        )
    };
    let times = ["<time>2026-04-12T06:30:15Z</time>", "<time>2026-04-12T07:30:15Z</time>"];
    let reading = read(document(times.map(point)).as_bytes());
    let [old] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((old.start.as_second(), old.duration().as_secs()), (START, 3600));
    assert_eq!(old.source.title.as_deref(), Some("Old"));
    let outcome = read(document([point(""), point("")]).as_bytes()).outcome();
    assert!(matches!(&outcome, Outcome::NoSession(why) if why.contains("without times")), "{outcome:?}");
}

#[test]
fn points_may_lack_a_time_or_go_back_in_it() {
    let reading = read(
        track(
            "<trkpt lat='1' lon='1'><time>2026-04-12T06:30:15Z</time></trkpt><trkpt lat='1' lon='1'/>
             <trkpt lat='1' lon='1'><time/></trkpt><trkpt lat='1' lon='1'><time>2026-04-12T06:30:14Z</time></trkpt>
             <trkpt lat='1' lon='1'><time>2026-04-12T06:40:14Z</time></trkpt><trkpt lat='x'><time>soon</time></trkpt>",
        )
        .as_bytes(),
    );
    assert_eq!(reading.workouts[0].duration().as_secs(), 600);
}

#[test]
fn local_times_use_the_configured_zone_and_say_so() {
    let text = track(
        "<trkpt lat='1' lon='1'><time>2026-04-12T08:30:15</time></trkpt><trkpt lat='1' lon='1'><time>2026-04-12T09:30:15</time></trkpt>",
    );
    let options = Options::of(TimeZone::get("Europe/Berlin").unwrap());
    let reading = formats::read(text.as_bytes(), &options).unwrap();
    assert_eq!(reading.workouts[0].start.as_second(), START);
    assert_eq!(reading.workouts[0].source.assumed_zone.as_deref(), Some("Europe/Berlin"));
    let with_offset = text.replace(":15<", ":15+02:00<");
    let reading = formats::read(with_offset.as_bytes(), &options).unwrap();
    assert_eq!(reading.workouts[0].start.as_second(), START);
    assert_eq!(reading.workouts[0].utc_offset_seconds, Some(7200));
    assert_eq!(reading.workouts[0].source.assumed_zone, None);
}

#[test]
fn encodings_are_understood() {
    let text = "<?xml version='1.0' encoding='ENC'?><gpx><trk><name>Höhenweg</name><trkseg><trkpt lat='1' lon='1'>
        <time>2026-04-12T06:30:15Z</time></trkpt><trkpt lat='1' lon='1'><time>2026-04-12T07:30:15Z</time></trkpt></trkseg></trk></gpx>";
    let latin: Vec<u8> =
        text.replace("ENC", "ISO-8859-1").chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(text.replace("ENC", "UTF-16").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let utf8 = text.replace("ENC", "utf-8").into_bytes();
    for bytes in [latin, utf16, utf8.clone(), [b"\xef\xbb\xbf\n ".as_slice(), &utf8].concat()] {
        let reading = read(&bytes);
        assert!(sounds(&reading), "{reading:?}");
        assert_eq!(reading.workouts[0].source.title.as_deref(), Some("Höhenweg"));
    }
    let broken =
        text.replace("ENC", "utf-8").into_bytes().into_iter().map(|byte| if byte == 0xc3 { 0xff } else { byte });
    assert_eq!(read(&broken.collect::<Vec<u8>>()).workouts[0].source.title.as_deref(), Some("H\u{fffd}\u{fffd}henweg"));
}

#[test]
fn every_prefix_is_unfinished_and_keeps_its_points() {
    let text = xml::gpx(START, 600, 11, "running");
    let body = text.trim_end();
    for end in body.find("<gpx").unwrap() + 5..body.len() {
        let reading = read(&body.as_bytes()[..end]);
        assert!(matches!(reading.condition, Condition::Truncated(_)), "{end}");
    }
    let half = read(&body.as_bytes()[..body.len() / 2]);
    assert_eq!(half.workouts.len(), 1);
    assert!((200..400).contains(&half.workouts[0].duration().as_secs()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Nothing panics, and no workout is nonsense, whatever happened to the file.
    #[test]
    fn mutilated_files_get_a_verdict(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30)) {
        let mut bytes = xml::gpx(START, 600, 20, "running").into_bytes();
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
