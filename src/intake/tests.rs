//! The intake against a real store: what is new, what is known, and what belongs together.

use super::*;
use crate::formats::Condition;
use crate::store::outbox::First;
use crate::store::{Store, accounts};
use crate::workout::{ActivityType, Key};
use jiff::tz::TimeZone;

mod archives;
mod history;
mod orders;
mod rules;

struct Bench {
    store: Store,
    person: Person,
    _dir: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        Self::with(Rules::of(TimeZone::UTC))
    }

    fn with(rules: Rules) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(dir.path()).unwrap();
        let account = store.call_blocking(|c| accounts::ensure(c, "me", "embedded")).unwrap();
        store.call_blocking(move |c| accounts::set_wary(c, account, false)).unwrap();
        Self { store, person: Person { name: "me".into(), account, rules: rules.into() }, _dir: dir }
    }

    fn take(&self, path: &str, workouts: &[Workout]) -> Receipt {
        self.take_archive(path, workouts, Vec::new())
    }

    fn take_archive(&self, path: &str, workouts: &[Workout], members: Vec<Member>) -> Receipt {
        self.take_all(vec![Seen { members, ..seen(path, workouts) }]).remove(0)
    }

    /// Many files in one transaction, as the disk of a test is slow.
    fn take_all(&self, files: Vec<Seen>) -> Vec<Receipt> {
        let person = self.person.clone();
        self.ask(move |c| files.iter().map(|seen| record(c, &person, seen, Timestamp::now())).collect())
    }

    /// Makes everything anew by other rules, as a start does; returns how many sessions were changed by that.
    fn restart(&mut self, rules: Rules) -> usize {
        self.person.rules = rules.into();
        let person = self.person.clone();
        let rederive_all = move |c: &Connection| {
            let mut progress = Progress::default();
            while is_outdated(c, person.account, &person.rules.fingerprint())? {
                rederive(c, &person, &mut progress, Timestamp::now())?;
            }
            Ok(progress.changed)
        };
        self.store.call_blocking(rederive_all).unwrap()
    }

    fn ask<T: Send + 'static>(&self, what: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static) -> T {
        self.store.call_blocking(what).unwrap()
    }

    /// Every session but its id, by start.
    fn bodies(&self) -> Vec<serde_json::Value> {
        let bodies: Vec<String> = self.ask(|c| {
            let mut query = c.prepare("SELECT body FROM session WHERE wanted ORDER BY start_ms, body")?;
            query.query_map([], |row| row.get(0))?.collect()
        });
        let without_id = |body: &String| {
            let mut session: serde_json::Value = serde_json::from_str(body).unwrap();
            session.as_object_mut().unwrap().remove("id");
            session
        };
        bodies.iter().map(without_id).collect()
    }

    /// Everything that is queued counts as delivered.
    fn deliver(&self) {
        let account = self.person.account;
        self.ask(move |c| {
            let now = Timestamp::now();
            let fetched = outbox::fetch(c, account, Timestamp::MAX, Timestamp::MAX, 100_000, First::Oldest)?;
            let verdict = outbox::Verdict::Delivered(Vec::new());
            fetched.due.iter().try_for_each(|due| outbox::record(c, account, due, &verdict, now))
        });
    }

    fn states(&self) -> Vec<(String, Option<String>)> {
        let connection = self.store.reader().unwrap();
        let mut states = Vec::new();
        let each = |session: store::listing::SessionStatus| {
            states.push((session.state, session.reason));
            Ok(true)
        };
        store::listing::sessions(&connection, None, each).unwrap();
        states
    }

    fn queued(&self) -> Vec<String> {
        let account = self.person.account;
        let fetch = move |c: &Connection| outbox::fetch(c, account, Timestamp::MAX, Timestamp::MAX, 100, First::Oldest);
        let due = self.store.call_blocking(fetch).unwrap().due;
        due.into_iter().map(|due| format!("{}@{}", due.session_id, due.revision)).collect()
    }
}

fn seen(path: &str, workouts: &[Workout]) -> Seen {
    let mut reading = Reading::new(Format::Fit);
    workouts.iter().cloned().for_each(|workout| reading.add(workout));
    let assessment = assess(&mut reading, Timestamp::now());
    Seen::new(Path::new(path), Stamp { size: 1, mtime_ns: 2, inode: 3, ctime_ns: 0 }, reading, assessment)
}

fn run(format: Format, start: &str, minutes: i64) -> Workout {
    let start: Timestamp = start.parse().unwrap();
    let mut workout = Workout::new(format, start, start + SignedDuration::from_mins(minutes));
    workout.activity_type = ActivityType::new(8).unwrap();
    workout
}

#[test]
fn the_same_workout_in_two_files_is_one_session() {
    let bench = Bench::new();
    let first = bench.take("/w/a.gpx", &[run(Format::Gpx, "2026-04-12T06:30:15Z", 60)]);
    assert_eq!((first.verdict, &first.changed), (Verdict::Queued, &first.sessions));
    let again = bench.take("/w/copy.gpx", &[run(Format::Gpx, "2026-04-12T06:30:15Z", 60)]);
    assert_eq!((again.verdict, &again.sessions), (Verdict::Known, &first.sessions));
    let better = bench.take("/w/a.fit", &[run(Format::Fit, "2026-04-12T06:30:10Z", 61)]);
    assert_eq!((better.verdict, &better.sessions), (Verdict::Queued, &first.sessions));
    assert_eq!(bench.queued(), ["fitferry-20260412T063015Z@2"], "the id stays, the newest revision waits");
}

#[test]
fn legs_of_one_file_stay_apart_and_twins_of_a_second_get_a_suffix() {
    let bench = Bench::new();
    let leg = run(Format::Fit, "2026-04-12T06:30:15Z", 60);
    let longer = run(Format::Fit, "2026-04-12T06:30:15Z", 61);
    let receipt = bench.take("/w/multi.fit", &[leg.clone(), longer, leg]);
    assert_eq!(receipt.sessions.len(), 2, "what is told twice is one workout");
    assert_ne!(receipt.sessions[0], receipt.sessions[1]);
    let queued = bench.queued();
    assert!(queued[0] == "fitferry-20260412T063015Z@1" && queued[1].starts_with("fitferry-20260412T063015Z-"));
    let again = bench.take("/w/multi.fit", &[run(Format::Fit, "2026-04-12T06:30:15Z", 60)]);
    assert_eq!(again.verdict, Verdict::Known);
}

/// The best record of a session goes away with a rewrite: the session becomes what the others say.
#[test]
fn a_file_that_tells_of_something_else_now_leaves_its_session_to_the_others() {
    let bench = Bench::new();
    let fit = bench.take("/w/a.fit", &[run(Format::Fit, "2026-04-12T06:30:15Z", 60)]);
    let gpx = bench.take("/w/b.gpx", &[run(Format::Gpx, "2026-04-12T06:30:15Z", 55)]);
    assert_eq!((gpx.verdict, &gpx.sessions), (Verdict::Known, &fit.sessions));
    let rewritten = bench.take("/w/a.fit", &[run(Format::Fit, "2026-05-01T06:30:15Z", 60)]);
    assert_eq!(rewritten.changed.len(), 2, "a new session, and the old one by the other file");
    assert!(bench.queued().contains(&"fitferry-20260412T063015Z@2".to_owned()));
}

#[test]
fn what_is_believed_is_not_held_up_by_what_is_not() {
    let bench = Bench::new();
    let believed = run(Format::Gpx, "2020-04-12T06:30:15Z", 60);
    let future = run(Format::Gpx, "2037-01-01T00:00:00Z", 60);
    let receipt = bench.take("/w/a.gpx", &[believed, future]);
    assert_eq!((receipt.verdict, receipt.changed.len(), receipt.is_news), (Verdict::Waiting, 1, true));
    assert_eq!(bench.queued(), ["fitferry-20200412T063015Z@1"]);
}

/// One memory after another: the version that was moved is known by its name, whichever is read first.
#[test]
fn a_moved_version_and_the_next_one_are_one_workout() {
    let [short, long] = [30, 90].map(|minutes| [run(Format::Gpx, "2026-04-12T06:30:15Z", minutes)]);
    let versions = [("/w/done/2026-11/a.gpx", &short), ("/w/a.gpx", &long), ("/w/done/2026-11/a (2).gpx", &long)];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let bench = Bench::new();
        let sessions: Vec<_> =
            order.iter().map(|index| bench.take(versions[*index].0, versions[*index].1).sessions).collect();
        assert!(sessions.iter().all(|session| *session == sessions[0]), "{order:?}");
    }
}

/// Somebody appends to it, or it is our own log.
#[test]
fn what_waits_or_is_ignored_is_news_once() {
    let bench = Bench::new();
    let told = |size: i64, assessment: Assessment| {
        let seen = seen("/w/a.log", &[]);
        let seen = Seen { stamp: Stamp { size, ..seen.stamp }, assessment, ..seen };
        bench.take_all(vec![seen]).remove(0).is_news
    };
    let wait = |size: i64| told(size, Assessment::Wait(format!("breaks off after {size} bytes")));
    assert_eq!([wait(1), wait(2), wait(30)], [true, false, false]);
    let ignore = |size: i64| told(size, Assessment::Ignore("no format".to_owned()));
    assert_eq!([ignore(30), ignore(31)], [true, false]);
    assert!(told(32, Assessment::Wait("is empty".to_owned())));
}

#[test]
fn a_rewritten_file_revises_its_session_under_the_same_id() {
    let bench = Bench::new();
    let first = bench.take("/w/a.fit", &[run(Format::Fit, "2026-04-12T06:30:15Z", 60)]);
    let trimmed = bench.take("/w/a.fit", &[run(Format::Fit, "2026-04-12T06:40:15Z", 50)]);
    assert_eq!(trimmed.sessions, first.sessions);
    assert_eq!(bench.queued(), ["fitferry-20260412T063015Z@2"]);
}

#[test]
fn a_copy_of_what_a_file_told_before_it_grew_is_the_same_workout() {
    let bench = Bench::new();
    let [short, long] = [30, 60].map(|minutes| [run(Format::Gpx, "2026-04-12T06:30:15Z", minutes)]);
    let first = bench.take("/w/a.gpx", &short);
    bench.take("/w/b.gpx", &short);
    bench.take("/w/a.gpx", &long);
    let renamed = bench.take("/w/c.gpx", &short);
    assert_eq!((renamed.sessions, renamed.changed), (first.sessions, Vec::new()));
}

/// Each of two copies is told by the other, but not when both are gone.
#[test]
fn what_copies_tell_is_lost_with_the_last_of_them() {
    let bench = Bench::new();
    let days = [1, 2, 3].map(|day| run(Format::Gpx, &format!("2026-04-{day:02}T06:30:15Z"), 30));
    bench.take("/w/a.gpx", &days);
    bench.take("/w/b.gpx", &days);
    bench.take("/w/c.gpx", &days[..1]);
    let account = bench.person.account;
    let [a, b, c] = ["/w/a.gpx", "/w/b.gpx", "/w/c.gpx"]
        .map(|path| bench.ask(move |c| files::row(c, account, Path::new(path))).unwrap());
    let lost = |files: &'static [i64]| bench.ask(move |c| absent::sessions_of(c, files));
    assert_eq!([a, b, c], [1, 2, 3]);
    assert_eq!([lost(&[1]), lost(&[1, 2]), lost(&[1, 2, 3]), lost(&[])], [0, 2, 3, 0]);
    bench.ask(move |c| absent::miss(c, account, &[2], (Timestamp::now(), SignedDuration::ZERO)));
    assert_eq!(lost(&[1]), 2);
}

#[test]
fn equal_keys_are_one_workout_and_different_ones_of_a_device_are_two() {
    let bench = Bench::new();
    let keyed = |start, id: &str| {
        let key = Key { vendor: "fit-1-2".to_owned(), id: id.to_owned() };
        Workout { key: Some(key), ..run(Format::Fit, start, 60) }
    };
    let first = bench.take("/w/a.fit", &[keyed("2026-04-12T06:30:15Z", "a")]);
    let moved = bench.take("/w/b.fit", &[keyed("2026-04-12T09:30:15Z", "a")]);
    assert_eq!(moved.sessions, first.sessions);
    let other = bench.take("/w/c.fit", &[keyed("2026-04-12T06:30:15Z", "b")]);
    assert_ne!(other.sessions, first.sessions);
}

#[test]
fn every_reading_has_one_assessment() {
    let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let assess = |reading: &Reading| assess(&mut reading.clone(), now);
    assert!(matches!(assess(&Reading::unknown("what?")), Assessment::Ignore(_)));
    let mut reading = Reading::new(Format::Gpx);
    assert!(matches!(assess(&reading), Assessment::NoSession(_)));
    reading.add(run(Format::Gpx, "2026-11-23T11:00:00Z", 60));
    assert_eq!(assess(&reading), Assessment::Take(None));
    let truncated = reading.clone().in_condition(Condition::Truncated("x".to_owned()));
    assert!(matches!(assess(&truncated), Assessment::Take(Some(_))));
    reading.add(run(Format::Gpx, "2037-01-01T00:00:00Z", 60));
    assert!(matches!(assess(&reading), Assessment::TakeSome(_)));
    let damaged = Reading::new(Format::Fit).in_condition(Condition::Damaged("x".to_owned()));
    assert!(matches!(assess(&damaged), Assessment::Reject(_)));
}
