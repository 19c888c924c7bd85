//! What people ask to see: counts, sessions and files, for reading only.

use super::absent::{self, Missed};
use super::accounts::{self, Comparison, Spent};
use super::folders::{self, FolderStatus};
use super::halts::{self, Standstill};
use super::members::{self, Member};
use super::outbox::{self, Counts};
use super::sessions::SessionRow;
use super::{Verdict, records};
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
    /// How each folder is watched, or was.
    pub folders: Vec<FolderStatus>,
    /// Sessions that may be others in another time zone.
    pub suspects: u64,
    /// Vendors' words for sports that nobody knows, and how often they stand in files.
    pub unknown_sports: Vec<UnknownSport>,
    /// When something was last delivered, or found to be there.
    pub last_delivery: Option<Timestamp>,
    /// Since when something waits to be sent, if anything does.
    pub waiting_since: Option<Timestamp>,
    pub last_reconcile: Option<Timestamp>,
    /// What that found.
    pub comparison: Option<Comparison>,
    /// Whether what is new is compared with the server before it is sent.
    pub wary: bool,
    /// How often something was delivered or found to be there, ever.
    #[serde(skip)]
    pub deliveries: u64,
    #[serde(skip)]
    pub standstill: Standstill,
    /// Requests of the last day on which any were counted.
    #[serde(skip)]
    pub spent: Option<Spent>,
}

/// A word for a sport, as `vendor:word`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct UnknownSport {
    pub word: String,
    pub workouts: u64,
}

/// How many sessions wait for nothing any more, by where they stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Settled {
    pub delivered: u64,
    pub discarded: u64,
    pub deleted: u64,
    pub edited: u64,
    pub skipped: u64,
}

/// Where a session stands that is not in the outbox.
const SETTLED: &str =
    "CASE WHEN standing = 'discarded' THEN 'discarded' WHEN NOT wanted OR standing = 'deleted' THEN 'deleted'
    WHEN standing = 'theirs' THEN 'edited' WHEN skipped IS NOT NULL AND remote.session_row IS NULL THEN 'skipped'
    ELSE 'delivered' END";

/// Why it stands there, where that is not plain.
const WHY_SETTLED: &str = "CASE WHEN standing = 'discarded' THEN 'somebody decided that it is not to be sent'
    WHEN NOT wanted THEN 'its files are gone' WHEN standing = 'deleted' THEN 'somebody deleted it on the server'
    WHEN standing = 'theirs' THEN 'somebody edited it on the server' WHEN remote.session_row IS NULL THEN skipped END";

pub fn accounts(connection: &Connection) -> rusqlite::Result<Vec<AccountStatus>> {
    let mut query = connection.prepare(
        "SELECT account.id, name, identity, reconciled_ms, (SELECT count(*) FROM session WHERE account_id = account.id),
             comparison, spent_day, spent, wary, deliveries
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
            folders: folders::of_account(connection, id)?,
            suspects: suspects(connection, id)?,
            unknown_sports: unknown_sports(connection, id)?,
            last_delivery: last_delivery(connection, id)?,
            waiting_since: waiting_since(connection, id)?,
            last_reconcile: instant(row.get(3)?),
            comparison: comparison.and_then(|json| serde_json::from_str(&json).ok()),
            wary: row.get(8)?,
            deliveries: row.get(9)?,
            standstill: halts::of_account(connection, id)?,
            spent: accounts::spent_of(row, 6)?,
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
            "skipped" => settled.skipped = count,
            _ => settled.delivered = count,
        }
    }
    Ok(settled)
}

fn last_delivery(connection: &Connection, account: i64) -> rusqlite::Result<Option<Timestamp>> {
    let sql = "SELECT max(delivered_ms) FROM session JOIN remote ON session_row = session.id WHERE account_id = ?1";
    connection.prepare_cached(sql)?.query_row([account], |row| Ok(instant(row.get(0)?)))
}

fn waiting_since(connection: &Connection, account: i64) -> rusqlite::Result<Option<Timestamp>> {
    // What was never tried is due since it was queued.
    let sql = "SELECT min(coalesce(first_fail_ms, due_ms)) FROM outbox WHERE account_id = ?1 AND state = 'queued'";
    connection.prepare_cached(sql)?.query_row([account], |row| Ok(instant(row.get(0)?)))
}

fn suspects(connection: &Connection, account: i64) -> rusqlite::Result<u64> {
    let sql = "SELECT count(*) FROM session WHERE account_id = ?1 AND suspect IS NOT NULL AND wanted";
    connection.prepare_cached(sql)?.query_row([account], |row| row.get(0))
}

fn unknown_sports(connection: &Connection, account: i64) -> rusqlite::Result<Vec<UnknownSport>> {
    let words = records::unknown_sports(connection, account)?;
    Ok(words.into_iter().map(|(word, workouts)| UnknownSport { word, workouts }).collect())
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
    /// Which other session it may be, in another time zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspect: Option<String>,
    /// As it is to be on the server.
    pub session: Box<serde_json::value::RawValue>,
}

/// Where a session can stand.
pub const SESSION_STATES: [&str; 7] = ["delivered", "queued", "parked", "skipped", "discarded", "deleted", "edited"];

/// Hands every session, or those in one state, to `each`, by account and start, until it returns false.
pub fn sessions(
    connection: &Connection,
    state: Option<&str>,
    mut each: impl FnMut(SessionStatus) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let mut query = connection.prepare(&format!(
        "{} WHERE ?1 IS NULL OR stands = ?1 ORDER BY name, session.start_ms, session_id",
        session_columns()
    ))?;
    let mut rows = query.query([state])?;
    while let Some(row) = rows.next()? {
        if !each(session_status(row)?)? {
            break;
        }
    }
    Ok(())
}

/// One session, by its row.
pub fn session(connection: &Connection, session: SessionRow) -> anyhow::Result<SessionStatus> {
    let mut query = connection.prepare_cached(&format!("{} WHERE session.id = ?1", session_columns()))?;
    let mut rows = query.query([session])?;
    session_status(rows.next()?.ok_or(rusqlite::Error::QueryReturnedNoRows)?)
}

fn session_columns() -> String {
    format!(
        "SELECT name, session_id, session.revision, coalesce(state, {SETTLED}) AS stands, coalesce(attempts, 0),
             iif(state IS NULL, {WHY_SETTLED}, reason), due_ms, body,
             (SELECT other.session_id FROM session AS other WHERE other.id = session.suspect),
             session.start_ms - (SELECT other.start_ms FROM session AS other WHERE other.id = session.suspect)
         FROM session JOIN account ON account.id = session.account_id
             LEFT JOIN outbox ON outbox.session_row = session.id
             LEFT JOIN remote ON remote.session_row = session.id AND remote.destination_id = account.destination_id"
    )
}

fn session_status(row: &Row<'_>) -> anyhow::Result<SessionStatus> {
    let state: String = row.get(3)?;
    let next_attempt = if state == "queued" { instant(row.get(6)?) } else { None };
    Ok(SessionStatus {
        account: row.get(0)?,
        id: row.get(1)?,
        revision: row.get(2)?,
        attempts: row.get(4)?,
        reason: row.get(5)?,
        next_attempt,
        state,
        suspect: suspicion(row)?,
        session: serde_json::value::RawValue::from_string(row.get(7)?)?,
    })
}

fn suspicion(row: &Row<'_>) -> rusqlite::Result<Option<String>> {
    let (other, apart): (Option<String>, Option<i64>) = (row.get(8)?, row.get(9)?);
    let Some((other, apart)) = other.zip(apart) else { return Ok(None) };
    let half_hours = apart.abs() / 1_800_000;
    let hours = format!("{}{} h", half_hours / 2, if half_hours % 2 == 0 { "" } else { ".5" });
    let when = match apart {
        0 => "at the same time".to_owned(),
        1.. => format!("{hours} later"),
        _ => format!("{hours} earlier"),
    };
    Ok(Some(format!("looks like {other}, {when}; was a time zone wrong?")))
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
    /// The folder that it was found in is not watched any more.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stray: bool,
    /// The ids of the sessions that it tells of.
    pub sessions: Vec<String>,
    /// Members of an archive that are not simply fine, the first of them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
}

/// Hands every file, or those with one verdict, to `each`, by account and path, until it returns false.
pub fn files(
    connection: &Connection,
    verdict: Option<Verdict>,
    mut each: impl FnMut(FileStatus) -> anyhow::Result<bool>,
) -> anyhow::Result<()> {
    let condition = "?1 IS NULL OR verdict = ?1 ORDER BY name, path";
    let mut query = connection.prepare(&format!("{FILES} WHERE {condition}"))?;
    let mut rows = query.query([verdict.map(Verdict::as_str)])?;
    while let Some(row) = rows.next()? {
        if !each(file_status(connection, row)?)? {
            break;
        }
    }
    Ok(())
}

/// One file, by its row.
pub fn file(connection: &Connection, file: i64) -> rusqlite::Result<FileStatus> {
    let mut query = connection.prepare_cached(&format!("{FILES} WHERE file.id = ?1"))?;
    query.query_row([file], |row| file_status(connection, row))
}

const FILES: &str = "SELECT name, path, verdict, reason, format, judged_ms, file.id, gone_ms, doubted, stray
    FROM file JOIN account ON account.id = account_id";

fn file_status(connection: &Connection, row: &Row<'_>) -> rusqlite::Result<FileStatus> {
    Ok(FileStatus {
        account: row.get(0)?,
        file: PathBuf::from(OsString::from_vec(row.get(1)?)),
        verdict: Verdict::parse(row.get_ref(2)?.as_str()?).unwrap_or(Verdict::Ignored),
        reason: row.get(3)?,
        format: row.get(4)?,
        judged: instant(row.get(5)?),
        gone_since: instant(row.get(7)?),
        doubted: row.get(8)?,
        stray: row.get(9)?,
        sessions: sessions_of(connection, row)?,
        members: members::of_file(connection, row.get(6)?)?,
    })
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

pub(super) fn as_text<S: serde::Serializer>(path: &std::path::Path, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

fn as_object<S: serde::Serializer>(counts: &[(Verdict, u64)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|(verdict, count)| (verdict.as_str(), count)))
}
