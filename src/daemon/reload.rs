//! Other settings for a running daemon: whether it can go on with them.

use super::monitor::{Listener, Monitor};
use super::sockets::Sockets;
use crate::config::{self, Config, Flags};
use crate::ferry;
use crate::server::{self, Ears};
use std::net::{SocketAddr, TcpListener};

/// What it goes on with.
pub struct Next {
    pub config: Config,
    pub sockets: Sockets,
    /// What of before stays open until that has begun.
    pub kept: Sockets,
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
    let (sockets, kept) = sockets(&config, now, open)?;
    Ok(Next { config, sockets, kept })
}

/// What other settings listen with, and what is kept for going back to those of `now`. What is left is closed with whoever
/// serves it, and bound anew should it be needed again: people would wait there in vain.
fn sockets(config: &Config, now: &Config, open: Sockets) -> anyhow::Result<(Sockets, Sockets)> {
    let keeps_server = open.is_given || listens_at(config) == listens_at(now);
    let keeps_monitor = config.settings.monitor.listen == now.settings.monitor.listen;
    let monitor = open.monitor.as_ref().and_then(Listener::tcp).filter(|_| !keeps_monitor);
    let left: Vec<&TcpListener> = open.server.listener().filter(|_| !keeps_server).into_iter().chain(monitor).collect();
    let server = match listens_at(config) {
        _ if keeps_server => open.server.again()?,
        Some(address) => Ears::Open(Ears::bind(address, &left)?),
        None => Ears::At(config.settings.server.listen.get()),
    };
    let monitor = if keeps_monitor { open.again()?.monitor } else { Monitor::bind(config, &left)? };
    let next = Sockets { server, monitor, is_given: open.is_given };
    let server = if keeps_server { open.server } else { open.server.closed() };
    let monitor = open.monitor.filter(|_| keeps_monitor);
    Ok((next, Sockets { server, monitor, is_given: open.is_given }))
}

fn listens_at(config: &Config) -> Option<SocketAddr> {
    config.embeds_server().then_some(config.settings.server.listen.get())
}
