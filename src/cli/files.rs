//! `fitferry files`: the files that were looked at, one by one.

use super::{Exit, Global, output};
use crate::config;
use crate::escape;
use crate::store::{self, Verdict, listing};
use std::io::Write;

/// Looks at single files.
#[derive(clap::Args)]
pub struct Files {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Lists every file that was looked at, and its verdict.
    List {
        /// One JSON object per file.
        #[arg(long)]
        json: bool,
        /// Only those with this verdict.
        #[arg(long, value_parser = Verdict::ALL.map(Verdict::as_str))]
        verdict: Option<String>,
    },
}

impl Files {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let Verb::List { json, verdict } = &self.verb;
        let config = config::load(&global.flags())?;
        let verdict = verdict.as_deref().and_then(Verdict::parse);
        let mut out = output::stdout();
        if let Some(connection) = store::open_to_read(&config.state_dir)? {
            listing::files(&connection, verdict, |file| {
                if *json {
                    output::json_line(&mut out, &file)?;
                } else {
                    let reason = file.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                    let sessions = file.sessions.join(" ");
                    let path = escape::path(&file.file);
                    writeln!(out, "{}  {path}  {}{reason}  {sessions}", file.account, file.verdict.as_str())?;
                }
                Ok(true)
            })?;
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}
