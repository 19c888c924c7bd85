//! `fitferry sessions`: the sessions, one by one.

use super::{Exit, Global, output};
use crate::config;
use crate::session::Session;
use crate::store::{self, listing};
use std::io::Write;

/// Looks at single sessions.
#[derive(clap::Args)]
pub struct Sessions {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(clap::Subcommand)]
enum Verb {
    /// Lists every session and where it stands: delivered, queued or parked.
    List {
        /// One JSON object per session.
        #[arg(long)]
        json: bool,
        /// Only those in this state.
        #[arg(long, value_parser = ["delivered", "queued", "parked"])]
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
                    writeln!(out, "{}  {}  {}{reason}  {name}", session.account, session.id, session.state)?;
                }
                Ok(true)
            })?;
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}
