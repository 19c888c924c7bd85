//! Compares one list of the destination's with what is known, and writes down what follows, in one transaction.

use super::compare::{self, Finding, Policy, Remedy};
use super::windows::Span;
use crate::config::{OnTwin, ReconcileSettings};
use crate::crash;
use crate::destination::Listing;
use crate::session::Session;
use crate::store::accounts::{self, Comparison};
use crate::store::mirror::{self, Mirrored, Standing};
use crate::store::{Account, outbox, sessions};
use jiff::Timestamp;
use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// What becomes of a difference that is one of too many.
pub const LEFT: &str = "left for a person";

/// What was asked of the destination.
#[derive(Clone, Copy, Debug)]
pub struct Asked {
    /// The sessions that start here or later and before the other, Unix milliseconds, all lie wholly inside the window
    /// that was listed.
    pub starts: (i64, i64),
    /// The account's count of deliveries when it was asked.
    pub deliveries: i64,
    /// Whether only what is queued and was not compared matters.
    pub only_unchecked: bool,
}

/// What is done about differences.
#[derive(Clone, Debug)]
pub struct Rules {
    pub policy: Policy,
    pub on_twin: OnTwin,
    /// A person asked for it, however much there is, of sessions that start in this span.
    confirmed: Option<Span>,
    mass: usize,
    mass_share: f64,
}

impl Rules {
    /// `confirmed` if a person asked for the repair of what starts then, however much there is.
    pub fn of(settings: &ReconcileSettings, confirmed: Option<Span>) -> Self {
        Self {
            policy: Policy { on_deleted: settings.on_deleted, on_edited: settings.on_edited },
            on_twin: settings.on_twin,
            confirmed,
            mass: settings.mass,
            mass_share: settings.mass_share,
        }
    }

    /// Whether a person asked.
    pub fn is_confirmed(&self) -> bool {
        self.confirmed.is_some()
    }

    fn is_confirmed_for(&self, ours: &Mirrored) -> bool {
        let start = ours.session.start_time_millis;
        self.confirmed.is_some_and(|(from, to)| (from..to).contains(&start))
    }

    /// Whether so many differences are rather a mistake than somebody's will.
    fn is_mass(&self, differences: usize, compared: usize) -> bool {
        let count = |number: usize| f64::from(u32::try_from(number).unwrap_or(u32::MAX));
        differences > self.mass && count(differences) > self.mass_share * count(compared)
    }
}

/// One difference, and what became of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    pub session: String,
    pub finding: Finding,
    pub remedy: String,
}

impl Difference {
    fn is_left(&self) -> bool {
        self.remedy == LEFT
    }
}

/// What comparisons found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    pub compared: usize,
    pub differences: Vec<Difference>,
    /// Sessions that were queued and need not be sent, as the destination has them.
    pub adopted: usize,
    /// Sessions of other applications for workouts of ours.
    pub twins: usize,
    /// Sessions that are now free to be sent.
    pub queued: usize,
    /// Differences that were left for a person, as they are too many.
    pub left: usize,
}

impl Report {
    /// What is left for a person is found again whenever it is looked at: it counts once.
    pub fn add(&mut self, mut other: Self) {
        if self.left > 0 && other.left > 0 {
            let left = self.differences.iter().filter(|difference| difference.is_left());
            let known: HashSet<&str> = left.map(|difference| difference.session.as_str()).collect();
            let before = other.differences.len();
            other
                .differences
                .retain(|difference| !difference.is_left() || !known.contains(difference.session.as_str()));
            let again = before - other.differences.len();
            other.left -= again;
            other.compared = other.compared.saturating_sub(again);
        }
        self.compared += other.compared;
        self.differences.extend(other.differences);
        self.adopted += other.adopted;
        self.twins += other.twins;
        self.queued += other.queued;
        self.left += other.left;
    }

    /// Of a list of changes for a person: those of other spans are not settled, and whatever it tells of is counted where it
    /// is looked at.
    pub fn only_news(&mut self) {
        self.differences.retain(|difference| !difference.is_left());
        (self.compared, self.left) = (0, 0);
    }

    /// What is remembered of it.
    pub fn summary(&self) -> Comparison {
        Comparison {
            compared: self.compared,
            missing: self.count(Finding::Missing),
            deleted: self.count(Finding::Deleted),
            edited: self.count(Finding::Edited),
            left: self.left,
        }
    }

    pub fn count(&self, finding: Finding) -> usize {
        self.differences.iter().filter(|difference| difference.finding == finding).count()
    }
}

/// Compares a window, with what is known to be `deleted`. Whatever comes of it is written in the caller's transaction.
pub fn window(
    connection: &Connection,
    account: Account,
    asked: Asked,
    listing: &Listing,
    deleted: &HashSet<String>,
    rules: &Rules,
    now: Timestamp,
) -> rusqlite::Result<Report> {
    let ours = mirror::starting_between(connection, account, asked.starts, asked.deliveries, asked.only_unchecked)?;
    let theirs: HashMap<&str, &Session> = listing.sessions.iter().map(|theirs| (theirs.id.as_str(), theirs)).collect();
    let mut settling = Settling { connection, account, rules, now, report: Report::default() };
    let mut findings = Vec::with_capacity(ours.len());
    for mut ours in ours {
        if ours.is_queued && ours.wanted && settling.find_elsewhere(&mut ours, &theirs, listing)? {
            continue;
        }
        let theirs = theirs.get(ours.session.id.as_str()).copied();
        let is_deleted = deleted.contains(&ours.session.id);
        findings.push((compare::find(&ours, theirs, is_deleted), ours, theirs));
    }
    settling.settle(findings)?;
    Ok(settling.report)
}

/// Compares a list of changes. Returns too whether it tells of the deletion of what is under way: which of the two came
/// first shows when it is read again.
pub fn changes(
    connection: &Connection,
    account: Account,
    deliveries: i64,
    listing: &Listing,
    rules: &Rules,
    now: Timestamp,
) -> rusqlite::Result<(Report, bool)> {
    let mut settling = Settling { connection, account, rules, now, report: Report::default() };
    let (mut findings, mut is_early) = (Vec::new(), false);
    let deleted: HashSet<&str> = listing.deleted.iter().map(String::as_str).collect();
    for theirs in listing.sessions.iter().filter(|theirs| !deleted.contains(theirs.id.as_str())) {
        if let Some(ours) = mirror::of_id(connection, account, &theirs.id, deliveries)? {
            findings.push((compare::find(&ours, Some(theirs), false), ours, Some(theirs)));
        }
    }
    for id in deleted {
        if let Some(ours) = mirror::of_id(connection, account, id, deliveries)? {
            findings.push((compare::find(&ours, None, true), ours, None));
        } else {
            is_early |= mirror::is_under_way(connection, account, id, deliveries)?;
        }
    }
    settling.settle(findings)?;
    Ok((settling.report, is_early))
}

type Found<'a> = (Finding, Mirrored, Option<&'a Session>);

struct Settling<'a> {
    connection: &'a Connection,
    account: Account,
    rules: &'a Rules,
    now: Timestamp,
    report: Report,
}

impl Settling<'_> {
    fn settle(&mut self, findings: Vec<Found<'_>>) -> rusqlite::Result<()> {
        let is_change = |finding: Finding, ours: &Mirrored| {
            matches!(finding, Finding::Missing | Finding::Deleted | Finding::Edited)
                && !ours.is_queued
                && !self.rules.is_confirmed_for(ours)
        };
        let changes = findings.iter().filter(|(finding, ours, _)| is_change(*finding, ours)).count();
        let is_mass = self.is_mass(changes, findings.len())?;
        self.report.compared += findings.iter().filter(|(_, ours, _)| !ours.is_queued && ours.wanted).count();
        for (finding, ours, theirs) in findings {
            if is_mass && is_change(finding, &ours) {
                self.report.left += 1;
                self.note(&ours, finding, LEFT);
                continue;
            }
            self.apply(finding, &ours, theirs)?;
        }
        crash::point("reconcile.settling");
        Ok(())
    }

    /// Whether so many changes among so many sessions are for a person: by themselves, or with all that was settled since
    /// the whole history was last in order. What is not, counts.
    fn is_mass(&self, changes: usize, compared: usize) -> rusqlite::Result<bool> {
        if changes == 0 {
            return Ok(false);
        }
        let together = changes + accounts::repairs(self.connection, self.account)?;
        let is_mass = self.rules.is_mass(changes, compared)
            || self.rules.is_mass(together, mirror::count(self.connection, self.account)?);
        if !is_mass {
            accounts::count_repairs(self.connection, self.account, changes)?;
        }
        Ok(is_mass)
    }

    fn apply(&mut self, finding: Finding, ours: &Mirrored, theirs: Option<&Session>) -> rusqlite::Result<()> {
        let (connection, account, now) = (self.connection, self.account, self.now);
        let remedy = compare::remedy(finding, ours, self.rules.policy);
        let words = match remedy {
            Remedy::Nothing => return Ok(()),
            Remedy::Accept(standing) => {
                let echo = theirs.map(Session::content_hash).unwrap_or_default();
                mirror::accept(connection, account, ours, &echo, standing, now)?;
                match standing {
                    Standing::Ours => {
                        self.report.adopted += usize::from(ours.is_queued);
                        return Ok(());
                    }
                    Standing::Theirs => "theirs is kept",
                    Standing::Deleted => "stays deleted",
                }
            }
            Remedy::Send => {
                if !ours.is_queued {
                    outbox::queue(connection, account, ours.row, now)?;
                }
                outbox::check(connection, ours.row)?;
                self.report.queued += 1;
                return Ok(());
            }
            Remedy::Restore => {
                mirror::set_restored(connection, account, ours)?;
                outbox::queue(connection, account, ours.row, now)?;
                outbox::check(connection, ours.row)?;
                self.report.queued += 1;
                "is put again"
            }
            Remedy::Delete => {
                outbox::queue(connection, account, ours.row, now)?;
                outbox::check(connection, ours.row)?;
                self.report.queued += 1;
                "is deleted again"
            }
            Remedy::Park(why) => {
                outbox::park_delivered(connection, account, ours.row, why, now)?;
                "is parked"
            }
        };
        self.note(ours, finding, words);
        Ok(())
    }

    fn note(&mut self, ours: &Mirrored, finding: Finding, remedy: &str) {
        let session = ours.session.id.clone();
        self.report.differences.push(Difference { session, finding, remedy: remedy.to_owned() });
    }

    /// Looks for a queued session under other ids: one that we gave it before we lost our memory, or another
    /// application's. Returns whether that settles it.
    fn find_elsewhere(
        &mut self,
        ours: &mut Mirrored,
        theirs: &HashMap<&str, &Session>,
        listing: &Listing,
    ) -> rusqlite::Result<bool> {
        if ours.known.is_some() || theirs.contains_key(ours.session.id.as_str()) {
            return Ok(false);
        }
        if let Some(same) = compare::same_workout(&ours.session, listing.sessions.iter())
            && !sessions::has_id(self.connection, self.account, &same.id, Some(ours.row))?
        {
            ours.session.id.clone_from(&same.id);
            sessions::rename(self.connection, self.account, ours.row, &ours.session)?;
            return Ok(false);
        }
        let Some(twin) = compare::twin(&ours.session, listing.sessions.iter()) else { return Ok(false) };
        self.report.twins += 1;
        if self.rules.on_twin == OnTwin::Upload {
            return Ok(false);
        }
        mirror::accept(self.connection, self.account, ours, &twin.content_hash(), Standing::Deleted, self.now)?;
        Ok(true)
    }
}
