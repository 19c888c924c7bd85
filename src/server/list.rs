//! Reads lists of sessions: those of a window of time, or those that changed.

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

/// Why there is no list.
#[derive(Debug)]
pub enum Refusal {
    /// More than one answer may hold.
    TooMany,
    /// A token that this server has not given, or not since its database was restored.
    UnknownToken,
}

/// The answer to a list request as JSON.
pub fn read(
    connection: &Connection,
    user: i64,
    query: &Query,
    rule: WindowRule,
    now: Timestamp,
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
            window(connection, user, types, [start, latest, end])
        }
        Range::Changes { after, include_deleted } => changes(connection, user, types, after, include_deleted, now),
    }
}

/// `bounds`: sessions end after the first and at or before the second, and start before the third.
fn window(
    connection: &Connection,
    user: i64,
    types: &[i64],
    bounds: [i64; 3],
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
    let mut sessions = Members::new("session");
    while let Some(row) = rows.next()? {
        sessions.add(row.get_ref(0)?.as_str()?);
        if sessions.count > LARGEST_LIST || sessions.json.len() > LARGEST_ANSWER {
            return Ok(Err(Refusal::TooMany));
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
) -> rusqlite::Result<Result<String, Refusal>> {
    // One state of the database for both statements.
    let snapshot = connection.unchecked_transaction()?;
    let newest: i64 = snapshot
        .prepare_cached("SELECT coalesce(max(change), 0) FROM session WHERE user_id = ?1")?
        .query_row([user], |row| row.get(0))?;
    let since = match after {
        Some(Change(change)) if change > newest => return Ok(Err(Refusal::UnknownToken)),
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
    let values = [user, after.map_or(0, |Change(change)| change), since];
    let mut rows = statement.query(params_from_iter(values.into_iter().chain(types.iter().copied())))?;
    let (mut sessions, mut deleted) = (Members::new("session"), Members::new("deletedSession"));
    // Where the next page begins: after everything there is, unless this page is full.
    let mut reached = newest;
    while let Some(row) = rows.next()? {
        let page = if is_deleted(row)? { &mut deleted } else { &mut sessions };
        page.add(row.get_ref(2)?.as_str()?);
        if sessions.count + deleted.count >= PAGE || sessions.json.len() + deleted.json.len() >= PAGE_BYTES {
            reached = row.get(0)?;
            break;
        }
    }
    let next = format!("\"nextPageToken\":\"{}\"", Change(reached).token());
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
    fn new(name: &str) -> Self {
        Self { json: format!("\"{name}\":["), count: 0 }
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

fn object<const N: usize>(members: [String; N]) -> String {
    let present: Vec<String> = members.into_iter().filter(|member| !member.is_empty()).collect();
    format!("{{{}}}", present.join(","))
}
