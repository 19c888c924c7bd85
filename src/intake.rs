//! One file, from its bytes to its verdict: reads it, judges it, and writes down, in one transaction, that it was seen
//! and which sessions that makes.

mod compact;
mod derive;
mod members;
mod open;
mod place;

pub use compact::{Compacting, compact};
pub use derive::{Progress, is_outdated, rederive};
pub use members::judge as judge_member;
pub use open::{Links, Opened, open};

use crate::crash;
use crate::events;
use crate::formats::{self, Condition, Options, Outcome, READER_VERSION, Reading};
use crate::rules::Rules;
use crate::store::files::{self, Judged};
use crate::store::members::Member;
use crate::store::sessions::{self, SessionRow};
use crate::store::{self, Account, Stamp, Verdict, absent, outbox, records};
use crate::workout::{Format, Workout};
use derive::derive;
use jiff::{SignedDuration, Timestamp};
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How far ahead of our clock a workout may start and still be believed at once.
const FUTURE_SLACK: SignedDuration = SignedDuration::from_hours(24);

/// An account as the intake needs it.
#[derive(Clone, Debug)]
pub struct Person {
    pub name: Arc<str>,
    pub account: Account,
    pub rules: Arc<Rules>,
}

/// How a file is to be read.
pub fn options(rules: &Rules, path: &Path) -> Options {
    let (zone, zones) = rules.zones_for(path);
    Options { zone: zone.clone(), zones: zones.to_vec() }
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct Read {
    pub stamp: Stamp,
    pub reading: Reading,
    /// What became of the members, if it is an archive.
    pub members: Vec<Member>,
    /// It changed while it was read, so the reading means nothing.
    pub changed: bool,
    /// It may be half of one version and half of another, see [`is_mixed`].
    pub mixed: bool,
}

/// How far a reading can be trusted to be that of the whole file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Its format proves it.
    Complete,
    /// Nothing marks its end, and what is there makes sense.
    Sensible,
    /// It breaks off, is damaged, makes no sense yet, or may be half of two versions.
    Doubtful,
}

impl Read {
    /// How far this can be trusted to be the whole file. Pure.
    pub fn proof(&self) -> Proof {
        let reading = &self.reading;
        let is_good = matches!(reading.outcome(), Outcome::Ok(_));
        match reading.condition {
            _ if self.mixed => Proof::Doubtful,
            Condition::Truncated(_) | Condition::Damaged(_) => Proof::Doubtful,
            Condition::Unmarked if is_good && self.members.is_empty() => Proof::Sensible,
            Condition::Unmarked => Proof::Doubtful,
            Condition::Sound if reading.format.is_none() => Proof::Sensible,
            Condition::Sound => Proof::Complete,
        }
    }

    /// What a file means for now that may still be growing: of an archive, what is whole in it is taken.
    pub fn assess_unfinished(&mut self, now: Timestamp) -> Assessment {
        if self.mixed {
            let why = "it was overwritten in place: perhaps half of it is what it was before";
            return Assessment::Wait(format!("{why}; it may still be written to"));
        }
        let why = match self.assess(now) {
            Assessment::Take(reason) => reason.unwrap_or_else(|| self.first_doubt()),
            Assessment::TakeSome(reason) | Assessment::Wait(reason) | Assessment::NoSession(reason) => reason,
            Assessment::Reject(reason) | Assessment::Ignore(reason) => reason,
        };
        let reason = format!("{}; it may still be growing", self.reading.flaw().unwrap_or(why));
        if self.reading.flaw().is_some() || self.members.is_empty() {
            return Assessment::Wait(reason);
        }
        self.reading.workouts.retain(|workout| !workout.source.salvaged);
        if self.reading.workouts.is_empty() { Assessment::Wait(reason) } else { Assessment::TakeSome(reason) }
    }

    /// What is not fine in an archive that is taken as it is.
    fn first_doubt(&self) -> String {
        let member =
            self.members.iter().find_map(|member| Some(format!("{}: {}", member.name, member.reason.as_ref()?)));
        let refused = || self.reading.refused.first().cloned();
        member.or_else(refused).unwrap_or_else(|| "bytes of its members may be missing".to_owned())
    }

    /// Judges what was read, and leaves out of it what is not believed yet.
    pub fn assess(&mut self, now: Timestamp) -> Assessment {
        match assess(&mut self.reading, now) {
            Assessment::Take(_) | Assessment::NoSession(_) | Assessment::Reject(_) if !self.members.is_empty() => {
                members::assess(&self.members, self.reading.flaw().as_deref())
            }
            assessment => assessment,
        }
    }

    /// The same file on its way into the store.
    pub fn seen(self, path: &Path, assessment: Assessment) -> Seen {
        Seen { members: self.members, ..Seen::new(path, self.stamp, self.reading, assessment) }
    }
}

/// Opens and reads a file to its end; errors as of [`open()`]. Anything that is not a regular file is of no format.
pub fn read(path: &Path, rules: &Rules, links: Links) -> io::Result<Read> {
    let file = match open(path, links)? {
        Opened::File(file) => file,
        Opened::Other(stamp, why) => {
            let (reading, members) = (Reading::unknown(why), Vec::new());
            return Ok(Read { stamp, reading, members, changed: false, mixed: false });
        }
    };
    let before = Stamp::of(&file.metadata()?);
    let mut members = Vec::new();
    let mut judge = |member: &formats::Member| members.push(members::judge(member));
    let reading = formats::read_whole(&file, &options(rules, path), &mut judge)?;
    let stamp = Stamp::of(&file.metadata()?);
    Ok(Read { stamp, reading, members, changed: stamp != before, mixed: false })
}

/// Whether what was read may be half of what the file was before. Whoever overwrites a file from its beginning leaves it as
/// long as it was until the end; where nothing is computed of all bytes, as the checksum of FIT is, both halves may fit. A file
/// that was closed is believed, unless its workouts look like that: a transfer that is resumed closes it in between.
pub fn is_mixed(
    connection: &Connection,
    account: Account,
    path: &Path,
    read: &Read,
    closed: bool,
) -> rusqlite::Result<bool> {
    let workouts = &read.reading.workouts;
    if workouts.iter().all(|workout| workout.source.format == Format::Fit) {
        return Ok(false);
    }
    match files::in_place(connection, account, path, read.stamp)? {
        Some(file) if closed => place::is_torn(connection, file, workouts),
        Some(file) => Ok(!place::is_told(connection, file, workouts)?),
        None => Ok(false),
    }
}

/// What a reading means for a file in a folder, before the store is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Assessment {
    /// Its workouts are taken; the reason says if they were salvaged.
    Take(Option<String>),
    /// Those that are believed are taken; the others are looked at again.
    TakeSome(String),
    NoSession(String),
    Reject(String),
    /// Believed later, if at all.
    Wait(String),
    Ignore(String),
}

/// Judges a reading, and leaves out of it what is not believed yet. Pure.
pub fn assess(reading: &mut Reading, now: Timestamp) -> Assessment {
    let latest = now.saturating_add(FUTURE_SLACK).unwrap_or(Timestamp::MAX);
    if let Some(Workout { start, .. }) = reading.workouts.iter().find(|workout| workout.start > latest) {
        let reason = format!("a workout starts in the future, at {start}; is this machine's clock right?");
        reading.workouts.retain(|workout| workout.start <= latest);
        return if reading.workouts.is_empty() { Assessment::Wait(reason) } else { Assessment::TakeSome(reason) };
    }
    match reading.outcome() {
        Outcome::Ok(salvaged) => Assessment::Take(salvaged),
        Outcome::NoSession(reason) => Assessment::NoSession(reason),
        Outcome::Error(reason) if reading.format.is_none() && reading.flaw().is_none() => Assessment::Ignore(reason),
        Outcome::Error(reason) => Assessment::Reject(reason),
    }
}

/// A judged file on its way into the store; what a command hands over to a running daemon.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// Bytes, as names need not be UTF-8.
    path: Vec<u8>,
    pub stamp: Stamp,
    format: Option<Format>,
    pub assessment: Assessment,
    workouts: Vec<Workout>,
    /// What became of the members, if it is an archive.
    #[serde(default)]
    members: Vec<Member>,
}

impl Seen {
    pub fn new(path: &Path, stamp: Stamp, mut reading: Reading, assessment: Assessment) -> Self {
        let path = path.as_os_str().as_bytes().to_vec();
        let salvaged = reading.flaw().is_some();
        reading.workouts.iter_mut().for_each(|workout| workout.source.salvaged |= salvaged);
        Self { path, stamp, format: reading.format, assessment, workouts: reading.workouts, members: Vec::new() }
    }

    pub fn path(&self) -> PathBuf {
        PathBuf::from(OsString::from_vec(self.path.clone()))
    }
}

/// What came of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub verdict: Verdict,
    pub reason: Option<String>,
    /// False if the same file got the same verdict before, or it waits, is ignored or is known as before, whatever it was then.
    pub is_news: bool,
    /// It was missed.
    pub is_back: bool,
    /// The sessions that the file's workouts are, new or known.
    pub sessions: Vec<SessionRow>,
    /// Those of them that are new or have new content.
    pub changed: Vec<SessionRow>,
}

/// Writes down a file and what comes of it. Runs inside one transaction, so there is no moment in which a crash could
/// leave a file seen and its sessions forgotten.
pub fn record(connection: &Connection, person: &Person, seen: &Seen, now: Timestamp) -> rusqlite::Result<Receipt> {
    let path = seen.path();
    if let Some(reason) = remainder(connection, person, seen)? {
        return record(connection, person, &Seen { assessment: Assessment::Reject(reason), ..seen.clone() }, now);
    }
    let (verdict, reason) = match &seen.assessment {
        Assessment::Take(reason) => (Verdict::Known, reason.as_deref()),
        Assessment::TakeSome(reason) | Assessment::Wait(reason) => (Verdict::Waiting, Some(reason.as_str())),
        Assessment::NoSession(reason) => (Verdict::NoSession, Some(reason.as_str())),
        Assessment::Reject(reason) => (Verdict::Rejected, Some(reason.as_str())),
        Assessment::Ignore(reason) => (Verdict::Ignored, Some(reason.as_str())),
    };
    let judged = Judged { path: &path, stamp: seen.stamp, format: seen.format, verdict, reason };
    let is_news = match verdict {
        // Of a file that somebody writes to all the time each line would be told of.
        Verdict::Waiting | Verdict::Ignored => !files::is_judged_alike(connection, person.account, &judged)?,
        // The same is saved every few seconds by some programs, and the mode of thousands may be changed at once.
        Verdict::Known => !files::was_known(connection, person.account, &path)?,
        _ => !files::was_judged(connection, person.account, &judged)?,
    };
    let is_back = files::is_missed(connection, person.account, &path)?;
    let file = files::judge(connection, person.account, &judged, READER_VERSION, now)?;
    let members = seen.members.iter().filter(|member| member.verdict != Verdict::Known);
    store::members::replace(connection, file, members)?;
    crash::point("intake.judged");
    let reason = reason.map(str::to_owned);
    let mut receipt = Receipt { verdict, reason, is_news, is_back, sessions: Vec::new(), changed: Vec::new() };
    if !matches!(seen.assessment, Assessment::Take(_) | Assessment::TakeSome(_)) {
        return Ok(receipt);
    }
    let placed = place::place(connection, person, file, &seen.workouts)?;
    receipt.sessions = placed.sessions;
    for session in placed.touched {
        if derive(connection, person, session, now)? {
            receipt.changed.push(session);
        }
    }
    if verdict == Verdict::Known {
        conclude(connection, person, file, &mut receipt)?;
        let judged = Judged { verdict: receipt.verdict, reason: receipt.reason.as_deref(), ..judged.clone() };
        if (judged.verdict, judged.reason) != (verdict, reason_of(seen)) {
            files::judge(connection, person.account, &judged, READER_VERSION, now)?;
        }
    }
    crash::point("intake.queued");
    Ok(receipt)
}

/// Why nothing is taken of a file of which only parts are left that it told as a whole before.
fn remainder(connection: &Connection, person: &Person, seen: &Seen) -> rusqlite::Result<Option<String>> {
    let (Assessment::Take(Some(reason)) | Assessment::TakeSome(reason)) = &seen.assessment else { return Ok(None) };
    let is_remainder = match files::row(connection, person.account, &seen.path())? {
        Some(file) => place::is_remainder(connection, file, &seen.workouts)?,
        None => false,
    };
    Ok(is_remainder.then(|| format!("{reason}; what it told when it was whole stays")))
}

fn reason_of(seen: &Seen) -> Option<&str> {
    match &seen.assessment {
        Assessment::Take(reason) => reason.as_deref(),
        _ => None,
    }
}

/// Whether the file brought anything new, and how much of it the rules skip.
fn conclude(connection: &Connection, person: &Person, file: i64, receipt: &mut Receipt) -> rusqlite::Result<()> {
    if !receipt.changed.is_empty() {
        receipt.verdict = Verdict::Queued;
    }
    if !person.rules.skips_any() {
        return Ok(());
    }
    if let (count, Some(why)) = sessions::skipped_of_file(connection, file)? {
        let skipped = format!("{count} of {} workouts are skipped by your rules: {why}", receipt.sessions.len());
        receipt.reason = Some(receipt.reason.iter().cloned().chain([skipped]).collect::<Vec<_>>().join("; "));
    }
    Ok(())
}

/// What came of a file that was forgotten.
#[derive(Clone, Debug, PartialEq)]
pub struct Forgotten {
    pub path: PathBuf,
    /// How many sessions no other file tells of: they are to be deleted.
    pub deleted: usize,
    /// How many have other content now, that of their other files.
    pub changed: usize,
}

/// Forgets a file that is gone and what it told, and queues what that changes, in one transaction.
pub fn forget(connection: &Connection, person: &Person, file: i64, now: Timestamp) -> rusqlite::Result<Forgotten> {
    let sessions = sessions::of_file(connection, file)?;
    records::forget_all(connection, file)?;
    let mut forgotten = Forgotten { path: absent::forget(connection, file)?, deleted: 0, changed: 0 };
    for session in sessions {
        if sessions::dismiss(connection, session)? {
            // What somebody deleted on the server stays deleted there, also should the file come back.
            if !outbox::is_deleted_there(connection, person.account, session)? {
                outbox::queue(connection, person.account, session, now)?;
            }
            forgotten.deleted += usize::from(!outbox::withdraw(connection, person.account, session)?);
        } else if derive(connection, person, session, now)? {
            forgotten.changed += 1;
        }
    }
    crash::point("intake.forgetting");
    Ok(forgotten)
}

/// Forgets a file that is gone if no session is another one without it.
pub fn forget_if_nothing_changes(
    connection: &Connection,
    person: &Person,
    file: i64,
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection.execute_batch("SAVEPOINT forgetting")?;
    let forgotten = forget(connection, person, file, now)?;
    let undo = if forgotten.deleted + forgotten.changed > 0 { "ROLLBACK TO forgetting; " } else { "" };
    connection.execute_batch(&format!("{undo}RELEASE forgetting"))
}

/// Puts a file's fate into the log.
pub fn tell(account: &str, path: &Path, receipt: &Receipt) {
    let reason = receipt.reason.as_deref();
    let words = reason.unwrap_or_default();
    if receipt.is_back {
        events::file_back(account, path);
    }
    match receipt.verdict {
        Verdict::Queued => events::file_queued(account, path, receipt.sessions.len(), receipt.changed.len(), reason),
        Verdict::Known if receipt.is_news => events::file_known(account, path, receipt.sessions.len()),
        Verdict::Known => events::file_still_known(account, path, receipt.sessions.len()),
        Verdict::NoSession => events::file_no_session(account, path, words),
        Verdict::Rejected => events::file_rejected(account, path, words),
        Verdict::Waiting if receipt.is_news => events::file_waiting(account, path, words),
        // Somebody may write to it all the time: then only the first is for everybody.
        Verdict::Waiting => events::file_still_waiting(account, path, words),
        Verdict::Ignored if receipt.is_news => events::file_ignored(account, path, words),
        Verdict::Ignored => events::file_still_ignored(account, path, words),
    }
}

#[cfg(test)]
mod tests;
