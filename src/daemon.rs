//! The daemon: wires the parts, says when it is ready, waits, and stops them in order; with other settings, it does all
//! that again.

mod folders;
mod ghosts;
mod ground;
mod heartbeat;
mod monitor;
pub mod moves;
mod notify;
mod reload;
mod removals;

use crate::config::{Config, Flags};
use crate::control::{self, Control};
use crate::ferry::{Ferry, Lock, StartFailure};
use crate::server::{Ears, Server};
use crate::{escape, events, telemetry};
use folders::Folders;
use monitor::Monitor;
use notify::Watchdog;
use reload::Next;
use std::io::IsTerminal;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves the sessions API alone until a signal ends it.
pub async fn serve(server: Server) -> std::io::Result<()> {
    let mut signals = Signals::listen()?;
    notify::ready();
    events::daemon_ready();
    let name = loop {
        match signals.next().await {
            // Nothing of it can be set anew while it runs, and nobody has to be told so.
            Wanted::Reload => {}
            Wanted::Stop(name) => break name,
        }
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
        lock = Lock::take_in_turn(&config.state_dir) => lock?,
        Wanted::Stop(_) = signals.next() => return Ok(()),
    };
    events::daemon_starting(
        env!("CARGO_PKG_VERSION"),
        &config.state_dir,
        config.file.as_deref().map(escape::path).as_deref(),
    );
    let mut ears = notify::ears().map_err(failed)?.unwrap_or(Ears::At(config.settings.server.listen));
    // What it ran with until now, should it not run with other settings.
    let mut before: Option<(Config, Ears)> = None;
    let mut is_first = true;
    loop {
        let running = match (Running::start(&config, &lock, ears).await, before.take()) {
            (Ok(running), _) => running,
            (Err(failure), None) => return Err(failure),
            (Err(failure), Some(good)) => {
                refuse(&failure);
                (config, ears) = good;
                continue;
            }
        };
        notify::ready();
        if std::mem::take(&mut is_first) {
            events::daemon_ready();
        } else {
            events::daemon_reloaded();
        }
        match running.wait(&mut signals, flags, &config).await {
            End::Stop(name) => {
                events::daemon_stopping(name);
                notify::stopping();
                let stopped = running.stop().await;
                events::daemon_stopped();
                return stopped;
            }
            End::Reload(next) => {
                notify::reloading();
                telemetry::start(&next.config.settings.log);
                let [open, again] = running.ferry.ears(&config);
                running.stop().await?;
                ears = next.ears.unwrap_or(open);
                before = Some((std::mem::replace(&mut config, next.config), again));
            }
        }
    }
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
}

impl Running {
    async fn start(config: &Config, lock: &Lock, ears: Ears) -> Result<Self, StartFailure> {
        let mut ferry = Ferry::start(config, lock.clone(), ears).await?;
        ferry.announce(config);
        for route in &ferry.routes {
            route.scanned.send_replace(false);
        }
        ferry.deliver();
        ferry.reconcile(true);
        let control = control::listen(&config.state_dir, &ferry.routes, &ferry.people);
        let control = control.inspect_err(|error| events::control_failed(error)).ok();
        let failed = |source| StartFailure::StateDir { dir: config.state_dir.clone(), source };
        let watched = || Ok((Monitor::start(config)?, Folders::watch(config, &ferry).map_err(failed)?));
        match watched() {
            Ok((monitor, folders)) => Ok(Self { ferry, folders, monitor, control }),
            Err(failure) => {
                control.into_iter().for_each(Control::close);
                ferry.stop().await?;
                Err(failure)
            }
        }
    }

    /// Waits until it is to stop, or to go on with other settings that are good.
    async fn wait(&self, signals: &mut Signals, flags: &Flags, config: &Config) -> End {
        let routes = &self.ferry.routes;
        let watchdog = Watchdog::of_environment(self.ferry.server_address());
        let beating = heartbeat::beat(config.settings.monitor.heartbeat.as_ref(), routes);
        let told = async { tokio::join!(watchdog.feed(routes), notify::tell_status(routes), beating) };
        let stopped = async {
            loop {
                match signals.next().await {
                    Wanted::Stop(name) => return End::Stop(name),
                    Wanted::Reload => match reload::prepare(flags, config) {
                        Ok(next) => return End::Reload(Box::new(next)),
                        Err(error) => refuse(&error),
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

    async fn stop(self) -> Result<(), StartFailure> {
        self.control.into_iter().for_each(Control::close);
        drop(self.monitor);
        self.folders.stop();
        self.ferry.stop().await
    }
}

/// Other settings are not taken; those of before stay.
fn refuse(error: &dyn std::fmt::Display) {
    events::config_refused(error);
    notify::status(&format!("the new configuration is refused: {error}"));
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
