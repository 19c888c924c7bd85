//! What must hold of whatever is read, however broken it is: the judge of the fuzz targets, and of the tests on stable.

use fitferry::formats::{self, Contents, Flow, HEAD_LEN, Kind, Member, Options, Outcome, Reading, Summary};
use fitferry::rules::Rules;
use fitferry::session::{self, Session};
use fitferry::workout::{self, Format, Workout};
use jiff::tz::TimeZone;
use std::collections::HashSet;
use std::fs::File;
use std::io::{Read, Seek, Write};

/// Bytes that any text of a workout may have; no reader keeps more.
const LONGEST_TEXT: usize = 64 << 10;

/// Formats of which a part can hold more workouts than the whole: tracks, files and rows that belong together are seen to
/// do so by what follows.
const JOINED_LATER: [Format; 3] = [Format::Fit, Format::Gpx, Format::SamsungHealth];

/// The reader of a format, for bytes that need not look like it.
pub fn reader(format: Format, bytes: &[u8]) {
    let whole = known(format, bytes);
    assert_eq!(whole.format, Some(format));
    judge(&whole);
    // How the bytes arrive changes nothing, nor does having read them before.
    let piecemeal = formats::read_known(format, Pieces { bytes, next: 1 }, &options()).expect("memory is no device");
    assert_eq!(piecemeal, whole);
    let part = known(format, &bytes[..somewhere_in(bytes)]);
    judge(&part);
    // What follows can show that a workout is none to believe, but not that there was none; and a last row that breaks off
    // can look whole after some more has gone.
    let most = whole.workouts.len() + whole.refused.len();
    assert!(
        part.workouts.len() <= most || whole.flaw().is_some() || JOINED_LATER.contains(&format),
        "a part holds {:#?}, and the whole {:#?}",
        part.workouts,
        whole.workouts
    );
}

/// The walker of archives, for bytes that need not be one.
pub fn archive(bytes: &[u8]) {
    let mut members = Vec::new();
    let contents = walk(bytes, &mut members);
    for Member { name, reading } in &members {
        judge(reading);
        let is_named = |workout: &Workout| workout.source.member.as_ref() == Some(name);
        assert!(reading.workouts.iter().all(is_named), "{name:?}: {reading:?}");
    }
    let mut again = Vec::new();
    assert!(walk(bytes, &mut again) == contents && again == members, "{again:#?}\n{members:#?}");
    let whole = formats::read_whole(&file(bytes), &options(), &mut |_| {}).expect("a file in memory");
    judge(&whole);
    match contents {
        Contents::One(reading) => assert!(members.is_empty() && reading == whole),
        Contents::Archive(summary) => {
            judge(&summary.reading());
            let Summary { members: all, told, quiet, unknown, litter, .. } = summary;
            // One more is counted where there are too many, or where an archive inside is told of as such.
            assert!(told == members.len() && quiet + unknown + litter <= all, "{summary:?}");
            let count: usize = members.iter().map(|member| member.reading.workouts.len()).sum();
            assert_eq!(whole.workouts.len(), count);
        }
    }
}

/// The sniffer, and whether the file goes where it says.
pub fn sniffer(bytes: &[u8]) {
    let kind = formats::sniff(&bytes[..bytes.len().min(HEAD_LEN)]);
    let reading = formats::read(bytes, &options()).expect("memory is no device");
    judge(&reading);
    match kind {
        Kind::Known(format) => assert_eq!(reading, known(format, bytes)),
        Kind::Gzip => {}
        Kind::Zip | Kind::Tar | Kind::Other(_) | Kind::Empty | Kind::Unknown => {
            assert_eq!((reading.format, reading.workouts.len()), (None, 0));
        }
    }
}

/// Of a zone with summer time, as that is where clocks are difficult.
fn options() -> Options {
    Options::of(TimeZone::get("Europe/Berlin").expect("a zone that exists"))
}

fn known(format: Format, bytes: &[u8]) -> Reading {
    formats::read_known(format, bytes, &options()).expect("memory is no device")
}

fn file(bytes: &[u8]) -> File {
    let mut file = tempfile::tempfile().expect("room for a small file");
    file.write_all(bytes).and_then(|()| file.rewind()).expect("room for a small file");
    file
}

fn walk(bytes: &[u8], members: &mut Vec<Member>) -> Contents {
    let told = &mut |member| {
        members.push(member);
        Flow::Continue(())
    };
    formats::read_file(&file(bytes), &options(), told).expect("a file in memory")
}

/// A place that the bytes alone decide, so that a finding stays one.
fn somewhere_in(bytes: &[u8]) -> usize {
    let hash = bytes.iter().fold(bytes.len(), |hash, byte| hash.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    hash % (bytes.len() + 1)
}

/// Bytes in pieces of 1, 2, 3 … bytes and from the beginning again, as from a slow pipe.
struct Pieces<'b> {
    bytes: &'b [u8],
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.bytes.len().min(buffer.len()).min(self.next);
        let (piece, rest) = self.bytes.split_at(count);
        buffer[..count].copy_from_slice(piece);
        (self.bytes, self.next) = (rest, self.next % 61 + 1);
        Ok(count)
    }
}

/// What must hold of every reading.
fn judge(reading: &Reading) {
    let flaw = reading.flaw();
    let is_reason = |text: &str| !text.trim().is_empty() && text.len() < LONGEST_TEXT;
    match reading.outcome() {
        Outcome::Ok(salvaged) => {
            assert!(!reading.workouts.is_empty());
            assert_eq!(salvaged.is_some(), flaw.is_some());
        }
        Outcome::NoSession(reason) => assert!(reading.workouts.is_empty() && flaw.is_none() && is_reason(&reason)),
        Outcome::Error(reason) => assert!(reading.workouts.is_empty() && is_reason(&reason)),
    }
    assert!(reading.format.is_some() || reading.workouts.is_empty());
    assert!(!reading.is_complete() || flaw.is_none());
    assert!(reading.refused.iter().all(|reason| is_reason(reason)), "{:?}", reading.refused);
    for workout in &reading.workouts {
        believable(workout);
    }
    sessions(&reading.workouts);
}

fn believable(workout: &Workout) {
    assert_eq!(workout::check(workout), Ok(()));
    let span = workout.end.as_millisecond() - workout.start.as_millisecond();
    assert!(workout.active_millis.is_none_or(|active| (0..=span).contains(&active)), "{workout:?}");
    // From -12 to +14 hours in our days, and local mean times before.
    assert!(workout.utc_offset_seconds.is_none_or(|offset| offset.abs() < 16 * 3600), "{workout:?}");
    let meters = workout.metrics.distance_meters;
    assert!(meters.is_none_or(|meters| meters.is_finite() && meters >= 0.0), "{workout:?}");
    let source = &workout.source;
    let texts = [&source.sport, &source.sub_sport, &source.device, &source.title, &source.notes, &source.assumed_zone];
    let keys = [&workout.key, &workout.alias].into_iter().flatten().flat_map(|key| [&key.vendor, &key.id]);
    for text in texts.into_iter().flatten().chain(keys) {
        assert!(!text.is_empty() && text.len() <= LONGEST_TEXT, "{workout:?}");
    }
}

/// What the store and the server are given of a workout comes back as it was.
fn sessions(workouts: &[Workout]) {
    for workout in workouts {
        let stored = serde_json::to_string(workout).expect("a workout has a JSON form");
        let restored: Workout = serde_json::from_str(&stored).expect("the form of a workout");
        // The store keeps milliseconds.
        assert_eq!(serde_json::to_string(&restored).expect("a workout has a JSON form"), stored);
    }
    let sessions: Vec<Session> = session::of_file(workouts, &Rules::of(TimeZone::UTC)).collect();
    let mut ids = HashSet::new();
    for session in &sessions {
        let sent = serde_json::to_vec(session).expect("a session has a JSON form");
        assert_eq!(&serde_json::from_slice::<Session>(&sent).expect("the form of a session"), session);
        assert!(session.start_time_millis <= session.end_time_millis, "{session:?}");
        assert!(session.known_activity_type().is_some() && !session.name.is_empty(), "{session:?}");
        assert!(ids.insert(&session.id), "{session:?} is not alone with its id");
    }
}
