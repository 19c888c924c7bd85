//! `fitferry files`: the files that were looked at, one by one.

use super::{Exit, Global, forget, output};
use crate::config;
use crate::escape;
use crate::store::{self, Verdict, listing};
use std::io::Write;

/// Lists the files that were looked at, or forgets those that are gone.
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
    Forget(forget::Forget),
}

impl Files {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        let (json, verdict) = match &self.verb {
            Verb::List { json, verdict } => (json, verdict),
            Verb::Forget(forget) => return forget.run(&config),
        };
        let verdict = verdict.as_deref().and_then(Verdict::parse);
        let mut out = output::stdout();
        if let Some(connection) = store::open_to_read(&config.state_dir)? {
            listing::files(&connection, verdict, |file| {
                if *json {
                    output::json_line(&mut out, &file)?;
                } else {
                    let reason = file.reason.as_deref().map(|reason| format!(" ({reason})")).unwrap_or_default();
                    let sessions = file.sessions.join(" ");
                    let (path, reason) = (escape::path(&file.file), escape::text(&reason));
                    let gone = match (file.doubted, file.gone_since) {
                        (true, _) => "  missed: is it gone?".to_owned(),
                        (false, Some(since)) => format!("  gone since {since:.0}"),
                        (false, None) => String::new(),
                    };
                    let stray = if file.stray { "  its folder is not watched any more" } else { "" };
                    writeln!(
                        out,
                        "{}  {path}  {}{reason}  {sessions}{gone}{stray}",
                        file.account,
                        file.verdict.as_str()
                    )?;
                    for member in &file.members {
                        let reason = escape::text(member.reason.as_deref().unwrap_or_default());
                        writeln!(out, "    {}  {}: {reason}", escape::text(&member.name), member.verdict.as_str())?;
                    }
                }
                Ok(true)
            })?;
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}
