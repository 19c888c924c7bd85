//! From what the files say of a session to what is to be on the server, by the account's rules; again for all sessions
//! when the rules have changed, without reading any file.

use super::Person;
use crate::merge;
use crate::rules;
use crate::session::Session;
use crate::store::records::{self, Told};
use crate::store::sessions::{self, SessionRow};
use crate::store::{Account, accounts, outbox};
use jiff::Timestamp;
use rusqlite::Connection;
use std::path::Path;

/// Sessions made anew in one transaction; others want to write, too.
const GROUP: usize = 500;

/// Makes a session's content anew from all its records; queues it and returns true if that is a change.
pub fn derive(connection: &Connection, person: &Person, row: SessionRow, now: Timestamp) -> rusqlite::Result<bool> {
    let told = records::of_session(connection, row)?;
    derive_from(connection, person, row, told, now)
}

fn derive_from(
    connection: &Connection,
    person: &Person,
    row: SessionRow,
    told: Vec<Told>,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let rules = &person.rules;
    let (mut workouts, mut files) = (Vec::with_capacity(told.len()), Vec::with_capacity(told.len()));
    for Told { mut workout, file, .. } in told {
        rules.types.apply(&mut workout);
        workouts.push(workout);
        files.push(file);
    }
    let Some(workout) = merge::merge(workouts) else { return Ok(false) };
    let skipped = rules.skips(&workout, files.iter().map(AsRef::<Path>::as_ref));
    let session = Session::of(&workout, sessions::id_of(connection, row)?, rules);
    let is_revised = sessions::revise(connection, row, &session, now)?.is_some();
    let is_other_rule = sessions::set_skipped(connection, row, skipped.as_deref())?;
    if outbox::withdraw(connection, person.account, row)? {
        return Ok(false);
    }
    let is_freed = is_other_rule && skipped.is_none();
    if is_revised || is_freed && !outbox::is_there(connection, person.account, row)? {
        outbox::queue(connection, person.account, row, now)?;
        return Ok(true);
    }
    Ok(false)
}

/// How far the deriving of all sessions has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    last: SessionRow,
    pub looked_at: usize,
    pub changed: usize,
}

/// Whether the account's sessions were made by other rules than those of today.
pub fn is_outdated(connection: &Connection, account: Account, fingerprint: &str) -> rusqlite::Result<bool> {
    Ok(accounts::rules(connection, account)?.as_deref() != Some(fingerprint))
}

/// Makes the next sessions of an account anew by its rules, also those whose time zone was assumed and is another now.
/// Returns true when all are made, and remembers by which rules: whatever ends it before that, it begins again.
pub fn rederive(
    connection: &Connection,
    person: &Person,
    progress: &mut Progress,
    now: Timestamp,
) -> rusqlite::Result<bool> {
    let rows = sessions::after(connection, person.account, progress.last, GROUP)?;
    for row in &rows {
        let mut told = records::of_session(connection, *row)?;
        for Told { row, workout, file, .. } in &mut told {
            let zone = person.rules.zone_for(file, workout.source.format);
            if rules::move_to_zone(workout, zone) {
                records::rewrite(connection, *row, workout)?;
            }
        }
        progress.changed += usize::from(derive_from(connection, person, *row, told, now)?);
    }
    progress.looked_at += rows.len();
    progress.last = rows.last().copied().unwrap_or(progress.last);
    if rows.len() == GROUP {
        return Ok(false);
    }
    accounts::set_rules(connection, person.account, &person.rules.fingerprint())?;
    Ok(true)
}
