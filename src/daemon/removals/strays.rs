//! Files of folders that are not watched any more, and are not there either: those of which watched folders tell all that they
//! told are forgotten, or their sessions would stay for ever.

use super::super::folders::Owner;
use super::GROUP;
use super::looks::Looks;
use crate::intake;
use crate::store::{Error, absent};
use crate::watch;
use jiff::Timestamp;
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;

/// Looks for them when that is due, on a thread of its own: people leave out folders that do not answer any more.
pub fn look(owner: &Owner, looks: &Arc<Looks>) {
    if !looks.begin_with_strays() {
        return;
    }
    let (owner, looks) = (owner.clone(), Arc::clone(looks));
    let run = move || {
        if let Err(error) = forget(&owner, &looks) {
            owner.1.store.suspect(&error);
        }
        looks.end_with_strays();
    };
    // Should it fail, they are looked for at the next start.
    let _ = std::thread::Builder::new().name("strays".to_owned()).spawn(run);
}

fn forget(owner: &Owner, looks: &Looks) -> Result<(), Error> {
    let (person, route) = owner;
    // What was read until now is to be known.
    route.store.call_blocking(|_| Ok(()))?;
    let Ok(known) = route.store.reader() else { return Ok(()) };
    let mut gone = absent::strays(&known, person.account)?;
    gone.retain(|stray| (!stray.tells || is_told_elsewhere(&known, stray.file, looks)) && !is_there(&stray.path, true));
    for group in gone.chunks(GROUP) {
        let (writer, files) = (person.clone(), group.iter().map(|stray| stray.file).collect::<Vec<_>>());
        route.store.call_blocking(move |connection| {
            for file in files {
                if absent::is_stray(connection, file)? {
                    intake::forget_if_nothing_changes(connection, &writer, file, Timestamp::now())?;
                }
            }
            Ok(())
        })?;
    }
    Ok(())
}

fn is_told_elsewhere(known: &Connection, file: i64, looks: &Looks) -> bool {
    absent::is_told_elsewhere(known, file, |path| looks.contains(path) && is_there(path, false)).unwrap_or_default()
}

/// What is so of a file that cannot be looked at is said by whoever asks.
fn is_there(path: &Path, in_doubt: bool) -> bool {
    watch::is_there(path).unwrap_or(in_doubt)
}
