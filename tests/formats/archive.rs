//! Archives: every member is judged by itself, wherever it stands and whatever stands beside it.

use super::{garmin_export, google_fit, read};
use crate::support::archive::{Entry, Zip, gzip, tar};
use crate::support::fit::{FitFile, Run, Value};
use crate::support::xml;
use fitferry::formats::{self, Condition, Contents, Flow, Member, Options, Outcome, Summary};
use fitferry::workout::Format;
use proptest::prelude::*;
use std::fs::File;
use std::io::{Seek, Write};

const START: i64 = 1_600_000_000;
const DAY: i64 = 86_400;

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

fn members(bytes: &[u8]) -> (Vec<Member>, Summary) {
    let mut members = Vec::new();
    let told = &mut |member| {
        members.push(member);
        Flow::Continue(())
    };
    match formats::read_file(&file(bytes), &Options::default(), told).unwrap() {
        Contents::Archive(summary) => (members, summary),
        Contents::One(reading) => panic!("no archive: {reading:?}"),
    }
}

/// Each member's name and how many workouts it has, or why it has none.
fn told(bytes: &[u8]) -> Vec<(String, Result<usize, String>)> {
    let judged = |member: Member| match member.reading.outcome() {
        Outcome::Ok(_) => (member.name, Ok(member.reading.workouts.len())),
        Outcome::NoSession(why) | Outcome::Error(why) => (member.name, Err(why)),
    };
    members(bytes).0.into_iter().map(judged).collect()
}

fn run(day: i64) -> Vec<u8> {
    Run::at(START + day * DAY).build()
}

/// Whatever stands before them, and whether that can be read.
#[test]
fn its_format_is_that_of_its_first_workouts() {
    let (route, tcx) = ("<gpx><rte/></gpx>", xml::tcx(START, 600, 9, "Running"));
    let format = |zip: Zip| members(&zip.build()).1.format.map(Format::as_str);
    let before =
        || Zip::new().add("r.gpx", route).add("broken.fit", &run(4)[..100]).add("broken.fit.gz", &gzip(run(4))[..30]);
    assert_eq!(format(before()), Some("gpx"), "the first that is known, where there are no workouts");
    assert_eq!(format(before().add("a.tcx", &tcx).add("b.fit", run(1))), Some("tcx"));
}

type Lie = fn(&mut Entry);

/// An export as people have them: workouts in several forms, and much that is none.
fn export() -> Zip {
    Zip::new()
        .store("activities/", "")
        .add("activities/1.fit.gz", gzip(run(1)))
        .store("activities/2.bin.gz", gzip(xml::gpx(START + 2 * DAY, 600, 9, "running")))
        .add("activities/3.tcx", xml::tcx(START + 3 * DAY, 600, 9, "Running"))
        .add("broken.fit", &run(4)[..100])
        .add("routes/r.gpx", "<gpx><rte/></gpx>")
        .add("bikes.txt", "my bikes")
        .add("media/1.JPG", run(5))
        .add("__MACOSX/activities/._3.tcx", run(6))
        .add("last.fit", run(7))
}

#[test]
fn every_member_is_judged_by_itself() {
    let (found, summary) = members(&export().build());
    let names: Vec<_> = found.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["activities/1.fit.gz", "activities/2.bin.gz", "activities/3.tcx", "broken.fit", "last.fit"]);
    let workouts: Vec<_> = found.iter().map(|member| member.reading.workouts.len()).collect();
    assert_eq!(workouts, [1, 1, 1, 0, 1]);
    for member in &found {
        let named = |workout: &fitferry::workout::Workout| workout.source.member.as_ref() == Some(&member.name);
        assert!(member.reading.workouts.iter().all(named));
    }
    let counts = (summary.members, summary.told, summary.quiet, summary.unknown, summary.litter);
    assert_eq!(counts, (10, 5, 1, 1, 3));
    assert_eq!((summary.condition, summary.format), (Condition::Sound, Some(Format::Fit)));
}

#[test]
fn it_makes_no_difference_how_deep_a_member_stands_until_it_is_too_deep() {
    let inner =
        Zip::new().add("run.fit", run(1)).add("part/walk.gpx.gz", gzip(xml::gpx(START, 60, 9, "walking"))).build();
    let expected =
        |around: &str| [(format!("{around}run.fit"), Ok(1)), (format!("{around}part/walk.gpx.gz"), Ok(1))].to_vec();
    assert_eq!(told(&inner), expected(""));
    let padding = xml::gpx(START, 60, 5000, "x").replace("trk", "rte");
    for (name, bytes) in [
        ("i.zip", Zip::new().add("x.gpx", &padding).store("i.zip", &inner).build()),
        ("i.zip", Zip::new().add("x.gpx", &padding).add("i.zip", &inner).build()),
        ("i.zip.gz", Zip::new().store("i.zip.gz", gzip(&inner)).build()),
        ("i.zip", tar(&[("x.gpx", padding.as_bytes()), ("i.zip", &inner)])),
        ("i.zip", gzip(tar(&[("i.zip", &inner), ("x.gpx", padding.as_bytes())]))),
        ("i.tgz", Zip::new().add("i.tgz", gzip(tar(&[("run.fit", &run(1))]))).build()),
    ] {
        let expected = expected(&format!("{name}/"));
        let wanted = if name == "i.tgz" { &expected[..1] } else { &expected };
        assert_eq!(told(&bytes), wanted, "{name}");
    }
    let two = Zip::new().add("2.zip", Zip::new().add("3.zip", &inner).build()).build();
    assert_eq!(told(&two), expected("2.zip/3.zip/"));
    let three = Zip::new().add("1.zip", &two).add("run.fit", run(3)).build();
    let found = told(&three);
    assert_eq!(found[0].0, "1.zip/2.zip/3.zip");
    assert!(found[0].1.as_ref().is_err_and(|why| why.contains("deeper")), "{found:?}");
    assert_eq!(found[1], ("run.fit".to_owned(), Ok(1)));
}

#[test]
fn packed_archives_and_plain_ones_tell_the_same() {
    let contents = [("a/1.fit", run(1)), ("a/2.tcx", xml::tcx(START, 600, 9, "Running").into_bytes())];
    let plain: Vec<(&str, &[u8])> = contents.iter().map(|(name, content)| (*name, &content[..])).collect();
    let zip = contents.iter().fold(Zip::new(), |zip, (name, content)| zip.add(name, content)).build();
    let expected = members(&zip).0;
    assert_eq!(expected.len(), 2);
    for bytes in [tar(&plain), gzip(tar(&plain)), gzip(&zip)] {
        assert_eq!(members(&bytes).0, expected);
    }
    // As a stream without an end in sight, an archive is not read.
    assert!(matches!(read(&zip).outcome(), Outcome::Error(why) if why.contains("archive")));
}

#[test]
fn names_are_labels_and_links_are_nothing() {
    let long = "x/".repeat(30_000) + "run.fit";
    let bytes = Zip::new()
        .add("../../etc/run.fit", run(1))
        .add("/root/run.fit", run(2))
        .add(b"L\x84ufe\\M\x84rz.fit", run(3))
        .add("a\u{1b}[2J\nb.fit", run(4))
        .lie("link.fit", b"/etc/passwd", |entry| entry.mode = 0o120_777)
        .add(long, run(5))
        .build();
    let found = told(&bytes);
    assert_eq!(found.iter().filter(|(_, outcome)| *outcome == Ok(1)).count(), 5, "{found:?}");
    let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names[..4], ["../../etc/run.fit", "/root/run.fit", "Läufe\\März.fit", "a\u{1b}[2J\nb.fit"]);
    assert_eq!(names[4].len(), 1024);
}

#[test]
fn what_is_wrong_with_a_member_is_wrong_with_it_alone() {
    let lies: [(&str, Lie, &str); 8] = [
        ("encrypted.fit", |entry| entry.flags = 1, "encrypted"),
        ("zstd.fit", |entry| entry.method = 93, "ZSTD"),
        ("checksum.fit", |entry| entry.crc ^= 1, "checksum"),
        ("shorter.fit", |entry| entry.len -= 1, "checksum"),
        ("longer.fit", |entry| entry.len += 1, "breaks off"),
        ("bomb.fit", |entry| entry.len = u32::MAX, "too much"),
        ("cut.fit", |entry| entry.packed_len -= 40, "breaks off"),
        ("nowhere.fit", |entry| entry.offset = u32::MAX, "breaks off"),
    ];
    for (name, lie, word) in lies {
        let bytes = Zip::new().add("first.fit", run(1)).lie(name, &run(2), lie).add("last.fit", run(3)).build();
        let found = members(&bytes).0;
        let of = |name: &str| found.iter().find(|member| member.name == name).unwrap();
        assert!(of("first.fit").reading.flaw().is_none() && of("last.fit").reading.flaw().is_none(), "{name}");
        let reading = &of(name).reading;
        let why = match reading.outcome() {
            Outcome::Ok(salvaged) => salvaged.unwrap_or_default(),
            Outcome::NoSession(why) | Outcome::Error(why) => why,
        };
        assert!(why.contains(word) || why.contains("end of file"), "{name}: {why}");
    }
}

#[test]
fn members_that_share_their_bytes_are_read_once() {
    let mut zip = Zip::new().add("0.fit", run(1));
    for number in 1..1000 {
        zip = zip.entry(|entry| Entry { name: format!("{number}.fit").into_bytes(), ..entry.clone() });
    }
    let found = told(&zip.add("last.fit", run(2)).build());
    assert_eq!(found.iter().filter(|(_, outcome)| *outcome == Ok(1)).count(), 2);
    assert!(found[1].1.as_ref().is_err_and(|why| why.contains("also that of another")), "{found:?}");
}

#[test]
fn every_prefix_is_unfinished_and_tells_no_more() {
    let inner = Zip::new().add("a.fit", run(1)).build();
    let zip = Zip::new().store("inner.zip", &inner).add("b.gpx", xml::gpx(START, 60, 9, "running")).build();
    let tar = tar(&[("a.fit", &run(1)), ("b.gpx", xml::gpx(START, 60, 9, "running").as_bytes())]);
    for whole in [&zip, &gzip(&tar), &tar] {
        // Behind the first block of zeros a tar archive is complete.
        let len = if whole == &tar { whole.len() - 1024 + 512 } else { whole.len() };
        for end in (1..len).filter(|end| *end > 600 || whole == &zip) {
            let reading = formats::read_whole(&file(&whole[..end]), &Options::default(), &mut |_| {}).unwrap();
            assert!(!reading.is_complete() && reading.workouts.len() <= 2, "{end} of {len}: {reading:?}");
            if end > 4 && whole == &zip {
                assert!(matches!(reading.condition, Condition::Truncated(_)), "{end}: {reading:?}");
            }
        }
        let reading = formats::read_whole(&file(whole), &Options::default(), &mut |_| {}).unwrap();
        assert!(reading.is_complete() && reading.workouts.len() == 2, "{reading:?}");
    }
}

#[test]
fn an_archive_without_workouts_says_so() {
    let outcome = |bytes: &[u8]| formats::read_whole(&file(bytes), &Options::default(), &mut |_| {}).unwrap().outcome();
    let route = ("r.gpx", "<gpx><rte/></gpx>");
    assert!(matches!(outcome(&Zip::new().build()), Outcome::Error(why) if why.contains("nothing in it")));
    assert!(matches!(outcome(&Zip::new().add("a", "b").build()), Outcome::Error(why) if why.contains("known format")));
    let mut routes = Zip::new();
    for number in 0..2000 {
        routes = routes.add(format!("{number}.gpx"), route.1);
    }
    assert!(matches!(outcome(&routes.build()), Outcome::NoSession(why) if why.contains("2000")));
    assert!(matches!(outcome(b"PK\x03\x04 and no more"), Outcome::Error(why) if why.contains("truncated")));
    let zero = xml::gpx(START, 0, 2, "running");
    assert!(
        matches!(outcome(&Zip::new().add("0.gpx", zero).build()), Outcome::NoSession(why) if why.starts_with("0.gpx: "))
    );
}

#[test]
fn one_reading_of_an_archive_holds_the_workouts_and_what_is_wrong() {
    let reading = formats::read_whole(&file(&export().build()), &Options::default(), &mut |_| {}).unwrap();
    assert!(reading.is_complete());
    assert_eq!((reading.workouts.len(), reading.refused.len()), (4, 1));
    assert!(reading.refused[0].starts_with("broken.fit: truncated"), "{:?}", reading.refused);
    assert_eq!(reading.outcome(), Outcome::Ok(None));
    let half = Run::at(START).file().with_data_size(0);
    let salvaged = formats::read_whole(
        &file(&Zip::new().add("a.fit", run(1)).add("half.fit", half).build()),
        &Options::default(),
        &mut |_| {},
    )
    .unwrap();
    let flags: Vec<_> = salvaged.workouts.iter().map(|workout| workout.source.salvaged).collect();
    assert_eq!(flags, [false, true]);
}

#[test]
fn a_health_export_is_its_workouts_and_not_their_routes() {
    let export =
        "<HealthData><Workout workoutActivityType='HKWorkoutActivityTypeRunning' startDate='2025-03-01 09:00:00 +0000'
        endDate='2025-03-01 09:55:00 +0000'/></HealthData>";
    let route = xml::gpx(START, 60, 9, "running");
    // The names of a Chinese phone, as a program that does not mark UTF-8 packs them.
    let bytes = Zip::new()
        .add("apple_health_export/workout-routes/route_1.gpx", &route)
        .add("apple_health_export/export_cda.xml", "<ClinicalDocument/>")
        .add("apple_health_export/导出.xml", export)
        .build();
    assert_eq!(told(&bytes), [("apple_health_export/导出.xml".to_owned(), Ok(1))]);
    // The same after somebody unpacked and packed it with a program that took the name for another code page.
    let mojibake = Zip::new().add("σ»╝σç║.xml", export).build();
    assert_eq!(told(&mojibake), [("σ»╝σç║.xml".to_owned(), Ok(1))]);
    let routes_alone = Zip::new().add("workout-routes/route_1.gpx", &route).build();
    assert_eq!(told(&routes_alone).len(), 1);
}

/// The files that a device uploads are mostly none of activities: thousands of them are nothing to worry about.
#[test]
fn an_account_export_of_garmin_is_its_summaries_and_its_activities() {
    let quiet = |kind: u8| {
        let mut file = FitFile::new();
        file.message(0, 0, &[(0, Value::U8(kind))]);
        file.build()
    };
    let mut uploads = Zip::new().add("a@b.c_1.fit", Run::default().build()).add("a@b.c_2.txt", "a note");
    for number in 3..300 {
        uploads = uploads.store(format!("a@b.c_{number}.fit"), quiet([32, 2, 9][number % 3]));
    }
    let summaries = "DI_CONNECT/DI-Connect-Fitness/a@b.c_0_summarizedActivities.json";
    let part = "DI_CONNECT/DI-Connect-Uploaded-Files/UploadedFiles_0-_Part1.zip";
    let bytes = Zip::new()
        .store(part, uploads.build())
        .add(summaries, garmin_export::EXPORT)
        .add("customer_data/customer.json", "{}")
        .build();
    let (found, summary) = members(&bytes);
    let mut found: Vec<_> = found
        .into_iter()
        .map(|member| (member.name, member.reading.workouts.len(), member.reading.outcome()))
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert_eq!(
        found,
        [(summaries.to_owned(), 3, Outcome::Ok(None)), (format!("{part}/a@b.c_1.fit"), 1, Outcome::Ok(None)),]
    );
    assert_eq!((summary.quiet, summary.unknown, &summary.condition), (297, 2, &Condition::Sound));
}

#[test]
fn the_folders_of_a_takeout_may_be_called_anything() {
    for folder in ["All Sessions", "Alle Sitzungen", "Toutes les sessions", "すべてのセッション"] {
        let name = format!("Takeout/Fit/{folder}/2021-06-09T13_36_25+02_00_RADFAHREN.json");
        let bytes = Zip::new()
            .add("Takeout/Fit/Messwerte pro Tag/2021-06-09.csv", "Beginn,Ende,Kalorien\n1,2,3\n")
            .add(&name, google_fit::SESSION)
            .build();
        assert_eq!(told(&bytes), [(name, Ok(1))]);
    }
}

#[test]
fn whoever_has_heard_enough_is_told_no_more() {
    let mut count = 0;
    let once = &mut |_| {
        count += 1;
        Flow::Break(())
    };
    formats::read_file(&file(&export().build()), &Options::default(), once).unwrap();
    assert_eq!(count, 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Nothing panics, and nothing is invented, whatever happened to the archive.
    #[test]
    fn mutilated_archives_get_a_verdict(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        kind in 0..3,
    ) {
        let inner = Zip::new().store("a.fit", run(1)).build();
        let mut bytes = match kind {
            0 => Zip::new().store("b.zip", &inner).add("c.gpx", xml::gpx(START, 60, 5, "running")).build(),
            1 => tar(&[("a.fit", &run(1)), ("b.zip", &inner)]),
            _ => gzip(tar(&[("b.zip", &inner)])),
        };
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let reading = formats::read_whole(&file(&bytes), &Options::default(), &mut |_| {}).unwrap();
        reading.outcome();
        for workout in &reading.workouts {
            prop_assert!(workout.start < workout.end);
        }
    }
}
