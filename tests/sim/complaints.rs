//! What the oracle says of one session: when it is sent, and when all has come to rest.

use super::destination::Stored;
use super::ledger::{Disturbance, Entry};
use fitferry::config::{OnDeleted, OnEdited, OnTwin, ReconcileSettings};
use fitferry::store::outbox::Due;
use fitferry::sync::Now;
use std::collections::BTreeMap;

/// What is wrong with what the server has of a session that neither waits nor is parked.
pub fn complaint_at_rest(
    entry: &Entry,
    there: &BTreeMap<String, Stored>,
    policy: &ReconcileSettings,
    was_put_back: bool,
) -> Option<String> {
    let what = format!("{}@{}", entry.id(), entry.bodies.len());
    let is_respected = policy.on_deleted == OnDeleted::Respect && entry.here.disturbed == Some(Disturbance::Deleted);
    let is_twin_enough = policy.on_twin == OnTwin::Skip && entry.here.has_twin;
    let Some(stored) = entry.ids.iter().find_map(|id| there.get(id)) else {
        return (!is_respected && !is_twin_enough).then(|| format!("P3: {what} is owed and not there"));
    };
    match &stored.body {
        Some(body) if entry.age(body) >= entry.bodies.last().and_then(|body| entry.age(body)) => None,
        // An old memory takes what came after it for the later word, even should the files say again what they said then.
        Some(body) if was_put_back && !entry.bodies.last().is_some_and(|owed| entry.is_newer(owed, body)) => None,
        Some(_) => Some(format!("P3: {what} is owed, and an older one is there")),
        None if policy.on_edited == OnEdited::Keep => None,
        None => Some(format!("P3: {what} was changed by others, and not restored")),
    }
}

/// What is wrong with sending a session now, if anything is.
pub fn complaint_about(entry: &mut Entry, due: &Due, policy: &ReconcileSettings, now: Now) -> Option<String> {
    let body = due.body.as_deref().unwrap_or_default();
    let early = entry
        .not_before
        .filter(|(revision, next)| *revision == due.revision && next.duration_since(now.wall).as_millis() > 1);
    let complaint = if entry.flying {
        "P4: while it is in flight already"
    } else if !entry.is_justified(due.revision, body) {
        "P5: with a content that no file justifies"
    } else if entry.is_silent {
        "P7: after a restart with nothing new"
    } else if due.revision <= entry.here.durable.max(entry.here.answered)
        && let Some(complaint) = entry.restores(due.revision, |how| match how {
            Disturbance::Deleted => policy.on_deleted == OnDeleted::Restore,
            Disturbance::Edited => policy.on_edited == OnEdited::Restore,
            Disturbance::Vanished => true,
        })
    {
        complaint
    } else if entry.parked == Some(due.revision) {
        "P7: again, after it was refused for what it is"
    } else if early.is_some() {
        "P7: before its pause is over"
    } else {
        return None;
    };
    Some(complaint.to_owned())
}
