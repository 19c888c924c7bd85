//! The oracle's book of sessions: what each should say, how far it has come, and whose fault its refusals were.

use super::destination::is;
use super::folder::LOST;
use fitferry::store::outbox::Due;
use fitferry::store::sessions::SessionRow;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So many sessions refused in a row, and none taken, with those that are tried from elsewhere in the queue, are not their
/// own fault.
const REFUSED_IN_ROW: usize = 15;
const DOUBTS: usize = 10;

/// A session that is answered so often as if the account were stopped may be what is wrong.
const SUSPICIONS: u32 = 5;

/// What others did to a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    Edited,
    /// The server tells of it.
    Deleted,
    /// The server says nothing.
    Vanished,
}

/// What became of a session at one destination.
#[derive(Clone, Copy, Default)]
pub struct There {
    /// The revision that was answered with a 2xx within this process.
    pub answered: i64,
    /// The revision whose delivery is on disk.
    pub durable: i64,
    /// The revision that somebody was told is delivered.
    pub told: i64,
    /// What others did since we put it last, and how often they ever did anything.
    pub disturbed: Option<Disturbance>,
    pub disturbances: u32,
    /// Whether they changed it since then, whatever they did after that.
    pub was_edited: bool,
    /// Another program put the same workout.
    pub has_twin: bool,
    /// The revision that is being put again, or was.
    restoring: Option<i64>,
    restored: Option<i64>,
    /// It was sent, and what became of it is not on disk.
    pub is_unclear: bool,
}

/// One session.
#[derive(Clone, Default)]
pub struct Entry {
    /// All that it ever had; the last counts.
    pub ids: Vec<String>,
    /// What it should say, by revision, from 1; without its id.
    pub bodies: Vec<String>,
    /// What it ever was to say, whatever the daemon remembers.
    history: Vec<String>,
    /// Revisions up to this are compared with the server before they are sent.
    wary: i64,
    pub here: There,
    elsewhere: There,
    pub flying: bool,
    /// A revision, and before when it is not to be tried again.
    pub not_before: Option<(i64, Timestamp)>,
    /// When it failed last, and when it is due since then.
    pub waits: Option<(Timestamp, Timestamp)>,
    pub parked: Option<i64>,
    /// The revision that was refused for what it is, as far as one can tell.
    refused: Option<i64>,
    /// How often it was answered as if the account were stopped.
    pub stops: u32,
    /// What the server had asked for when its last failure was handed to the store: until when, by both clocks.
    pub rest: Option<(Duration, Timestamp)>,
    /// The day's requests at that time.
    pub spent: Option<(Date, u64)>,
    /// Nothing of it is to be sent any more.
    pub is_silent: bool,
}

impl Entry {
    pub fn id(&self) -> &str {
        self.ids.last().unwrap()
    }

    pub fn revise(&mut self, body: &str, is_complete: bool) {
        let body = content(body).to_owned();
        if self.bodies.last() != Some(&body) {
            if self.history.last() != Some(&body) {
                self.history.push(body.clone());
            }
            self.bodies.push(body);
            self.wary = if is_complete { self.wary } else { self.revision() };
        }
    }

    /// Whether this content was never to be said before the other.
    pub fn is_newer(&self, body: &str, other: &str) -> bool {
        self.history.iter().position(|known| known == content(body)) > self.age(other)
    }

    /// How late this content came last, if it ever was to be said.
    pub fn age(&self, body: &str) -> Option<usize> {
        self.history.iter().rposition(|known| known == content(body))
    }

    /// What is wrong with putting a revision again that was delivered, if anything is.
    pub fn restores(&mut self, revision: i64, permits: impl Fn(Disturbance) -> bool) -> Option<&'static str> {
        let here = &mut self.here;
        if here.restoring == Some(revision) {
            return None;
        }
        match here.disturbed {
            None => Some("P3: again, after it was delivered"),
            // It may be under way because of an edit before.
            Some(Disturbance::Deleted)
                if !(permits(Disturbance::Deleted) || here.was_edited && permits(Disturbance::Edited)) =>
            {
                Some("P5: again, after somebody deleted it")
            }
            Some(Disturbance::Edited) if !permits(Disturbance::Edited) => Some("P4: over what somebody changed"),
            Some(_) if here.restored == Some(revision) => Some("P7: again, after it was restored once"),
            Some(_) => {
                (here.restoring, here.restored) = (Some(revision), Some(revision));
                None
            }
        }
    }

    pub fn delivered(&mut self, revision: i64) {
        let here = &mut self.here;
        (here.durable, here.restoring, here.is_unclear) = (here.durable.max(revision), None, false);
    }

    /// Whether a new or old memory had to see that the server has this.
    pub fn is_needless(&self, revision: i64) -> bool {
        revision <= self.wary && !self.here.is_unclear
    }

    /// The memory knows nothing of it any more; the server does.
    fn forget(&mut self) {
        let Self { ids, history, here, elsewhere, .. } = std::mem::take(self);
        *self = Self { ids, history, here: here.forgotten(), elsewhere: elsewhere.forgotten(), ..Self::default() };
    }

    fn revision(&self) -> i64 {
        i64::try_from(self.bodies.len()).unwrap()
    }

    /// What the server took last, as far as is known.
    fn put_last(&self) -> Option<&String> {
        let revision = usize::try_from(self.here.answered.max(self.here.durable)).ok()?;
        self.bodies.get(revision.checked_sub(1)?)
    }

    pub fn is_justified(&self, revision: i64, body: &str) -> bool {
        usize::try_from(revision - 1)
            .ok()
            .and_then(|index| self.bodies.get(index))
            .is_some_and(|known| known == content(body))
    }

    /// Whether the server answers it as if the API were gone, whatever the weather.
    pub fn is_lost(&self) -> bool {
        self.bodies.last().is_some_and(|body| is(body, LOST))
    }

    fn moved(&mut self) {
        std::mem::swap(&mut self.here, &mut self.elsewhere);
        (self.parked, self.not_before, self.refused, self.stops) = (None, None, None, 0);
        (self.wary, self.here.is_unclear) = (self.revision(), false);
    }

    pub fn may_be_parked(&self) -> bool {
        let was_restored = self.here.disturbed.is_some() && self.here.disturbances >= 2;
        self.refused == Some(self.revision()) || self.is_lost() || self.stops >= SUSPICIONS || was_restored
    }
}

impl There {
    /// What is true of the server, whatever the memory knows.
    fn forgotten(self) -> Self {
        let Self { disturbed, disturbances, was_edited, has_twin, .. } = self;
        Self { disturbed, disturbances, was_edited, has_twin, ..Self::default() }
    }

    /// What an old memory knows of a server that has gone on.
    fn remembered(self, known: Self) -> Self {
        let Self { disturbed, disturbances, was_edited, has_twin, .. } = self;
        Self { disturbed, disturbances, was_edited, has_twin, is_unclear: false, ..known }
    }
}

/// A session's wire form without its id.
fn content(body: &str) -> &str {
    body.find("\"name\"").map_or(body, |place| &body[place..])
}

#[derive(Clone, Default)]
pub struct Ledger {
    entries: BTreeMap<usize, Entry>,
    ids: BTreeMap<String, usize>,
    rows: BTreeMap<SessionRow, usize>,
    /// Refused in a row within this process, and whether the last one was for the second time.
    streak: BTreeSet<usize>,
    is_repeated: bool,
    /// Refused among so many others that it was not for what they are.
    absolved: BTreeSet<usize>,
    /// Absolved once, and others were taken since.
    suspects: BTreeSet<usize>,
}

impl Ledger {
    /// Enters a workout that is heard of for the first time.
    pub fn open(&mut self, number: usize, id: impl FnOnce() -> String) {
        let entry = self.entries.entry(number).or_default();
        if entry.bodies.is_empty() {
            let id = id();
            self.ids.insert(id.clone(), number);
            entry.ids.push(id);
        }
    }

    /// A session has another id too, at a server that never had it, if `is_free` of its ids so far.
    pub fn add_id(&mut self, id: &str, other: &str, body: &str, is_free: impl Fn(&[String]) -> bool) -> bool {
        let Some(number) = self.ids.get(id).copied() else { return false };
        let entry = self.entry(number);
        let There { answered, durable, told, disturbances, .. } = entry.here;
        // The later word counts: it says nothing older than we do.
        let is_last = entry.bodies.last().is_some_and(|last| last == content(body));
        let is_new = answered.max(durable).max(told) == 0 && disturbances == 0 && is_last && is_free(&entry.ids);
        if is_new {
            entry.ids.insert(0, other.to_owned());
            self.ids.insert(other.to_owned(), number);
        }
        is_new
    }

    pub fn entry(&mut self, number: usize) -> &mut Entry {
        self.entries.get_mut(&number).unwrap()
    }

    pub fn entries(&mut self) -> impl Iterator<Item = &mut Entry> {
        self.entries.values_mut()
    }

    pub fn find(&mut self, due: &Due) -> Option<&mut Entry> {
        let number = *self.ids.get(&due.session_id)?;
        self.rows.insert(due.row, number);
        self.entries.get_mut(&number)
    }

    /// Of what was found to be justified when it was sent.
    pub fn of(&mut self, due: &Due) -> &mut Entry {
        self.find(due).unwrap()
    }

    pub fn of_id(&self, id: &str) -> Option<&Entry> {
        self.entries.get(self.ids.get(id)?)
    }

    pub fn of_id_mut(&mut self, id: &str) -> Option<&mut Entry> {
        self.entries.get_mut(self.ids.get(id)?)
    }

    /// The database is lost.
    pub fn forget_all(&mut self) {
        self.entries.values_mut().for_each(Entry::forget);
        let (entries, ids) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.ids));
        *self = Self { entries, ids, ..Self::default() };
    }

    /// An older memory is put back; `is_elsewhere` if it knows the other server as today's.
    pub fn put_back(&mut self, backup: &Self, is_elsewhere: bool) {
        let put_last = |entry: &Entry| (entry.put_last().cloned(), entry.here.is_unclear);
        let put_last: BTreeMap<usize, _> =
            self.entries.iter().map(|(number, entry)| (*number, put_last(entry))).collect();
        self.forget_all();
        self.rows.clone_from(&backup.rows);
        for (number, old) in &backup.entries {
            let entry = self.entry(*number);
            let now = std::mem::take(entry);
            let mut old = old.clone();
            if is_elsewhere {
                // What its server refused is not parked any more.
                old.moved();
            }
            let (mut here, elsewhere) = (now.here.remembered(old.here), now.elsewhere.remembered(old.elsewhere));
            // What it put itself since then looks like somebody's edit to it.
            let is_other = |(last, is_unclear): &(Option<String>, bool)| {
                *is_unclear || last.is_some() && last.as_ref() != old.put_last()
            };
            if here.disturbed.is_none() && put_last.get(number).is_some_and(is_other) {
                (here.disturbed, here.was_edited) = (Some(Disturbance::Edited), true);
            }
            *entry = Entry { ids: now.ids, history: now.history, here, elsewhere, ..old };
            entry.wary = entry.revision();
            (entry.flying, entry.rest, entry.spent) = (false, None, None);
            if backup.absolved.contains(number) {
                entry.refused = Some(entry.revision());
            }
        }
    }

    /// The account has its other server now.
    pub fn moved(&mut self) {
        self.entries.values_mut().for_each(Entry::moved);
    }

    pub fn of_row(&mut self, row: SessionRow) -> Option<&mut Entry> {
        self.entries.get_mut(self.rows.get(&row)?)
    }

    pub fn flying(&self) -> usize {
        self.entries.values().filter(|entry| entry.flying).count()
    }

    /// A session was taken: those that were refused before it were refused for what they are, if they are again.
    pub fn taken(&mut self, due: &Due) {
        (self.streak, self.is_repeated) = (BTreeSet::new(), false);
        self.suspects.append(&mut self.absolved);
        self.suspects.remove(&self.ids[&due.session_id]);
    }

    pub fn refused(&mut self, due: &Due) {
        let number = self.ids[&due.session_id];
        let is_stopped = !self.absolved.is_empty();
        self.entry(number).refused = Some(due.revision);
        if self.suspects.remove(&number) {
            return;
        }
        if is_stopped {
            self.entry(number).refused = None;
            self.absolved.insert(number);
        }
        self.is_repeated = !self.streak.insert(number);
    }

    /// In words that blame the account. That counts once others were refused for what they are.
    pub fn refused_somehow(&mut self, due: &Due) {
        if self.streak.len() >= DOUBTS {
            self.is_repeated = !self.streak.insert(self.ids[&due.session_id]);
        }
    }

    /// How many were refused in a row.
    pub fn streak(&self) -> usize {
        self.streak.len()
    }

    /// The account stops as everything is refused: none of it was for what they are. Returns whether that is believed for a
    /// reason.
    pub fn absolve(&mut self) -> bool {
        for number in self.streak.clone() {
            self.entry(number).refused = None;
            self.absolved.insert(number);
        }
        self.is_repeated || self.streak.len() >= REFUSED_IN_ROW
    }

    /// The process ended in order, and wrote what it had to: what was put back is back.
    pub fn closed(&mut self) {
        self.absolved.clear();
    }

    /// A full disk: these were not put back.
    pub fn not_put_back(&mut self, rows: &[SessionRow]) {
        for row in rows {
            if let Some(entry) = self.of_row(*row) {
                entry.refused = Some(entry.revision());
            }
        }
    }

    pub fn restarted(&mut self) {
        (self.streak, self.is_repeated) = (BTreeSet::new(), false);
        self.suspects.clear();
        // Whether they came back into the queue in time depends on what was written before; both is right.
        for number in std::mem::take(&mut self.absolved) {
            let entry = self.entry(number);
            entry.refused = Some(entry.revision());
        }
        for entry in self.entries.values_mut() {
            (entry.flying, entry.here.answered, entry.rest) = (false, entry.here.durable, None);
        }
    }
}
