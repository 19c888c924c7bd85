//! In how many ways files arrive: each of them makes its sessions once, with the right content, whatever there was to be
//! seen on the way.

mod arrival;
mod changes;
mod contents;
mod halves;
mod mixtures;
mod names;
mod programs;
mod writes;

use crate::support::foreign;
use crate::support::program::{Daemon, Place};
use arrival::{Arrival, Log};
use contents::{Kind, arrival_of};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// As many at once: most of them wait for the daemon.
const AT_ONCE: usize = 64;

/// How long the last of them may take; then the test says which are missing.
const PATIENCE: Duration = Duration::from_secs(30);

/// The folder of files of which it is known what becomes of them.
const PROBES: &str = "probes";

/// Verdicts that nobody may hear of a file that is only incomplete.
const BAD: &[&str] = &["file.rejected", "file.ignored", "file.no_session", "file.unreadable"];

/// A way to arrive.
pub struct Pattern {
    name: &'static str,
    arrive: fn(&Arrival<'_>),
    /// In how many pieces.
    pieces: &'static [usize],
    /// Whether another version was there before, or nothing is to come of it.
    is_revised: bool,
    is_nothing: bool,
    /// Whether another workout was there before, which stays.
    is_another: bool,
    /// The program of others that it takes, and how to ask whether it is there.
    program: Option<(&'static str, &'static str)>,
}

impl Pattern {
    const fn slow(name: &'static str, arrive: fn(&Arrival<'_>)) -> Self {
        Self {
            name,
            arrive,
            pieces: &[1, 2, 7, 100],
            is_revised: false,
            is_nothing: false,
            is_another: false,
            program: None,
        }
    }

    const fn in_pieces(self, pieces: &'static [usize]) -> Self {
        Self { pieces, ..self }
    }

    const fn revised(self) -> Self {
        Self { is_revised: true, ..self }
    }

    const fn nothing(self) -> Self {
        Self { is_nothing: true, ..self }
    }

    const fn another(self) -> Self {
        Self { is_another: true, ..self }
    }

    const fn needs(self, program: &'static str, question: &'static str) -> Self {
        Self { program: Some((program, question)), ..self }
    }

    fn is_possible(&self) -> bool {
        self.program.is_none_or(|(program, question)| foreign::has(program, question))
    }
}

/// One of all the arrivals.
struct Case {
    pattern: &'static Pattern,
    kind: Kind,
    pieces: usize,
}

impl Case {
    fn name(&self) -> String {
        format!("{} ({:?} in {} pieces)", self.pattern.name, self.kind, self.pieces)
    }
}

fn cases() -> Vec<Case> {
    let patterns = [writes::PATTERNS, names::PATTERNS, changes::PATTERNS, programs::PATTERNS].into_iter().flatten();
    let patterns = patterns.filter(|pattern| pattern.is_possible());
    let pieces = patterns.flat_map(|pattern| pattern.pieces.iter().map(move |pieces| (pattern, *pieces)));
    pieces.flat_map(|(pattern, pieces)| Kind::ALL.map(|kind| Case { pattern, kind, pieces })).collect()
}

#[test]
fn every_way_to_arrive_makes_each_session_once() {
    let (place, cases, log) = (Place::new(), cases(), Log::default());
    // Nothing is salvaged, so that whatever is rejected was rejected too early.
    let environment = [
        ("FITFERRY_WATCH__SETTLE", "100ms"),
        ("FITFERRY_WATCH__SALVAGE_AFTER", "10m"),
        ("FITFERRY_LOG__LEVEL", "debug"),
    ];
    fs::create_dir(place.folder().join(PROBES)).unwrap();
    let mut daemon = place.start_with(&[], &environment);
    arrive(&place, &mut daemon, &cases, &log);
    let expected = expected(&place, &cases);
    let began = Instant::now();
    let mut sessions = daemon.sessions(&place);
    while sessions != expected && began.elapsed() < PATIENCE {
        daemon.next_event(Duration::from_millis(100)).into_iter().for_each(|event| log.add(event));
        sessions = daemon.sessions(&place);
    }
    while let Some(event) = daemon.next_event(Duration::ZERO) {
        log.add(event);
    }
    let events = log.into_events();
    let failures: BTreeSet<String> = differences(&cases, &expected, &sessions)
        .chain(bad_verdicts(&cases, &place.folder(), &events))
        .chain(too_early(&cases, &expected, &events))
        .collect();
    assert!(failures.is_empty(), "of {} arrivals: {failures:#?}", cases.len());
}

type Sessions = BTreeMap<String, Value>;

fn differences<'a>(
    cases: &'a [Case],
    expected: &'a Sessions,
    found: &'a Sessions,
) -> impl Iterator<Item = String> + 'a {
    let is_other = |(id, session): &(&String, &Value)| expected.get(*id) != Some(*session);
    let wrong = found.iter().filter(is_other).map(|(_, session)| ("wrong", session));
    let missing = expected.iter().filter(|(id, _)| !found.contains_key(*id)).map(|(_, session)| ("missing", session));
    wrong.chain(missing).map(move |(what, session)| format!("{}: {what} {session}", cases[arrival_of(session)].name()))
}

fn bad_verdicts<'a>(cases: &'a [Case], folder: &'a Path, events: &'a [Value]) -> impl Iterator<Item = String> + 'a {
    let bad = events.iter().filter(|event| event["event"].as_str().is_some_and(|name| BAD.contains(&name)));
    // Links and pipes are rightly ignored.
    let is_file = |event: &&Value| !fs::symlink_metadata(event["file"].as_str().unwrap()).is_ok_and(|is| !is.is_file());
    let bad = bad.filter(is_file);
    let below = move |event: &'a Value| Path::new(event["file"].as_str().unwrap()).strip_prefix(folder).unwrap();
    bad.map(move |event| (event, below(event))).filter(|(_, below)| !below.starts_with(PROBES)).map(|(event, below)| {
        let number: usize = below.iter().next().unwrap().to_str().unwrap().parse().unwrap();
        format!("{}: {event}", cases[number].name())
    })
}

/// Of a file that can prove itself complete, and was never another, nothing is delivered that has to be mended afterwards.
fn too_early<'a>(cases: &'a [Case], expected: &'a Sessions, events: &'a [Value]) -> impl Iterator<Item = String> + 'a {
    let again = events.iter().filter(|event| event["event"] == "session.delivered" && event["revision"] != 1);
    let again =
        again.filter_map(move |event| Some((&cases[arrival_of(expected.get(event["session"].as_str()?)?)], event)));
    let too_early = again.filter(|(case, _)| case.kind.is_proven() && !case.pattern.is_revised);
    too_early.map(|(case, event)| format!("{}: {event}", case.name()))
}

/// Lets all of them arrive, many at once, and takes down what the daemon says meanwhile.
fn arrive(place: &Place, daemon: &mut Daemon, cases: &[Case], log: &Log) {
    let todo = Mutex::new(cases.iter().enumerate());
    std::thread::scope(|scope| {
        let worker = || {
            while let Some((number, case)) = { todo.lock().unwrap().next() } {
                let [folder, aside] =
                    [place.folder(), place.dir.path().join("aside")].map(|at| at.join(number.to_string()));
                [&folder, &aside].into_iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
                let probes = place.folder().join(PROBES);
                let Case { pattern, kind, pieces } = *case;
                let number = i64::try_from(number).unwrap();
                let content = kind.content(number);
                (pattern.arrive)(&Arrival { number, kind, folder, aside, probes, content, pieces, log });
            }
        };
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(worker)).collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            daemon.next_event(Duration::from_millis(20)).into_iter().for_each(|event| log.add(event));
        }
    });
}

/// What `normalize` says of the files, had they come at once.
fn expected(place: &Place, cases: &[Case]) -> Sessions {
    let folder = place.dir.path().join("expected");
    fs::create_dir(&folder).unwrap();
    for (number, case) in cases.iter().enumerate().filter(|(_, case)| !case.pattern.is_nothing) {
        let arrival = i64::try_from(number).unwrap();
        fs::write(folder.join(number.to_string()), case.kind.content(arrival)).unwrap();
        if case.pattern.is_another {
            fs::write(folder.join(format!("{number} other")), case.kind.content_of_another(arrival)).unwrap();
        }
    }
    let paths: Vec<_> = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    let paths: Vec<&Path> = paths.iter().map(std::path::PathBuf::as_path).collect();
    paths.chunks(500).flat_map(|paths| place.normalized(paths)).collect()
}
