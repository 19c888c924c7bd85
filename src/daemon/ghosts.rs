//! Files that never came to a session and are not there any more: whoever removed a broken file does not want to be told
//! of it for ever.

use super::folders::Owner;
use crate::store::{Error, absent};
use crate::watch::{Pulse, Scanned, is_there};
use rusqlite::Connection;
use std::path::Path;

/// Forgets those at or below a path; after a scan, if it found less than is known. Should one come back, it is read again.
pub fn forget(
    owner: &Owner,
    path: &Path,
    scan: Option<Scanned>,
    known: &Connection,
    pulse: &Pulse,
) -> Result<(), Error> {
    let (person, route) = owner;
    if let Some(scan) = scan
        && !absent::is_lacking(known, person.account, path, scan.files)?
    {
        return Ok(());
    }
    let mut gone = absent::without_session(known, person.account, path)?;
    // Of what cannot be looked at nothing is known.
    gone.retain(|file| {
        pulse.at(&file.path);
        is_there(&file.path).is_ok_and(|is_there| !is_there)
    });
    if !gone.is_empty() {
        route.store.submit(move |connection| absent::forget_as_judged(connection, &gone), drop);
    }
    Ok(())
}
