//! What the target of a pull has: a hash of every session's content, by a hash of its id. Some 80 bytes each, so that
//! 50,000 sessions are 4 MB.

use super::listed::{Digest, Listed};
use std::collections::HashMap;

/// What the target has of a session that the source lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Same,
    /// Nothing, or something else.
    Lacking,
    /// Something else that somebody wrote there since both had the same.
    Edited,
}

#[derive(Default)]
pub struct Known {
    sessions: HashMap<Digest, Entry>,
    /// How many of them the source listed.
    listed: u64,
}

struct Entry {
    content: Digest,
    /// When it was written there, in Unix milliseconds.
    written: Option<i64>,
    listed: bool,
}

impl Known {
    /// Notes what the target has; the last one of an id counts. False if it had one of this id already.
    pub fn has(&mut self, key: Digest, content: Digest, written: Option<i64>) -> bool {
        self.sessions.insert(key, Entry { content, written, listed: false }).is_none()
    }

    /// Notes that the source lists a session, of which the target would keep this content. `agreed` is what both had when
    /// they were last seen to have the same. Where both have changed since then, the later one is right.
    pub fn standing(&mut self, session: &Listed, content: Digest, agreed: Option<Digest>) -> Standing {
        let Some(entry) = self.sessions.get_mut(&session.key) else { return Standing::Lacking };
        if !std::mem::replace(&mut entry.listed, true) {
            self.listed += 1;
        }
        match agreed {
            _ if entry.content == content => Standing::Same,
            Some(agreed) if entry.content != agreed && (content == agreed || entry.written > session.modified) => {
                Standing::Edited
            }
            _ => Standing::Lacking,
        }
    }

    /// Notes that the target now has what the source listed.
    pub fn took(&mut self, key: Digest, content: Digest) {
        let entry = self.sessions.entry(key).or_insert(Entry { content, written: None, listed: false });
        (entry.content, entry.written) = (content, None);
        if !std::mem::replace(&mut entry.listed, true) {
            self.listed += 1;
        }
    }

    /// Sessions of the target that the source listed.
    pub fn listed(&self) -> u64 {
        self.listed
    }

    /// Sessions of the target that the source did not list.
    pub fn others(&self) -> u64 {
        u64::try_from(self.sessions.len()).unwrap_or(u64::MAX).saturating_sub(self.listed)
    }
}
