//! `fitferry serve`: the sessions API server alone.

use super::{Exit, Global};
use crate::config::{self, Flags};
use crate::ferry::StartFailure;
use crate::{daemon, events, ferry, server, telemetry};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;

/// Serves the sessions API alone, without watching or delivering anything.
#[derive(clap::Args)]
pub struct Serve {
    /// Where to listen, instead of the configured address.
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
}

impl Serve {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&Flags { listen: self.listen, ..global.flags() })?;
        telemetry::start(&config.settings.log);
        let dir = &config.state_dir;
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
        made.map_err(|source| StartFailure::StateDir { dir: dir.clone(), source })?;
        let users = ferry::users(&config)?;
        let server = server::start(dir, config.settings.server.listen, &users)?;
        for account in &config.accounts {
            events::server_ready(server.address, &config.server_token_file(&account.name));
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(daemon::serve(server))?;
        Ok(Exit::Done)
    }
}
