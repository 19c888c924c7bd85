//! A daemon that is watched from outside: until it dies, or until nothing is left to do.

use super::campaign::End;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;
use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

/// How long a life may take.
const BOUND: Duration = Duration::from_secs(50);

/// What `abort` ends a process with.
const SIGABRT: i32 = 6;

/// Sessions by id, as they are written in a file, without what a server adds.
pub type Sessions = BTreeMap<String, Value>;

pub fn end(status: ExitStatus) -> End {
    match status.signal() {
        Some(SIGABRT) => End::Crashed,
        _ if status.success() => End::Done,
        _ => panic!("{status}"),
    }
}

/// One life of a daemon. Once `is_done`, it is told to stop, and may still die on its way.
pub fn live(place: &Place, environment: &[(&str, &str)], mut is_done: impl FnMut(&mut Daemon) -> bool) -> End {
    let mut daemon = place.spawn(&[], environment);
    let until = Instant::now() + BOUND;
    let (mut looks, mut known) = (0_u32, 0);
    let died = wait::until("the work to be done", || match daemon.has_ended() {
        Some(status) => Some(Some(status)),
        None if Instant::now() > until => panic!("the work is not done; there were {:#?}", daemon.all_events()),
        None => {
            // Looking costs about as much as all that the daemon does, so it is done when something has happened.
            looks += 1;
            let told = daemon.all_events().len();
            let is_time = std::mem::replace(&mut known, told) != told || looks % 8 == 0;
            let is_ready = is_time && !daemon.events("daemon.ready").is_empty();
            (is_ready && is_done(&mut daemon)).then_some(None)
        }
    });
    if let Some(status) = died {
        assert_eq!(status.signal(), Some(SIGABRT), "{status}: {:#?}", daemon.all_events());
        return End::Crashed;
    }
    daemon.signal("TERM");
    end(wait::until("the daemon to end", || daemon.has_ended()))
}

/// Whether this life has looked through all folders, and compared.
pub fn has_looked(daemon: &mut Daemon, folders: usize, accounts: usize) -> bool {
    daemon.events("scan.done").len() >= folders && daemon.events("reconcile.done").len() >= accounts
}

/// Reads a database beside whoever writes it; nothing as long as there is nothing to read.
fn look<T>(path: &Path, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Option<T> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).ok()?;
    read(&connection).ok()
}

/// How many rows the daemon's memory has in a table, or a part of it.
pub fn count(place: &Place, table: &str) -> Option<u64> {
    let sql = format!("SELECT count(*) FROM {table}");
    look(&place.state().join("outbox.db"), |c| c.query_row(&sql, [], |row| row.get(0)))
}

/// How many sessions wait to be sent, or for a person.
pub fn waiting(place: &Place) -> Option<u64> {
    count(place, "outbox")
}

/// Whether each account was compared with its server, since its memory is there.
pub fn is_compared(place: &Place) -> bool {
    let sql = "SELECT count(*) > 0 AND count(*) = count(reconciled_ms) FROM account";
    look(&place.state().join("outbox.db"), |c| c.query_row(sql, [], |row| row.get(0))) == Some(true)
}

/// What an account has on the embedded server.
pub fn stored(place: &Place, account: &str) -> Option<Sessions> {
    look(&place.state().join("server/sessions.db"), |c| {
        let mut query =
            c.prepare("SELECT body FROM session JOIN user ON user.id = user_id WHERE name = ?1 AND NOT deleted")?;
        let sessions =
            query.query_map([account], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(bare(sessions.iter().map(|body| serde_json::from_str(body).unwrap())))
    })
}

/// How many changes the embedded server has seen, of all accounts.
pub fn changes(place: &Place) -> u64 {
    let sql = "SELECT coalesce(sum(most), 0) FROM (SELECT max(change) AS most FROM session GROUP BY user_id)";
    look(&place.state().join("server/sessions.db"), |c| c.query_row(sql, [], |row| row.get(0))).unwrap()
}

pub fn bare(sessions: impl Iterator<Item = Value>) -> Sessions {
    let bare = sessions.map(|mut session| {
        session.as_object_mut().unwrap().remove("modifiedTimeMillis");
        (session["id"].as_str().unwrap().to_owned(), session)
    });
    bare.collect()
}

/// The next life compares at once, however short the last comparison lies back.
pub fn make_curious(place: &Place) {
    let connection = Connection::open(place.state().join("outbox.db")).unwrap();
    connection.execute("UPDATE account SET reconciled_ms = NULL", []).unwrap();
}

/// Puts a copy of a whole directory into the place of another one.
pub fn replace(from: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            replace(&entry.path(), &target);
        } else if entry.file_type().unwrap().is_file() {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
