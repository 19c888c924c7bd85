//! What the destination is known to have, beside what it should have.

use super::sessions::SessionRow;
use super::{Account, accounts};
use crate::session::Session;
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Whose content the destination has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Ours,
    /// Somebody's there, which is kept until the source changes.
    Theirs,
    /// Deleted there, which is respected.
    Deleted,
}

impl Standing {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Theirs => "theirs",
            Self::Deleted => "deleted",
        }
    }

    fn parse(name: &str) -> Self {
        [Self::Theirs, Self::Deleted].into_iter().find(|standing| standing.as_str() == name).unwrap_or(Self::Ours)
    }
}

/// A session, and what is known of it at the destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Mirrored {
    pub row: SessionRow,
    pub revision: i64,
    /// When its content last changed, Unix milliseconds.
    pub revised_ms: i64,
    /// As it should be there.
    pub session: Session,
    /// Hashes of what it has said, latest first.
    said: String,
    pub wanted: bool,
    /// Waits to be sent.
    pub is_queued: bool,
    pub known: Option<Known>,
}

/// What is known to be at the destination.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// A hash of the destination's own account of it.
    pub echo: Vec<u8>,
    pub standing: Standing,
    /// The revision that was put once more after it had gone.
    restored: i64,
}

impl Mirrored {
    /// Whether that is what this session said once.
    pub fn has_said(&self, theirs: &Session) -> bool {
        let hash = theirs.words_hash();
        self.said.as_bytes().chunks(hash.len()).any(|said| said == hash.as_bytes())
    }

    /// Whether this revision was put once more already.
    pub fn was_restored(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.restored == self.revision)
    }
}

const COLUMNS: &str =
    "session.id, session.revision, revised_ms, body, wanted, outbox.session_row IS NOT NULL, echo, standing, restored,
     said";

const TABLES: &str = "session LEFT JOIN remote ON remote.session_row = session.id AND destination_id = ?2
    LEFT JOIN outbox ON outbox.session_row = session.id";

/// Whose state can be told from a list that was asked for after `deliveries`: those that neither were delivered since nor
/// wait to be, nor were discarded, and those that wait to be compared. Of what was deleted nothing says when, so it is only
/// looked at while nothing is delivered.
const COMPARABLE: &str =
    "(outbox.session_row IS NULL AND coalesce(seq, 0) <= ?3 AND coalesce(standing, '') != 'discarded'
        AND (remote.session_row IS NOT NULL
            OR NOT wanted AND (SELECT account.deliveries FROM account WHERE account.id = ?1) <= ?3)
    OR outbox.state = 'queued' AND NOT checked)";

/// The comparable sessions that start at or after `start` and before `end`, both Unix milliseconds.
pub fn starting_between(
    connection: &Connection,
    account: Account,
    (start, end): (i64, i64),
    deliveries: i64,
    only_unchecked: bool,
) -> rusqlite::Result<Vec<Mirrored>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {TABLES}
         WHERE session.account_id = ?1 AND session.start_ms >= ?4 AND session.start_ms < ?5 AND {COMPARABLE}
           AND (outbox.session_row IS NOT NULL OR NOT ?6)",
    ))?;
    let values = params![account.id, account.destination, deliveries, start, end, only_unchecked];
    query.query_map(values, mirrored)?.collect()
}

/// The comparable session of an id.
pub fn of_id(
    connection: &Connection,
    account: Account,
    id: &str,
    deliveries: i64,
) -> rusqlite::Result<Option<Mirrored>> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM {TABLES} WHERE session.account_id = ?1 AND session_id = ?4 AND {COMPARABLE}",
    ))?;
    query.query_row(params![account.id, account.destination, deliveries, id], mirrored).optional()
}

/// Whether a session of an id waits to be sent, or was delivered after so many `deliveries`.
pub fn is_under_way(connection: &Connection, account: Account, id: &str, deliveries: i64) -> rusqlite::Result<bool> {
    let mut query = connection.prepare_cached(&format!(
        "SELECT 1 FROM {TABLES} WHERE session.account_id = ?1 AND session_id = ?4 AND wanted
             AND (outbox.state = 'queued' OR seq > ?3)",
    ))?;
    query.exists(params![account.id, account.destination, deliveries, id])
}

fn mirrored(row: &Row<'_>) -> rusqlite::Result<Mirrored> {
    let session = serde_json::from_str(row.get_ref(3)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(3, Type::Text, error.into()))?;
    let echo: Option<Vec<u8>> = row.get(6)?;
    let known = echo
        .map(|echo| {
            let standing: String = row.get(7)?;
            Ok::<_, rusqlite::Error>(Known { echo, standing: Standing::parse(&standing), restored: row.get(8)? })
        })
        .transpose()?;
    Ok(Mirrored {
        row: row.get(0)?,
        revision: row.get(1)?,
        revised_ms: row.get(2)?,
        session,
        wanted: row.get(4)?,
        is_queued: row.get(5)?,
        known,
        said: row.get(9)?,
    })
}

/// The session counts as delivered as the destination has it. Like a delivery, this makes lists that were asked for before
/// worthless for the session.
pub fn accept(
    connection: &Connection,
    account: Account,
    ours: &Mirrored,
    echo: &[u8],
    standing: Standing,
    now: Timestamp,
) -> rusqlite::Result<()> {
    accounts::count_delivery(connection, account)?;
    connection
        .prepare_cached(
            "INSERT INTO remote (session_row, destination_id, revision, echo, delivered_ms, standing, seq)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, deliveries FROM account WHERE id = ?7
             ON CONFLICT DO UPDATE SET revision = ?3, echo = ?4, delivered_ms = ?5, standing = ?6, seq = excluded.seq",
        )?
        .execute(params![
            ours.row,
            account.destination,
            ours.revision,
            echo,
            now.as_millisecond(),
            standing.as_str(),
            account.id
        ])?;
    connection.prepare_cached("DELETE FROM outbox WHERE session_row = ?1")?.execute([ours.row])?;
    Ok(())
}

/// How many of an account's sessions are known to be at its destination, or to have been there.
pub fn count(connection: &Connection, account: Account) -> rusqlite::Result<usize> {
    let mut query = connection.prepare_cached(
        "SELECT count(*) FROM session JOIN remote ON session_row = session.id AND destination_id = ?2
         WHERE account_id = ?1 AND standing != 'discarded'",
    )?;
    query.query_row(params![account.id, account.destination], |row| row.get(0))
}

/// Notes that this revision is put once more, and should then stay.
pub fn set_restored(connection: &Connection, account: Account, ours: &Mirrored) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE remote SET restored = ?3, standing = 'ours' WHERE session_row = ?1 AND destination_id = ?2",
        )?
        .execute(params![ours.row, account.destination, ours.revision])?;
    Ok(())
}

/// When the queued sessions start that wait to be compared, oldest first, Unix milliseconds.
pub fn unchecked_starts(connection: &Connection, account: Account) -> rusqlite::Result<Vec<i64>> {
    let mut query = connection.prepare_cached(
        "SELECT start_ms FROM outbox WHERE account_id = ?1 AND state = 'queued' AND NOT checked ORDER BY start_ms",
    )?;
    query.query_map([account.id], |row| row.get(0))?.collect()
}

/// When the account's sessions start within a span, oldest first, Unix milliseconds.
pub fn starts(connection: &Connection, account: Account, (from, to): (i64, i64)) -> rusqlite::Result<Vec<i64>> {
    let mut query = connection.prepare_cached(
        "SELECT start_ms FROM session WHERE account_id = ?1 AND start_ms >= ?2 AND start_ms < ?3 ORDER BY start_ms",
    )?;
    query.query_map(params![account.id, from, to], |row| row.get(0))?.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::outbox::{self, Due, Verdict};
    use crate::store::{self, accounts};

    /// A list from before a deletion still has the session; that does not make it unwanted there.
    #[test]
    fn what_was_deleted_since_a_list_was_asked_for_cannot_be_told_from_it() {
        let dir = tempfile::tempdir().unwrap();
        let connection = store::connect(dir.path()).unwrap();
        let account = accounts::ensure(&connection, "me", "there").unwrap();
        let body = r#"{"id":"a","name":"","description":"","startTimeMillis":"5","endTimeMillis":"6","activityType":8,
            "application":{"name":"fitferry"}}"#;
        let insert = "INSERT INTO session (id, account_id, session_id, revision, body, start_ms, end_ms, type, wanted)
            VALUES (1, ?1, 'a', 2, ?2, 5, 6, 8, 0)";
        connection.execute(insert, params![account.id, body]).unwrap();
        let asked = accounts::deliveries(&connection, account).unwrap();
        let due = Due { row: 1, session_id: "a".to_owned(), revision: 2, body: None, attempts: 0 };
        outbox::queue(&connection, account, 1, Timestamp::UNIX_EPOCH).unwrap();
        let deleted = Verdict::Delivered(Vec::new());
        outbox::record(&connection, account, &due, &deleted, Timestamp::UNIX_EPOCH).unwrap();
        let comparable = |asked| {
            let spanned = starting_between(&connection, account, (0, 10), asked, false).unwrap();
            (spanned.len(), of_id(&connection, account, "a", asked).unwrap().is_some())
        };
        assert_eq!(comparable(asked), (0, false));
        assert_eq!(comparable(accounts::deliveries(&connection, account).unwrap()), (1, true));
    }
}
