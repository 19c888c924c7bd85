//! What a server lost all at once: of that, only so much may be repaired before a person is asked, however slowly it is found.

use std::collections::BTreeSet;

#[derive(Default)]
pub struct Mass {
    /// What is not back yet.
    lost: BTreeSet<String>,
    /// What was to be put again meanwhile.
    brought_back: BTreeSet<String>,
}

impl Mass {
    pub fn lost(&mut self, ids: &[String]) {
        self.lost = ids.iter().cloned().collect();
        self.brought_back.clear();
    }

    /// These are to be put again. Returns how many that makes, together with those before.
    pub fn repaired(&mut self, ids: &[String]) -> usize {
        self.brought_back.extend(ids.iter().filter(|id| self.lost.contains(*id)).cloned());
        ids.len().max(self.brought_back.len())
    }

    /// The server has a session, again or for the first time.
    pub fn is_back(&mut self, id: &str) {
        if self.lost.remove(id) && self.lost.is_empty() {
            self.brought_back.clear();
        }
    }

    /// A person answers for whatever is repaired, or nobody remembers.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}
