//! Other settings for a running daemon: whether it can go on with them.

use super::Sockets;
use super::monitor::Monitor;
use crate::config::{self, Config, Flags};
use crate::ferry;
use crate::server::{self, Ears};
use std::net::SocketAddr;

/// What it goes on with.
pub struct Next {
    pub config: Config,
    pub sockets: Sockets,
}

/// Reads the settings anew, and tries whatever can be tried while the old ones are still in use. `open` are the sockets of now.
pub fn prepare(flags: &Flags, now: &Config, open: Sockets) -> anyhow::Result<Next> {
    let config = config::load(flags)?;
    anyhow::ensure!(
        config.state_dir == now.state_dir,
        "`state_dir` is another one, {}: that takes a restart",
        config.state_dir.display()
    );
    if config.embeds_server() {
        server::distinct(&ferry::users(&config)?)?;
    }
    let server = match listens_at(&config) {
        Some(address) if listens_at(now) != Some(address) => Ears::Open(Ears::bind(address)?),
        _ => open.server,
    };
    let is_same = config.settings.monitor.listen == now.settings.monitor.listen;
    let monitor = if is_same { open.monitor } else { Monitor::bind(&config)? };
    Ok(Next { config, sockets: Sockets { server, monitor } })
}

fn listens_at(config: &Config) -> Option<SocketAddr> {
    config.embeds_server().then_some(config.settings.server.listen)
}
