//! What came of an import: the progress bar, the table at the end, the exit code.

use crate::cli::{Exit, output};
use crate::escape;
use crate::ferry::StartFailure;
use crate::import::{FileResult, Summary, Told};
use crate::store::Verdict;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use std::io::Write;
use std::sync::mpsc::Receiver;

/// Files and sessions with problems are named up to this many; `files list` and `sessions list` have them all.
const MOST_NAMED: usize = 50;

pub struct Tally {
    bar: ProgressBar,
    files: usize,
    counts: [u64; Verdict::ALL.len()],
    /// Files that are damaged, or not believed yet.
    problems: Vec<FileResult>,
    summary: Summary,
}

impl Tally {
    pub fn new(files: usize) -> Self {
        // Hidden by itself where stderr is no terminal.
        let bar = ProgressBar::new(files.try_into().unwrap_or(u64::MAX));
        if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}") {
            bar.set_style(style);
        }
        bar.set_message("files read");
        let counts = [0; Verdict::ALL.len()];
        Self { bar, files, counts, problems: Vec::new(), summary: Summary::default() }
    }

    /// Whether a bar is drawn, so that nothing else should write to the terminal.
    pub fn draws(&self) -> bool {
        !self.bar.is_hidden()
    }

    /// Counts what is told until all is told.
    pub fn follow(mut self, told: &Receiver<Told>) -> anyhow::Result<Self> {
        let mut following = false;
        for told in told {
            match told {
                Told::File(file) => self.count(file),
                Told::Left(left) => {
                    if !std::mem::replace(&mut following, true) {
                        self.bar.reset();
                        self.bar.set_length(left);
                        self.bar.set_message("sessions delivered");
                    }
                    self.bar.set_position(self.bar.length().unwrap_or(left).saturating_sub(left));
                }
                Told::Done(summary) => {
                    self.summary = summary;
                    self.bar.finish_and_clear();
                    let told: u64 = self.counts.iter().sum();
                    let files = u64::try_from(self.files).unwrap_or(u64::MAX);
                    anyhow::ensure!(told == files, "{told} of {files} files got a verdict; import them again");
                    return Ok(self);
                }
                Told::NoRoom(reason) => return Err(StartFailure::NoRoom(reason).into()),
                Told::Failed(reason) => anyhow::bail!("the import failed: {reason}"),
            }
        }
        anyhow::bail!("the import ended early")
    }

    fn count(&mut self, file: FileResult) {
        self.bar.inc(1);
        if let Some(count) = self.counts.get_mut(index(file.verdict)) {
            *count += 1;
        }
        if matches!(file.verdict, Verdict::Rejected | Verdict::Waiting) && self.problems.len() < MOST_NAMED {
            self.problems.push(file);
        }
    }

    fn of(&self, verdict: Verdict) -> u64 {
        self.counts.get(index(verdict)).copied().unwrap_or_default()
    }

    pub fn print(&self, json: bool) -> anyhow::Result<()> {
        let mut out = output::stdout();
        if json {
            self.print_json(&mut out)?;
        } else {
            self.print_table(&mut out)?;
        }
        out.flush()?;
        Ok(())
    }

    fn print_json(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let verdicts: serde_json::Map<String, serde_json::Value> =
            Verdict::ALL.into_iter().map(|verdict| (verdict.as_str().to_owned(), self.of(verdict).into())).collect();
        let answer = json!({
            "files": self.files,
            "verdicts": verdicts,
            "problems": self.problems,
            "sessions": self.summary,
        });
        output::json_line(out, &answer)
    }

    fn print_table(&self, out: &mut impl Write) -> std::io::Result<()> {
        for FileResult { file, verdict, reason, .. } in &self.problems {
            let reason = escape::text(reason.as_deref().unwrap_or_default());
            writeln!(out, "{}  {}: {reason}", verdict.as_str(), escape::text(file))?;
        }
        for parked in &self.summary.parked {
            writeln!(out, "parked  {}: {}", parked.session, escape::text(&parked.reason))?;
        }
        for verdict in Verdict::ALL {
            if self.of(verdict) > 0 {
                writeln!(out, "{:>8}  {}", self.of(verdict), describe(verdict))?;
            }
        }
        writeln!(out, "{:>8}  files in all", self.files)?;
        let Summary { changed, delivered, parked, queued, reason, .. } = &self.summary;
        writeln!(out, "{changed} sessions are new or changed, {delivered} of them delivered; {} parked", parked.len())?;
        if let Some(reason) = reason {
            writeln!(out, "{queued} sessions stay queued: {}", escape::text(reason))?;
        }
        Ok(())
    }

    pub fn exit(&self) -> Exit {
        if self.summary.credentials {
            Exit::CredentialsNeeded
        } else if self.summary.queued > 0 {
            Exit::TryAgainLater
        } else if self.of(Verdict::Rejected) + self.of(Verdict::Waiting) > 0 || !self.summary.parked.is_empty() {
            Exit::SomeInputFailed
        } else {
            Exit::Done
        }
    }
}

fn index(verdict: Verdict) -> usize {
    Verdict::ALL.iter().position(|other| *other == verdict).unwrap_or(0)
}

fn describe(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Queued => "queued: new or changed sessions",
        Verdict::Known => "known: nothing new",
        Verdict::NoSession => "no session: routes, courses, settings",
        Verdict::Rejected => "rejected: damaged or unreadable",
        Verdict::Waiting => "waiting: not believed yet",
        Verdict::Ignored => "ignored: not a format that fitferry reads",
    }
}
