//! A long history, delivered to a server in another process: compared with it as it is, and repaired after somebody
//! changed a hundred of its sessions there.

use super::program::{self, Place};
use super::served::Served;
use super::wait;
use jiff::Timestamp;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Sessions of one window, at most.
const WINDOW: usize = 4000;

/// Sessions of one page of changes.
const PAGE: usize = 1000;

/// Of one file.
const TOGETHER: usize = 500;

const FIRST: i64 = 1_150_000_000;
const APART: i64 = 5400;
const PAUSE: i64 = 40 * 86_400;

/// What becomes of how many sessions.
const DELETED: usize = 40;
const EDITED: usize = 40;
const UNWANTED: usize = 20;
const DIFFERENCES: usize = DELETED + EDITED + UNWANTED;

pub struct History {
    pub count: usize,
    /// Sessions between two pauses that no window reaches over.
    pub stretch: usize,
}

/// What one step took.
pub struct Figure {
    what: &'static str,
    seconds: f64,
    requests: usize,
    writes: usize,
    /// Most memory of the program, in kilobytes.
    pub resident: u64,
}

impl fmt::Display for Figure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, seconds, requests, writes, resident } = self;
        write!(out, "{what:<24} {seconds:6.2} s  {requests:6} requests, {writes:6} of them write  {resident:6} kB")
    }
}

type Sessions = BTreeMap<String, Value>;

impl History {
    /// Delivers it, compares it, breaks it, repairs it, and judges each step.
    pub fn prove(&self) -> Vec<Figure> {
        let (server, place) = (Served::start(), Place::new());
        server.use_from(&place, "reconcile = { on_edited = 'restore', on_deleted = 'restore' }\n");
        let mut figures = vec![self.deliver(&place, &server)];
        let all = self.everything(&server);
        assert_eq!((all.len(), server.writes()), (self.count, self.count));

        figures.push(self.compare("unchanged", &place, &server, &[], 0));
        assert!(self.everything(&server) == all);

        figures.push(self.dismiss(&place, &server));
        let left = self.everything(&server);
        let gone: Sessions = all.clone().into_iter().filter(|(id, _)| !left.contains_key(id)).collect();
        assert_eq!((gone.len(), all.len() - left.len()), (UNWANTED, UNWANTED));

        break_some(&server, &left, &gone);
        let broken = self.everything(&server);
        figures.push(self.compare("differing, looked at", &place, &server, &["--dry-run"], DIFFERENCES));
        figures.push(self.compare("differing, queued", &place, &server, &[], DIFFERENCES));
        assert!(self.everything(&server) == broken);
        figures.push(repair(&place, &server));
        let now = self.everything(&server);
        assert!(plain(&now) == plain(&left), "everything is as it was");
        let untouched = now.iter().filter(|(id, session)| left.get(*id) == Some(session)).count();
        assert_eq!(untouched, left.len() - DELETED - EDITED);

        figures.push(self.compare("repaired, again", &place, &server, &[], 0));
        assert!(self.everything(&server) == now);
        figures
    }

    fn start(&self, number: usize) -> i64 {
        let [number, stretches] = [number, number / self.stretch].map(|number| i64::try_from(number).unwrap());
        FIRST + number * APART + stretches * PAUSE
    }

    /// Requests of a whole comparison.
    fn windows(&self) -> usize {
        let stretches = (0..self.count).step_by(self.stretch).map(|first| self.stretch.min(self.count - first));
        stretches.map(|sessions| sessions.div_ceil(WINDOW)).sum()
    }

    /// The last file holds what will not be wanted any more.
    fn deliver(&self, place: &Place, server: &Served) -> Figure {
        let last = self.count - UNWANTED;
        for first in (0..last).step_by(TOGETHER) {
            let starts = (first..last.min(first + TOGETHER)).map(|number| self.start(number));
            place.drop_file(&format!("{first}.tcx"), activities(starts));
        }
        place.drop_file("last.tcx", activities((last..self.count).map(|number| self.start(number))));
        let folder = place.folder().display().to_string();
        let (figure, _) = measured("delivered", place, server, &["import", "--json", &folder]);
        figure
    }

    fn compare(
        &self,
        what: &'static str,
        place: &Place,
        server: &Served,
        flags: &[&str],
        differences: usize,
    ) -> Figure {
        let arguments = [&["reconcile", "--json"], flags].concat();
        let (figure, output) = measured(what, place, server, &arguments);
        let report = &program::lines(&output)[0];
        assert_eq!(report["differences"].as_array().unwrap().len(), differences, "{report}");
        if differences == 0 {
            assert!(report["compared"].as_u64().unwrap() >= u64::try_from(self.count - UNWANTED).unwrap(), "{report}");
        }
        // What was deleted lately is told by the list of changes, page by page: nearly all is new to it here.
        let pages = self.count.div_ceil(PAGE) + 2;
        assert_eq!(figure.writes, 0, "{what}");
        assert!((self.windows()..=self.windows() + pages).contains(&figure.requests), "{figure}");
        figure
    }

    /// The files of the last sessions are gone for good, and so they are deleted. A daemon does it that also compares, as it
    /// does whenever that is due.
    fn dismiss(&self, place: &Place, server: &Served) -> Figure {
        let path = place.folder().join("last.tcx");
        fs::remove_file(&path).unwrap();
        let forgot = place.run(&["files", "forget", path.to_str().unwrap()]);
        assert!(forgot.status.success(), "{forgot:?}");
        let (began, before) = (Instant::now(), server.requests());
        let mut daemon = place.start_with(&[], &[("FITFERRY_RECONCILE__EVERY", "2s")]);
        let done = daemon.wait_for("reconcile.done");
        assert_eq!((&done["missing"], &done["edited"], &done["deleted"]), (&0.into(), &0.into(), &0.into()), "{done}");
        let seconds = began.elapsed().as_secs_f64();
        wait::until_true("the deletions", || server.writes() == before.1 + UNWANTED);
        let figure = figure("a daemon's start", seconds, before, server, resident(daemon.id()).unwrap());
        daemon.terminate();
        figure
    }

    /// All that the server has.
    fn everything(&self, server: &Served) -> Sessions {
        let (from, to) = (FIRST - PAUSE, self.start(self.count) + PAUSE);
        let pieces = (from..to).step_by(usize::try_from(PAUSE).unwrap());
        pieces.flat_map(|from| server.sessions_between(&utc(from), &utc(from + PAUSE))).collect()
    }
}

/// Somebody deletes, changes and puts back, everywhere in the history.
fn break_some(server: &Served, left: &Sessions, gone: &Sessions) {
    let step = left.len() / (DELETED + EDITED);
    for (index, (id, session)) in left.iter().step_by(step).take(DELETED + EDITED).enumerate() {
        if index % 2 == 0 {
            server.delete(id);
        } else {
            let mut session = session.clone();
            session["name"] = "Theirs".into();
            server.put(id, &session);
        }
    }
    gone.iter().for_each(|(id, session)| server.put(id, session));
}

/// A daemon sends what was queued.
fn repair(place: &Place, server: &Served) -> Figure {
    let (began, before) = (Instant::now(), server.requests());
    let mut daemon = place.start();
    wait::until_true("the repairs", || server.writes() == before.1 + DIFFERENCES);
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
    let figure =
        figure("repaired by a daemon", began.elapsed().as_secs_f64(), before, server, resident(daemon.id()).unwrap());
    assert!(daemon.events("session.parked").is_empty());
    daemon.terminate();
    assert_eq!(server.writes(), before.1 + DIFFERENCES);
    figure
}

fn plain(sessions: &Sessions) -> Sessions {
    let mut sessions = sessions.clone();
    sessions.values_mut().for_each(|session| drop(session.as_object_mut().unwrap().remove("modifiedTimeMillis")));
    sessions
}

fn utc(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap().to_string()
}

/// A TCX file with one activity of one lap for each start.
fn activities(starts: impl Iterator<Item = i64>) -> String {
    let schema = "http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2";
    let mut text = format!("<TrainingCenterDatabase xmlns=\"{schema}\"><Activities>\n");
    for start in starts.map(utc) {
        writeln!(
            text,
            "<Activity Sport=\"Running\"><Id>{start}</Id><Lap StartTime=\"{start}\"><TotalTimeSeconds>1800</TotalTimeSeconds>\
             <DistanceMeters>5000</DistanceMeters><Calories>300</Calories></Lap></Activity>"
        )
        .unwrap();
    }
    text.push_str("</Activities></TrainingCenterDatabase>\n");
    text
}

/// Runs a command that must succeed, and watches what it takes; its stdout.
fn measured(what: &'static str, place: &Place, server: &Served, arguments: &[&str]) -> (Figure, Vec<u8>) {
    let (began, before) = (Instant::now(), server.requests());
    let mut command = place.command();
    // A file, as nobody reads while it runs.
    let output = place.dir.path().join("output");
    let stdout = fs::File::create(&output).unwrap();
    let mut child = command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).stdout(stdout).spawn().unwrap();
    let mut most = 0;
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        most = resident(child.id()).unwrap_or(most);
        std::thread::park_timeout(Duration::from_millis(5));
    };
    let output = fs::read(output).unwrap();
    assert!(status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output));
    (figure(what, began.elapsed().as_secs_f64(), before, server, most), output)
}

fn figure(what: &'static str, seconds: f64, before: (usize, usize), server: &Served, resident: u64) -> Figure {
    let now = server.requests();
    Figure { what, seconds, requests: now.0 - before.0, writes: now.1 - before.1, resident }
}

/// The most that a process has had, in kilobytes.
fn resident(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse().ok())
}
