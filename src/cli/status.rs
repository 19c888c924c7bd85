//! `fitferry status`: everything at a glance, whether or not the daemon runs.

use super::{Exit, Global, output};
use crate::config::{self, Account, Config};
use crate::control;
use crate::escape;
use crate::ferry::Lock;
use crate::health;
use crate::room::{self, Low};
use crate::store::absent::Missed;
use crate::store::accounts::Comparison;
use crate::store::folders::FolderStatus;
use crate::store::halts::Halted;
use crate::store::listing::{self, AccountStatus, FileStatus};
use crate::store::{self, Verdict};
use crate::sync::Clock;
use crate::sync::pace::{Pace, UsedUp};
use jiff::Timestamp;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::{Duration, Instant};

/// Files that need attention are listed up to this many.
const MOST_PROBLEMS: usize = 20;

/// A start takes no longer, unless something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

/// Shows accounts, queue, parked sessions and problem files, whether or not the daemon runs.
#[derive(clap::Args)]
pub struct Status {
    /// As one JSON object.
    #[arg(long)]
    json: bool,
    /// One line that says whether all is well, or what is not; then the exit code is 1.
    #[arg(long, conflicts_with = "json")]
    check: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    /// Nothing if only the user that it runs as may know.
    running: Option<bool>,
    state_dir: String,
    /// A disk with so little room that new files wait, or soon would.
    #[serde(skip_serializing_if = "Option::is_none")]
    low_disk: Option<Low>,
    accounts: Vec<Glance>,
    /// Parked sessions, and rejected, waiting or ignored files, the first of them.
    parked: Vec<Problem>,
    problem_files: Vec<FileStatus>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Glance {
    #[serde(flatten)]
    status: AccountStatus,
    /// Why nothing is sent for longer than a moment, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    halted: Option<Halted>,
    /// Why nothing is asked until midnight, if the requests of the day are used up.
    #[serde(skip_serializing_if = "Option::is_none")]
    budget_spent: Option<UsedUp>,
}

impl Glance {
    /// By the settings of the account, if it is still in them.
    fn of(mut status: AccountStatus, owner: Option<&Account>, is_running: bool) -> Self {
        // Words that got a meaning in the settings are known now.
        let types = owner.map(|owner| &owner.rules.types);
        status.unknown_sports.retain(|sport| types.is_none_or(|types| types.get(&sport.word).is_none()));
        let now = Clock::default().now();
        let budget_spent =
            owner.and_then(|owner| Pace::new(owner.limits.clone(), status.spent, None, now).used_up(now));
        let halted = std::mem::take(&mut status.standstill).at(now.wall, is_running);
        Self { status, halted, budget_spent }
    }
}

#[derive(Serialize)]
struct Problem {
    session: String,
    reason: String,
}

impl Status {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        if self.check {
            return check(&config);
        }
        let mut answer = Answer {
            running: control::is_running(&config.state_dir),
            state_dir: config.state_dir.display().to_string(),
            low_disk: room::look(&config),
            accounts: Vec::new(),
            parked: Vec::new(),
            problem_files: Vec::new(),
        };
        if let Some(connection) = store::open_to_read(&config.state_dir)? {
            let owner = |name: &str| config.accounts.iter().find(|owner| owner.name == name);
            // What may be running is told of as if it were.
            let is_running = answer.running != Some(false);
            let accounts = listing::accounts(&connection)?.into_iter();
            answer.accounts = accounts
                .map(|account| {
                    let owner = owner(&account.account);
                    Glance::of(account, owner, is_running)
                })
                .collect();
            listing::sessions(&connection, Some("parked"), |session| {
                let reason = session.reason.unwrap_or_default();
                answer.parked.push(Problem { session: session.id, reason });
                Ok(answer.parked.len() < MOST_PROBLEMS)
            })?;
            for verdict in [Verdict::Rejected, Verdict::Waiting, Verdict::Ignored] {
                listing::files(&connection, Some(verdict), |file| {
                    let more = answer.problem_files.len() < MOST_PROBLEMS;
                    if more {
                        answer.problem_files.push(file);
                    }
                    Ok(more)
                })?;
            }
        }
        let mut out = output::stdout();
        if self.json {
            output::json_line(&mut out, &answer)?;
        } else {
            answer.print(&mut out)?;
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}

/// For cron, monitors and containers.
fn check(config: &Config) -> anyhow::Result<Exit> {
    let standing = health::look(config)?;
    let mut problems = health::problems(&standing, Timestamp::now());
    match life(&config.state_dir) {
        Life::Answers => {}
        Life::Silent => problems.insert(0, "fitferry runs and does not answer".to_owned()),
        Life::None => problems.insert(0, "fitferry is not running".to_owned()),
    }
    let mut out = output::stdout();
    if problems.is_empty() {
        let accounts = standing.accounts;
        let delivered: u64 = accounts.iter().map(|account| account.settled.delivered).sum();
        let queued: u64 = accounts.iter().map(|account| account.outbox.queued).sum();
        writeln!(out, "ok: {delivered} delivered, {queued} queued")?;
    } else {
        writeln!(out, "{}", problems.join("; "))?;
    }
    out.flush()?;
    Ok(if problems.is_empty() { Exit::Done } else { Exit::SomeInputFailed })
}

enum Life {
    /// Or nobody may ask.
    Answers,
    Silent,
    None,
}

/// Whether it runs, as far as that may be asked: who starts, or takes other settings, holds the lock and will answer soon.
fn life(state_dir: &Path) -> Life {
    let until = Instant::now() + PATIENCE;
    while control::is_running(state_dir) == Some(false) {
        if Instant::now() > until || !Lock::is_held(state_dir) {
            return Life::None;
        }
        thread::sleep(Duration::from_millis(50));
    }
    // A call has no end of its own.
    let (answer, answered) = channel();
    let state_dir = state_dir.to_path_buf();
    thread::spawn(move || answer.send(control::ping(&state_dir)));
    match answered.recv_timeout(PATIENCE) {
        // Also that it is of another version, or that it ends just now.
        Ok(_) => Life::Answers,
        Err(_) => Life::Silent,
    }
}

impl Answer {
    fn print(&self, out: &mut impl Write) -> std::io::Result<()> {
        let running = match self.running {
            Some(true) => "is running",
            Some(false) => "is not running",
            None => "may be running, which you may not ask",
        };
        writeln!(out, "fitferry {running}; its memory is in {}", self.state_dir)?;
        if let Some(low) = &self.low_disk {
            writeln!(out, "little room: {}", escape::text(&room::words(low)))?;
        }
        if self.accounts.is_empty() {
            writeln!(out, "nothing has been seen yet")?;
        }
        for Glance { status: account, halted, budget_spent } in &self.accounts {
            let counts = account.outbox;
            writeln!(out, "\n{} → {}", account.account, account.destination.as_deref().unwrap_or("nowhere"))?;
            let (queued, parked, settled) = (counts.queued, counts.parked, account.settled);
            let delivered = settled.delivered;
            write!(out, "  sessions  {}: {delivered} delivered, {queued} queued, {parked} parked", account.sessions)?;
            // What most people never have.
            let rare = [
                (settled.skipped, "skipped"),
                (settled.discarded, "discarded"),
                (settled.deleted, "deleted"),
                (settled.edited, "edited there"),
            ];
            for (count, state) in rare.into_iter().filter(|(count, _)| *count > 0) {
                write!(out, ", {count} {state}")?;
            }
            writeln!(out)?;
            let files: Vec<String> = account
                .files
                .iter()
                .filter(|(_, count)| *count > 0)
                .map(|(verdict, count)| format!("{count} {}", verdict.as_str()))
                .collect();
            let total: u64 = account.files.iter().map(|(_, count)| count).sum();
            let of = if files.is_empty() { String::new() } else { format!(": {}", files.join(", ")) };
            let absent = account.missed.absent_files;
            let absent = if absent > 0 { format!("; {absent} of them not there any more") } else { String::new() };
            writeln!(out, "  files     {total}{of}{absent}")?;
            for FolderStatus { folder, mode, reason, troubles } in &account.folders {
                let why = reason.as_deref().map(|reason| format!(": {}", escape::text(reason))).unwrap_or_default();
                writeln!(out, "  folder    {}  {mode}{why}", escape::path(folder))?;
                for trouble in troubles {
                    writeln!(out, "            {}", escape::text(trouble))?;
                }
            }
            let Missed { missed_files, doubted_files, stray_files, .. } = account.missed;
            if missed_files > 0 {
                writeln!(
                    out,
                    "  missed    {missed_files} files, of which {doubted_files} wait for you: put them back, or fitferry files forget"
                )?;
            }
            if stray_files > 0 {
                writeln!(
                    out,
                    "  unwatched {stray_files} files of folders that are not watched any more: their sessions stay; of what is gone, fitferry files forget"
                )?;
            }
            print_doubts(account, out)?;
            if let Some(halted) = halted {
                print_halt(account, halted, out)?;
            }
            if let Some(UsedUp { requests, until }) = budget_spent {
                writeln!(out, "  requests  the day's {requests} are used up; nothing is asked until {until}")?;
            }
            let reconciled = account.last_reconcile.map_or("never".to_owned(), |time| format!("{time:.0}"));
            let found = account.comparison.map(found).unwrap_or_default();
            writeln!(out, "  compared with the server  {reconciled}{found}")?;
            if account.wary {
                writeln!(out, "  new sessions are looked for on the server before they are sent")?;
            }
        }
        if !self.parked.is_empty() {
            writeln!(out, "\nparked, waiting for you:")?;
        }
        for problem in &self.parked {
            writeln!(out, "  {}  {}", problem.session, escape::text(&problem.reason))?;
        }
        if !self.problem_files.is_empty() {
            writeln!(out, "\nfiles that did not become sessions:")?;
        }
        for file in &self.problem_files {
            let reason = escape::text(file.reason.as_deref().unwrap_or_default());
            writeln!(out, "  {}  {}: {reason}", escape::path(&file.file), file.verdict.as_str())?;
        }
        Ok(())
    }
}

/// What a comparison found, behind its time.
fn found(comparison: Comparison) -> String {
    let Comparison { compared, missing, deleted, edited, left } = comparison;
    let kinds = [(missing, "missing"), (deleted, "deleted there"), (edited, "edited there")];
    let differing: Vec<String> =
        kinds.iter().filter(|(count, _)| *count > 0).map(|(count, kind)| format!(", {count} {kind}")).collect();
    let differing = if differing.is_empty() { ", no difference".to_owned() } else { differing.concat() };
    let asks = if left > 0 {
        format!("\n            {left} wait for you, as they are many: fitferry reconcile --dry-run, then without it")
    } else {
        String::new()
    };
    // Between windows, only a list of changes is read.
    let compared = if compared > 0 { format!(", {compared} sessions") } else { String::new() };
    format!("{compared}{differing}{asks}")
}

/// Why nothing is sent, how long that lasts, and what a person can do.
fn print_halt(account: &AccountStatus, halted: &Halted, out: &mut impl Write) -> std::io::Result<()> {
    let Halted { since, until, stopped, credentials, reason } = halted;
    let (what, again) = if *stopped { ("stopped ", "tried again") } else { ("resting ", "nothing is sent") };
    let to = if *stopped { "at" } else { "until" };
    writeln!(out, "  {what}  since {since:.0}: {}; {again} {to} {until:.0}", escape::text(reason))?;
    let advice = if *credentials {
        format!(
            "log in anew (fitferry auth login --account {}), or mend the token; that is noticed by itself",
            account.account
        )
    } else if *stopped {
        "see that the address and the API in the settings are right; to try at once: fitferry outbox retry --all"
            .to_owned()
    } else {
        "nothing to be done: what waits goes out then".to_owned()
    };
    writeln!(out, "            {advice}")
}

/// What was taken as it is, and may mean something else.
fn print_doubts(account: &AccountStatus, out: &mut impl Write) -> std::io::Result<()> {
    if account.suspects > 0 {
        let count = account.suspects;
        writeln!(out, "  suspect   {count} look like others in another time zone: fitferry sessions list")?;
    }
    if !account.unknown_sports.is_empty() {
        let words = account.unknown_sports.iter().take(MOST_PROBLEMS);
        let words = words.map(|sport| format!("\"{}\" ({})", sport.word, sport.workouts)).collect::<Vec<_>>();
        writeln!(out, "  sports that nobody knows; see [types] in the settings  {}", escape::text(&words.join(", ")))?;
    }
    Ok(())
}
