//! Other settings for a running daemon: whether it can go on with them, and the way back to those of before.

use super::monitor::{Listener, Monitor};
use super::sockets::Sockets;
use super::{Running, Signals};
use crate::config::{self, Config, Flags};
use crate::events;
use crate::ferry::{self, Lock, StartFailure};
use crate::server::{self, Ears};
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

/// How often, once a second, the settings of before are tried when those that came after them failed.
const TRIES: u32 = 30;

/// What it goes on with.
pub struct Next {
    pub config: Config,
    pub sockets: Sockets,
    /// What stays open until that has begun.
    pub kept: Kept,
}

/// All that is needed to go back, so that nobody can take an address in between.
pub struct Kept {
    old: Sockets,
    /// Those that came after them: an old one whose address is theirs, too, is closed, and bound anew beside them.
    new: Sockets,
}

/// How going back ends.
pub enum Resumed {
    Runs(Box<Running>),
    Stop(&'static str),
}

/// Goes on with what ran a moment ago, as a `failure` kept it from other settings. Whatever keeps it from that should pass,
/// and is waited for, unless it is told to end meanwhile.
pub async fn resume(
    config: &Config,
    lock: &Lock,
    kept: &Kept,
    failure: &StartFailure,
    signals: &mut Signals,
) -> Result<Resumed, StartFailure> {
    let mut tries = 1;
    loop {
        let source = match start_again(config, lock, kept).await {
            Ok(running) => return Ok(Resumed::Runs(Box::new(running))),
            Err(source) => Box::new(source),
        };
        let stuck = StartFailure::Stuck { new: failure.to_string(), source };
        match tries {
            1 => events::config_stuck(&stuck),
            TRIES => return Err(stuck),
            _ => {}
        }
        tries += 1;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
            name = signals.ending() => return Ok(Resumed::Stop(name)),
        }
    }
}

async fn start_again(config: &Config, lock: &Lock, kept: &Kept) -> Result<Running, StartFailure> {
    let sockets = kept.old.completed(config, &kept.new)?;
    Running::start(config, lock, sockets).await
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

/// What other settings listen with, and what is kept for going back to those of `now`. What is left stays open until then,
/// unless a new one is for whoever connects there: people would wait at the old one in vain.
fn sockets(config: &Config, now: &Config, open: Sockets) -> anyhow::Result<(Sockets, Kept)> {
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
    let new = next.again()?;
    let is_replaced =
        |old: Option<&TcpListener>| old.and_then(|old| old.local_addr().ok()).is_some_and(|old| new.cover(old));
    let closes_server = !keeps_server && is_replaced(open.server.listener());
    let server = if closes_server { open.server.closed() } else { open.server };
    let monitor = open.monitor.filter(|monitor| keeps_monitor || !is_replaced(monitor.tcp()));
    let old = Sockets { server, monitor, is_given: open.is_given };
    Ok((next, Kept { old, new }))
}

fn listens_at(config: &Config) -> Option<SocketAddr> {
    config.embeds_server().then_some(config.settings.server.listen.get())
}
