//! The oracle's book of sessions: what each should say, how far it has come, and whose fault its refusals were.

use super::destination::is;
use super::folder::LOST;
use fitferry::store::outbox::Due;
use fitferry::store::sessions::SessionRow;
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// So many sessions refused in a row, and none taken, are not their own fault.
const REFUSED_IN_ROW: usize = 10;

/// A session that is answered so often as if the account were stopped may be what is wrong.
const SUSPICIONS: u32 = 5;

/// One session.
#[derive(Default)]
pub struct Entry {
    pub id: String,
    /// What it should say, by revision, from 1.
    pub bodies: Vec<String>,
    pub flying: bool,
    /// The revision that was answered with a 2xx within this process.
    pub answered: i64,
    /// The revision whose delivery is on disk.
    pub durable: i64,
    /// The revision that somebody was told is delivered.
    pub told: i64,
    /// A revision, and before when it is not to be tried again.
    pub not_before: Option<(i64, Timestamp)>,
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
    pub fn revise(&mut self, body: String) {
        if self.bodies.last() != Some(&body) {
            self.bodies.push(body);
        }
    }

    fn revision(&self) -> i64 {
        i64::try_from(self.bodies.len()).unwrap()
    }

    pub fn is_justified(&self, revision: i64, body: &str) -> bool {
        usize::try_from(revision - 1).ok().and_then(|index| self.bodies.get(index)).is_some_and(|known| known == body)
    }

    /// Whether the server answers it as if the API were gone, whatever the weather.
    pub fn is_lost(&self) -> bool {
        self.bodies.last().is_some_and(|body| is(body, LOST))
    }

    pub fn may_be_parked(&self) -> bool {
        self.refused == Some(self.revision()) || self.is_lost() || self.stops >= SUSPICIONS
    }
}

#[derive(Default)]
pub struct Ledger {
    entries: BTreeMap<usize, Entry>,
    ids: BTreeMap<String, usize>,
    rows: BTreeMap<SessionRow, usize>,
    /// Refused in a row within this process.
    streak: BTreeSet<usize>,
    /// Refused among so many others that it was not for what they are.
    absolved: BTreeSet<usize>,
    /// Absolved once, and others were taken since.
    suspects: BTreeSet<usize>,
}

impl Ledger {
    /// Enters a workout that is heard of for the first time.
    pub fn open(&mut self, number: usize, id: impl FnOnce() -> String) {
        let ids = &mut self.ids;
        self.entries.entry(number).or_insert_with(|| {
            let id = id();
            ids.insert(id.clone(), number);
            Entry { id, ..Entry::default() }
        });
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

    pub fn of_row(&mut self, row: SessionRow) -> Option<&mut Entry> {
        self.entries.get_mut(self.rows.get(&row)?)
    }

    pub fn flying(&self) -> usize {
        self.entries.values().filter(|entry| entry.flying).count()
    }

    /// A session was taken: those that were refused before it were refused for what they are, if they are again.
    pub fn taken(&mut self) {
        self.streak.clear();
        self.suspects.append(&mut self.absolved);
    }

    pub fn refused(&mut self, due: &Due) {
        let number = self.ids[&due.session_id];
        let entry = self.entry(number);
        entry.refused = Some(due.revision);
        if self.suspects.remove(&number) {
            return;
        }
        self.streak.insert(number);
        if self.streak.len() >= REFUSED_IN_ROW {
            for number in std::mem::take(&mut self.streak) {
                self.entry(number).refused = None;
                self.absolved.insert(number);
            }
        } else if !self.absolved.is_empty() {
            self.entry(number).refused = None;
            self.absolved.insert(number);
        }
    }

    pub fn restarted(&mut self) {
        self.streak.clear();
        self.suspects.clear();
        // Whether they came back into the queue in time depends on what was written before; both is right.
        for number in std::mem::take(&mut self.absolved) {
            let entry = self.entry(number);
            entry.refused = Some(entry.revision());
        }
        for entry in self.entries.values_mut() {
            (entry.flying, entry.answered, entry.rest) = (false, entry.durable, None);
        }
    }
}
