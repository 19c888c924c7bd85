//! What the target of a pull has: a hash of every session's content, by a hash of its id. Some 80 bytes each, so that
//! 50,000 sessions are 4 MB.

use super::listed::Digest;
use std::collections::HashMap;

#[derive(Default)]
pub struct Known {
    sessions: HashMap<Digest, Entry>,
    /// How many of them the source listed.
    listed: u64,
}

struct Entry {
    content: Digest,
    listed: bool,
}

impl Known {
    /// Notes what the target has; the last one of an id counts. False if it had one of this id already.
    pub fn has(&mut self, key: Digest, content: Digest) -> bool {
        self.sessions.insert(key, Entry { content, listed: false }).is_none()
    }

    /// Notes that the source lists a session. True if the target lacks it or has another content.
    pub fn lacks(&mut self, key: Digest, content: Digest) -> bool {
        let Some(entry) = self.sessions.get_mut(&key) else { return true };
        if !std::mem::replace(&mut entry.listed, true) {
            self.listed += 1;
        }
        entry.content != content
    }

    /// Notes that the target now has what the source listed.
    pub fn took(&mut self, key: Digest, content: Digest) {
        let entry = self.sessions.entry(key).or_insert(Entry { content, listed: false });
        entry.content = content;
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
