//! However often things come again, the memory grows with the history alone; and what it forgets changes nothing.

use fitferry::formats::Reading;
use fitferry::intake::{self, Compacting, Person, Seen};
use fitferry::rules::Rules;
use fitferry::store::outbox::{self, Due, Verdict};
use fitferry::store::{Stamp, absent, accounts, attempts, connect, folders};
use fitferry::workout::{ActivityType, Format, Key, Workout};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// Workouts that there are in all.
const WORKOUTS: u32 = 12;

/// The day on which something is exported, and what.
#[derive(Clone, Debug)]
struct Export {
    /// Into the watched folder, from which older exports go then; else from elsewhere.
    is_watched: bool,
    first: u32,
    count: u32,
    /// Somebody has edited the title of these since.
    edited: u32,
}

fn exports() -> impl Strategy<Value = Vec<Export>> {
    let export = (any::<bool>(), 0..WORKOUTS, 1..=WORKOUTS, 0..1_u32 << WORKOUTS, 0..4_u8).prop_map(
        |(is_watched, first, count, edited, rarely)| {
            // On most days nothing was edited.
            Export { is_watched, first, count, edited: if rarely == 0 { edited } else { 0 } }
        },
    );
    prop::collection::vec(export, 120..160)
}

fn day(number: usize) -> Timestamp {
    let hours = i64::try_from(number * 24).unwrap();
    "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hours)
}

fn workout(number: u32, title: &str) -> Workout {
    let start = Timestamp::from_second(1_600_000_000 + i64::from(number) * 86_400).unwrap();
    let mut workout = Workout::new(Format::Strava, start, start + SignedDuration::from_mins(40));
    workout.activity_type = ActivityType::new(8).unwrap();
    workout.source.title = Some(title.to_owned());
    // Some tables give no keys.
    workout.key = (!number.is_multiple_of(3)).then(|| Key { vendor: "strava".to_owned(), id: number.to_string() });
    workout
}

struct Memory {
    _dir: tempfile::TempDir,
    connection: Connection,
    person: Person,
}

impl Memory {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let connection = connect(dir.path()).unwrap();
        let account = accounts::ensure(&connection, "me", "embedded").unwrap();
        folders::set_mode(&connection, account, Path::new("/w"), ("events", None, None)).unwrap();
        // Nothing here is about what a power cut leaves.
        connection.pragma_update(None, "synchronous", "OFF").unwrap();
        let person = Person { name: "me".into(), account, rules: Arc::new(Rules::of(TimeZone::UTC)) };
        Self { _dir: dir, connection, person }
    }

    fn take_in(&self, export: &Export, titles: &[String], number: usize) {
        let mut reading = Reading::new(Format::Strava);
        for at in (export.first..export.first + export.count).map(|at| at % WORKOUTS) {
            reading.add(workout(at, &titles[at as usize]));
        }
        let now = day(number);
        let assessment = intake::assess(&mut reading, now);
        let stamp = Stamp { size: 1, mtime_ns: now.as_millisecond() * 1_000_000, inode: 1, ctime_ns: 0 };
        let dir = if export.is_watched { "/w" } else { "/elsewhere" };
        let seen = Seen::new(format!("{dir}/{number}.csv").as_ref(), stamp, reading, assessment);
        if export.is_watched {
            let older = "SELECT id FROM file WHERE path < x'2f78' AND path > x'2f77'";
            let older: Vec<i64> = self.list(older, |row| row.get(0).unwrap());
            absent::set_absent(&self.connection, &older, now).unwrap();
        }
        intake::record(&self.connection, &self.person, &seen, now).unwrap();
    }

    fn compact(&self, number: usize) {
        let mut pass = Compacting::default();
        while !intake::compact(&self.connection, &self.person, &mut pass, day(number)).unwrap() {}
    }

    fn list<T>(&self, sql: &str, read: impl Fn(&rusqlite::Row<'_>) -> T) -> Vec<T> {
        let mut query = self.connection.prepare(sql).unwrap();
        query.query_map([], |row| Ok(read(row))).unwrap().map(Result::unwrap).collect()
    }

    fn count(&self, table: &str) -> usize {
        self.list(&format!("SELECT count(*) FROM {table}"), |row| row.get(0).unwrap())[0]
    }

    /// All that ever reaches a server.
    fn sessions(&self) -> Vec<(String, i64, String, bool)> {
        let sql = "SELECT session_id, revision, body, session_row IS NOT NULL FROM session
                   LEFT JOIN outbox ON session_row = session.id ORDER BY session_id";
        self.list(sql, |row| (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap(), row.get(3).unwrap()))
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    /// Beside a memory that forgets nothing.
    #[test]
    fn exports_that_come_every_day_leave_no_trace_but_what_they_say(exports in exports()) {
        let (tidy, hoarder) = (Memory::new(), Memory::new());
        let mut titles = vec!["Run".to_owned(); WORKOUTS as usize];
        for (number, export) in exports.iter().enumerate() {
            for at in (0..WORKOUTS).filter(|at| export.edited & 1 << at > 0) {
                titles[at as usize] = format!("Run, as of day {number}");
            }
            tidy.take_in(export, &titles, number);
            hoarder.take_in(export, &titles, number);
            tidy.compact(number);
        }
        prop_assert_eq!(tidy.sessions(), hoarder.sessions());
        // What is old enough, and told anew at each place, is gone: a month of exports is left, and a few words of each workout.
        let (month, all) = (32 * WORKOUTS as usize, hoarder.count("record"));
        let records = tidy.count("record");
        prop_assert!(records <= month + 2 * WORKOUTS as usize, "{} of {}", records, all);
        prop_assert!(tidy.count("file") <= 32 + 2 * WORKOUTS as usize, "{} files", tidy.count("file"));
        // And a day later than that, hardly anything: each workout is told by each place once.
        tidy.compact(exports.len() + 40);
        prop_assert!(tidy.count("record") <= 3 * WORKOUTS as usize, "{} in the end", tidy.count("record"));
        prop_assert_eq!(tidy.sessions(), hoarder.sessions());
    }
}

/// A session that no server takes, for years.
#[test]
fn thousands_of_attempts_take_the_room_of_twenty() {
    let memory = Memory::new();
    let export = Export { is_watched: true, first: 0, count: 1, edited: 0 };
    memory.take_in(&export, &vec!["Run".to_owned(); WORKOUTS as usize], 0);
    let account = memory.person.account;
    let pages = |memory: &Memory| {
        memory.list("SELECT page_count FROM pragma_page_count", |row| row.get::<_, i64>(0).unwrap())[0]
    };
    let mut due = Due { row: 1, session_id: String::new(), revision: 1, body: Some(String::new()), attempts: 0 };
    let mut after_a_hundred = 0;
    for attempt in 0..5000 {
        due.attempts = attempt;
        let reason = format!("HTTP 503: attempt {attempt} {}", "and so on ".repeat(20));
        let verdict = Verdict::Retry { next: day(1), reason };
        outbox::record(&memory.connection, account, &due, &verdict, day(0)).unwrap();
        if attempt == 100 {
            after_a_hundred = pages(&memory);
        }
    }
    assert_eq!(attempts::of_session(&memory.connection, 1).unwrap().len(), 20);
    assert!(pages(&memory) <= after_a_hundred + 2, "{} pages, {after_a_hundred} after a hundred", pages(&memory));
}
