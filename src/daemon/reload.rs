//! Other settings for a running daemon: whether it can go on with them.

use crate::config::{self, Config, Flags};
use crate::ferry;
use crate::server::Ears;
use std::net::SocketAddr;

/// What it goes on with.
pub struct Next {
    pub config: Config,
    /// Where the embedded server listens from now on, if that is elsewhere.
    pub ears: Option<Ears>,
}

/// Reads the settings anew, and tries whatever can be tried while the old ones are still in use.
pub fn prepare(flags: &Flags, now: &Config) -> anyhow::Result<Next> {
    let config = config::load(flags)?;
    anyhow::ensure!(
        config.state_dir == now.state_dir,
        "`state_dir` is another one, {}: that takes a restart",
        config.state_dir.display()
    );
    if config.embeds_server() {
        ferry::users(&config)?;
    }
    let ears = match listens_at(&config) {
        Some(address) if listens_at(now) != Some(address) => Some(Ears::Open(Ears::bind(address)?)),
        _ => None,
    };
    Ok(Next { config, ears })
}

fn listens_at(config: &Config) -> Option<SocketAddr> {
    config.embeds_server().then_some(config.settings.server.listen)
}
