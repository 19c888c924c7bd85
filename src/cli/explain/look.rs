//! What is in a file now, read as the intake reads it; nothing is kept.

use super::MOST_TOLD;
use super::scene::Owner;
use super::sport::Sport;
use crate::formats::{self, Condition, Contents, Flow, Reading};
use crate::intake::{self, Assessment, Links, Opened};
use crate::session;
use crate::store::members::Member;
use crate::store::{Stamp, Verdict};
use crate::workout::{Format, Workout};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Seek};
use std::path::Path;

/// The condition of what is no regular file.
pub const UNOPENED: &str = "unopened";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// Bytes.
    pub size: i64,
    pub modified: Option<Timestamp>,
    #[serde(skip)]
    pub stamp: Stamp,
    /// The signs by which it was recognised; what is packed has more than one.
    pub recognised_by: Vec<String>,
    pub format: Option<Format>,
    /// sound, unmarked (nothing in it marks its end), truncated, damaged, or [`UNOPENED`]
    pub condition: &'static str,
    /// What is wrong with its bytes.
    pub flaw: Option<String>,
    pub workouts: usize,
    pub refused: usize,
    /// The first reasons.
    pub refusals: Vec<String>,
    pub zone: Option<Zone>,
    /// If it is an archive.
    pub members: Option<Members>,
    pub verdict: &'static str,
    pub reason: Option<String>,
    /// What the first workouts would become, unless the memory says what they became.
    pub would_become: Vec<Would>,
}

/// The zone that was assumed for local times.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Zone {
    pub name: String,
    /// What says so: folder, format or account.
    pub from: &'static str,
    pub workouts: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Members {
    /// How many were read, by verdict; known are those that are fine.
    pub verdicts: BTreeMap<&'static str, usize>,
    /// Of no known format.
    pub unknown: usize,
    /// Of a known format, and plainly without a workout.
    pub quiet: usize,
    /// Not looked at: folders, pictures, litter of systems.
    pub passed_over: usize,
    /// Those that are not fine, the first of them.
    pub not_fine: Vec<Member>,
}

#[derive(Debug, Serialize)]
pub struct Would {
    pub id: String,
    pub name: String,
    pub start: Timestamp,
    pub end: Timestamp,
    pub member: Option<String>,
    pub sport: Sport,
    /// By which rule it would not be sent.
    pub skipped: Option<String>,
}

/// Reads a file by an account's rules. Errors are those of the device or file system.
pub fn look(path: &Path, owner: &Owner, links: Links, now: Timestamp) -> io::Result<Look> {
    let mut file = match intake::open(path, links)? {
        Opened::File(file) => file,
        Opened::Other(stamp, why) => return Ok(unopened(stamp, why)),
    };
    let recognised_by = formats::why(&file)?;
    file.rewind()?;
    let stamp = Stamp::of(&file.metadata()?);
    let (mut whole, mut members) = (Reading::unknown(""), Vec::new());
    let mut told = |member: formats::Member| {
        members.push(intake::judge_member(&member));
        whole.absorb(&member.name, member.reading);
        Flow::Continue(())
    };
    let (reading, summary) = match formats::read_file(&file, &intake::options(&owner.rules, path), &mut told)? {
        Contents::One(reading) => (reading, None),
        Contents::Archive(summary) => (whole.of_archive(summary.reading()), Some(summary)),
    };
    let mut read = intake::Read { stamp, reading, members, changed: false, mixed: false };
    let (workouts, zone) = (read.reading.workouts.len(), zone(&read.reading, path, owner));
    let (verdict, reason) = verdict(read.assess(now));
    let members = summary.map(|summary| {
        let mut verdicts = BTreeMap::new();
        read.members.iter().for_each(|member| *verdicts.entry(member.verdict.as_str()).or_default() += 1);
        let not_fine = read.members.iter().filter(|member| member.verdict != Verdict::Known || member.reason.is_some());
        Members {
            verdicts,
            unknown: summary.unknown,
            quiet: summary.quiet,
            passed_over: summary.litter,
            not_fine: not_fine.take(MOST_TOLD).cloned().collect(),
        }
    });
    let reading = read.reading;
    Ok(Look {
        size: stamp.size,
        modified: Timestamp::from_nanosecond(stamp.mtime_ns.into()).ok(),
        stamp,
        recognised_by,
        format: reading.format,
        condition: condition(&reading.condition),
        flaw: reading.flaw(),
        workouts,
        refused: reading.refused.len(),
        would_become: would_become(&reading.workouts, path, owner),
        refusals: reading.refused.into_iter().take(MOST_TOLD).collect(),
        zone,
        members,
        verdict,
        reason,
    })
}

/// Of a link that is not followed, a pipe or the like.
fn unopened(stamp: Stamp, why: &str) -> Look {
    Look {
        size: stamp.size,
        modified: Timestamp::from_nanosecond(stamp.mtime_ns.into()).ok(),
        stamp,
        recognised_by: Vec::new(),
        format: None,
        condition: UNOPENED,
        flaw: None,
        workouts: 0,
        refused: 0,
        refusals: Vec::new(),
        zone: None,
        members: None,
        verdict: Verdict::Ignored.as_str(),
        reason: Some(why.to_owned()),
        would_become: Vec::new(),
    }
}

fn condition(condition: &Condition) -> &'static str {
    match condition {
        Condition::Sound => "sound",
        Condition::Unmarked => "unmarked",
        Condition::Truncated(_) => "truncated",
        Condition::Damaged(_) => "damaged",
    }
}

fn verdict(assessment: Assessment) -> (&'static str, Option<String>) {
    match assessment {
        Assessment::Take(reason) => ("taken", reason),
        Assessment::TakeSome(reason) | Assessment::Wait(reason) => (Verdict::Waiting.as_str(), Some(reason)),
        Assessment::NoSession(reason) => (Verdict::NoSession.as_str(), Some(reason)),
        Assessment::Reject(reason) => (Verdict::Rejected.as_str(), Some(reason)),
        Assessment::Ignore(reason) => (Verdict::Ignored.as_str(), Some(reason)),
    }
}

fn zone(reading: &Reading, path: &Path, owner: &Owner) -> Option<Zone> {
    let assumed = |workout: &&Workout| workout.source.assumed_zone.is_some();
    let first = reading.workouts.iter().find(assumed)?;
    let (of_folder_or_account, of_formats) = owner.rules.zones_for(path);
    let from = if of_formats.iter().any(|(format, _)| *format == first.source.format) {
        "format"
    } else if of_formats.is_empty() && *of_folder_or_account != owner.rules.zone {
        "folder"
    } else {
        "account"
    };
    let name = first.source.assumed_zone.clone()?;
    Some(Zone { name, from, workouts: reading.workouts.iter().filter(assumed).count() })
}

fn would_become(workouts: &[Workout], path: &Path, owner: &Owner) -> Vec<Would> {
    let first = &workouts[..workouts.len().min(MOST_TOLD)];
    let mut typed = first.to_vec();
    typed.iter_mut().for_each(|workout| owner.rules.types.apply(workout));
    let sessions = session::of_file(&typed, &owner.rules);
    let all = first.iter().zip(&typed).zip(sessions);
    all.map(|((read, workout), session)| Would {
        id: session.id,
        name: session.name,
        start: workout.start,
        end: workout.end,
        member: workout.source.member.clone(),
        sport: Sport::of(read, &owner.rules),
        skipped: owner.rules.skips(workout, std::iter::once(path)),
    })
    .collect()
}
