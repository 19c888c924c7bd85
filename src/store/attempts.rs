//! The last attempts to deliver each session, and what was answered: for people who want to know.

use super::outbox::{Due, Verdict};
use super::sessions::SessionRow;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde::Serialize;

/// Attempts remembered of one session.
const MOST_ATTEMPTS: i64 = 20;

/// One attempt.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Attempt {
    pub at: Option<Timestamp>,
    pub revision: i64,
    /// delivered, deleted, retry or parked
    pub outcome: String,
    /// What the server said, if it did not take it.
    pub reason: Option<String>,
}

/// Adds an attempt, and forgets the oldest beyond the last few.
pub fn add(connection: &Connection, due: &Due, verdict: &Verdict, now: Timestamp) -> rusqlite::Result<()> {
    let (outcome, reason) = match verdict {
        Verdict::Delivered(_) if due.body.is_none() => ("deleted", None),
        Verdict::Delivered(_) => ("delivered", None),
        Verdict::Retry { reason, .. } => ("retry", Some(reason)),
        Verdict::Park { reason } => ("parked", Some(reason)),
    };
    let mut insert = connection.prepare_cached(
        "INSERT INTO attempt (session_row, seq, at_ms, revision, outcome, reason)
         SELECT ?1, coalesce(max(seq), 0) + 1, ?2, ?3, ?4, ?5 FROM attempt WHERE session_row = ?1 RETURNING seq",
    )?;
    let values = params![due.row, now.as_millisecond(), due.revision, outcome, reason];
    let seq: i64 = insert.query_row(values, |row| row.get(0))?;
    if seq > MOST_ATTEMPTS {
        let mut delete = connection.prepare_cached("DELETE FROM attempt WHERE session_row = ?1 AND seq <= ?2")?;
        delete.execute(params![due.row, seq - MOST_ATTEMPTS])?;
    }
    Ok(())
}

/// The attempts of one session, oldest first.
pub fn of_session(connection: &Connection, session: SessionRow) -> rusqlite::Result<Vec<Attempt>> {
    let mut query = connection
        .prepare_cached("SELECT at_ms, revision, outcome, reason FROM attempt WHERE session_row = ?1 ORDER BY seq")?;
    let rows = query.query_map([session], |row| {
        let at = Timestamp::from_millisecond(row.get(0)?).ok();
        Ok(Attempt { at, revision: row.get(1)?, outcome: row.get(2)?, reason: row.get(3)? })
    })?;
    rows.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{accounts, connect, sessions};
    use crate::workout::{Format, Workout};

    #[test]
    fn the_last_ones_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let connection = connect(dir.path()).unwrap();
        let account = accounts::ensure(&connection, "me", "embedded").unwrap();
        let workout = Workout::new(Format::Fit, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH);
        let row = sessions::create(&connection, account, "a", &workout, None).unwrap();
        let mut due = Due { row, session_id: "a".into(), revision: 1, body: Some("{}".into()), attempts: 0 };
        for second in 0..30 {
            let now = Timestamp::from_second(second).unwrap();
            add(&connection, &due, &Verdict::Retry { next: now, reason: format!("no {second}") }, now).unwrap();
        }
        due.body = None;
        add(&connection, &due, &Verdict::Delivered(Vec::new()), Timestamp::from_second(30).unwrap()).unwrap();
        let told = of_session(&connection, row).unwrap();
        assert_eq!(told.len(), 20);
        assert_eq!((told[0].reason.as_deref(), told[19].outcome.as_str()), (Some("no 11"), "deleted"));
    }
}
