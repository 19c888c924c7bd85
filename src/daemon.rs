//! The daemon: wires the parts, says when it is ready, waits, and stops them in order.

mod folders;
mod ghosts;
mod ground;
pub mod moves;
mod notify;
mod removals;

use crate::config::Config;
use crate::ferry::{Ferry, Lock, StartFailure};
use crate::server::Server;
use crate::{control, events};
use folders::Folders;
use notify::Watchdog;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves the sessions API alone until a signal ends it.
pub async fn serve(server: Server) -> std::io::Result<()> {
    let mut signals = Signals::listen()?;
    notify::ready();
    events::daemon_ready();
    let name = signals.next().await;
    events::daemon_stopping(name);
    notify::stopping();
    server.stop();
    events::daemon_stopped();
    Ok(())
}

/// Runs until a signal ends it.
pub async fn run(config: &Config) -> Result<(), StartFailure> {
    // First, so that an early signal waits its turn instead of killing the process in the middle of starting.
    let failed = |source| StartFailure::StateDir { dir: config.state_dir.clone(), source };
    let mut signals = Signals::listen().map_err(failed)?;
    let lock = tokio::select! {
        lock = Lock::take_in_turn(&config.state_dir) => lock?,
        _ = signals.next() => return Ok(()),
    };
    events::daemon_starting(env!("CARGO_PKG_VERSION"), &config.state_dir, config.file.as_deref());
    let mut ferry = Ferry::start(config, lock, config.settings.server.listen).await?;
    ferry.announce(config);
    for route in &ferry.routes {
        route.scanned.send_replace(false);
    }
    ferry.deliver();
    ferry.reconcile(true);
    if let Err(error) = control::listen(&config.state_dir, &ferry.routes, &ferry.people) {
        events::control_failed(&error);
    }
    let folders = Folders::watch(config, &ferry).map_err(failed)?;
    notify::ready();
    events::daemon_ready();
    let watchdog = Watchdog::of_environment(ferry.store.clone());
    let name = tokio::select! {
        name = signals.next() => name,
        () = watchdog.feed() => "none",
        what = ferry.store.damage() => {
            events::store_damaged(&what);
            "none"
        }
    };
    events::daemon_stopping(name);
    notify::stopping();
    control::close(&config.state_dir);
    folders.stop();
    let stopped = ferry.stop().await;
    events::daemon_stopped();
    stopped
}

/// The signals that end us.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    /// The name of the one that comes first.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}
