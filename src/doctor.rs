//! Looks whether everything that fitferry needs is as it should be, and says what helps where it is not. Writes nothing,
//! and waits for nothing that may never answer.

mod clock;
mod destination;
mod disks;
mod folders;
mod told;
mod whom;

use crate::config::{self, Account, Config, Flags};
use crate::control;
use crate::room;
use serde::Serialize;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use whom::{Sought, Whom};

/// How long a check may take until it counts as failed: longer than any of the bounds inside of one.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long a daemon may take to answer, also while it commits.
const ANSWER: Duration = Duration::from_secs(10);

/// All of a database is read.
const READING: Duration = Duration::from_secs(120);

/// What helps against a daemon that does not do what it should.
const RESTART: &str = "restart it: systemctl restart fitferry";

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Good,
    Bad,
    NotApplicable,
}

/// One line of what was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at, as a stable word.
    pub check: &'static str,
    /// Which one of several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub about: Option<String>,
    pub state: State,
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

impl Finding {
    fn good(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, about: None, state: State::Good, found: found.into(), fix: None }
    }

    fn bad(check: &'static str, found: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { check, about: None, state: State::Bad, found: found.into(), fix: Some(fix.into()) }
    }

    fn not_applicable(check: &'static str, found: impl Into<String>) -> Self {
        Self { check, about: None, state: State::NotApplicable, found: found.into(), fix: None }
    }

    fn about(self, about: impl Into<String>) -> Self {
        Self { about: Some(about.into()), ..self }
    }
}

/// The settings; or why they cannot be used, so that nothing else can be looked at.
pub fn load(flags: Flags) -> Result<Config, Finding> {
    let silent = silent("configuration", "see whether the disks and shares of the folders in it are there");
    let fix = "correct it as the message says; \"fitferry config example\" prints every key";
    // Folders are told apart by where they really are, which asks their disks.
    let loaded = Running::start(silent, PATIENCE, move || config::load(&flags)).wait()?;
    loaded.map_err(|error| Finding::bad("configuration", error.to_string(), fix))
}

/// A check that runs on a thread of its own.
struct Running<T> {
    what: Finding,
    until: Instant,
    answer: Receiver<T>,
}

impl<T: Send + 'static> Running<T> {
    /// `what` is what is said if it does not answer in time.
    fn start(what: Finding, patience: Duration, check: impl FnOnce() -> T + Send + 'static) -> Self {
        let (sender, answer) = channel();
        // Without a thread the sender is gone, which shows at once.
        let _ = std::thread::Builder::new().name("doctor".to_owned()).spawn(move || sender.send(check()));
        Self { what, until: Instant::now() + patience, answer }
    }

    fn wait(self) -> Result<T, Finding> {
        self.answer.recv_timeout(self.until.saturating_duration_since(Instant::now())).map_err(|_| self.what)
    }
}

/// What to say of something that did not answer.
fn silent(check: &'static str, fix: &str) -> Finding {
    Finding::bad(check, "does not answer", fix)
}

/// Everything that is found, in the order in which it is best mended.
pub fn examine(config: &Config) -> Vec<Finding> {
    let disk = "see that the disk of the state directory is there, and answers";
    let on_state = |check, fix, patience, look: fn(&Path) -> Finding| {
        let dir = config.state_dir.clone();
        Running::start(silent(check, fix), patience, move || vec![look(&dir)])
    };
    let settings = config.clone();
    let here = vec![
        on_state("state-directory", disk, PATIENCE, disks::state_directory),
        Running::start(silent("disk", disk), PATIENCE, move || vec![room_of(&settings)]),
        on_state("memory", disk, READING, disks::memory),
        on_state("sessions", disk, READING, disks::sessions),
        on_state("clock", disk, PATIENCE, clock::look),
        on_state("daemon", RESTART, PATIENCE, daemon),
    ];
    let whom = whom(&config.state_dir);
    let folders = folders::start(config, whom.clone());
    let settings = config.clone();
    let told = Running::start(silent("folder", ""), PATIENCE, move || told::look(&settings));
    let destination = |account: &Account| {
        let what = silent("destination", "see whether it is there, and the way to it").about(&account.name);
        let (settings, account, whom) = (config.clone(), account.clone(), whom.clone());
        Running::start(what, destination::PATIENCE, move || destination::look(&settings, &account, &whom))
    };
    let there: Vec<_> = config.accounts.iter().map(destination).collect();
    let origin = config.file.as_ref().map_or("no file; defaults".to_owned(), |file| file.display().to_string());
    let mut findings = vec![Finding::good("configuration", origin)];
    let found = |running: Running<Vec<Finding>>| running.wait().unwrap_or_else(|silent| vec![silent]);
    findings.extend(here.into_iter().flat_map(found));
    findings.extend(folders::finish(folders));
    told::add(told.wait().unwrap_or_default(), &mut findings);
    findings.extend(there.into_iter().flat_map(found));
    findings
}

/// As whom folders and secrets are looked at, if the disk of the state directory tells.
fn whom(state_dir: &Path) -> Sought {
    let dir = state_dir.to_path_buf();
    let sought = Running::start(silent("folder", ""), PATIENCE, move || Whom::seek(&dir)).wait();
    sought.unwrap_or_else(|_| Err(whom::unknown("the disk of the state directory does not answer")))
}

fn room_of(config: &Config) -> Finding {
    match room::look(config) {
        None => Finding::good("disk", "there is room"),
        Some(low) => Finding::bad("disk", room::words(&low), "make room on that disk, or lower disk.pause_below"),
    }
}

/// Whether one runs is a person's decision: before the first start, and where only imports are made, none does.
fn daemon(state_dir: &Path) -> Finding {
    let version = control::VERSION;
    let dir = state_dir.to_path_buf();
    let asked = Running::start(silent("daemon", RESTART), ANSWER, move || control::ping(&dir));
    let Ok(answer) = asked.wait() else {
        let (who, fix) = who_is_silent(state_dir);
        return Finding::bad("daemon", format!("{who} does not answer"), fix);
    };
    match answer {
        None if control::is_running(state_dir).is_none() => Finding::not_applicable(
            "daemon",
            "may be running, which you may not ask: use sudo, or the user that it runs as",
        ),
        None => Finding::not_applicable("daemon", "is not running"),
        Some(Ok(pong)) if pong.version == version => {
            Finding::good("daemon", format!("runs and answers, version {version}"))
        }
        Some(Ok(pong)) => {
            let found = format!("runs version {}, and this is {version}", pong.version);
            Finding::bad("daemon", found, RESTART)
        }
        Some(Err(error)) => Finding::bad("daemon", error.to_string(), RESTART),
    }
}

/// Which process does not answer, and what to do about it.
fn who_is_silent(state_dir: &Path) -> (String, String) {
    let process = control::process(state_dir);
    let state = process.as_ref().and_then(|process| process.status("State:")).unwrap_or_default();
    match process.and_then(|process| process.id) {
        Some(id) if state.starts_with('T') => {
            let who = format!("fitferry (process {id}) was stopped by a signal, and");
            (who, format!("let it go on: kill -CONT {id}; or {RESTART}"))
        }
        Some(id) => (format!("fitferry (process {id})"), RESTART.to_owned()),
        None => ("fitferry".to_owned(), RESTART.to_owned()),
    }
}
