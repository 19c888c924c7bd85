//! The daemon: wires the parts, says when it is ready, waits, and stops them in order; with other settings, it does all
//! that again.

mod folders;
mod ghosts;
mod ground;
mod heartbeat;
mod monitor;
pub mod moves;
mod notify;
mod patience;
mod reload;
mod removals;
mod sockets;

use crate::config::{Config, Flags};
use crate::control::{self, Control};
use crate::ferry::{Ferry, Lock, StartFailure};
use crate::server::Server;
use crate::{escape, events, telemetry};
use folders::{Early, Folders};
use monitor::Monitor;
use notify::{Feeding, Refused, Watchdog};
use reload::{Next, Resumed};
use sockets::Sockets;
pub use sockets::given;
use std::io::IsTerminal;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves the sessions API alone until a signal ends it.
pub async fn serve(server: Server) -> std::io::Result<()> {
    let mut signals = Signals::listen()?;
    notify::ready();
    events::daemon_ready();
    let watchdog = Watchdog::of_environment(Some(server.address));
    let stopped = async {
        loop {
            // Nothing of it can be set anew while it runs, and nobody has to be told so.
            if let Wanted::Stop(name) = signals.next().await {
                return name;
            }
        }
    };
    let name = tokio::select! {
        name = stopped => name,
        () = watchdog.feed(&[]) => "none",
    };
    events::daemon_stopping(name);
    notify::stopping();
    server.stop();
    events::daemon_stopped();
    Ok(())
}

/// Runs until a signal ends it.
pub async fn run(flags: &Flags, mut config: Config) -> Result<(), StartFailure> {
    // First, so that an early signal waits its turn instead of killing the process in the middle of starting.
    let failed = |source| StartFailure::StateDir { dir: config.state_dir.clone(), source };
    let mut signals = Signals::listen().map_err(failed)?;
    let lock = tokio::select! {
        lock = Lock::take_in_turn(&config.state_dir, patience::PATIENCE) => lock?,
        _ = signals.ending() => return Ok(()),
    };
    events::daemon_starting(
        env!("CARGO_PKG_VERSION"),
        &config.state_dir,
        config.file.as_deref().map(escape::path).as_deref(),
    );
    let sockets = Sockets::open(&config, given()?)?;
    let Some(mut running) = patience::start(&config, &lock, &sockets, &mut signals).await? else { return Ok(()) };
    drop(sockets);
    if let Some(name) = running.begin(&mut signals).await {
        return running.end(name).await;
    }
    notify::ready();
    events::daemon_ready();
    let refused = Refused::default();
    loop {
        let next = match running.wait(&mut signals, flags, &config, &refused).await {
            End::Stop(name) => return running.end(name).await,
            End::Reload(next) => next,
        };
        notify::reloading();
        let _alive = Feeding::of_environment();
        running.stop().await?;
        if let Some(name) = signals.ended().await {
            return ended(name);
        }
        telemetry::start(&next.config.settings.log);
        match Running::start(&next.config, &lock, next.sockets).await {
            Ok(started) => {
                (running, config) = (started, next.config);
                // Nobody goes back to what of before is still open.
                drop(next.kept);
                refused.send_replace(None);
                events::daemon_reloaded();
            }
            Err(failure) => {
                telemetry::start(&config.settings.log);
                running = match reload::resume(&config, &lock, &next.kept, &failure, &mut signals).await? {
                    Resumed::Runs(running) => *running,
                    Resumed::Stop(name) => return ended(name),
                };
                // What was opened for the others beside it would take its guests, and serve nobody.
                drop(next.kept);
                refuse(&failure, &refused);
            }
        }
        if let Some(name) = running.begin(&mut signals).await {
            return running.end(name).await;
        }
        notify::ready();
    }
}

fn ended(signal: &str) -> Result<(), StartFailure> {
    events::daemon_stopping(signal);
    notify::stopping();
    events::daemon_stopped();
    Ok(())
}

/// How a run ends.
enum End {
    Stop(&'static str),
    Reload(Box<Next>),
}

/// All that runs with one configuration.
struct Running {
    ferry: Ferry,
    folders: Folders,
    monitor: Option<Monitor>,
    control: Option<Control>,
    /// Whether the server's socket is the service manager's.
    is_given: bool,
}

impl Running {
    async fn start(config: &Config, lock: &Lock, sockets: Sockets) -> Result<Self, StartFailure> {
        let failed = |source| StartFailure::StateDir { dir: config.state_dir.clone(), source };
        let early = Early::listen(config).map_err(failed)?;
        let mut ferry = Ferry::start(config, lock.clone(), sockets.server).await?;
        ferry.announce(config);
        for route in &ferry.routes {
            route.scanned.send_replace(false);
        }
        ferry.deliver();
        ferry.reconcile(true);
        let control = control::listen(&config.state_dir, &ferry.routes, &ferry.people);
        let control = control.inspect_err(|error| events::control_failed(error)).ok();
        let monitor = sockets.monitor.map(|listener| Monitor::start(config, listener)).transpose();
        match monitor.and_then(|monitor| Ok((monitor, Folders::watch(config, &ferry, early)?))).map_err(failed) {
            Ok((monitor, folders)) => Ok(Self { ferry, folders, monitor, control, is_given: sockets.is_given }),
            Err(failure) => {
                control.into_iter().for_each(Control::close);
                ferry.stop().await?;
                Err(failure)
            }
        }
    }

    /// Waits until the first scans are running, or the signal comes that ends all this.
    async fn begin(&mut self, signals: &mut Signals) -> Option<&'static str> {
        tokio::select! {
            () = self.folders.begin() => None,
            name = signals.ending() => Some(name),
        }
    }

    /// Those that are open, for whoever comes after.
    fn sockets(&self, config: &Config) -> Sockets {
        let monitor = self.monitor.as_ref().and_then(|monitor| monitor.listener().ok());
        Sockets { server: self.ferry.ears(config), monitor, is_given: self.is_given }
    }

    /// Waits until it is to stop, or to go on with other settings that are good.
    async fn wait(&self, signals: &mut Signals, flags: &Flags, config: &Config, refused: &Refused) -> End {
        let routes = &self.ferry.routes;
        let watchdog = Watchdog::of_environment(self.ferry.server_address());
        let beating = heartbeat::beat(config, routes);
        let status = notify::tell_status(routes, refused);
        let told = async { tokio::join!(watchdog.feed(routes), status, beating) };
        let stopped = async {
            loop {
                match signals.next().await {
                    Wanted::Stop(name) => return End::Stop(name),
                    Wanted::Reload => match reload::prepare(flags, config, self.sockets(config)) {
                        Ok(next) => return End::Reload(Box::new(next)),
                        Err(error) => refuse(&error, refused),
                    },
                }
            }
        };
        tokio::select! {
            end = stopped => end,
            _ = told => End::Stop("none"),
            what = self.ferry.store.damage() => {
                events::store_damaged(&what);
                End::Stop("none")
            }
        }
    }

    async fn end(self, signal: &str) -> Result<(), StartFailure> {
        events::daemon_stopping(signal);
        notify::stopping();
        let stopped = self.stop().await;
        events::daemon_stopped();
        stopped
    }

    async fn stop(mut self) -> Result<(), StartFailure> {
        self.control.into_iter().for_each(Control::close);
        drop(self.monitor);
        // Side by side, as each may take seconds.
        tokio::join!(self.folders.stop(), self.ferry.drain());
        self.ferry.stop().await
    }
}

/// Other settings are not taken; those of before stay. That is told until others are taken.
fn refuse(error: &dyn std::fmt::Display, refused: &Refused) {
    events::config_refused(error);
    refused.send_replace(Some(error.to_string()));
}

/// What we are told from outside.
enum Wanted {
    Stop(&'static str),
    Reload,
}

/// The signals that mean something to us.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// One that ends all, leaving the others for later.
    async fn ending(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }

    /// The same, if it has come already.
    async fn ended(&mut self) -> Option<&'static str> {
        tokio::select! {
            biased;
            name = self.ending() => Some(name),
            () = std::future::ready(()) => None,
        }
    }

    /// The one that comes first.
    async fn next(&mut self) -> Wanted {
        tokio::select! {
            _ = self.terminate.recv() => Wanted::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Wanted::Stop("SIGINT"),
            // Whoever tries it out in a terminal has closed that.
            _ = self.hangup.recv() => if std::io::stdin().is_terminal() { Wanted::Stop("SIGHUP") } else { Wanted::Reload },
        }
    }
}
