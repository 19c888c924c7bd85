//! Forgets deletions and eras of long ago: all else in this database grows with somebody's history alone. Whoever has followed
//! the changes only to a point before that is told to begin anew.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, params};

/// Deletions that are remembered of each user: more than most have sessions.
const DELETIONS: i64 = 20_000;

/// Whoever begins to follow the changes is told of those of the last 30 days, page by page; what belongs to these stays,
/// however much it is.
const AGE: SignedDuration = SignedDuration::from_hours(31 * 24);

/// Eras that are remembered of each user; each start in which something was written has one.
const ERAS: i64 = 50_000;

/// Deletions that are forgotten in one transaction; others want to write, too.
const GROUP: i64 = 1000;

/// Before which change of a user nothing can be told.
pub fn of(connection: &Connection, user: i64) -> rusqlite::Result<i64> {
    connection.prepare_cached("SELECT horizon FROM user WHERE id = ?1")?.query_row([user], |row| row.get(0))
}

/// Forgets some of what is too old; true if nothing is left of that.
pub fn advance(connection: &Connection, now: Timestamp) -> rusqlite::Result<bool> {
    advance_to(connection, now, DELETIONS, ERAS)
}

fn advance_to(connection: &Connection, now: Timestamp, deletions: i64, eras: i64) -> rusqlite::Result<bool> {
    let users: Vec<i64> = {
        let mut query = connection.prepare_cached("SELECT id FROM user")?;
        query.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?
    };
    let before = now.saturating_sub(AGE).unwrap_or(Timestamp::MIN).as_millisecond();
    let mut is_done = true;
    for user in users {
        is_done &= forget_deletions(connection, user, before, deletions)?;
        forget_eras(connection, user, eras)?;
    }
    Ok(is_done)
}

fn forget_deletions(connection: &Connection, user: i64, before: i64, kept: i64) -> rusqlite::Result<bool> {
    let sql = "SELECT change FROM session WHERE user_id = ?1 AND deleted ORDER BY change DESC LIMIT 1 OFFSET ?2";
    let latest: Option<i64> = connection.prepare_cached(sql)?.query_row([user, kept], |row| row.get(0)).optional()?;
    let Some(latest) = latest else { return Ok(true) };
    let mut query = connection.prepare_cached(
        "SELECT change FROM session WHERE user_id = ?1 AND deleted AND change <= ?2 AND modified_ms < ?3
         ORDER BY change LIMIT ?4",
    )?;
    let changes = query.query_map([user, latest, before, GROUP], |row| row.get(0))?;
    let changes: Vec<i64> = changes.collect::<rusqlite::Result<_>>()?;
    let Some(last) = changes.last() else { return Ok(true) };
    set(connection, user, *last)?;
    let mut delete = connection.prepare_cached("DELETE FROM session WHERE user_id = ?1 AND change = ?2 AND deleted")?;
    changes.iter().try_for_each(|change| delete.execute([user, *change]).map(drop))?;
    Ok(changes.len() < usize::try_from(GROUP).unwrap_or(usize::MAX))
}

/// Which era a change before the oldest that is kept belongs to is not known any more.
fn forget_eras(connection: &Connection, user: i64, kept: i64) -> rusqlite::Result<()> {
    let sql = "SELECT began FROM era WHERE user_id = ?1 ORDER BY began DESC LIMIT 1 OFFSET ?2";
    let oldest: Option<i64> =
        connection.prepare_cached(sql)?.query_row([user, kept - 1], |row| row.get(0)).optional()?;
    let Some(oldest) = oldest else { return Ok(()) };
    let forgotten =
        connection.prepare_cached("DELETE FROM era WHERE user_id = ?1 AND began < ?2")?.execute([user, oldest])?;
    if forgotten > 0 { set(connection, user, oldest) } else { Ok(()) }
}

fn set(connection: &Connection, user: i64, change: i64) -> rusqlite::Result<()> {
    let sql = "UPDATE user SET horizon = ?2 WHERE id = ?1 AND horizon < ?2";
    connection.prepare_cached(sql)?.execute(params![user, change]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::super::query::{Change, Query};
    use super::super::{database, era, list};
    use super::*;
    use crate::config::WindowRule;
    use crate::server::list::Refusal;

    const DAY: i64 = 86_400_000;

    struct Bench {
        _dir: tempfile::TempDir,
        connection: Connection,
        now: Timestamp,
    }

    impl Bench {
        /// A user of whom so many sessions were put, and all but the last deleted, one each day.
        fn new(sessions: i64) -> Self {
            let dir = tempfile::tempdir().unwrap();
            let connection = database::open(&dir.path().join("sessions.db")).unwrap();
            connection.execute_batch("INSERT INTO user (id, name) VALUES (1, 'me')").unwrap();
            for number in 1..=sessions {
                era::begin(&connection).unwrap();
                let values = params![number.to_string(), number * DAY, number < sessions, number];
                let sql =
                    "INSERT INTO session (user_id, id, start_ms, end_ms, modified_ms, type, deleted, body, change)
                           VALUES (1, ?1, 1, 2, ?2, 8, ?3, '{}', ?4)";
                connection.execute(sql, values).unwrap();
            }
            Self { _dir: dir, connection, now: Timestamp::from_millisecond(sessions * DAY).unwrap() }
        }

        /// How many sessions and deletions follow a change; nothing if it is not known any more.
        fn told(&self, number: i64) -> Option<usize> {
            let stamp = era::stamp(&self.connection, 1, number).unwrap();
            let token = Change { number, stamp }.token();
            let query = Query::parse(&format!("includeDeleted=true&pageToken={token}")).unwrap();
            match list::read(&self.connection, 1, &query, WindowRule::Overlap, self.now, None).unwrap() {
                Ok(json) => Some(json.matches("{}").count()),
                Err(Refusal::UnknownToken) => None,
                Err(refusal) => panic!("{refusal:?}"),
            }
        }

        fn count(&self, table: &str) -> i64 {
            self.connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
        }
    }

    #[test]
    fn old_deletions_are_forgotten_and_whoever_missed_them_begins_anew() {
        let bench = Bench::new(100);
        assert_eq!([0, 50, 100].map(|number| bench.told(number)), [Some(100), Some(50), Some(0)]);
        // Of the last month nothing is forgotten, however little is to be kept.
        assert!(advance_to(&bench.connection, bench.now, 5, ERAS).unwrap());
        assert_eq!(bench.count("session"), 32);
        assert!(advance_to(&bench.connection, bench.now, 60, ERAS).unwrap());
        assert_eq!(bench.count("session"), 32, "it never comes back");
        // Who knows all that is forgotten goes on; who does not would never hear of it.
        let told = [0, 50, 67, 68, 69, 100].map(|number| bench.told(number));
        assert_eq!(told, [None, None, None, Some(32), Some(31), Some(0)]);
        // What comes gets the next number.
        let next: i64 = bench.connection.query_row("SELECT max(change) FROM session", [], |row| row.get(0)).unwrap();
        assert_eq!(next, 100);
    }

    #[test]
    fn as_many_deletions_as_people_have_are_kept_for_ever() {
        let bench = Bench::new(100);
        let later = Timestamp::from_millisecond(1000 * DAY).unwrap();
        assert!(advance_to(&bench.connection, later, 99, ERAS).unwrap() && bench.told(0).is_some());
        assert!(advance_to(&bench.connection, later, 10, ERAS).unwrap());
        assert_eq!((bench.count("session"), bench.told(88), bench.told(89)), (11, None, Some(11)));
    }

    #[test]
    fn eras_of_long_ago_are_forgotten() {
        let bench = Bench::new(100);
        assert_eq!(bench.count("era"), 100);
        assert!(advance_to(&bench.connection, bench.now, DELETIONS, 100).unwrap() && bench.told(0).is_some());
        assert!(advance_to(&bench.connection, bench.now, DELETIONS, 30).unwrap());
        assert_eq!((bench.count("era"), bench.count("session")), (30, 100));
        assert_eq!([70, 71].map(|number| bench.told(number)), [None, Some(29)]);
    }

    #[test]
    fn much_is_forgotten_in_many_steps() {
        let bench = Bench::new(2500);
        let later = Timestamp::from_millisecond(3000 * DAY).unwrap();
        let steps = (0..).take_while(|_| !advance_to(&bench.connection, later, 10, ERAS).unwrap()).count();
        assert_eq!((steps, bench.count("session")), (2, 11));
    }
}
