//! Reads lists of sessions: those of a window of time, or those that changed.

use super::budget::Share;
use super::era;
use super::horizon;
use super::query::{Change, Query, Range};
use crate::config::WindowRule;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Row, params_from_iter};

/// Sessions that the answer for one window may hold, as in Google's API; a larger one is an error, not a silent cut.
pub const LARGEST_LIST: usize = 10_000;

/// Bytes of an answer, whatever the sessions' descriptions hold.
const LARGEST_ANSWER: usize = 32 << 20;

/// Sessions and bytes of one page of changes.
const PAGE: usize = 1000;
const PAGE_BYTES: usize = 4 << 20;

/// Without a window and a token, sessions that changed in the last 30 days are listed.
const DEFAULT_SPAN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How far past the end of the window a listed session may end.
const END_SLACK_MS: i64 = 86_400_000;

/// Bytes of a list that needs no share of the memory.
const SHORT: usize = 64 << 10;

/// Why there is no list.
#[derive(Debug)]
pub enum Refusal {
    /// It is long, and needs a share of the memory.
    Long,
    /// More than one answer may hold.
    TooMany,
    /// A token that names no change of this database: made up, of a past that a restored backup does not hold, or of so long
    /// ago that what was deleted since is forgotten.
    UnknownToken,
}

/// Bytes that the answer to a list request can have, but for one session.
pub fn longest(query: &Query) -> usize {
    match query.range {
        Range::Window { .. } => LARGEST_ANSWER,
        Range::Changes { .. } => PAGE_BYTES,
    }
}

/// The answer to a list request as JSON. Without a share of the memory only if it is short.
pub fn read(
    connection: &Connection,
    user: i64,
    query: &Query,
    rule: WindowRule,
    now: Timestamp,
    share: Option<&Share>,
) -> rusqlite::Result<Result<String, Refusal>> {
    let types = &query.activity_types;
    match query.range {
        Range::Window { start_ms, end_ms } => {
            let start = start_ms.unwrap_or(i64::MIN);
            let end = end_ms.unwrap_or(i64::MAX);
            let latest = match rule {
                WindowRule::Overlap => end.saturating_add(END_SLACK_MS),
                WindowRule::Ends => end,
            };
            window(connection, user, types, [start, latest, end], share)
        }
        Range::Changes { after, include_deleted } => {
            changes(connection, user, types, after, include_deleted, now, share)
        }
    }
}

/// `bounds`: sessions end after the first and at or before the second, and start before the third.
fn window(
    connection: &Connection,
    user: i64,
    types: &[i64],
    bounds: [i64; 3],
    share: Option<&Share>,
) -> rusqlite::Result<Result<String, Refusal>> {
    let sql = format!(
        "SELECT body FROM session WHERE user_id = ? AND NOT deleted AND end_ms > ? AND end_ms <= ? AND start_ms < ?{}
         ORDER BY end_ms, id LIMIT {}",
        of_types(types),
        LARGEST_LIST + 1
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let values = std::iter::once(user).chain(bounds).chain(types.iter().copied());
    let mut rows = statement.query(params_from_iter(values))?;
    let mut sessions = Members::new("session", share);
    while let Some(row) = rows.next()? {
        sessions.add(row.get_ref(0)?.as_str()?);
        if sessions.count > LARGEST_LIST || sessions.json.len() > LARGEST_ANSWER {
            return Ok(Err(Refusal::TooMany));
        }
        if share.is_none() && sessions.json.len() > SHORT {
            return Ok(Err(Refusal::Long));
        }
    }
    Ok(Ok(object([sessions.end()])))
}

fn changes(
    connection: &Connection,
    user: i64,
    types: &[i64],
    after: Option<Change>,
    include_deleted: bool,
    now: Timestamp,
    share: Option<&Share>,
) -> rusqlite::Result<Result<String, Refusal>> {
    // One state of the database for all statements.
    let snapshot = connection.unchecked_transaction()?;
    let newest: i64 = snapshot
        .prepare_cached("SELECT coalesce(max(change), 0) FROM session WHERE user_id = ?1")?
        .query_row([user], |row| row.get(0))?;
    let since = match after {
        Some(Change { number, .. }) if number < horizon::of(&snapshot, user)? => return Ok(Err(Refusal::UnknownToken)),
        Some(Change { number, stamp }) if number > newest || stamp != era::stamp(&snapshot, user, number)? => {
            return Ok(Err(Refusal::UnknownToken));
        }
        Some(_) => i64::MIN,
        None => now.saturating_sub(DEFAULT_SPAN).unwrap_or(Timestamp::MIN).as_millisecond(),
    };
    let alive = if include_deleted { "" } else { " AND NOT deleted" };
    let sql = format!(
        "SELECT change, deleted, body FROM session
         WHERE user_id = ? AND change > ? AND modified_ms >= ?{alive}{} ORDER BY change",
        of_types(types)
    );
    let mut statement = snapshot.prepare_cached(&sql)?;
    let values = [user, after.map_or(0, |change| change.number), since];
    let mut rows = statement.query(params_from_iter(values.into_iter().chain(types.iter().copied())))?;
    let (mut sessions, mut deleted) = (Members::new("session", share), Members::new("deletedSession", share));
    // Where the next page begins: after everything there is, unless this page is full.
    let mut reached = newest;
    while let Some(row) = rows.next()? {
        let page = if is_deleted(row)? { &mut deleted } else { &mut sessions };
        page.add(row.get_ref(2)?.as_str()?);
        let bytes = sessions.json.len() + deleted.json.len();
        if sessions.count + deleted.count >= PAGE || bytes >= PAGE_BYTES {
            reached = row.get(0)?;
            break;
        }
        if share.is_none() && bytes > SHORT {
            return Ok(Err(Refusal::Long));
        }
    }
    let next = Change { number: reached, stamp: era::stamp(&snapshot, user, reached)? };
    let next = format!("\"nextPageToken\":\"{}\"", next.token());
    Ok(Ok(object([sessions.end(), deleted.end(), next])))
}

fn is_deleted(row: &Row<'_>) -> rusqlite::Result<bool> {
    row.get(1)
}

fn of_types(types: &[i64]) -> String {
    if types.is_empty() { String::new() } else { format!(" AND type IN ({})", vec!["?"; types.len()].join(",")) }
}

/// A member that is an array of sessions, put together from their JSON; absent when empty, as in Google's answers.
struct Members {
    json: String,
    count: usize,
}

impl Members {
    fn new(name: &str, share: Option<&Share>) -> Self {
        let mut json = share.map(Share::buffer).unwrap_or_default();
        json.extend(["\"", name, "\":["]);
        Self { json, count: 0 }
    }

    fn add(&mut self, session: &str) {
        if self.count > 0 {
            self.json.push(',');
        }
        self.json.push_str(session);
        self.count += 1;
    }

    fn end(mut self) -> String {
        if self.count == 0 {
            return String::new();
        }
        self.json.push(']');
        self.json
    }
}

/// The first member grows into the whole, as it may be long.
fn object<const N: usize>(members: [String; N]) -> String {
    let mut present = members.into_iter().filter(|member| !member.is_empty());
    let mut json = present.next().unwrap_or_default();
    json.insert(0, '{');
    for member in present {
        json.push(',');
        json.push_str(&member);
    }
    json.push('}');
    json
}
