//! `fitferry completions`: what a shell has to know to complete our command lines.

use super::{Exit, output};
use clap::Command;
use clap_complete::{Generator, Shell};
use std::io::Write;

/// Prints a script by which a shell completes fitferry's commands and options.
///
/// The packages have it in place already. By hand, for bash: save it as
/// ~/.local/share/bash-completion/completions/fitferry
#[derive(clap::Args)]
pub struct Completions {
    /// The shell that the script is for.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub fn run(&self, mut command: Command) -> anyhow::Result<Exit> {
        command.set_bin_name("fitferry");
        command.build();
        let mut out = output::stdout();
        self.shell.try_generate(&command, &mut out)?;
        out.flush()?;
        Ok(Exit::Done)
    }
}
