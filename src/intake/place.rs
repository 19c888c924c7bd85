//! Which session each workout of a file is, new or known, beside what the file told before.

use super::Person;
use crate::merge::{self, Candidate, Rule};
use crate::session;
use crate::store::records::{self, RecordRow};
use crate::store::sessions::{self, SessionRow};
use crate::workout::{Key, Workout};
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// No workout is longer, so none that starts earlier can overlap.
const LONGEST: SignedDuration = SignedDuration::from_hours(5 * 24);

/// Former workouts of a file that one of its new ones is compared with, at most.
const MOST_COMPARED: usize = 200;

/// Where the workouts of a file are now.
pub struct Placed {
    /// The session of each workout.
    pub sessions: Vec<SessionRow>,
    /// Sessions of which the file says something else than before: theirs are made anew.
    pub touched: Vec<SessionRow>,
}

/// Finds or makes the session of each workout of a file, and replaces what the file said before.
///
/// What is unchanged is left as it is. The rest is paired with the file's own former workouts first, then with all others.
pub fn place(connection: &Connection, person: &Person, file: i64, workouts: &[Workout]) -> rusqlite::Result<Placed> {
    let mut former = Former::load(connection, file)?;
    let mut placing = Placing { connection, person, file, taken: HashSet::new(), placed: vec![None; workouts.len()] };
    let mut news = Vec::new();
    for (index, workout) in workouts.iter().enumerate() {
        match former.take(&records::stored(workout)?) {
            Some(session) => placing.keep(index, workout, session),
            None => news.push((index, placing.typed(workout))),
        }
    }
    let left = former.left();
    if !news.is_empty() {
        // A new file may be the next version of one that was moved when it was done with.
        let moved = if left.is_empty() { records::of_former_versions(connection, file)? } else { Vec::new() };
        let own = Own::load(connection, if left.is_empty() { &moved } else { &left })?;
        news = placing.each(news, workouts, |placing, record, _| Ok(own.by_key(record, &placing.taken)))?;
        news = placing.each(news, workouts, |placing, record, _| Ok(own.by_overlap(record, &placing.taken)))?;
    }
    placing.each(news, workouts, |placing, record, told| placing.find_or_make(record, told).map(Some))?;
    records::forget(connection, left.iter().map(|(record, _)| *record))?;
    Ok(placing.finish(&left))
}

/// Whether a file told exactly this before.
pub fn is_told(connection: &Connection, file: i64, workouts: &[Workout]) -> rusqlite::Result<bool> {
    let mut former = Former::load(connection, file)?;
    for workout in workouts {
        if former.take(&records::stored(workout)?).is_none() {
            return Ok(false);
        }
    }
    Ok(former.left().is_empty())
}

/// Whether a workout may be the beginning of one and the rest of what the file told before: it ends as that did and begins
/// elsewhere, or begins in the middle of that and goes on beyond its end, or has another key for the same beginning.
pub fn is_torn(connection: &Connection, file: i64, workouts: &[Workout]) -> rusqlite::Result<bool> {
    let mut former = Vec::new();
    records::of_file(connection, file, |_, _, json| {
        let workout = serde_json::from_str::<Workout>(json).ok();
        former.extend(workout.map(|Workout { start, end, key, .. }| (start, (end, key))));
    })?;
    let starts: HashMap<_, _> = former.iter().map(|(start, (_, key))| (start, key)).collect();
    let ends: HashSet<_> = former.iter().map(|(_, (end, _))| end).collect();
    let is_torn = |Workout { start, end, key, .. }: &Workout| match starts.get(start) {
        Some(former) => *former != key,
        None => ends.contains(end) || former.iter().any(|(from, (to, _))| from < start && start < to && to < end),
    };
    Ok(workouts.iter().any(is_torn))
}

/// Whether all that is left of a file is parts of what it told when it was whole: then the whole is the better word.
pub fn is_remainder(connection: &Connection, file: i64, workouts: &[Workout]) -> rusqlite::Result<bool> {
    if workouts.is_empty() || !workouts.iter().all(|workout| workout.source.salvaged) {
        return Ok(false);
    }
    let mut starts = HashSet::new();
    records::of_file(connection, file, |_, _, json| {
        let whole = serde_json::from_str::<Workout>(json).ok().filter(|workout| !workout.source.salvaged);
        starts.extend(whole.map(|workout| workout.start));
    })?;
    Ok(workouts.iter().all(|workout| starts.contains(&workout.start)))
}

/// The records of a file as it was, by their content.
struct Former {
    hashes: [RandomState; 2],
    records: HashMap<[u64; 2], Vec<(RecordRow, SessionRow)>>,
}

impl Former {
    fn load(connection: &Connection, file: i64) -> rusqlite::Result<Self> {
        let mut former = Self { hashes: [RandomState::new(), RandomState::new()], records: HashMap::new() };
        records::of_file(connection, file, |record, session, json| {
            let content = former.digest(json);
            former.records.entry(content).or_default().push((record, session));
        })?;
        Ok(former)
    }

    /// The text itself would be megabytes; by chance two of these are never equal.
    fn digest(&self, json: &str) -> [u64; 2] {
        self.hashes.each_ref().map(|hash| hash.hash_one(json))
    }

    /// The session of a record that says exactly this.
    fn take(&mut self, json: &str) -> Option<SessionRow> {
        let content = self.digest(json);
        Some(self.records.get_mut(&content)?.pop()?.1)
    }

    /// What the file does not say any more, in the order in which it was written down.
    fn left(self) -> Vec<(RecordRow, SessionRow)> {
        let mut left: Vec<_> = self.records.into_values().flatten().collect();
        left.sort_unstable();
        left
    }
}

/// Former workouts of the file that it tells otherwise now, or not at all.
struct Own {
    /// By start.
    workouts: Vec<(Option<String>, SessionRow, Candidate)>,
    by_key: HashMap<Key, SessionRow>,
}

impl Own {
    fn load(connection: &Connection, left: &[(RecordRow, SessionRow)]) -> rusqlite::Result<Self> {
        let mut own = Self { workouts: Vec::with_capacity(left.len()), by_key: HashMap::new() };
        for (record, session) in left {
            let workout = records::get(connection, *record)?;
            let candidate = Candidate { from_same_file: true, ..records::as_candidate(connection, *session)? };
            own.by_key.extend(merge::keys_of(&workout).map(|key| (key.clone(), *session)));
            own.workouts.push((workout.source.member, *session, candidate));
        }
        own.workouts.sort_by_key(|(.., candidate)| candidate.start);
        Ok(own)
    }

    fn by_key(&self, record: &Workout, taken: &Taken<'_>) -> Option<(SessionRow, Rule)> {
        let session = merge::keys_of(record).find_map(|key| self.by_key.get(key))?;
        (!taken.contains(&(record.source.member.as_deref(), *session))).then_some((*session, Rule::Key))
    }

    fn by_overlap(&self, record: &Workout, taken: &Taken<'_>) -> Option<(SessionRow, Rule)> {
        let from = record.start.saturating_sub(LONGEST).unwrap_or(Timestamp::MIN);
        let first = self.workouts.partition_point(|(.., candidate)| candidate.start < from);
        let last = self.workouts.partition_point(|(.., candidate)| candidate.start <= record.end);
        let near = &self.workouts[first.max(last.saturating_sub(MOST_COMPARED))..last];
        let member = &record.source.member;
        let same = near.iter().filter(|(of, row, _)| of == member && !taken.contains(&(member.as_deref(), *row)));
        let (rows, candidates): (Vec<_>, Vec<_>) = same.map(|(_, row, candidate)| (*row, candidate.clone())).unzip();
        merge::find(record, &candidates).map(|(index, rule)| (rows[index], rule))
    }
}

/// Sessions that the file, or a member of the archive, has told of already: its other workouts are others.
type Taken<'a> = HashSet<(Option<&'a str>, SessionRow)>;

struct Placing<'a> {
    connection: &'a Connection,
    person: &'a Person,
    file: i64,
    taken: Taken<'a>,
    /// In the order of the file; whether it is something that nobody said of the session before.
    placed: Vec<Option<(SessionRow, bool)>>,
}

impl<'a> Placing<'a> {
    /// As it is compared with others: of the type that its owner wants it to have.
    fn typed(&self, workout: &Workout) -> Workout {
        let mut record = workout.clone();
        self.person.rules.types.apply(&mut record);
        record
    }

    fn keep(&mut self, index: usize, workout: &'a Workout, session: SessionRow) {
        self.taken.insert((workout.source.member.as_deref(), session));
        self.placed[index] = Some((session, false));
    }

    /// Places what `find` finds a session for, by a record as it is compared and as it is told; returns the others.
    fn each(
        &mut self,
        news: Vec<(usize, Workout)>,
        workouts: &'a [Workout],
        mut find: impl FnMut(&Self, &Workout, &Workout) -> rusqlite::Result<Option<(SessionRow, Rule)>>,
    ) -> rusqlite::Result<Vec<(usize, Workout)>> {
        let mut left = Vec::new();
        for (index, record) in news {
            let workout = &workouts[index];
            let Some((session, rule)) = find(self, &record, workout)? else {
                left.push((index, record));
                continue;
            };
            // An older copy of the export said the same; only a folder may have been what kept the session back.
            let is_news = self.person.rules.skips_any() || !records::is_told(self.connection, session, workout)?;
            // At once, as a member of the same archive may belong to it.
            records::add(self.connection, self.file, session, workout, rule)?;
            self.taken.insert((workout.source.member.as_deref(), session));
            self.placed[index] = Some((session, is_news));
        }
        Ok(left)
    }

    fn find_or_make(&self, record: &Workout, told: &Workout) -> rusqlite::Result<(SessionRow, Rule)> {
        let mut candidates = records::candidates(self.connection, self.person.account, record)?;
        candidates.retain(|(row, _)| self.is_free(record, *row));
        let (rows, candidates): (Vec<_>, Vec<_>) = candidates.into_iter().unzip();
        if let Some((index, rule)) = merge::find(record, &candidates) {
            return Ok((rows[index], rule));
        }
        // Of two copies one has grown, and the other has another name now.
        for row in rows {
            if records::has_told(self.connection, row, told)? {
                return Ok((row, Rule::Copy));
            }
        }
        Ok((self.make(record)?, Rule::New))
    }

    /// Legs of one file are different workouts, however alike they look.
    fn is_free(&self, record: &Workout, session: SessionRow) -> bool {
        !self.taken.contains(&(record.source.member.as_deref(), session))
    }

    fn make(&self, record: &Workout) -> rusqlite::Result<SessionRow> {
        let account = self.person.account;
        let mut failed = None;
        let id = session::assign_id(record, |id| {
            sessions::has_id(self.connection, account, id, None).unwrap_or_else(|error| {
                failed.get_or_insert(error);
                false
            })
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let suspects = records::suspects(self.connection, account, record)?;
        let suspects =
            suspects.into_iter().filter(|(row, other)| self.is_free(record, *row) && merge::is_suspect(record, other));
        let suspect = suspects.min_by_key(|(_, other)| other.start.duration_since(record.start).abs());
        sessions::create(self.connection, account, &id, record, suspect.map(|(row, _)| row))
    }

    fn finish(self, left: &[(RecordRow, SessionRow)]) -> Placed {
        let placed = self.placed.into_iter().flatten();
        let (sessions, news): (Vec<_>, Vec<_>) = placed.map(|(row, is_news)| (row, is_news.then_some(row))).unzip();
        let mut seen = HashSet::new();
        let touched = news.into_iter().flatten().chain(left.iter().map(|(_, session)| *session));
        Placed { sessions, touched: touched.filter(|session| seen.insert(*session)).collect() }
    }
}
