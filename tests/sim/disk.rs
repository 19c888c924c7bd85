//! The store of the simulation: the real SQLite, written in groups as the writing thread does, and what a power cut
//! leaves of it.

use super::folder::Record;
use super::planted::Bug;
use fitferry::intake::{self, Assessment, Person, Receipt, Seen};
use fitferry::store::accounts::Spent;
use fitferry::store::halts::{self, Rest};
use fitferry::store::outbox::{self, Due, Fetched, First, Verdict};
use fitferry::store::sessions::SessionRow;
use fitferry::store::{self, Stamp, accounts, files};
use fitferry::sync::courier::News;
use jiff::Timestamp;
use rusqlite::Connection;
use std::any::Any;
use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::rc::Rc;
use tempfile::TempDir;

/// Commits between two checkpoints, where only those make a commit durable.
const CHECKPOINT_EVERY: u32 = 8;

/// Restarts of which one opens the database anew.
const REOPEN_EVERY: u32 = 12;

type Worker = Box<dyn FnOnce(&Connection) -> rusqlite::Result<Box<dyn Any + Send>>>;

/// What a comparison reads or writes.
#[derive(Clone)]
pub struct Work(Rc<RefCell<Option<Worker>>>);

impl Work {
    pub fn new(work: impl FnOnce(&Connection) -> rusqlite::Result<Box<dyn Any + Send>> + 'static) -> Self {
        Self(Rc::new(RefCell::new(Some(Box::new(work)))))
    }

    pub fn run(&self, connection: &Connection) -> rusqlite::Result<Outcome> {
        let (before, changes) = (waiting(connection)?, connection.total_changes());
        let made = self.0.borrow_mut().take().unwrap()(connection)?;
        let repaired =
            if connection.total_changes() == changes { Vec::new() } else { waiting_besides(connection, &before)? };
        Ok(Outcome::Worked { made, repaired })
    }
}

impl fmt::Debug for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Work")
    }
}

fn waiting(connection: &Connection) -> rusqlite::Result<Vec<SessionRow>> {
    connection.prepare_cached("SELECT session_row FROM outbox")?.query_map([], |row| row.get(0))?.collect()
}

/// By row: one that waits may get another id.
fn waiting_besides(connection: &Connection, before: &[SessionRow]) -> rusqlite::Result<Vec<String>> {
    let mut waiting = waiting(connection)?;
    waiting.retain(|row| !before.contains(row));
    let mut id = connection.prepare_cached("SELECT session_id FROM session WHERE id = ?1")?;
    waiting.iter().map(|row| id.query_row([row], |row| row.get(0))).collect()
}

/// What waits to be written.
#[derive(Clone, Debug)]
pub enum Job {
    Fetch {
        limit: usize,
        latest: Timestamp,
        first: First,
        now: Timestamp,
    },
    Record {
        due: Due,
        verdict: Verdict,
        news: News,
        spent: Option<Spent>,
        now: Timestamp,
    },
    PutBack {
        rows: Vec<SessionRow>,
        now: Timestamp,
    },
    Hasten {
        now: Timestamp,
    },
    Rest(Option<Rest>),
    Work(Work),
    Intake {
        path: String,
        seen: Seen,
        records: Vec<Record>,
    },
    /// Only written by a planted bug: the file as seen, without its sessions.
    SeenOnly {
        seen: Seen,
    },
}

impl Job {
    /// Whether it writes down what the watcher found in this file.
    pub fn is_of(&self, path: &str, stamp: Stamp) -> bool {
        matches!(self, Self::Intake { path: of, seen, .. } if of == path && seen.stamp == stamp)
    }

    /// Whether it makes its workouts something that is owed.
    pub fn is_taken(&self) -> bool {
        matches!(self, Self::Intake { seen, .. } if matches!(seen.assessment, Assessment::Take(_)))
    }
}

/// What a job came to, once it is durable.
pub enum Outcome {
    Fetched(Fetched),
    Taken(Receipt),
    Worked {
        made: Box<dyn Any + Send>,
        /// Sessions that wait now, and did not before.
        repaired: Vec<String>,
    },
    Written,
}

pub struct Disk {
    pub connection: Connection,
    dir: TempDir,
    tables: Vec<String>,
    /// Whether SQLite syncs at each commit, or only at checkpoints.
    syncs: bool,
    unsynced: u32,
    restarts: u32,
}

impl Disk {
    pub fn new(bug: Option<Bug>) -> Self {
        // In memory where there is such a place, as this is not about the speed of a disk.
        let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let (connection, syncs) = Self::open(&dir, bug);
        let tables = children_first(&connection);
        Self { connection, dir, tables, syncs, unsynced: 0, restarts: 0 }
    }

    /// Empties the store, for another run.
    pub fn clear(&mut self) {
        self.roll_back();
        self.restarts = 0;
        self.execute("BEGIN IMMEDIATE");
        self.tables.iter().for_each(|table| self.execute(&format!("DELETE FROM {table}")));
        self.execute("COMMIT");
    }

    /// What a new process finds. `power` if the old one went with the power, and not by itself.
    pub fn reopen(&mut self, power: bool, bug: Option<Bug>) {
        if power {
            self.roll_back();
        } else {
            self.checkpoint();
        }
        self.restarts += 1;
        // It takes as long as many steps, and is the same each time.
        if self.restarts.is_multiple_of(REOPEN_EVERY) {
            // The old one holds it for itself.
            self.connection = Connection::open_in_memory().unwrap();
            (self.connection, self.syncs) = Self::open(&self.dir, bug);
        }
    }

    pub fn can_be_backed_up(&self) -> bool {
        self.connection.is_autocommit()
    }

    fn paths(&self) -> (PathBuf, PathBuf) {
        (self.dir.path().join("outbox.db"), self.dir.path().join("backup.db"))
    }

    pub fn back_up(&self) {
        let (database, backup) = self.paths();
        std::fs::copy(database, backup).unwrap();
    }

    /// Puts the backup in the place of the database.
    pub fn put_back(&mut self, bug: Option<Bug>) {
        self.checkpoint();
        let (database, backup) = self.paths();
        self.connection = Connection::open_in_memory().unwrap();
        std::fs::copy(backup, database).unwrap();
        (self.connection, self.syncs) = Self::open(&self.dir, bug);
    }

    /// Sessions that wait to be sent.
    pub fn queued(&self) -> Vec<SessionRow> {
        let sql = "SELECT session_row FROM outbox WHERE state = 'queued'";
        let mut query = self.connection.prepare_cached(sql).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    }

    /// What is known of sessions but these, to be compared.
    pub fn fingerprint(&self, besides: &[SessionRow]) -> Vec<String> {
        let sql =
            "SELECT session.id, session_id || ' ' || session.revision || ' ' || wanted || ' ' || remote.revision ||
                 ' ' || hex(echo) || ' ' || delivered_ms || ' ' || standing || ' ' || restored || ' ' || seq
             FROM session JOIN remote ON session_row = session.id ORDER BY session.id, remote.destination_id";
        let mut query = self.connection.prepare_cached(sql).unwrap();
        let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let rows = rows.map(|row| row.unwrap()).filter(|(row, _)| !besides.contains(row));
        rows.map(|(_, text): (SessionRow, String)| text).collect()
    }

    fn open(dir: &TempDir, bug: Option<Bug>) -> (Connection, bool) {
        let connection = store::connect(dir.path()).unwrap();
        connection.execute_batch(bug.map_or("", Bug::sql)).unwrap();
        let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
        // What that means is simulated; the file itself need not be safe.
        let quick = "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF";
        connection.execute_batch(quick).unwrap();
        // The simulation asks a good deal itself.
        connection.set_prepared_statement_cache_capacity(256);
        (connection, synchronous >= 2)
    }

    /// Commits jobs together; each stands or falls by itself.
    pub fn commit(&mut self, jobs: &[Job], person: &Person, now: Timestamp) -> Vec<rusqlite::Result<Outcome>> {
        let outcomes = self.begin(jobs, person, now);
        if self.syncs {
            self.execute("COMMIT");
        } else {
            self.unsynced += 1;
            if self.unsynced == CHECKPOINT_EVERY {
                self.checkpoint();
            }
        }
        outcomes
    }

    /// Whether a full disk concerns one group alone.
    pub fn can_be_full(&self) -> bool {
        self.syncs
    }

    /// A crash, or a full disk, in the middle of a group.
    pub fn lose(&mut self, jobs: &[Job], person: &Person, now: Timestamp) {
        self.begin(jobs, person, now);
        self.roll_back();
    }

    fn begin(&mut self, jobs: &[Job], person: &Person, now: Timestamp) -> Vec<rusqlite::Result<Outcome>> {
        if self.connection.is_autocommit() {
            self.execute("BEGIN IMMEDIATE");
        }
        let run = |job: &Job| {
            self.execute("SAVEPOINT job");
            let outcome = run(&self.connection, job, person, now);
            if outcome.is_err() {
                self.execute("ROLLBACK TO job");
            }
            self.execute("RELEASE job");
            outcome
        };
        jobs.iter().map(run).collect()
    }

    fn execute(&self, sql: &str) {
        self.connection.prepare_cached(sql).unwrap().execute([]).unwrap();
    }

    fn checkpoint(&mut self) {
        self.unsynced = 0;
        if !self.connection.is_autocommit() {
            self.execute("COMMIT");
        }
    }

    fn roll_back(&mut self) {
        self.unsynced = 0;
        if !self.connection.is_autocommit() {
            self.execute("ROLLBACK");
        }
    }
}

/// All tables, each before those that it refers to: so they can be emptied without a switch that would make SQLite prepare
/// everything anew.
fn children_first(connection: &Connection) -> Vec<String> {
    let names = "SELECT name FROM sqlite_schema WHERE type = 'table'";
    let references = r#"SELECT t.name, r."table" FROM sqlite_schema AS t, pragma_foreign_key_list(t.name) AS r
        WHERE t.type = 'table' AND r."table" != t.name"#;
    let mut names = connection.prepare(names).unwrap();
    let mut left: Vec<String> = names.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
    let mut references = connection.prepare(references).unwrap();
    let references: Vec<(String, String)> =
        references.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect();
    let mut ordered = Vec::new();
    while !left.is_empty() {
        let is_child = |name: &String| !references.iter().any(|(from, to)| to == name && left.contains(from));
        let (children, parents) = left.iter().cloned().partition(is_child);
        ordered.extend::<Vec<String>>(children);
        left = parents;
    }
    ordered
}

fn run(connection: &Connection, job: &Job, person: &Person, now: Timestamp) -> rusqlite::Result<Outcome> {
    let account = person.account;
    match job {
        Job::Fetch { limit, latest, first, now } => {
            return outbox::fetch(connection, account, *now, *latest, *limit, *first).map(Outcome::Fetched);
        }
        Job::Intake { seen, .. } => return intake::record(connection, person, seen, now).map(Outcome::Taken),
        Job::Record { due, verdict, spent, now, .. } => {
            spent.map_or(Ok(()), |spent| accounts::set_spent(connection, account, spent))?;
            outbox::record(connection, account, due, verdict, *now)?;
        }
        Job::Work(work) => return work.run(connection),
        Job::PutBack { rows, now } => outbox::unpark(connection, rows, *now)?,
        Job::Hasten { now } => outbox::hasten(connection, account, *now)?,
        Job::Rest(rest) => halts::set_rest(connection, account, rest.as_ref())?,
        Job::SeenOnly { seen, .. } => {
            let (path, verdict) = (seen.path(), store::Verdict::Known);
            let judged = files::Judged { path: &path, stamp: seen.stamp, format: None, verdict, reason: None };
            files::judge(connection, account, &judged, fitferry::formats::READER_VERSION, now)?;
        }
    }
    Ok(Outcome::Written)
}
