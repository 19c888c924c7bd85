//! Looks whether everything that fitferry needs is as it should be, and says what helps where it is not. Writes nothing,
//! and waits for nothing that may never answer.

mod clock;
mod destination;
mod disks;
mod folders;

use crate::config::Config;
use crate::control;
use crate::room;
use serde::Serialize;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a check may take until it counts as failed: longer than any of the bounds inside of one.
const PATIENCE: Duration = Duration::from_secs(20);

/// All of a database is read.
const READING: Duration = Duration::from_secs(120);

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

/// The settings cannot be used, so nothing else can be looked at.
pub fn unusable(error: &impl std::fmt::Display) -> Vec<Finding> {
    let fix = "correct it as the message says; \"fitferry config example\" prints every key";
    vec![Finding::bad("configuration", error.to_string(), fix)]
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
    let origin = config.file.as_ref().map_or("no file; defaults".to_owned(), |file| file.display().to_string());
    let mut findings = vec![Finding::good("configuration", origin)];
    let few = |finding: Finding| vec![finding];
    let mut running = Vec::new();
    let mut start = |what: Finding, patience, check: Box<dyn FnOnce() -> Vec<Finding> + Send>| {
        running.push(Running::start(what, patience, check));
    };
    let dir = config.state_dir.clone();
    let disk = "see that the disk of the state directory is there, and answers";
    start(silent("state-directory", disk), PATIENCE, Box::new(move || few(disks::state_directory(&dir))));
    let settings = config.clone();
    start(silent("disk", disk), PATIENCE, Box::new(move || few(room_of(&settings))));
    let dir = config.state_dir.clone();
    start(silent("memory", disk), READING, Box::new(move || few(disks::memory(&dir))));
    let dir = config.state_dir.clone();
    start(silent("sessions", disk), READING, Box::new(move || few(disks::sessions(&dir))));
    let dir = config.state_dir.clone();
    start(
        silent("clock", "see that the disk of the state directory answers"),
        PATIENCE,
        Box::new(move || few(clock::look(&dir))),
    );
    let dir = config.state_dir.clone();
    let restart = "restart it: systemctl restart fitferry";
    start(silent("daemon", restart), PATIENCE, Box::new(move || few(daemon(&dir))));
    for account in &config.accounts {
        let what = silent("destination", "see whether it is there, and the way to it").about(&account.name);
        let (settings, account) = (config.clone(), account.clone());
        start(what, PATIENCE, Box::new(move || destination::look(&settings, &account)));
    }
    let folders = folders::start(config);
    findings.extend(running.into_iter().flat_map(|running| running.wait().unwrap_or_else(few)));
    // Before the destinations, as files come first.
    let place = findings.iter().position(|finding| matches!(finding.check, "destination" | "login"));
    let place = place.unwrap_or(findings.len());
    findings.splice(place..place, folders::finish(folders));
    findings
}

fn room_of(config: &Config) -> Finding {
    match room::look(config) {
        None => Finding::good("disk", "there is room"),
        Some(low) => Finding::bad("disk", room::words(&low), "make room on that disk, or lower disk.pause_below"),
    }
}

/// Whether one runs is a person's decision: before the first start, and where only imports are made, none does.
fn daemon(state_dir: &std::path::Path) -> Finding {
    let version = control::VERSION;
    match control::ping(state_dir) {
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
            Finding::bad("daemon", found, "restart it: systemctl restart fitferry")
        }
        Some(Err(error)) => Finding::bad("daemon", error.to_string(), "restart it: systemctl restart fitferry"),
    }
}
