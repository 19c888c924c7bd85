//! What waits in the outbox, one by one: for people to look at, to try again, and to let go.

use super::Account;
use super::outbox;
use super::sessions::SessionRow;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// One session in the outbox, and why it is there.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Waiting {
    pub account: String,
    pub id: String,
    pub revision: i64,
    /// queued or parked
    pub state: String,
    /// put or delete
    pub request: String,
    /// Of this revision.
    pub attempts: u32,
    /// What the server said the last time.
    pub reason: Option<String>,
    pub first_failure: Option<Timestamp>,
    pub last_failure: Option<Timestamp>,
    /// Nothing for those that are parked: only a person or new content brings them back.
    pub next_attempt: Option<Timestamp>,
    pub start: Option<Timestamp>,
}

/// Which of them are shown; nothing is everything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter<'a> {
    pub account: Option<&'a str>,
    pub state: Option<&'a str>,
    /// A part of the reason, letter for letter.
    pub reason: Option<&'a str>,
}

/// Hands every session that waits to `each`, by account and start, until it returns false.
pub fn list(
    connection: &Connection,
    filter: Filter<'_>,
    mut each: impl FnMut(Waiting) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut query = connection.prepare(
        "SELECT name, session_id, revision, state, iif(wanted, 'put', 'delete'), attempts, reason, first_fail_ms,
             last_fail_ms, iif(state = 'queued', due_ms, NULL), session.start_ms
         FROM outbox JOIN session ON session.id = session_row JOIN account ON account.id = outbox.account_id
         WHERE (?1 IS NULL OR name = ?1) AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR instr(reason, ?3) > 0)
         ORDER BY name, session.start_ms, session_id",
    )?;
    let mut rows = query.query(params![filter.account, filter.state, filter.reason])?;
    while let Some(row) = rows.next()? {
        let more = each(Waiting {
            account: row.get(0)?,
            id: row.get(1)?,
            revision: row.get(2)?,
            state: row.get(3)?,
            request: row.get(4)?,
            attempts: row.get(5)?,
            reason: row.get(6)?,
            first_failure: instant(row, 7)?,
            last_failure: instant(row, 8)?,
            next_attempt: instant(row, 9)?,
            start: instant(row, 10)?,
        })?;
        if !more {
            break;
        }
    }
    Ok(())
}

fn instant(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let millis: Option<i64> = row.get(column)?;
    Ok(millis.and_then(|millis| Timestamp::from_millisecond(millis).ok()))
}

/// Which sessions a person means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Which {
    Ids(Vec<String>),
    /// Whose reason has this part, letter for letter; whether those that are not parked are meant too.
    Reason {
        text: String,
        queued: bool,
    },
    All,
    AllParked,
}

/// A session as it was when a person was understood to mean it.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    pub row: SessionRow,
    pub id: String,
    pub revision: i64,
}

/// A session that was named, and is not what the person takes it for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub session: String,
    pub reason: String,
}

impl Refused {
    fn new(session: &str, reason: impl Into<String>) -> Self {
        Self { session: session.to_owned(), reason: reason.into() }
    }

    /// There is nothing to discard.
    pub fn is_not_waiting(target: &Target) -> Self {
        Self::new(&target.id, "is not in the outbox: nothing would be sent")
    }

    pub fn is_gone(target: &Target) -> Self {
        Self::new(&target.id, "was delivered, or has new content, since you asked")
    }
}

/// The sessions that are meant: they are in the outbox or, if named, kept out of it by what a person did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Meant {
    pub waiting: Vec<Target>,
    /// Deleted or edited on the server, or discarded.
    pub overruled: Vec<Target>,
    pub refused: Vec<Refused>,
}

/// Finds out which sessions are meant.
pub fn find(connection: &Connection, account: Account, which: &Which) -> rusqlite::Result<Meant> {
    let (state, reason) = match which {
        Which::Ids(ids) => return find_each(connection, account, ids),
        Which::Reason { text, queued } => ((!queued).then_some("parked"), Some(text.as_str())),
        Which::All => (None, None),
        Which::AllParked => (Some("parked"), None),
    };
    let mut query = connection.prepare_cached(
        "SELECT session.id, session_id, revision FROM outbox JOIN session ON session.id = session_row
         WHERE outbox.account_id = ?1 AND (?2 IS NULL OR state = ?2) AND (?3 IS NULL OR instr(reason, ?3) > 0)",
    )?;
    let waiting = query.query_map(params![account.id, state, reason], target)?.collect::<rusqlite::Result<_>>()?;
    Ok(Meant { waiting, ..Meant::default() })
}

fn target(row: &Row<'_>) -> rusqlite::Result<Target> {
    Ok(Target { row: row.get(0)?, id: row.get(1)?, revision: row.get(2)? })
}

fn find_each(connection: &Connection, account: Account, ids: &[String]) -> rusqlite::Result<Meant> {
    let mut query = connection.prepare_cached(
        "SELECT session.id, session_id, session.revision, state, standing, wanted
         FROM session LEFT JOIN outbox ON outbox.session_row = session.id
             LEFT JOIN remote ON remote.session_row = session.id AND destination_id = ?2
         WHERE session.account_id = ?1 AND session_id = ?3",
    )?;
    let mut meant = Meant::default();
    for id in ids.iter().collect::<BTreeSet<_>>() {
        let found = query
            .query_row(params![account.id, account.destination, id], |row| {
                let (state, standing): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
                Ok((target(row)?, state.is_some(), standing, row.get(5)?))
            })
            .optional()?;
        match found {
            None => meant.refused.push(Refused::new(id, "is no session of this account")),
            Some((target, true, ..)) => meant.waiting.push(target),
            Some((target, false, Some(standing), _)) if standing != "ours" => meant.overruled.push(target),
            Some((.., true)) => meant.refused.push(Refused::new(id, "is not in the outbox: it is delivered")),
            Some((.., false)) => meant.refused.push(Refused::new(id, "is not in the outbox: its files are gone")),
        }
    }
    Ok(meant)
}

/// Makes those that wait or are parked due now, as if for the first time, and queues those that a person kept out of the
/// outbox. What is known of the last failure stays until the next attempt.
pub fn retry(connection: &Connection, account: Account, meant: &Meant, now: Timestamp) -> rusqlite::Result<()> {
    let mut again = connection
        .prepare_cached("UPDATE outbox SET state = 'queued', attempts = 0, due_ms = ?2 WHERE session_row = ?1")?;
    for target in &meant.waiting {
        again.execute(params![target.row, now.as_millisecond()])?;
    }
    // Else the person's word would be forgotten when the destination changes for a while.
    let mut unknow = connection.prepare_cached(
        "UPDATE remote SET standing = 'ours', revision = min(revision, ?3 - 1)
         WHERE session_row = ?1 AND destination_id = ?2",
    )?;
    for target in &meant.overruled {
        unknow.execute(params![target.row, account.destination, target.revision])?;
        outbox::queue(connection, account, target.row, now)?;
    }
    Ok(())
}

/// Takes a session out of the outbox for good, at this revision. False if it is not in there any more, or has new content.
pub fn discard(connection: &Connection, account: Account, target: &Target, now: Timestamp) -> rusqlite::Result<bool> {
    let written = connection
        .prepare_cached(
            "INSERT INTO remote (session_row, destination_id, revision, echo, delivered_ms, standing)
             SELECT id, ?2, revision, X'', ?4, 'discarded' FROM session
             WHERE id = ?1 AND revision = ?3 AND EXISTS (SELECT 1 FROM outbox WHERE session_row = id)
             ON CONFLICT DO UPDATE SET revision = ?3, echo = X'', delivered_ms = ?4, standing = 'discarded'",
        )?
        .execute(params![target.row, account.destination, target.revision, now.as_millisecond()])?;
    if written > 0 {
        connection.prepare_cached("DELETE FROM outbox WHERE session_row = ?1")?.execute([target.row])?;
    }
    Ok(written > 0)
}
