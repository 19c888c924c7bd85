//! Files made to exhaust whoever reads them: the real program gives each a verdict in little memory.

use crate::support::archive::{Entry, Packed, Zip, tar_header};
use crate::support::fit::{FitFile, Run};
use crate::support::program::{Place, lines};
use serde_json::Value;
use std::fs::File;
use std::process::Command;

/// Kilobytes of data the program may have, beside its own code: more, and an allocation fails, which ends it.
const ROOM_KB: u32 = 40 << 10;

/// Megabytes in a bomb: more than the room, and more than its few kilobytes may unpack to.
const BLANK_MB: u32 = 48;

/// What `normalize` says, with no more memory than it may have.
fn verdicts(name: &str, bytes: &[u8]) -> Vec<Value> {
    verdicts_of_len(name, bytes, bytes.len() as u64)
}

/// The same for a file that goes on with nothing: as long as one likes, and of the disk a few blocks.
fn verdicts_of_len(name: &str, bytes: &[u8], len: u64) -> Vec<Value> {
    let place = Place::new();
    let path = place.drop_file(name, bytes);
    File::options().write(true).open(path).unwrap().set_len(len).unwrap();
    let output = within(ROOM_KB, &place);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{name}: {output:?}");
    let answers = lines(&output.stdout);
    assert!(!answers.is_empty(), "{name}: {output:?}");
    answers
}

fn within(kilobytes: u32, place: &Place) -> std::process::Output {
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -d {kilobytes}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_fitferry")]);
    let mut command = place.complete(shell);
    command.args(["normalize", "--json"]).arg(place.folder()).output().unwrap()
}

/// The reasons of all verdicts.
fn reasons(answers: &[Value]) -> String {
    answers.iter().map(|answer| format!("{} ", answer["reason"])).collect()
}

#[test]
fn the_fence_holds() {
    let place = Place::new();
    place.drop_file("a.fit", Run::default().build());
    assert!(within(ROOM_KB, &place).status.success());
    assert!(!within(200, &place).status.success());
}

#[test]
fn streams_that_unpack_to_too_much() {
    // Space behind the end of the document, which everybody has to read who wants to see the checksum.
    let bomb = Packed::bomb(b"<gpx></gpx>", BLANK_MB, b"");
    let answers = verdicts("bomb.gpx.gz", &bomb.gzip());
    assert!(reasons(&answers).contains("much follows"), "{answers:?}");
    let run = Run::default().build();
    let is_run = |answer: &Value| answer["member"] == "run.fit" && answer["outcome"] == "ok";
    let answers = verdicts("bomb.zip", &Zip::new().add("run.fit", &run).packed("bomb.gpx", &bomb).build());
    assert!(answers.iter().any(is_run) && reasons(&answers).contains("too much"), "{answers:?}");
    // One that says that it unpacks to little.
    let quiet = Packed { len: 1000, ..bomb };
    let answers = verdicts("bomb.zip", &Zip::new().packed("bomb.gpx", &quiet).add("run.fit", &run).build());
    assert!(answers.iter().any(is_run) && answers.len() == 2, "{answers:?}");
}

/// A zip archive of one file full of space: its directory stands behind all of that.
fn hollow() -> Packed {
    let archive = Zip::new().store("blank.txt", vec![b' '; 1 << 20]).build();
    let start = archive.iter().position(|byte| *byte == b' ').unwrap();
    Packed::bomb(&archive[..start], BLANK_MB, &archive[start + (1 << 20)..])
}

#[test]
fn archives_that_unpack_to_too_much() {
    let inner = hollow();
    let middle = Zip::new().packed("inner.zip", &inner);
    let quiet = Packed { len: 16 << 20, ..hollow() };
    for bytes in [
        inner.gzip(),
        Zip::new().add("middle.zip", middle.build()).build(),
        Zip::new().packed("1.zip", &quiet).packed("2.zip", &quiet).build(),
    ] {
        let answers = verdicts("bomb.zip", &bytes);
        assert!(answers.iter().all(|answer| answer["outcome"] == "error"), "{answers:?}");
    }
    assert!(reasons(&verdicts("bomb.zip.gz", &inner.gzip())).contains("unpacks to"));
}

#[test]
fn members_that_are_many_or_one_another() {
    let mut zip = Zip::new().add("0.gpx", "<gpx></gpx>");
    for number in 1..5000 {
        zip = zip.entry(|entry| Entry { name: format!("{number}.gpx").into_bytes(), ..entry.clone() });
    }
    assert_eq!(verdicts("overlaps.zip", &zip.build()).len(), 4999);
    let mut names = Zip::new().add("a.gpx", "<gpx/>");
    for _ in 0..1000 {
        names = names.entry(|entry| Entry { name: vec![b'n'; 60_000], ..entry.clone() });
    }
    assert_eq!(verdicts("names.zip", &names.build()).len(), 1000);
}

#[test]
fn tar_headers_that_say_absurd_things() {
    let name = tar_header("././@LongLink", b'L', u64::from(BLANK_MB) << 20);
    let bomb = Packed::bomb(&name, BLANK_MB, b"");
    assert!(reasons(&verdicts("name.tar.gz", &bomb.gzip())).contains("header"));
    let plain = [name.as_slice(), &vec![b' '; 48 << 20]].concat();
    assert!(reasons(&verdicts("name.tar", &plain)).contains("header"));
    for len in [u64::MAX, 1 << 62, 1 << 40] {
        for kind in *b"0xgLKS" {
            let bytes = [tar_header("run.fit", kind, len).as_slice(), &Run::default().build()].concat();
            let answers = verdicts("absurd.tar", &bytes);
            assert!(answers.iter().any(|answer| answer["outcome"] == "error"), "{len} {kind}: {answers:?}");
        }
    }
}

#[test]
fn documents_that_expand_nest_or_never_end() {
    let entities: String =
        (1..20).map(|level| format!("<!ENTITY e{level} '{}'>", format!("&e{};", level - 1).repeat(10))).collect();
    let point = "<trkpt lat='1' lon='1'><time>2026-04-12T06:30:15Z</time></trkpt><trkpt lat='1' lon='1'><time>2026-04-12T07:30:15Z</time></trkpt>";
    let laughs = format!(
        "<!DOCTYPE gpx [<!ENTITY e0 'ha'>{entities}]><gpx><trk><name>&e19;</name><trkseg>{point}</trkseg></trk></gpx>"
    );
    let answers = verdicts("laughs.gpx", laughs.as_bytes());
    assert_eq!(answers[0]["workouts"][0]["source"]["title"], "&e19;");
    let long = 48 << 20;
    let attribute = |tag: &str| format!("<{tag} a='{}", "x".repeat(long));
    for (name, text) in [
        ("deep.gpx", format!("<gpx>{}", "<a>".repeat(long / 3))),
        ("attribute.gpx", attribute("gpx")),
        ("comment.gpx", format!("<gpx><!--{}", "-".repeat(long))),
        ("attribute.kml", format!("<kml>{}", attribute("Placemark"))),
        ("attribute.xml", format!("<HealthData>{}", attribute("Workout"))),
        ("tags.xml", format!("<HealthData>{}", "<Workout ".repeat(long / 99))),
        ("quotes.xml", format!("<HealthData>{}", "<Workout '".repeat(long / 99))),
        ("events.xml", format!("<HealthData><Workout>{}", "<WorkoutEvent/>".repeat(long / 15))),
    ] {
        assert_eq!(verdicts(name, text.as_bytes())[0]["outcome"], "error", "{name}");
    }
}

#[test]
fn tables_of_one_line() {
    let header = super::strava::example().split_inclusive('\n').next().unwrap().to_owned();
    let two_gigabytes = 2 << 30;
    let long = "x".repeat(1 << 16);
    for (name, beginning) in [
        ("header.csv", format!("{},{long}", header.trim_end())),
        ("row.csv", format!("{header}4711,{long}")),
        ("cells.csv", format!("{header}4711{}", ",".repeat(1 << 16))),
        ("quotes.csv", format!("{header}4711,\"{long}\n")),
    ] {
        let answers = verdicts_of_len(name, beginning.as_bytes(), two_gigabytes);
        assert_eq!((&answers[0]["outcome"], &answers[0]["format"]), (&"error".into(), &"strava".into()), "{answers:?}");
        let packed = Packed::bomb(beginning.as_bytes(), BLANK_MB, b"").gzip();
        let answers = verdicts(&format!("{name}.gz"), &packed);
        assert_eq!((&answers[0]["outcome"], &answers[0]["format"]), (&"error".into(), &"strava".into()), "{answers:?}");
    }
}

#[test]
fn documents_without_a_bottom() {
    let depth = 100_000;
    let (lists, objects) = ("[".repeat(depth), "{\"a\":".repeat(depth));
    for (name, text) in [
        ("lists.json", format!("{{\"data\":{{\"workouts\":[{lists}")),
        ("objects.json", format!("{{\"data\":{{\"metrics\":[{objects}")),
        ("closed.json", format!("[{{\"logId\":1,\"activityTypeId\":1,\"x\":{lists}{}}}]", "]".repeat(depth))),
        (
            "within.json",
            format!("{{\"start_epoch_ms\":1,\"app_id\":\"a\",\"moments\":{objects}1{}}}", "}".repeat(depth)),
        ),
    ] {
        let answers = verdicts(name, text.as_bytes());
        assert_eq!(answers[0]["outcome"], "error", "{name}: {answers:?}");
        assert!(reasons(&answers).contains("nested deeper"), "{name}: {answers:?}");
    }
    for text in [lists, objects] {
        assert_eq!(verdicts("any.json", text.as_bytes())[0]["format"], Value::Null);
    }
    let words = format!("[{{\"logId\":1,\"activityTypeId\":1,\"activityName\":\"{}", "x".repeat(48 << 20));
    assert_eq!(verdicts("word.json", words.as_bytes())[0]["outcome"], "error");
    let numbers = format!("{{\"data\":{{\"metrics\":[{}", "1.5,".repeat(12 << 20));
    assert_eq!(verdicts("numbers.json", numbers.as_bytes())[0]["outcome"], "error");
}

#[test]
fn a_fit_file_of_definitions() {
    let mut file = FitFile::new();
    for number in 0..60_000_u16 {
        file.raw(&[0x40 | u8::try_from(number % 16).unwrap(), 0, 0, 0, 0, 255]).raw(&[1, 255, 13].repeat(255));
    }
    let answers = verdicts("definitions.fit", &file.build());
    assert_eq!(answers[0]["outcome"], "no-session", "{answers:?}");
}
