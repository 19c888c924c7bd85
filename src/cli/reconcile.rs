//! `fitferry reconcile`: compares what the server has with what it should have, now, and repairs it.

use super::moment::{first, last};
use super::{Exit, Global, output};
use crate::config::{self, Account, Config};
use crate::control::{self, Compare, Compared};
use crate::escape;
use crate::ferry::{ANYWHERE, Ferry, Lock, StartFailure, TURN};
use crate::server::Ears;
use crate::sync::reconcile::Report;
use crate::telemetry;
use jiff::Timestamp;
use serde::Serialize;
use std::io::Write;

/// Compares what the server has with what it should have, and repairs the difference, however much it is.
///
/// A running daemon does it, and delivers what comes of it. Without one, what is to be put again is queued.
#[derive(clap::Args)]
pub struct Reconcile {
    /// Whose sessions, if the configuration has several accounts.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The first day (2014-12-31) or moment (2014-12-31T12:00:00Z) at which a workout began; the oldest by default.
    #[arg(long, value_name = "DATE")]
    from: Option<String>,
    /// The last day or moment; the newest by default.
    #[arg(long, value_name = "DATE")]
    to: Option<String>,
    /// Changes nothing, and shows what would be done.
    #[arg(long)]
    dry_run: bool,
    /// What came of it as one JSON object.
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Result<'a> {
    account: &'a str,
    dry_run: bool,
    #[serde(flatten)]
    report: &'a Report,
}

impl Reconcile {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        telemetry::start(&config.settings.log);
        let account = config.account(self.account.as_deref())?;
        let compare = Compare {
            account: account.name.clone(),
            from: self.from.as_deref().map_or(Ok(Timestamp::UNIX_EPOCH), |text| first(text, account))?,
            to: self.to.as_deref().map_or(Ok(Timestamp::MAX), |text| last(text, account))?,
            dry_run: self.dry_run,
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let compared = match runtime.block_on(Lock::take_in_turn(&config.state_dir, TURN)) {
            Ok(lock) => runtime.block_on(alone(&config, account, lock, &compare))?,
            Err(locked @ StartFailure::Locked { .. }) => match control::compare(&config.state_dir, &compare)? {
                Some(compared) => compared,
                None => return Err(locked.into()),
            },
            Err(error) => return Err(error.into()),
        };
        let (reason, exit) = match compared {
            Compared::Done(report) => return self.print(account, &report),
            Compared::Later(reason) => (reason, Exit::TryAgainLater),
            Compared::Credentials(reason) => (reason, Exit::CredentialsNeeded),
            Compared::Failed(reason) => (reason, Exit::SomeInputFailed),
        };
        output::complain(&format_args!("{}: {reason}", account.destination.identity()));
        Ok(exit)
    }

    fn print(&self, account: &Account, report: &Report) -> anyhow::Result<Exit> {
        let mut out = output::stdout();
        if self.json {
            output::json_line(&mut out, &Result { account: &account.name, dry_run: self.dry_run, report })?;
        } else {
            for difference in &report.differences {
                let (id, remedy) = (escape::text(&difference.session), &difference.remedy);
                writeln!(out, "{}  {id}: {remedy}", difference.finding.as_str())?;
            }
            let Report { compared, adopted, queued, differences, .. } = report;
            let (verb, differ) = (if self.dry_run { "would be" } else { "are" }, differences.len());
            writeln!(
                out,
                "{compared} compared, {differ} differ; {queued} {verb} queued, {adopted} were there already"
            )?;
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}

/// Without a daemon: compares in this process, which holds the lock meanwhile.
async fn alone(config: &Config, account: &Account, lock: Lock, compare: &Compare) -> anyhow::Result<Compared> {
    let mut ferry = Ferry::start(config, lock, Ears::At(ANYWHERE)).await?;
    let index = config.accounts.iter().position(|other| other.name == account.name).unwrap_or(0);
    ferry.reconcile(false);
    let compared = control::ask(&ferry.routes[index], compare).await;
    ferry.stop().await?;
    Ok(compared)
}
