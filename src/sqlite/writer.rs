//! The one thread that writes a database. Whoever wants something written sends it a closure; those that wait together
//! are committed together, so that one sync to disk serves them all.

use crate::crash;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SendError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{oneshot, watch};

/// Jobs committed together at most; beyond about a hundred a larger group gains nothing (measured).
const LARGEST_GROUP: usize = 128;

/// Jobs waiting at most; whoever comes next waits to get in.
const LONGEST_QUEUE: usize = 256;

/// How long nothing may have been written until the log is folded in and its room given back. While somebody reads that
/// does not go: then twice as long, and so on.
const REST: Duration = Duration::from_secs(10);
const LONGEST_REST: Duration = Duration::from_secs(3600);

/// Why something was not written, or not read.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The disk is full, or the quota used up: it may work later.
    #[error("the disk is full: {0}")]
    DiskFull(String),
    /// Nothing more is written to it.
    #[error("the database is damaged: {0}")]
    Damaged(String),
    #[error("the database failed: {0}")]
    Failed(String),
    #[error("the database was closed")]
    Closed,
}

impl From<&rusqlite::Error> for Error {
    fn from(error: &rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::DiskFull(error.to_string()),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Failed(error.to_string()),
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::from(&error)
    }
}

/// Something to be written, and somebody who wants to know.
trait Job: Send {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Tells the result, once the commit is settled.
    fn finish(self: Box<Self>, outcome: Result<(), Error>);
}

struct Call<T, Write, Done> {
    write: Option<Write>,
    value: Option<T>,
    done: Done,
}

impl<T, Write, Done> Job for Call<T, Write, Done>
where
    T: Send,
    Write: FnOnce(&Connection) -> rusqlite::Result<T> + Send,
    Done: FnOnce(Result<T, Error>) + Send,
{
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        if let Some(write) = self.write.take() {
            self.value = Some(write(connection)?);
        }
        Ok(())
    }

    fn finish(self: Box<Self>, outcome: Result<(), Error>) {
        let Self { value, done, .. } = *self;
        done(outcome.and_then(|()| value.ok_or(Error::Closed)));
    }
}

/// What the writing thread is sent.
enum Message {
    Job(Box<dyn Job>),
    /// The disk is full: see [`fold`].
    Fold,
    Close,
}

/// A handle to the writing thread; cheap to clone. The thread ends when the last handle is gone, or one of them closes it.
#[derive(Clone)]
pub struct Writer {
    messages: Arc<SyncSender<Message>>,
    /// What is wrong with the database, once that was noticed.
    damage: Arc<watch::Sender<Option<String>>>,
}

/// The writing threads of this process: when the disk is full for one of them, the logs of the others take its room.
static WRITERS: Mutex<Vec<Weak<SyncSender<Message>>>> = Mutex::new(Vec::new());

fn writers() -> MutexGuard<'static, Vec<Weak<SyncSender<Message>>>> {
    // Whoever panicked with it ended the process.
    WRITERS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Writer {
    /// Hands the connection to a new thread of that name.
    pub fn spawn(connection: Connection, name: &str) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (messages, queue) = sync_channel(LONGEST_QUEUE);
        let damage = Arc::new(watch::channel(None).0);
        let noticed = Arc::clone(&damage);
        let thread =
            std::thread::Builder::new().name(name.to_owned()).spawn(move || run(connection, &queue, &noticed))?;
        let messages = Arc::new(messages);
        let mut writers = writers();
        writers.retain(|writer| writer.strong_count() > 0);
        writers.push(Arc::downgrade(&messages));
        Ok((Self { messages, damage }, thread))
    }

    /// Waits until the database turns out to be damaged, and tells how.
    pub async fn damage(&self) -> String {
        let mut damage = self.damage.subscribe();
        match damage.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(what)) => what.clone(),
            // The sender lives as long as we do.
            _ => std::future::pending().await,
        }
    }

    /// What is wrong with the database, as far as was noticed.
    pub fn known_damage(&self) -> Option<String> {
        self.damage.borrow().clone()
    }

    /// Takes note of what somebody who reads was told.
    pub fn suspect(&self, error: &Error) {
        if let Error::Damaged(what) = error {
            self.damage.send_replace(Some(what.clone()));
        }
    }

    /// Ends the thread after what was sent before, whoever else still holds a handle: to them, the database is closed.
    pub fn close(&self) {
        // An error means that it has ended already.
        let _ = self.messages.send(Message::Close);
    }

    /// Writes, and calls `done` from the writing thread when the result is durable. Blocks only while the queue is full.
    pub fn submit<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
        done: impl FnOnce(Result<T, Error>) + Send + 'static,
    ) {
        let job = Box::new(Call { write: Some(write), value: None, done });
        if let Err(SendError(Message::Job(job))) = self.messages.send(Message::Job(job)) {
            job.finish(Err(Error::Closed));
        }
    }

    /// Writes, and waits until the result is durable.
    pub async fn call<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = oneshot::channel();
        // Whoever asked may have lost interest; the write counts all the same.
        self.submit(write, move |result| drop(answer.send(result)));
        answered.await.unwrap_or(Err(Error::Closed))
    }

    /// [`Writer::call`] for threads that are not async.
    pub fn call_blocking<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (answer, answered) = std::sync::mpsc::channel();
        self.submit(write, move |result| drop(answer.send(result)));
        answered.recv().unwrap_or(Err(Error::Closed))
    }
}

fn run(connection: Connection, queue: &Receiver<Message>, damage: &watch::Sender<Option<String>>) {
    let mut open = true;
    let mut is_tight = false;
    // A daemon that was killed may have left much of it.
    let mut rest = Some(REST);
    while open && damage.borrow().is_none() {
        let first = match wait(queue, rest) {
            Ok(first) => first,
            Err(RecvTimeoutError::Disconnected) => break,
            // Somebody who reads may have noticed.
            Err(RecvTimeoutError::Timeout) if damage.borrow().is_some() => break,
            Err(RecvTimeoutError::Timeout) => {
                rest = if fold_at_rest(&connection) { None } else { rest.map(|rest| LONGEST_REST.min(rest * 2)) };
                continue;
            }
        };
        rest = Some(REST);
        let mut jobs = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Job(job) => jobs.push(job),
                Message::Fold => is_tight = true,
                Message::Close => {
                    open = false;
                    break;
                }
            }
            next = if jobs.len() < LARGEST_GROUP { queue.try_recv().ok() } else { None };
        }
        let outcomes = if jobs.is_empty() { Vec::new() } else { commit_together(&connection, &mut jobs) };
        if outcomes.iter().any(|outcome| matches!(outcome, Err(Error::DiskFull(_)))) {
            // One whose queue is full has enough to do, and finds out by itself.
            let others = writers().iter().filter_map(Weak::upgrade).collect::<Vec<_>>();
            others.iter().for_each(|writer| drop(writer.try_send(Message::Fold)));
            is_tight = true;
        }
        if let Some(Err(Error::Damaged(what))) =
            outcomes.iter().find(|outcome| matches!(outcome, Err(Error::Damaged(_))))
        {
            damage.send_replace(Some(what.clone()));
        }
        for (job, outcome) in jobs.into_iter().zip(outcomes) {
            job.finish(outcome);
        }
        if is_tight && damage.borrow().is_none() {
            fold(&connection);
        }
    }
    // Whoever sends from now on is told that the database is closed: the queue goes with this thread.
    if damage.borrow().is_some() {
        // It stays as it is, with its log.
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    } else {
        // Leaves statistics for the next start and no log behind. Nothing depends on either.
        let _ = connection.execute_batch("PRAGMA optimize");
    }
    crash::point("stop.closing");
    let _ = connection.close();
}

/// The next message. Who has nothing left to tidy up waits without a time, so that an idle daemon sleeps.
fn wait(queue: &Receiver<Message>, rest: Option<Duration>) -> Result<Message, RecvTimeoutError> {
    match rest {
        Some(rest) => queue.recv_timeout(rest),
        None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
    }
}

/// [`fold`] when nothing else is to be done. Whoever reads is not waited for, as somebody may want to write meanwhile.
/// Whether all of it was folded in.
fn fold_at_rest(connection: &Connection) -> bool {
    let patience = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).map(Duration::from_millis);
    // If it cannot be said how long to wait, it is waited for as ever.
    let _ = connection.busy_timeout(Duration::ZERO);
    let is_busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0)).unwrap_or(true);
    let _ = connection.busy_timeout(patience.unwrap_or(super::BUSY_TIMEOUT));
    !is_busy
}

/// Copies the log into the database and gives its room back. Left alone the log takes some megabytes before that happens;
/// on a disk that was full once, it would fill what somebody has just made free.
fn fold(connection: &Connection) {
    // If there is no room even for this, or somebody reads, the next commit tries again.
    let _ = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
}

/// Runs jobs in one transaction. Each stands or falls by itself, unless the transaction as a whole is lost.
fn commit_together(connection: &Connection, jobs: &mut [Box<dyn Job>]) -> Vec<Result<(), Error>> {
    let mut outcomes = Vec::with_capacity(jobs.len());
    let mut all = || -> Result<(), Error> {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for job in &mut *jobs {
            outcomes.push(run_one(connection, job.as_mut())?);
        }
        crash::point("sqlite.committing");
        connection.execute_batch("COMMIT")?;
        crash::point("sqlite.committed");
        Ok(())
    };
    if let Err(lost) = all() {
        if !connection.is_autocommit() {
            // If even this fails, the next BEGIN will say so.
            let _ = connection.execute_batch("ROLLBACK");
        }
        outcomes = vec![Err(lost); jobs.len()];
    }
    outcomes
}

/// The outer error means that the whole transaction is lost: SQLite rolls back by itself when the disk is full.
fn run_one(connection: &Connection, job: &mut dyn Job) -> Result<Result<(), Error>, Error> {
    connection.prepare_cached("SAVEPOINT job")?.execute([])?;
    let outcome = job.run(connection);
    if let Err(error) = &outcome {
        if connection.is_autocommit() {
            return Err(Error::from(error));
        }
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([])?;
    Ok(outcome.map_err(|error| Error::from(&error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn writer() -> Writer {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("CREATE TABLE t (x INTEGER PRIMARY KEY)").unwrap();
        Writer::spawn(connection, "test").unwrap().0
    }

    fn insert(x: i64) -> impl FnOnce(&Connection) -> rusqlite::Result<usize> {
        move |connection| connection.execute("INSERT INTO t VALUES (?1)", [x])
    }

    fn count(writer: &Writer) -> i64 {
        writer.call_blocking(|connection| connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0))).unwrap()
    }

    /// What is left in the log after a burst is folded in by whoever rests, but for what somebody reads: who reads is not
    /// waited for, and who writes has the same patience as before.
    #[test]
    fn a_log_is_folded_in_at_rest() {
        let dir = tempfile::tempdir().unwrap();
        let (path, log) = (dir.path().join("a.db"), dir.path().join("a.db-wal"));
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (zeroblob(100000))").unwrap();
        let reader = Connection::open(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM t").unwrap();
        connection.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        let began = std::time::Instant::now();
        assert!(!fold_at_rest(&connection) && log.metadata().unwrap().len() > 100_000);
        assert!(began.elapsed() < super::super::BUSY_TIMEOUT, "it waited");
        reader.execute_batch("COMMIT").unwrap();
        assert!(fold_at_rest(&connection) && log.metadata().unwrap().len() == 0);
        let patience: u64 = connection.query_row("PRAGMA busy_timeout", [], |row| row.get(0)).unwrap();
        assert_eq!(patience, 5000);
    }

    #[test]
    fn a_failing_job_takes_nothing_with_it() {
        let writer = writer();
        let (sender, results) = std::sync::mpsc::channel();
        // A job that blocks the thread until all others are queued, so that they share a transaction.
        let (open, gate) = std::sync::mpsc::channel::<()>();
        writer.submit(move |_| Ok(gate.recv().is_ok()), |_| {});
        for x in [1, 2, 2, 3] {
            let sender = sender.clone();
            let half_done = move |connection: &Connection| {
                connection.execute("INSERT INTO t VALUES (?1)", [x + 100])?;
                insert(x)(connection)
            };
            writer.submit(half_done, move |result| sender.send(result.is_ok()).unwrap());
        }
        open.send(()).unwrap();
        let results: Vec<bool> = results.iter().take(4).collect();
        assert_eq!(results, [true, true, false, true]);
        assert_eq!(count(&writer), 6);
    }

    #[test]
    fn a_lost_transaction_fails_all_of_it_and_the_thread_goes_on() {
        let writer = writer();
        assert!(writer.call_blocking(|connection| connection.execute_batch("ROLLBACK; SELECT nonsense")).is_err());
        assert_eq!(count(&writer), 0);
        assert!(writer.call_blocking(insert(1)).is_ok());
        assert_eq!(count(&writer), 1);
    }

    #[tokio::test]
    async fn a_caller_that_went_away_is_nobodys_problem() {
        let writer = writer();
        drop(writer.call(insert(1)));
        let (open, gate) = std::sync::mpsc::channel::<()>();
        writer.submit(move |_| Ok(gate.recv().is_ok()), |_| {});
        let mut gone = Box::pin(writer.call(insert(2)));
        assert!(futures_poll_once(&mut gone).is_pending());
        drop(gone);
        open.send(()).unwrap();
        assert_eq!(writer.call(insert(3)).await.unwrap(), 1);
        assert_eq!(count(&writer), 2);
    }

    fn futures_poll_once<F: Future + Unpin>(future: &mut F) -> std::task::Poll<F::Output> {
        std::pin::Pin::new(future).poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
