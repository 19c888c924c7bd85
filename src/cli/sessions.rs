//! `fitferry sessions`: the sessions, one by one.

use super::{Exit, Global, output};
use crate::config;
use crate::escape;
use crate::session::Session;
use crate::store::{self, listing};
use std::io::Write;

/// Lists the sessions and where each of them stands.
#[derive(clap::Args)]
pub struct Sessions {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Lists every session and where it stands.
    ///
    /// That is: delivered, queued, parked (it waits for you), skipped (by your rules), discarded (by you), deleted (its
    /// files are gone, or somebody deleted it on the server) or edited (on the server, and kept so).
    List {
        /// One JSON object per session.
        #[arg(long)]
        json: bool,
        /// Only those in this state.
        #[arg(long, value_parser = listing::SESSION_STATES)]
        state: Option<String>,
    },
}

impl Sessions {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let Verb::List { json, state } = &self.verb;
        let config = config::load(&global.flags())?;
        let mut out = output::stdout();
        if let Some(connection) = store::open_to_read(&config.state_dir)? {
            listing::sessions(&connection, state.as_deref(), |session| {
                if *json {
                    output::json_line(&mut out, &session)?;
                } else {
                    let reason = session.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
                    let Session { name, .. } = serde_json::from_str(session.session.get())?;
                    let said = format!("{}  {}  {}{reason}  {name}", session.account, session.id, session.state);
                    let suspect = session.suspect.map(|suspect| format!("  ({suspect})")).unwrap_or_default();
                    writeln!(out, "{}{suspect}", escape::text(&said))?;
                }
                Ok(true)
            })?;
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}
