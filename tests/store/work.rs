//! What is done for one file or one session costs the same however long the history is: counted in steps of SQLite's
//! machine, which no other load on this one changes.

use fitferry::formats::Reading;
use fitferry::intake::{self, Person, Seen};
use fitferry::rules::Rules;
use fitferry::store::moves::{self, Wanted};
use fitferry::store::outbox::{self, Due, First};
use fitferry::store::waiting::{self, Which};
use fitferry::store::{self, Stamp, absent, accounts, files, mirror, sessions};
use fitferry::workout::{ActivityType, Format, Key, Workout};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tempfile::TempDir;

const SHORT: i64 = 200;
const LONG: i64 = 4000;

/// Of so many, each with a file of its own, the steps are added up.
const TIMES: i64 = 10;

struct History {
    _dir: TempDir,
    connection: Connection,
    person: Person,
    count: i64,
    steps: Arc<AtomicU64>,
}

fn path(number: i64) -> PathBuf {
    PathBuf::from(format!("/w/{number}.gpx"))
}

fn stamp(version: i64) -> Stamp {
    Stamp { size: version, mtime_ns: version, inode: version, ctime_ns: version }
}

fn workout(number: i64) -> Workout {
    let start = Timestamp::from_second(1_300_000_000 + number * 40_000).unwrap();
    let mut workout = Workout::new(Format::Gpx, start, start + SignedDuration::from_mins(40));
    workout.activity_type = ActivityType::new(8).unwrap();
    workout.key = Some(Key { vendor: "watch".to_owned(), id: number.to_string() });
    workout
}

fn id(number: i64) -> String {
    workout(number).start.strftime("fitferry-%Y%m%dT%H%M%SZ").to_string()
}

impl History {
    /// Half of it is on the server, some of that under ids of its own, and half waits.
    fn of(count: i64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = store::connect(dir.path()).unwrap();
        let account = accounts::ensure(&connection, "me", "there").unwrap();
        accounts::set_wary(&connection, account, false).unwrap();
        let steps = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&steps);
        let count_step = move || {
            counter.fetch_add(1, Ordering::Relaxed);
            false
        };
        connection.progress_handler(1, Some(count_step)).unwrap();
        let person = Person { name: "me".into(), account, rules: Arc::new(Rules::of(TimeZone::UTC)) };
        let history = Self { _dir: dir, connection, person, count, steps };
        history.connection.execute_batch("BEGIN").unwrap();
        (0..count).for_each(|number| history.take(&path(number), workout(number), 1));
        let half = usize::try_from(count / 2).unwrap();
        history.fetch(half, First::Oldest).iter().take(half).for_each(|due| history.deliver(due));
        (0..count / 4).for_each(|number| history.rename(number));
        history.connection.execute_batch("COMMIT").unwrap();
        history
    }

    fn rename(&self, number: i64) {
        let (connection, account) = (&self.connection, self.person.account);
        let mut ours = mirror::of_id(connection, account, &id(number), i64::MAX).unwrap().unwrap();
        ours.session.id = format!("theirs-{number}");
        sessions::rename(connection, account, ours.row, &ours.session).unwrap();
    }

    fn take(&self, path: &Path, workout: Workout, version: i64) {
        let mut reading = Reading::new(Format::Gpx);
        reading.add(workout);
        let assessment = intake::assess(&mut reading, Timestamp::now());
        let seen = Seen::new(path, stamp(version), reading, assessment);
        intake::record(&self.connection, &self.person, &seen, Timestamp::now()).unwrap();
    }

    fn fetch(&self, limit: usize, first: First) -> Vec<Due> {
        let (now, account) = (Timestamp::now(), self.person.account);
        outbox::fetch(&self.connection, account, now, now, limit, first).unwrap().due
    }

    fn deliver(&self, due: &Due) {
        let delivered = outbox::Verdict::Delivered(vec![1]);
        outbox::record(&self.connection, self.person.account, due, &delivered, Timestamp::now()).unwrap();
    }

    /// The steps that it takes to do this for some files of the history, from its middle on.
    fn steps_of(&self, act: impl Fn(&Self, i64)) -> u64 {
        let before = self.steps.load(Ordering::Relaxed);
        (0..TIMES).for_each(|number| act(self, self.count / 2 - TIMES / 2 + number));
        self.steps.load(Ordering::Relaxed) - before
    }

    fn row(&self, number: i64) -> i64 {
        files::row(&self.connection, self.person.account, &path(number)).unwrap().unwrap()
    }
}

type Act = fn(&History, i64);

/// In this order, as they change the history.
const ACTS: &[(&str, Act)] = &[
    ("a file is asked for", |history, number| {
        let (connection, account, path, stamp) = (&history.connection, history.person.account, path(number), stamp(1));
        assert!(files::settled(connection, account, &path, stamp, 0).unwrap().is_some());
        assert!(files::was_seen(connection, account, &path, stamp).unwrap());
        assert!(files::in_place(connection, account, &path, stamp).unwrap().is_some());
        files::has_undelivered(connection, account, &path).unwrap();
        assert!(!files::is_missed(connection, account, &path).unwrap());
        assert!(!absent::is_lacking(connection, account, &path, 1).unwrap());
    }),
    ("a file is looked for elsewhere", |history, number| {
        let is_told = absent::is_told_elsewhere(&history.connection, history.row(number), |_| true).unwrap();
        assert!(!is_told);
    }),
    ("a file may be moved", |history, number| {
        let (connection, account) = (&history.connection, history.person.account);
        let wanted = Wanted { done: true, rejected: false };
        moves::is_ready(connection, account, "/w".as_ref(), wanted, &path(number)).unwrap();
    }),
    ("a file comes again", |history, number| history.take(&path(number), workout(number), 2)),
    ("another file tells the same", |history, number| {
        history.take(format!("/w/copy of {number}.gpx").as_ref(), workout(number), 1);
    }),
    ("another file tells the same better", |history, number| {
        let mut workout = workout(number);
        workout.key = Some(Key { vendor: "phone".to_owned(), id: number.to_string() });
        workout.end += SignedDuration::from_secs(20);
        history.take(format!("/w/richer than {number}.gpx").as_ref(), workout, 1);
    }),
    ("a workout is edited", |history, number| {
        let mut workout = workout(number);
        workout.activity_type = ActivityType::new(1).unwrap();
        history.take(&path(number), workout, 3);
    }),
    ("a new file comes", |history, number| {
        let number = history.count + number;
        history.take(&path(number), workout(number), 1);
    }),
    ("some are fetched", |history, _| {
        assert!(history.fetch(16, First::Oldest).len() >= 16);
        assert!(history.fetch(16, First::Newest).len() >= 16);
    }),
    ("one is delivered", |history, _| history.deliver(&history.fetch(1, First::Oldest)[0])),
    ("one is put off", |history, _| {
        let due = &history.fetch(1, First::Oldest)[0];
        let next = Timestamp::now() + SignedDuration::from_secs(1);
        let retry = outbox::Verdict::Retry { next, reason: "busy".to_owned() };
        outbox::record(&history.connection, history.person.account, due, &retry, Timestamp::now()).unwrap();
    }),
    ("one is asked for by its id", |history, number| {
        let (connection, account) = (&history.connection, history.person.account);
        let meant = waiting::find(connection, account, &Which::Ids(vec![id(number)])).unwrap();
        waiting::retry(connection, account, &meant, Timestamp::now()).unwrap();
        assert!(sessions::has_id(connection, account, &id(number), None).unwrap());
        assert!(!sessions::has_id(connection, account, "another", None).unwrap());
    }),
    ("one is compared", |history, number| {
        let (connection, account) = (&history.connection, history.person.account);
        let deliveries = accounts::deliveries(connection, account).unwrap();
        let start = workout(number).start.as_millisecond();
        mirror::starting_between(connection, account, (start, start + 1), deliveries, false).unwrap();
        mirror::starting_between(connection, account, (start, start + 1), deliveries, true).unwrap();
        mirror::of_id(connection, account, &id(number), deliveries).unwrap();
        mirror::is_under_way(connection, account, &id(number), deliveries).unwrap();
        assert_eq!(mirror::starts(connection, account, (start, start + 1)).unwrap().len(), 1);
    }),
    ("a file is gone", |history, number| {
        intake::forget(&history.connection, &history.person, history.row(number), Timestamp::now()).unwrap();
    }),
];

#[test]
fn what_is_done_for_one_does_not_cost_more_in_a_long_history() {
    for analyzed in [false, true] {
        let histories = [History::of(SHORT), History::of(LONG)];
        if analyzed {
            // As a stop leaves it: the planner knows more, and may choose another way.
            histories.iter().for_each(|history| history.connection.execute_batch("ANALYZE").unwrap());
        }
        for (what, act) in ACTS {
            let [few, many] = histories.each_ref().map(|history| history.steps_of(act));
            assert!(many <= few + few / 100, "{what}: {few} steps among {SHORT}, {many} among {LONG}");
        }
    }
}
