//! The command line: one file per subcommand; parse, call, print. stdout carries the result, stderr the log.

mod auth;
mod backup;
mod completions;
mod config;
mod doctor;
mod events;
mod explain;
mod files;
mod forget;
mod import;
mod man;
mod moment;
mod normalize;
mod outbox;
mod output;
mod paths;
mod patience;
mod pull;
mod reconcile;
mod run;
mod serve;
mod sessions;
mod status;
mod way;

use crate::config::Flags;
use crate::telemetry;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::path::PathBuf;
use std::process::ExitCode;

/// At the end of the long help and of the manual.
const LAST_WORDS: &str = "\
Files:
  ~/.config/fitferry/fitferry.toml, else /etc/fitferry/fitferry.toml: the configuration, unless --config or
  $FITFERRY_CONFIG name another. \"fitferry config example\" prints one with every key explained.

Exit codes:
  0 done, 1 some of it failed, 2 a mistake in the command line or the configuration, 75 try again later, 77 log in
  first.";

/// Ferries workouts from a folder of exports to a sessions API: each one, once.
#[derive(Parser)]
#[command(version, propagate_version = true, after_long_help = LAST_WORDS)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Args)]
struct Global {
    /// The configuration file, instead of the usual places.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where fitferry keeps its memory, instead of the configured place.
    #[arg(long, global = true, value_name = "DIR")]
    state_dir: Option<PathBuf>,
}

impl Global {
    fn flags(&self) -> Flags {
        Flags { config: self.config.clone(), state_dir: self.state_dir.clone(), ..Flags::default() }
    }
}

#[derive(Subcommand)]
enum Command {
    Run(run::Run),
    Import(import::Import),
    Rescan(import::Rescan),
    Pull(pull::Pull),
    Normalize(normalize::Normalize),
    Serve(serve::Serve),
    Status(status::Status),
    Sessions(sessions::Sessions),
    Outbox(outbox::Outbox),
    Files(files::Files),
    Explain(explain::Explain),
    Reconcile(reconcile::Reconcile),
    Config(config::Config),
    Auth(auth::Auth),
    Events(events::Events),
    Man(man::Manual),
    Completions(completions::Completions),
    Backup(backup::Backup),
    Doctor(doctor::Doctor),
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Done,
    SomeInputFailed,
    Usage,
    TryAgainLater,
    CredentialsNeeded,
}

impl Exit {
    /// Part of the contract; the large ones are those of sysexits.h.
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::SomeInputFailed => 1,
            Self::Usage => 2,
            Self::TryAgainLater => 75,
            Self::CredentialsNeeded => 77,
        }
    }
}

/// The command line as it is described to people.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Runs the command that the arguments name.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let result = match cli.command {
        Command::Run(command) => command.run(&cli.global),
        Command::Import(command) => command.run(&cli.global),
        Command::Rescan(command) => command.run(&cli.global),
        Command::Pull(command) => command.run(&cli.global),
        Command::Normalize(command) => command.run(&cli.global),
        Command::Serve(command) => command.run(&cli.global),
        Command::Status(command) => command.run(&cli.global),
        Command::Sessions(command) => command.run(&cli.global),
        Command::Outbox(command) => command.run(&cli.global),
        Command::Files(command) => command.run(&cli.global),
        Command::Explain(command) => command.run(&cli.global),
        Command::Reconcile(command) => command.run(&cli.global),
        Command::Config(command) => command.run(&cli.global),
        Command::Auth(command) => command.run(&cli.global),
        Command::Events(command) => command.run(),
        Command::Man(page) => page.run(command()),
        Command::Completions(shell) => shell.run(command()),
        Command::Backup(command) => command.run(&cli.global),
        Command::Doctor(command) => command.run(&cli.global),
    };
    let exit = result.unwrap_or_else(|error| output::report(&error));
    telemetry::finish();
    ExitCode::from(exit.code())
}
