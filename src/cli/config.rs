//! `fitferry config`: checks, shows and explains the configuration.

use super::{Exit, Global, output};
use crate::config;
use std::io::Write;

/// Checks, shows and explains the configuration.
#[derive(clap::Args)]
pub struct Config {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Says whether the configuration is good, and if not, which key is not.
    Check,
    /// Prints the configuration in effect: defaults, file, variables and options together.
    Show {
        /// As JSON instead of TOML.
        #[arg(long)]
        json: bool,
    },
    /// Prints an example in which every key is explained and has its default.
    Example,
    /// Prints what every key means, with its type, range and default, as a page of Markdown.
    Reference,
}

impl Config {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let mut out = output::stdout();
        match self.verb {
            Verb::Example => out.write_all(config::example().as_bytes())?,
            Verb::Reference => out.write_all(config::reference().as_bytes())?,
            Verb::Check => {
                let config = config::load(&global.flags())?;
                let origin = config.file.map_or("no file; defaults".to_owned(), |file| file.display().to_string());
                let accounts: Vec<_> = config.accounts.iter().map(|account| account.name.as_str()).collect();
                writeln!(out, "ok: {origin}; accounts: {}", accounts.join(", "))?;
            }
            Verb::Show { json: true } => output::json_line(&mut out, &config::load(&global.flags())?.settings)?,
            Verb::Show { json: false } => {
                let config = config::load(&global.flags())?;
                match &config.file {
                    Some(file) => writeln!(out, "# from {}", file.display())?,
                    None => writeln!(out, "# no configuration file was found")?,
                }
                write!(out, "{}", toml::to_string(&config.settings)?)?;
            }
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}
