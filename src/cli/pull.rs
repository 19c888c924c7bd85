//! `fitferry pull`: every session of an account, of every app, into the embedded server or a file, verified.

use super::moment::{first, last};
use super::{Exit, Global, output};
use crate::config::{self, Destination, LogLevel, LogSettings, Period};
use crate::escape;
use crate::events;
use crate::pull::{self, Error, Job, Summary, Tell, Told};
use crate::telemetry;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::{SignedDuration, Timestamp};
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// Nothing that a person did is older in any sessions API.
const BEGINNING: &str = "2000-01-01T00:00:00Z";

/// How far beyond now a session may lie, for want of a right clock.
const SLACK: SignedDuration = SignedDuration::from_hours(24);

/// Copies every session that an account's API holds, also those of other apps, into fitferry's own server or a file.
///
/// It may be interrupted at any time: the same command continues where it stopped. In the end everything is listed once
/// more and compared.
#[derive(clap::Args)]
pub struct Pull {
    /// Whose sessions, if the configuration has several accounts.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The first day (2014-12-31) or the first moment (2014-12-31T12:00:00Z); 2000-01-01 by default.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// The last day or moment; tomorrow by default.
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// A file for the sessions, one JSON object per line, instead of fitferry's own server.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// How long the API may fail without any success in between, until the command ends and can be continued later.
    #[arg(long, value_name = "SPAN", default_value = "10m")]
    patience: Period,
    /// What came of it as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Pull {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        let account = config.account(self.account.as_deref())?;
        let now = Timestamp::from_second(Timestamp::now().as_second())?;
        let job = Job {
            config: &config,
            account,
            from: first(self.from.as_deref().unwrap_or(BEGINNING), account)?,
            to: self.to.as_deref().map(|text| last(text, account)).transpose()?,
            present: now.saturating_add(SLACK)?,
            output: self.output.clone(),
            patience: self.patience.get(),
        };
        check(&job)?;
        let bar = bar(&job);
        // Events would tear the progress bar apart, and it shows the same.
        if bar.is_hidden() {
            telemetry::start(&LogSettings { level: LogLevel::Warn, ..config.settings.log.clone() });
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let result = runtime.block_on(pull::run(&job, teller(&job, &bar)));
        bar.finish_and_clear();
        match result {
            Ok(summary) => {
                print(&summary, self.json)?;
                let is_whole = summary.verified && summary.refused == 0;
                Ok(if is_whole { Exit::Done } else { Exit::SomeInputFailed })
            }
            Err(error) => failed(error),
        }
    }
}

fn usage(key: &str, what: impl Into<String>) -> config::Error {
    config::Error::Value { key: key.to_owned(), what: what.into() }
}

fn check(job: &Job<'_>) -> Result<(), config::Error> {
    let name = &job.account.name;
    if job.account.destination == Destination::Embedded {
        let what =
            format!("is \"embedded\" for the account {name}: there is nothing to pull; name the API to pull from");
        return Err(usage("destination.url", what));
    }
    if job.from >= job.to.unwrap_or(job.present) {
        return Err(usage("--from", format!("is {}, which is not before the end", job.from)));
    }
    if job.output.as_ref().is_some_and(|path| path.as_os_str() == "-") {
        return Err(usage("--output", "is a file, which a pull can be continued with; stdout is not supported"));
    }
    Ok(())
}

/// Hidden by itself where stderr is no terminal.
fn bar(job: &Job<'_>) -> ProgressBar {
    let bar = ProgressBar::new(seconds(job.from, job.to.unwrap_or(job.present)));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {wide_msg}") {
        bar.set_style(style);
    }
    bar
}

fn seconds(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.duration_since(from).as_secs()).unwrap_or_default()
}

fn teller(job: &Job<'_>, bar: &ProgressBar) -> Tell {
    let (bar, from, account) = (bar.clone(), job.from, job.account.name.clone());
    Arc::new(move |told| match told {
        Told::At { pass, until, sessions } => {
            bar.set_position(seconds(from, until));
            let what = if pass == 1 { "sessions" } else { "sessions compared" };
            bar.set_message(format!("{sessions} {what}, until {}", until.strftime("%Y-%m-%d")));
        }
        Told::Waiting { server, reason, pause } => {
            events::pull_waiting(&account, &server, pause.as_secs(), &reason);
            bar.set_message(format!("trying again in {:.0} s: {reason}", pause.as_secs_f64()));
        }
    })
}

fn print(summary: &Summary, json: bool) -> anyhow::Result<()> {
    let mut out = output::stdout();
    if json {
        output::json_line(&mut out, summary)?;
    } else {
        table(summary, &mut out)?;
    }
    out.flush()?;
    Ok(())
}

fn table(summary: &Summary, out: &mut impl Write) -> std::io::Result<()> {
    for refused in &summary.refusals {
        writeln!(out, "refused  {}: {}", escape::text(&refused.session), escape::text(&refused.reason))?;
    }
    for session in &summary.differing {
        writeln!(out, "differs  {}", escape::text(session))?;
    }
    for session in &summary.edited_sessions {
        writeln!(out, "stays    {}: edited here since the last pull", escape::text(session))?;
    }
    let Summary { sessions, taken, refused, edited, .. } = summary;
    let target =
        if summary.target == "embedded" { "fitferry's own server".into() } else { escape::text(&summary.target) };
    if summary.verified {
        writeln!(out, "{sessions} sessions, verified; {taken} of them new or changed in {target}")?;
    } else {
        writeln!(out, "{sessions} sessions, not verified: they keep changing; run the same command again")?;
    }
    if *edited > 0 {
        writeln!(out, "{edited} sessions were edited in {target}, and stay as they are there")?;
    }
    if *refused > 0 {
        let kept = summary.refused_file.as_ref().map(|file| format!("; they are kept in {}", escape::path(file)));
        writeln!(out, "{refused} sessions were refused{}", kept.unwrap_or_default())?;
    }
    if let Some(others @ 1..) = summary.others {
        writeln!(
            out,
            "{others} other sessions in {target} are not in that span of the source, or no longer; they stay"
        )?;
    }
    Ok(())
}

/// What an error means for the exit code.
fn failed(error: Error) -> anyhow::Result<Exit> {
    let exit = match error {
        Error::Later { .. } | Error::Busy { .. } => Exit::TryAgainLater,
        Error::Credentials { .. } => Exit::CredentialsNeeded,
        Error::OtherDeal { .. } | Error::NotABookmark { .. } | Error::NotSessions { .. } => Exit::Usage,
        Error::Unlistable { .. } | Error::Shorter { .. } | Error::Io { .. } => Exit::SomeInputFailed,
        Error::Start(failure) => return Err(failure.into()),
    };
    output::complain(&error);
    Ok(exit)
}
