//! `fitferry outbox`: what waits to be sent and why, tried again or let go.

use super::way::Way;
use super::{Exit, Global, output};
use crate::config::{self, Config, LogLevel, LogSettings};
use crate::control::{self, Request};
use crate::escape;
use crate::ferry::{self, Lock};
use crate::orders::{self, Order, Outcome, Verb as Do};
use crate::store::waiting::{self, Filter, Waiting, Which};
use crate::store::{self, Store};
use crate::telemetry;
use anyhow::anyhow;
use clap::builder::NonEmptyStringValueParser;
use std::io::Write;

/// Looks at what waits to be sent, tries it again, or lets it go.
#[derive(clap::Args)]
pub struct Outbox {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    List(List),
    Retry(Retry),
    Discard(Discard),
}

/// Lists what waits to be sent, or for you, and what the server said.
#[derive(clap::Args)]
struct List {
    /// Only those in this state.
    #[arg(long, value_parser = ["queued", "parked"])]
    state: Option<String>,
    /// Only those whose reason has this in it.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// Only those of this account.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// One JSON object per session.
    #[arg(long)]
    json: bool,
}

/// Tries sessions again now, parked or not, as if for the first time.
///
/// A session that is named goes out again even if somebody deleted or edited it on the server, or discarded it here.
#[derive(clap::Args)]
#[group(id = "retried", required = true, multiple = false, args = ["ids", "reason", "all"])]
struct Retry {
    /// Sessions by their ids.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Those whose reason has this in it.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// All that wait or are parked.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    common: Common,
}

/// Decides that sessions are not to be sent as they are; new content of theirs is sent again.
///
/// One that is just on its way is waited for, and discarded only if the server did not take it.
#[derive(clap::Args)]
#[group(id = "discarded", required = true, multiple = false, args = ["ids", "reason", "all_parked"])]
struct Discard {
    /// Sessions by their ids, parked or not.
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Parked ones whose reason has this in it.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    /// All that are parked.
    #[arg(long)]
    all_parked: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
struct Common {
    /// Whose sessions; needed beside ids if the configuration has several accounts.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// What came of it as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Outbox {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        match &self.verb {
            Verb::List(list) => list.run(&config),
            Verb::Retry(Retry { ids, reason, common, .. }) => {
                let by_reason = reason.clone().map(|text| Which::Reason { text, queued: true });
                decide(&config, Do::Retry, which(ids, by_reason, Which::All), common)
            }
            Verb::Discard(Discard { ids, reason, common, .. }) => {
                let by_reason = reason.clone().map(|text| Which::Reason { text, queued: false });
                decide(&config, Do::Discard, which(ids, by_reason, Which::AllParked), common)
            }
        }
    }
}

impl List {
    fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let account = self.account.as_deref().map(|name| config.account(Some(name))).transpose()?;
        let filter = Filter {
            account: account.map(|account| account.name.as_str()),
            state: self.state.as_deref(),
            reason: self.reason.as_deref(),
        };
        let mut out = output::stdout();
        if let Some(connection) = store::open_to_read(&config.state_dir)? {
            waiting::list(&connection, filter, |session| {
                if self.json {
                    output::json_line(&mut out, &session)?;
                } else {
                    print(&mut out, &session)?;
                }
                Ok(true)
            })?;
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}

/// One line for the session, and one for what it has been through.
fn print(out: &mut impl Write, session: &Waiting) -> std::io::Result<()> {
    let Waiting { account, id, revision, state, request, attempts, .. } = session;
    write!(out, "{account}  {id}  {state}  {request} of revision {revision}, attempts: {attempts}")?;
    if let Some(next) = session.next_attempt {
        write!(out, ", next at {next:.0}")?;
    }
    writeln!(out)?;
    if let (Some(reason), Some(first), Some(last)) = (&session.reason, session.first_failure, session.last_failure) {
        writeln!(out, "    {first:.0} to {last:.0}: {}", escape::text(reason))?;
    }
    Ok(())
}

/// The command line has exactly one of them.
fn which(ids: &[String], by_reason: Option<Which>, all: Which) -> Which {
    if ids.is_empty() { by_reason.unwrap_or(all) } else { Which::Ids(ids.to_vec()) }
}

fn decide(config: &Config, verb: Do, which: Which, common: &Common) -> anyhow::Result<Exit> {
    let name = common.account.as_deref();
    let accounts = match (&which, name) {
        (Which::Ids(_), _) | (_, Some(_)) => vec![config.account(name)?.name.clone()],
        _ => config.accounts.iter().map(|account| account.name.clone()).collect(),
    };
    let order = Order { accounts, verb, which };
    let (outcome, running) = match Way::find(config)? {
        Way::Daemon(daemon) => {
            (control::call(daemon, &Request::Order(order))?.map_err(|error: String| anyhow!(error))?, true)
        }
        Way::Alone(lock) => (alone(config, &lock, &order)?, false),
    };
    tell(&outcome, verb, running, common.json)?;
    Ok(if outcome.refused.is_empty() { Exit::Done } else { Exit::SomeInputFailed })
}

/// Writes it down in this process, which holds the lock, and delivers nothing.
fn alone(config: &Config, _lock: &Lock, order: &Order) -> anyhow::Result<Outcome> {
    telemetry::start(&LogSettings { level: LogLevel::Warn, ..config.settings.log.clone() });
    let (store, thread) = Store::open(&config.state_dir)?;
    let mut outcome = Outcome::default();
    for account in config.accounts.iter().filter(|account| order.accounts.contains(&account.name)) {
        let (name, identity) = (account.name.clone(), account.destination.identity().to_owned());
        let account = store.call_blocking(move |connection| ferry::point(connection, &name, &identity))?;
        outcome.add(orders::write(&store, account, order.verb, order.which.clone())?);
    }
    store.close();
    let _ = thread.join();
    Ok(outcome)
}

fn tell(outcome: &Outcome, verb: Do, running: bool, json: bool) -> anyhow::Result<()> {
    let mut out = output::stdout();
    if json {
        output::json_line(&mut out, outcome)?;
    } else {
        let count = outcome.sessions;
        let sessions = if count == 1 { "session" } else { "sessions" };
        match (verb, running) {
            (Do::Retry, true) => match (&outcome.held, outcome.looked_up) {
                (Some(reason), _) => {
                    writeln!(out, "{count} {sessions} queued; nothing is sent for now: {}", escape::text(reason))?;
                }
                (None, 0) => writeln!(out, "{count} {sessions} queued; they are due now")?,
                (None, 1) if count == 1 => {
                    writeln!(out, "1 session queued; first the server is asked whether it has it")?;
                }
                (None, some) => {
                    writeln!(
                        out,
                        "{count} {sessions} queued; first the server is asked whether it has {some} of them"
                    )?;
                }
            },
            (Do::Retry, false) => writeln!(out, "{count} {sessions} queued; they go out when fitferry runs")?,
            (Do::Discard, _) => writeln!(out, "{count} {sessions} discarded")?,
        }
    }
    out.flush()?;
    for refused in &outcome.refused {
        output::complain(&format!("{} {}", escape::text(&refused.session), refused.reason));
    }
    Ok(())
}
