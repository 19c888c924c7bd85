//! Clocks that were wrong, and what it costs to notice.

use super::*;
use jiff::SignedDuration;

const HOUR: i64 = 3600;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

fn filled(dir: &std::path::Path, sessions: i64) -> (Connection, Account) {
    let connection = crate::store::connect(dir).unwrap();
    let account = accounts::ensure(&connection, "me", "there").unwrap();
    accounts::set_wary(&connection, account, false).unwrap();
    let fill = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
        INSERT INTO session (account_id, session_id, revision, body, start_ms, end_ms, type)
        SELECT ?1, i, 1, '', i, i, 8 FROM n";
    connection.execute(fill, params![account.id, sessions]).unwrap();
    (connection, account)
}

fn rows(connection: &Connection, account: Account, now: Timestamp) -> Vec<SessionRow> {
    let latest = now + SignedDuration::from_hours(25);
    fetch(connection, account, now, latest, 100, First::Oldest).unwrap().due.iter().map(|due| due.row).collect()
}

/// Every way into the queue, by a clock that is 20 hours ahead.
#[test]
fn a_clock_that_was_ahead_puts_nothing_off() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, account) = filled(dir.path(), 4);
    let ahead = at(20 * HOUR);
    (1..=4).for_each(|row| queue(&connection, account, row, ahead).unwrap());
    let fetched = fetch(&connection, account, ahead, Timestamp::MAX, 100, First::Oldest).unwrap().due;
    let retry = |pause| Verdict::Retry { next: at(20 * HOUR + pause), reason: "down".to_owned() };
    let park = Verdict::Park { reason: "no".to_owned() };
    for (due, verdict) in fetched[1..].iter().zip([retry(HOUR), park, retry(HOUR)]) {
        record(&connection, account, due, &verdict, ahead).unwrap();
    }
    unpark(&connection, &[3], ahead).unwrap();
    assert_eq!(rows(&connection, account, ahead), [1, 3], "two wait");
    assert_eq!(rows(&connection, account, at(0)), [1, 2, 3, 4]);
}

/// A pause that began is kept, and what was hastened stays so, however the clock is set.
#[test]
fn a_pause_by_the_right_clock_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, account) = filled(dir.path(), 2);
    (1..=2).for_each(|row| queue(&connection, account, row, at(0)).unwrap());
    let fetched = fetch(&connection, account, at(0), Timestamp::MAX, 100, First::Oldest).unwrap().due;
    let verdict = Verdict::Retry { next: at(4 * HOUR), reason: "down".to_owned() };
    fetched.iter().for_each(|due| record(&connection, account, due, &verdict, at(0)).unwrap());
    assert!(rows(&connection, account, at(HOUR)).is_empty());
    hasten(&connection, account, at(2 * HOUR)).unwrap();
    assert_eq!(rows(&connection, account, at(HOUR)), [1, 2]);
}

/// There may be a hundred thousand, and this is asked for each handful that is sent.
#[test]
fn looking_for_what_was_put_off_reads_the_index_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (connection, _) = filled(dir.path(), 1);
    let mut query = connection.prepare(&format!("EXPLAIN QUERY PLAN {CORRECT}")).unwrap();
    let plan: Vec<String> = query.query_map([1, 2, 3], |row| row.get(3)).unwrap().map(Result::unwrap).collect();
    let is_covered = plan.iter().any(|step| step.contains("SEARCH outbox USING COVERING INDEX outbox_by_due"));
    assert!(is_covered, "{plan:?}");
}
