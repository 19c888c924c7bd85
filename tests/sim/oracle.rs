//! Knows what is owed, as it follows from what was put into the folder and what the server said, and judges every step.
//! It shares no memory with the product: ids, contents and revisions are its own.

use super::complaints::{complaint_about, complaint_at_rest};
use super::destination::{Answer, Stored};
use super::folder::Record;
use super::ledger::{Disturbance, Entry, Ledger};
use super::limits::Manners;
use super::mass::Mass;
use super::plan::Plan;
use fitferry::config::{OnEdited, ReconcileSettings};
use fitferry::merge;
use fitferry::rules::Rules;
use fitferry::session::{self, APPLICATION, Session};
use fitferry::store::outbox::{Due, Verdict};
use fitferry::store::sessions::SessionRow;
use fitferry::store::{Account, Stamp, files};
use fitferry::sync::Now;
use fitferry::sync::courier::{Action, Event, News};
use fitferry::workout::Workout;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

/// How a stop begins that is for refusals alone, and how long its first one lasts at most.
const REFUSES: &str = "the server refuses every session";
const FIRST_STOP: Duration = Duration::from_secs(600);

pub struct Oracle {
    pub violation: Option<String>,
    pub ledger: Ledger,
    pub manners: Manners,
    files: BTreeMap<String, Filed>,
    account: Account,
    /// Answers that the daemon has and did not hear of yet.
    said: BTreeMap<SessionRow, Answer>,
    is_stopping: bool,
    /// Whether the folder was looked through since the start.
    pub is_complete: bool,
    policy: ReconcileSettings,
    /// What was known when the backup was made, and whether that was with the other server.
    pub backup: Option<(Ledger, BTreeMap<String, Filed>, bool)>,
    is_elsewhere: bool,
    was_put_back: bool,
    pub mass: Mass,
}

type Filed = (Option<Stamp>, Vec<Record>);

impl Oracle {
    pub fn new(plan: &Plan, account: Account) -> Self {
        Self {
            violation: None,
            ledger: Ledger::default(),
            manners: Manners::new(plan),
            files: BTreeMap::new(),
            account,
            said: BTreeMap::new(),
            is_stopping: false,
            is_complete: false,
            policy: plan.reconcile.clone(),
            backup: None,
            is_elsewhere: false,
            was_put_back: false,
            mass: Mass::default(),
        }
    }

    fn demand(&mut self, holds: bool, what: impl FnOnce() -> String) {
        if !holds && self.violation.is_none() {
            self.violation = Some(what());
        }
    }

    /// A file was recorded durably: from now on its sessions are owed.
    pub fn filed(&mut self, path: &str, stamp: Stamp, mut records: Vec<Record>) {
        let before = self.files.get(path).map_or(&[][..], |(_, records)| records);
        for record in &mut records {
            // What a file said before, it does not say later.
            let same = before.iter().find(|other| says_the_same(&other.workout, &record.workout));
            record.workout.source.said_ns = same.map_or(stamp.mtime_ns, |other| other.workout.source.said_ns);
        }
        let mut numbers: BTreeSet<usize> = records.iter().map(|record| record.number).collect();
        for Record { number, workout, .. } in &records {
            self.ledger.open(*number, || session::assign_id(workout, |_| false));
        }
        if let Some((_, before)) = self.files.insert(path.to_owned(), (Some(stamp), records)) {
            numbers.extend(before.iter().map(|record| record.number));
        }
        for number in numbers {
            let all = self.files.values().flat_map(|(_, records)| records);
            let told = all.filter(|record| record.number == number).map(|record| record.workout.clone()).collect();
            // A past file justifies a session of which none tells any more.
            if let Some(workout) = merge::merge(told) {
                let entry = self.ledger.entry(number);
                let session = Session::of(&workout, entry.id().to_owned(), &Rules::of(TimeZone::UTC));
                entry.revise(&serde_json::to_string(&session).unwrap(), self.is_complete);
            }
        }
    }

    /// A file was looked at, and is not believed yet.
    pub fn doubted(&mut self, path: &str) {
        if let Some((stamp, _)) = self.files.get_mut(path) {
            *stamp = None;
        }
    }

    /// The courier is about to hear this.
    pub fn heard(&mut self, event: &Event, now: Now) {
        match event {
            Event::Answered { due, .. } => {
                if let Some(answer) = self.said.remove(&due.row) {
                    self.answered(due, &answer, now);
                }
            }
            Event::Stopping => self.is_stopping = true,
            Event::Recorded { news: News::Delivered { due }, .. } => {
                let (was_said, id) = {
                    let entry = self.ledger.of(due);
                    entry.here.told = entry.here.told.max(due.revision);
                    (entry.here.answered >= due.revision, entry.id().to_owned())
                };
                self.demand(was_said, || format!("P2: {id}@{} told as delivered without a 2xx", due.revision));
            }
            Event::NotRecorded { row } => {
                if let Some(entry) = self.ledger.of_row(*row) {
                    entry.here.answered = entry.here.durable;
                }
            }
            Event::Probe => self.forget_rests(),
            _ => {}
        }
    }

    /// The client has this from the server. The product is told, and draws its own conclusions.
    pub fn said(&mut self, due: &Due, answer: &Answer) {
        self.said.insert(due.row, answer.clone());
    }

    fn answered(&mut self, due: &Due, answer: &Answer, now: Now) {
        self.manners.answered(due, answer, now);
        self.ledger.of(due).flying = false;
        match answer {
            Answer::Taken => {
                self.ledger.of(due).here.answered = due.revision;
                self.ledger.taken(due);
            }
            Answer::Status { status: 400, .. } | Answer::Status { status: 403, reason: "forNoReason", .. } => {
                self.ledger.refused(due);
                let streak = self.ledger.streak();
                let is_endless = !self.manners.halted && streak > self.manners.longest_streak();
                self.demand(!is_endless, || format!("P7: {streak} sessions are refused in a row, and more are sent"));
            }
            Answer::Status { status: 401, .. } => self.ledger.of(due).stops += 1,
            Answer::Status { status: 403 | 404, .. } => {
                self.ledger.of(due).stops += 1;
                self.ledger.refused_somehow(due);
            }
            Answer::Status { .. } | Answer::Broken(_) => {}
        }
    }

    /// The courier wants this.
    pub fn wanted(&mut self, action: &Action, now: Now) {
        match action {
            Action::Send(due) => self.sent(due, now),
            Action::Halt(halt) => {
                self.manners.halted = halt.stopped;
                if halt.reason.starts_with(REFUSES) {
                    self.manners.is_refused = true;
                    let (is_found, pause) = (self.ledger.absolve(), halt.pause);
                    self.demand(is_found, || "P6: the account stops, and others were not tried".to_owned());
                    self.demand(pause <= FIRST_STOP, || format!("P6: the account stops for {pause:?} at once"));
                }
            }
            Action::Resume => (self.manners.halted, self.manners.is_refused) = (false, false),
            Action::Record { due, verdict: Verdict::Retry { next, reason }, .. } => {
                self.ledger.of(due).rest = self.manners.kept_rest(now);
                self.manners.retried(due, *next, reason, now);
            }
            _ => {}
        }
    }

    /// It is written down with all the requests of the day, those that the courier wants next among them.
    pub fn records(&mut self, due: &Due) {
        self.ledger.of(due).spent = self.manners.day();
    }

    /// The comparison makes so many requests.
    pub fn asked(&mut self, requests: u32, now: Now) {
        for _ in 0..requests {
            if let Some(complaint) = self.manners.requested(now) {
                self.demand(false, || format!("P7: a question {complaint}"));
            }
        }
    }

    /// Others did something to a session.
    pub fn disturbed(&mut self, id: &str, how: Disturbance) {
        if let Some(entry) = self.ledger.of_id_mut(id) {
            entry.here.disturbed = Some(how);
            entry.here.disturbances += 1;
            entry.here.was_edited |= how == Disturbance::Edited;
        }
    }

    pub fn was_disturbed(&self, id: &str) -> bool {
        self.ledger.of_id(id).is_some_and(|entry| entry.here.disturbances > 0)
    }

    pub fn has_twin(&mut self, id: &str) {
        if let Some(entry) = self.ledger.of_id_mut(id) {
            entry.here.has_twin = true;
        }
    }

    /// A comparison that no person asked for queued or parked these sessions, which did not wait. Those of a mass count
    /// together, however slowly they are found.
    pub fn repaired(&mut self, ids: &[String]) {
        let count = self.mass.repaired(ids);
        let known = self.ledger.entries().filter(|entry| !entry.bodies.is_empty()).count();
        let share = |number: usize| f64::from(u32::try_from(number).unwrap());
        let is_mass = count > self.policy.mass && share(count) > self.policy.mass_share * share(known);
        self.demand(!is_mass, || format!("P5: {count} of {known} sessions are repaired, and nobody was asked"));
    }

    /// Whether another memory may have put a session at a server that never had it, under another id.
    pub fn was_put_by_another(&mut self, id: &str, other: &str, body: &str, there: &BTreeMap<String, Stored>) -> bool {
        self.ledger.add_id(id, other, body, |ids| !ids.iter().any(|id| there.contains_key(id)))
    }

    pub fn back_up(&mut self, is_elsewhere: bool) {
        self.backup = Some((self.ledger.clone(), self.files.clone(), is_elsewhere));
    }

    pub fn put_back_backup(&mut self) {
        let (ledger, files, was_elsewhere) = self.backup.clone().unwrap();
        self.ledger.put_back(&ledger, was_elsewhere != self.is_elsewhere);
        self.files = files;
        self.manners.forgotten();
        self.mass.forget();
        self.was_put_back = true;
    }

    pub fn forget_all(&mut self) {
        self.ledger.forget_all();
        self.files.clear();
        self.manners.forgotten();
        self.mass.forget();
    }

    pub fn moved(&mut self) {
        self.is_elsewhere = !self.is_elsewhere;
        self.ledger.moved();
        self.manners.forgotten();
        self.mass.forget();
    }

    fn sent(&mut self, due: &Due, now: Now) {
        let what = format!("{}@{}", due.session_id, due.revision);
        let flying = self.ledger.flying();
        self.demand(!self.is_stopping, || format!("P7: {what} after the daemon was told to stop"));
        if let Some(complaint) = self.manners.sent(now, flying) {
            self.demand(false, || format!("P7: {what} {complaint}"));
        }
        let Some(entry) = self.ledger.find(due) else {
            return self.demand(false, || format!("P5: {what} is justified by no file"));
        };
        let complaint = complaint_about(entry, due, &self.policy, now);
        (entry.flying, entry.here.is_unclear) = (true, true);
        self.demand(complaint.is_none(), || format!("{what} {}", complaint.unwrap_or_default()));
    }

    /// The server takes a session that holds this of it until now.
    pub fn applied(&mut self, due: &Due, before: Option<&Stored>) {
        self.mass.is_back(&due.session_id);
        let may_restore = self.was_put_back && self.policy.on_edited == OnEdited::Restore;
        let Some(entry) = self.ledger.of_id_mut(&due.session_id) else { return };
        (entry.here.disturbed, entry.here.was_edited) = (None, false);
        let Some(before) = before.and_then(|before| before.body.as_deref()) else { return };
        let body = due.body.as_deref().unwrap_or_default();
        let is_older = entry.is_newer(before, body);
        self.demand(!is_older || may_restore, || {
            format!("P4: {}@{} goes over something newer: {before}", due.session_id, due.revision)
        });
    }

    /// A session is sent to a server that holds this of it.
    pub fn meets(&mut self, due: &Due, there: Option<&Stored>) {
        let Some(entry) = self.ledger.of_id(&due.session_id) else { return };
        let is_there = there.is_some_and(|there| there.body.is_some() && there.body == due.body);
        let is_needless = is_there && entry.is_needless(due.revision);
        self.demand(!is_needless, || format!("P3: {}@{} is sent, and is there", due.session_id, due.revision));
    }

    /// What became of an attempt is durable.
    pub fn recorded(&mut self, due: &Due, verdict: &Verdict, at: Timestamp, now: Now) {
        let entry = self.ledger.of(due);
        // It was to be written down before.
        self.manners.keeps(entry.rest.take());
        self.manners.spent(entry.spent.take());
        match verdict {
            Verdict::Delivered(_) => entry.delivered(due.revision),
            Verdict::Retry { next, .. } => {
                entry.waits = Some((at, *next));
                // Unless it failed by a clock that went ahead.
                entry.not_before = (at <= now.wall).then_some((due.revision, *next));
            }
            Verdict::Park { .. } => entry.parked = Some(due.revision),
        }
    }

    /// The queue was looked through: what is to be sent later waits for a pause that has begun.
    pub fn looked(&mut self, connection: &Connection, now: Timestamp) {
        let mut query = connection
            .prepare_cached(
                "SELECT session_id, due_ms FROM outbox JOIN session ON session.id = session_row
                 WHERE state = 'queued' AND due_ms > ?1",
            )
            .unwrap();
        let later = query.query_map([now.as_millisecond()], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        for (id, due) in later.map(Result::<(String, i64), _>::unwrap) {
            let waits = self.ledger.of_id(&id).and_then(|entry| entry.waits);
            let is_told = waits.is_some_and(|(at, next)| at <= now && next.as_millisecond() == due);
            self.demand(is_told, || format!("P6: {id} waits until {due} for no reason but a clock that was wrong"));
        }
    }

    pub fn put_back(&mut self, rows: &[SessionRow]) {
        for row in rows {
            if let Some(entry) = self.ledger.of_row(*row) {
                (entry.parked, entry.not_before) = (None, None);
            }
        }
    }

    /// Nothing that depends on a time of day holds any more: it was set, or somebody asked not to wait.
    pub fn hastened(&mut self) {
        self.ledger.entries().for_each(|entry| entry.not_before = None);
    }

    pub fn clock_set(&mut self) {
        self.hastened();
        self.manners.clock_set();
        self.ledger.entries().for_each(|entry| entry.rest = None);
    }

    /// A full disk: what the server asked for is not known after a restart.
    pub fn rest_lost(&mut self) {
        self.manners.unwritten();
        self.ledger.entries().for_each(|entry| entry.rest = None);
    }

    fn forget_rests(&mut self) {
        self.manners.probed();
        self.ledger.entries().for_each(|entry| entry.rest = None);
    }

    /// A new process finds what is on the disk.
    pub fn restarted(&mut self, connection: &Connection, account: Account, now: Now) {
        self.account = account;
        self.said.clear();
        (self.is_stopping, self.is_complete) = (false, false);
        self.ledger.restarted();
        self.manners.restarted(now);
        let mut lost = Vec::new();
        for entry in self.ledger.entries() {
            let known = entry.ids.iter().map(|id| known_revision(connection, self.account, id)).max();
            if known < Some(entry.here.told) {
                let (id, told) = (entry.id(), entry.here.told);
                lost.push(format!("P2: {id}@{told} was told as delivered, and is not known to be"));
            }
        }
        for (path, (stamp, _)) in &self.files {
            let (Some(stamp), version) = (stamp, fitferry::formats::READER_VERSION) else { continue };
            if files::settled(connection, self.account, Path::new(path), *stamp, version).unwrap().is_none() {
                lost.push(format!("P1: {path} was recorded, and is forgotten"));
            }
        }
        self.demand(lost.is_empty(), || lost.swap_remove(0));
    }

    /// Whether everything that may still wait is something that the server does not take.
    pub fn is_drained(&mut self, connection: &Connection) -> bool {
        let mut query = connection
            .prepare_cached(
                "SELECT session_id FROM outbox JOIN session ON session.id = session_row WHERE state = 'queued'",
            )
            .unwrap();
        let queued: Vec<String> = query.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect();
        queued.iter().all(|id| self.ledger.of_id(id).is_some_and(Entry::is_lost))
    }

    /// Judges what the server has that is not the account's any more: what it had when the account went is all there is.
    pub fn finish_elsewhere(&mut self, there: &BTreeMap<String, Stored>) {
        let mut numbers = BTreeMap::new();
        for id in there.keys() {
            let Some(entry) = self.ledger.of_id(id) else { continue };
            if let Some(other) = numbers.insert(entry.ids[0].clone(), id) {
                return self.demand(false, || format!("P3: {id} and {other} are one workout at the other server"));
            }
        }
    }

    /// Judges what is left when all has come to rest.
    pub fn finish(&mut self, connection: &Connection, there: &BTreeMap<String, Stored>) {
        let mut wrong = Vec::new();
        let mut numbers = BTreeMap::new();
        for (id, stored) in there {
            let application = stored.session.application.as_ref();
            if application.and_then(|application| application.name.as_deref()) != Some(APPLICATION) {
                continue;
            }
            let Some(entry) = self.ledger.of_id(id) else {
                wrong.push(format!("P5: {id} is on the server and nobody's"));
                continue;
            };
            if stored.body.as_ref().is_some_and(|body| entry.age(body).is_none()) {
                wrong.push(format!("P5: {id} is on the server with a content that no file justifies"));
            }
            if let Some(other) = numbers.insert(entry.ids[0].clone(), id) {
                wrong.push(format!("P3: {id} and {other} are one workout"));
            }
        }
        let mut parked_query = connection
            .prepare_cached("SELECT reason FROM outbox JOIN session ON session.id = session_row WHERE state = 'parked' AND session_id = ?1")
            .unwrap();
        let (policy, was_put_back) = (&self.policy, self.was_put_back);
        for entry in self.ledger.entries().filter(|entry| !entry.bodies.is_empty()) {
            let parked = entry
                .ids
                .iter()
                .find_map(|id| parked_query.query_row([id], |row| row.get::<_, String>(0)).optional().unwrap());
            match parked {
                Some(reason) if !entry.may_be_parked() => {
                    wrong.push(format!("P6: {} is parked for nothing of its own: {reason}", entry.id()));
                }
                None if !entry.is_lost() => wrong.extend(complaint_at_rest(entry, there, policy, was_put_back)),
                _ => {}
            }
        }
        self.demand(wrong.is_empty(), || wrong.swap_remove(0));
    }

    /// Nothing new has come, and a new process was started.
    pub fn expect_silence(&mut self) {
        self.ledger.entries().for_each(|entry| entry.is_silent = !entry.is_lost());
    }

    pub fn complain(&mut self, what: impl Into<String>) {
        self.demand(false, || what.into());
    }

    /// Whether a file is on the disk as it is now.
    pub fn has(&self, path: &str, stamp: Stamp) -> bool {
        self.files.get(path).is_some_and(|(known, _)| *known == Some(stamp))
    }
}

fn known_revision(connection: &Connection, account: Account, id: &str) -> i64 {
    let mut query = connection
        .prepare_cached(
            "SELECT remote.revision FROM remote JOIN session ON session.id = session_row
             WHERE account_id = ?1 AND destination_id = ?2 AND session_id = ?3",
        )
        .unwrap();
    query.query_row(params![account.id, account.destination, id], |row| row.get(0)).optional().unwrap().unwrap_or(0)
}

fn says_the_same(one: &Workout, other: &Workout) -> bool {
    let mut one = one.clone();
    one.source.said_ns = other.source.said_ns;
    one == *other
}
