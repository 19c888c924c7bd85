//! `fitferry normalize`: prints what would be sent; touches no database and no network.

use super::paths::{self, Input};
use super::{Exit, Global, output};
use crate::config;
use crate::escape;
use crate::formats::{self, Options, Outcome, Reading};
use crate::session::{self, Session};
use crate::workout::{ActivityType, Format, Metrics, Source, Workout};
use jiff::tz::TimeZone;
use serde::Serialize;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Prints what would be sent for files or folders; touches no database and no network.
#[derive(clap::Args)]
pub struct Normalize {
    /// Files, or folders with everything below them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// One JSON object per file.
    #[arg(long)]
    json: bool,
}

impl Normalize {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        let zone = config.accounts.first().map_or(TimeZone::UTC, |account| account.zone.clone());
        let options = Options::of(zone.clone());
        let mut out = output::stdout();
        let mut exit = Exit::Done;
        for Input { path, closed } in paths::expand(&self.paths) {
            let file = closed.map_or_else(|| open(&path), Err);
            let reading = file.and_then(|file| formats::read(file, &options));
            let answer = match &reading {
                Ok(reading) => Answer::of(&path, reading, &zone),
                Err(error) => Answer::unreadable(&path, error),
            };
            if answer.outcome == "error" {
                exit = Exit::SomeInputFailed;
            }
            if self.json {
                output::json_line(&mut out, &answer)?;
            } else {
                answer.print(&mut out)?;
            }
        }
        out.flush()?;
        Ok(exit)
    }
}

/// Anything that is not a regular file is an error: a pipe could block for ever.
fn open(path: &Path) -> io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    File::open(path)
}

/// The contract's answer for one file.
#[derive(Serialize)]
struct Answer<'a> {
    file: String,
    member: Option<String>,
    format: Option<&'static str>,
    outcome: &'static str,
    reason: Option<String>,
    workouts: Vec<Normalized<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    refused: Vec<Refused<'a>>,
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
    fn of(path: &Path, reading: &'a Reading, zone: &TimeZone) -> Self {
        let (outcome, reason) = match reading.outcome() {
            Outcome::Ok(salvaged) => ("ok", salvaged),
            Outcome::NoSession(reason) => ("no-session", Some(reason)),
            Outcome::Error(reason) => ("error", Some(reason)),
        };
        let sessions = session::of_file(&reading.workouts, zone);
        let normalized = |(session, workout): (Session, &'a Workout)| Normalized {
            session,
            source: &workout.source,
            metrics: &workout.metrics,
        };
        Self {
            file: path.display().to_string(),
            member: None,
            format: reading.format.map(Format::as_str),
            outcome,
            reason,
            workouts: sessions.into_iter().zip(&reading.workouts).map(normalized).collect(),
            refused: reading.refused.iter().map(|reason| Refused { reason }).collect(),
        }
    }

    fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self {
            file: path.display().to_string(),
            member: None,
            format: None,
            outcome: "error",
            reason: Some(format!("cannot be read: {error}")),
            workouts: Vec::new(),
            refused: Vec::new(),
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let reason = self.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        writeln!(out, "{}: {}{}", escape::text(&self.file), self.outcome, escape::text(&reason))?;
        for Normalized { session, .. } in &self.workouts {
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
