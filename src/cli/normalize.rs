//! `fitferry normalize`: prints what would be sent; touches no database and no network.

use super::paths::{self, Input};
use super::patience::Patience;
use super::{Exit, Global, output};
use crate::config;
use crate::escape;
use crate::formats::{self, Contents, Flow, Member, Outcome, Reading};
use crate::intake::{self, Links, Opened};
use crate::rules::Rules;
use crate::session::{self, Session};
use crate::workout::{ActivityType, Format, Metrics, Source, Workout};
use jiff::tz::TimeZone;
use serde::{Serialize, Serializer};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Prints what would be sent for files or folders; touches no database and no network.
#[derive(clap::Args)]
pub struct Normalize {
    /// Files, or folders with everything below them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// One JSON object per file, or file in an archive.
    #[arg(long)]
    json: bool,
}

impl Normalize {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        let rules = config.accounts.first().map(|account| Arc::clone(&account.rules));
        let rules = rules.unwrap_or_else(|| Rules::of(TimeZone::UTC).into());
        let patience = Patience::of(&self.paths[0]);
        let mut printer = Printer { out: output::stdout(), json: self.json, exit: Exit::Done, failure: None };
        for Input { path, closed } in paths::expand(&self.paths) {
            patience.at(&path);
            let contents = closed.map_or_else(|| open(&path), Err).and_then(|file| {
                let mut member = |Member { name, reading }| {
                    printer.print(&Answer::of(&path, Some(&name), &by_rules(reading, &path, &rules), &rules))
                };
                formats::read_file(&file, &intake::options(&rules, &path), &mut member)
            });
            let flow = match contents {
                Ok(Contents::One(reading)) => {
                    printer.print(&Answer::of(&path, None, &by_rules(reading, &path, &rules), &rules))
                }
                Ok(Contents::Archive(archive)) if archive.is_worth_telling() => {
                    printer.print(&Answer::of(&path, None, &archive.reading(), &rules))
                }
                Ok(Contents::Archive(_)) => Flow::Continue(()),
                Err(error) => printer.print(&Answer::unreadable(&path, &error, &rules)),
            };
            if flow.is_break() {
                break;
            }
        }
        if let Some(failure) = printer.failure {
            return Err(failure);
        }
        printer.out.flush()?;
        Ok(printer.exit)
    }
}

/// Prints answers until that fails.
struct Printer<W> {
    out: W,
    json: bool,
    exit: Exit,
    failure: Option<anyhow::Error>,
}

impl<W: Write> Printer<W> {
    fn print(&mut self, answer: &Answer<'_>) -> Flow {
        if self.failure.is_some() {
            return Flow::Break(());
        }
        if answer.outcome == "error" {
            self.exit = Exit::SomeInputFailed;
        }
        let printed = match self.json {
            true => output::json_line(&mut self.out, answer),
            false => answer.print(&mut self.out).map_err(Into::into),
        };
        self.failure = printed.err();
        if self.failure.is_some() { Flow::Break(()) } else { Flow::Continue(()) }
    }
}

/// Anything that is not a regular file is an error.
fn open(path: &Path) -> io::Result<File> {
    match intake::open(path, Links::Followed)? {
        Opened::File(file) => Ok(file),
        Opened::Other(_, why) => Err(io::Error::new(io::ErrorKind::InvalidInput, why)),
    }
}

/// As the account's rules have it; what they skip stands among the refused.
fn by_rules(mut reading: Reading, path: &Path, rules: &Rules) -> Reading {
    let mut kept = Vec::with_capacity(reading.workouts.len());
    for mut workout in std::mem::take(&mut reading.workouts) {
        rules.types.apply(&mut workout);
        match rules.skips(&workout, std::iter::once(path)) {
            Some(why) => reading.leave_out(format!("the workout at {} is skipped by your rules: {why}", workout.start)),
            None => kept.push(workout),
        }
    }
    reading.workouts = kept;
    reading
}

/// The contract's answer for one file, or one file in an archive.
#[derive(Serialize)]
struct Answer<'a> {
    file: String,
    member: Option<String>,
    format: Option<&'static str>,
    outcome: &'static str,
    reason: Option<String>,
    workouts: Workouts<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused<'a>>,
}

/// A file's workouts, each made a session when it is printed: there may be tens of thousands.
struct Workouts<'a> {
    workouts: &'a [Workout],
    rules: &'a Rules,
}

impl<'a> Workouts<'a> {
    fn normalized(&self) -> impl Iterator<Item = Normalized<'a>> {
        let normalized = |(session, workout): (Session, &'a Workout)| Normalized {
            session,
            source: &workout.source,
            metrics: &workout.metrics,
        };
        session::of_file(self.workouts, self.rules).zip(self.workouts).map(normalized)
    }
}

impl Serialize for Workouts<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.normalized())
    }
}

#[derive(Serialize)]
struct Normalized<'a> {
    session: Session,
    source: &'a Source,
    metrics: &'a Metrics,
}

#[derive(Serialize)]
struct Refused<'a> {
    reason: &'a str,
}

impl<'a> Answer<'a> {
    fn of(path: &Path, member: Option<&str>, reading: &'a Reading, rules: &'a Rules) -> Self {
        let (outcome, reason) = match reading.outcome() {
            Outcome::Ok(salvaged) => ("ok", salvaged),
            Outcome::NoSession(reason) => ("no-session", Some(reason)),
            Outcome::Error(reason) => ("error", Some(reason)),
        };
        Self {
            file: path.display().to_string(),
            member: member.map(str::to_owned),
            format: reading.format.map(Format::as_str),
            outcome,
            reason,
            workouts: Workouts { workouts: &reading.workouts, rules },
            refused: reading.refused.iter().map(|reason| Refused { reason }).collect(),
        }
    }

    fn unreadable(path: &Path, error: &io::Error, rules: &'a Rules) -> Self {
        Self {
            file: path.display().to_string(),
            member: None,
            format: None,
            outcome: "error",
            reason: Some(format!("cannot be read: {error}")),
            workouts: Workouts { workouts: &[], rules },
            refused: Vec::new(),
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let reason = self.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let member = self.member.as_deref().map(|member| format!(" » {member}")).unwrap_or_default();
        let (file, member) = (escape::text(&self.file), escape::text(&member));
        writeln!(out, "{file}{member}: {}{}", self.outcome, escape::text(&reason))?;
        for Normalized { session, .. } in self.workouts.normalized() {
            let kind = session.known_activity_type().map_or("?", ActivityType::name);
            writeln!(out, "  {}  {} [{kind}]", session.id, session.name)?;
            if let Some(description) = &session.description {
                writeln!(out, "      {description}")?;
            }
        }
        for Refused { reason } in &self.refused {
            writeln!(out, "  refused: {}", escape::text(reason))?;
        }
        Ok(())
    }
}
