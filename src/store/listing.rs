//! What people ask to see: counts, sessions and files, for reading only.

use super::Verdict;
use super::absent::{self, Missed};
use super::accounts::Comparison;
use super::outbox::{self, Counts};
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// One account at a glance.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountStatus {
    pub account: String,
    pub destination: Option<String>,
    pub sessions: u64,
    #[serde(flatten)]
    pub outbox: Counts,
    #[serde(flatten)]
    pub settled: Settled,
    /// How many files have each verdict.
    #[serde(serialize_with = "as_object")]
    pub files: Vec<(Verdict, u64)>,
    #[serde(flatten)]
    pub missed: Missed,
    pub last_reconcile: Option<Timestamp>,
    /// What that found.
    pub comparison: Option<Comparison>,
}

/// How many sessions wait for nothing any more, by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Settled {
    pub delivered: u64,
    pub discarded: u64,
    pub deleted: u64,
    pub edited: u64,
}

/// Where a session stands that is not in the outbox.
const SETTLED: &str =
    "CASE WHEN standing = 'discarded' THEN 'discarded' WHEN NOT wanted OR standing = 'deleted' THEN 'deleted'
    WHEN standing = 'theirs' THEN 'edited' ELSE 'delivered' END";

/// Why it stands there, where that is not plain.
const WHY_SETTLED: &str = "CASE WHEN standing = 'discarded' THEN 'somebody decided that it is not to be sent'
    WHEN NOT wanted THEN 'its files are gone' WHEN standing = 'deleted' THEN 'somebody deleted it on the server'
    WHEN standing = 'theirs' THEN 'somebody edited it on the server' END";

pub fn accounts(connection: &Connection) -> rusqlite::Result<Vec<AccountStatus>> {
    let mut query = connection.prepare(
        "SELECT account.id, name, identity, reconciled_ms, (SELECT count(*) FROM session WHERE account_id = account.id),
             comparison
         FROM account LEFT JOIN destination ON destination.id = destination_id ORDER BY name",
    )?;
    let rows = query.query_map([], |row| {
        let id: i64 = row.get(0)?;
        let comparison: Option<String> = row.get(5)?;
        Ok(AccountStatus {
            account: row.get(1)?,
            destination: row.get(2)?,
            sessions: row.get(4)?,
            outbox: outbox::counts(connection, id)?,
            settled: settled(connection, id)?,
            files: verdicts(connection, id)?,
            missed: absent::counts(connection, id)?,
            last_reconcile: instant(row.get(3)?),
            comparison: comparison.and_then(|json| serde_json::from_str(&json).ok()),
        })
    })?;
    rows.collect()
}

fn settled(connection: &Connection, account: i64) -> rusqlite::Result<Settled> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {SETTLED}, count(*) FROM session JOIN account ON account.id = account_id
             LEFT JOIN remote ON remote.session_row = session.id AND remote.destination_id = account.destination_id
         WHERE account_id = ?1 AND NOT EXISTS (SELECT 1 FROM outbox WHERE session_row = session.id) GROUP BY 1"
    ))?;
    let mut rows = query.query([account])?;
    let mut settled = Settled::default();
    while let Some(row) = rows.next()? {
        let count = row.get(1)?;
        match row.get_ref(0)?.as_str()? {
            "discarded" => settled.discarded = count,
            "deleted" => settled.deleted = count,
            "edited" => settled.edited = count,
            _ => settled.delivered = count,
        }
    }
    Ok(settled)
}

fn verdicts(connection: &Connection, account: i64) -> rusqlite::Result<Vec<(Verdict, u64)>> {
    let mut query = connection.prepare_cached("SELECT count(*) FROM file WHERE account_id = ?1 AND verdict = ?2")?;
    Verdict::ALL
        .into_iter()
        .map(|verdict| Ok((verdict, query.query_row(params![account, verdict.as_str()], |row| row.get(0))?)))
        .collect()
}

/// One session and where it stands.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionStatus {
    pub account: String,
    pub id: String,
    pub revision: i64,
    /// One of [`SESSION_STATES`].
    pub state: String,
    pub attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt: Option<Timestamp>,
    /// As it is to be on the server.
    pub session: Box<serde_json::value::RawValue>,
}

/// Where a session can stand.
pub const SESSION_STATES: [&str; 6] = ["delivered", "queued", "parked", "discarded", "deleted", "edited"];

/// Hands every session, or those in one state, to `each`, by account and start, until it returns false.
pub fn sessions(
    connection: &Connection,
    state: Option<&str>,
    mut each: impl FnMut(SessionStatus) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut query = connection.prepare(&format!(
        "SELECT name, session_id, session.revision, coalesce(state, {SETTLED}) AS stands, coalesce(attempts, 0),
             iif(state IS NULL, {WHY_SETTLED}, reason), due_ms, body
         FROM session JOIN account ON account.id = session.account_id
             LEFT JOIN outbox ON outbox.session_row = session.id
             LEFT JOIN remote ON remote.session_row = session.id AND remote.destination_id = account.destination_id
         WHERE ?1 IS NULL OR stands = ?1
         ORDER BY name, session.start_ms, session_id",
    ))?;
    let mut rows = query.query([state])?;
    while let Some(row) = rows.next()? {
        let state: String = row.get(3)?;
        let next_attempt = if state == "queued" { instant(row.get(6)?) } else { None };
        let more = each(SessionStatus {
            account: row.get(0)?,
            id: row.get(1)?,
            revision: row.get(2)?,
            attempts: row.get(4)?,
            reason: row.get(5)?,
            next_attempt,
            state,
            session: serde_json::value::RawValue::from_string(row.get(7)?)?,
        })?;
        if !more {
            break;
        }
    }
    Ok(())
}

/// One file and its verdict.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FileStatus {
    pub account: String,
    #[serde(serialize_with = "as_text")]
    pub file: PathBuf,
    pub verdict: Verdict,
    pub reason: Option<String>,
    pub format: Option<String>,
    pub judged: Option<Timestamp>,
    /// Since when it is missed, if its folder wants to know.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone_since: Option<Timestamp>,
    /// It was missed with so much else that a person has to say whether it is gone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub doubted: bool,
    /// The ids of the sessions that it tells of.
    pub sessions: Vec<String>,
}

/// Hands every file, or those with one verdict, to `each`, by account and path, until it returns false.
pub fn files(
    connection: &Connection,
    verdict: Option<Verdict>,
    mut each: impl FnMut(FileStatus) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut query = connection.prepare(
        "SELECT name, path, verdict, reason, format, judged_ms, file.id, gone_ms, doubted
         FROM file JOIN account ON account.id = account_id
         WHERE ?1 IS NULL OR verdict = ?1 ORDER BY name, path",
    )?;
    let mut rows = query.query([verdict.map(Verdict::as_str)])?;
    while let Some(row) = rows.next()? {
        let more = each(FileStatus {
            account: row.get(0)?,
            file: PathBuf::from(OsString::from_vec(row.get(1)?)),
            verdict: Verdict::parse(row.get_ref(2)?.as_str()?).unwrap_or(Verdict::Ignored),
            reason: row.get(3)?,
            format: row.get(4)?,
            judged: instant(row.get(5)?),
            gone_since: instant(row.get(7)?),
            doubted: row.get(8)?,
            sessions: sessions_of(connection, row)?,
        })?;
        if !more {
            break;
        }
    }
    Ok(())
}

fn sessions_of(connection: &Connection, file: &Row<'_>) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare_cached(
        "SELECT session_id FROM record JOIN session ON session.id = session_row WHERE file_id = ?1 ORDER BY record.id",
    )?;
    query.query_map([file.get::<_, i64>(6)?], |row| row.get(0))?.collect()
}

fn instant(millis: Option<i64>) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis?).ok()
}

fn as_text<S: serde::Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

fn as_object<S: serde::Serializer>(counts: &[(Verdict, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(verdict, count)| (verdict.as_str(), count)))
}
