//! What systemd hears of us: that we are ready, alive, busy with other settings, or stop.

use crate::escape;
use crate::events;
use crate::store::outbox;
use crate::sync::Route;
use crate::sync::courier::Event;
use sd_notify::NotifyState;
use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, sleep, timeout};

/// After something has changed, so long until it is told: there may be more of it.
const PAUSE: Duration = Duration::from_secs(1);

/// How long the embedded server may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(10);

/// A reload that takes longer hangs.
const LONGEST_RELOAD: Duration = Duration::from_secs(600);

/// How long a word that the unit waits for may take to be told. Whoever manages it may be busy for a moment, but we have to
/// listen to signals.
const READY_PATIENCE: Duration = Duration::from_secs(1);

/// The same for one that the unit can do without.
const WORD_PATIENCE: Duration = Duration::from_millis(100);

/// How the status begins until a reload is taken.
const REFUSED: &str = "the new configuration is refused, the one of before is in use";

pub fn ready() {
    send(&[NotifyState::Ready], Some(READY_PATIENCE));
}

/// Until the next [`ready`], the unit counts as reloading.
pub fn reloading() {
    let now = NotifyState::monotonic_usec_now();
    send(&[Some(NotifyState::Reloading), now.ok()].into_iter().flatten().collect::<Vec<_>>(), Some(WORD_PATIENCE));
}

pub fn stopping() {
    send(&[NotifyState::Stopping], Some(WORD_PATIENCE));
}

/// In one line, or the rest would be other notifications.
fn status(text: &str) {
    send(&[NotifyState::Status(&escape::text(text))], None);
}

/// Whether it is told already that the service manager does not hear us.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// What comes again and again has no patience: it is told at once, or not at all.
fn send(state: &[NotifyState<'_>], patience: Option<Duration>) {
    // Without systemd there is no socket, and that is no error.
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET").filter(|socket| !socket.is_empty()) else { return };
    let text: String = state.iter().map(|state| format!("{state}\n")).collect();
    match send_to(&socket, &text, patience) {
        Ok(()) => IS_TOLD.store(false, Ordering::Relaxed),
        // Signs of life come again and again.
        Err(error) if !IS_TOLD.swap(true, Ordering::Relaxed) => {
            events::notify_failed(&format!("{} (NOTIFY_SOCKET): {error}", escape::path(Path::new(&socket))));
        }
        Err(_) => {}
    }
}

/// A name that begins with @ is one of Linux's abstract ones, which no path leads to.
fn send_to(socket: &OsStr, text: &str, patience: Option<Duration>) -> io::Result<()> {
    let address = match socket.as_bytes() {
        [b'@', name @ ..] => UnixAddress::from_abstract_name(name)?,
        [b'/', ..] => UnixAddress::from_pathname(socket)?,
        _ => return Err(io::Error::other("neither an absolute path nor a name that begins with @")),
    };
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(patience.is_none())?;
    socket.set_write_timeout(patience)?;
    let sent = socket.send_to_addr(text.as_bytes(), &address).map(|_| ());
    sent.map_err(|error| match error.kind() {
        io::ErrorKind::WouldBlock => io::Error::new(error.kind(), "it is busy, and takes no more at the moment"),
        _ => error,
    })
}

/// Why the last reload was refused, if it was, and whoever wants to hear when that changes.
pub type Refused = watch::Sender<Option<String>>;

/// Tells the service manager, in a line, how much waits and that the last reload was refused, whenever that may have
/// changed. Never ends.
pub async fn tell_status(routes: &[Route], refused: &Refused) {
    if std::env::var_os("NOTIFY_SOCKET").is_none() {
        return std::future::pending().await;
    }
    let news = Arc::new(Notify::new());
    for route in routes {
        let (mut progress, news) = (route.progress.subscribe(), Arc::clone(&news));
        tokio::spawn(async move {
            // Until nobody tells anything any more.
            while !matches!(progress.recv().await, Err(tokio::sync::broadcast::error::RecvError::Closed)) {
                news.notify_one();
            }
        });
    }
    let mut refused = refused.subscribe();
    loop {
        let refusal = refused.borrow_and_update().clone();
        if let Some(text) = describe(routes).await {
            status(&refusal.map_or(text.clone(), |why| format!("{REFUSED}: {why}; {text}")));
        }
        tokio::select! {
            // What a person has just asked for is told at once.
            _ = refused.changed() => {}
            () = async { news.notified().await; sleep(PAUSE).await } => {}
        }
    }
}

async fn describe(routes: &[Route]) -> Option<String> {
    let first = routes.first()?;
    let accounts: Vec<i64> = routes.iter().map(|route| route.account.id).collect();
    let counts = first.store.call(move |connection| {
        accounts.into_iter().map(|account| outbox::counts(connection, account)).collect::<Result<Vec<_>, _>>()
    });
    let counts = counts.await.ok()?;
    let (queued, parked) = counts.iter().fold((0, 0), |(q, p), counts| (q + counts.queued, p + counts.parked));
    let mut text = format!("{queued} queued, {parked} parked");
    for route in routes {
        if let Some(halt) = &*route.halted.borrow() {
            text += &format!("; {}: {}", route.name, halt.reason);
        }
    }
    Some(text)
}

/// Tells systemd that we are alive, if it wants to know.
pub struct Watchdog {
    every: Option<Duration>,
    server: Option<SocketAddr>,
}

impl Watchdog {
    pub fn of_environment(server: Option<SocketAddr>) -> Self {
        // Twice in the time that systemd allows, as its documentation advises.
        Self { every: watched(), server }
    }

    /// Never ends. Each sign of life follows an answer of everything that could hang: the store's thread, whoever delivers,
    /// and the embedded server. Whoever compares may wait for another server for long, with limits of its own.
    pub async fn feed(self, routes: &[Route]) {
        let Some(every) = self.every else { return std::future::pending().await };
        let mut ticks = tokio::time::interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.is_alive(routes).await {
                send(&[NotifyState::Watchdog], None);
            }
        }
    }

    async fn is_alive(&self, routes: &[Route]) -> bool {
        for route in routes {
            let (asking, answered) = oneshot::channel();
            let asked = route.courier.send(Event::Ping(asking)).is_ok();
            if !asked || answered.await.is_err() || route.store.call(|_| Ok(())).await.is_err() {
                return false;
            }
        }
        match self.server {
            Some(address) => timeout(PATIENCE, is_healthy(address)).await.unwrap_or(false),
            None => true,
        }
    }
}

async fn is_healthy(server: SocketAddr) -> bool {
    let client = reqwest::Client::builder().no_proxy().build();
    let Ok(client) = client else { return false };
    client.get(format!("http://{server}/healthz")).send().await.is_ok_and(|answer| answer.status().is_success())
}

/// Signs of life while everything stops and starts anew, which nobody else can give; until it is dropped, and not for ever.
pub struct Feeding {
    #[expect(dead_code, reason = "dropping it is the signal")]
    stop: mpsc::Sender<()>,
}

impl Feeding {
    /// Nothing if systemd wants no signs.
    pub fn of_environment() -> Option<Self> {
        let every = watched()?;
        let (stop, stopped) = mpsc::channel();
        let until = Instant::now() + LONGEST_RELOAD;
        let feed = move || {
            while Instant::now() < until {
                send(&[NotifyState::Watchdog], None);
                if stopped.recv_timeout(every) != Err(mpsc::RecvTimeoutError::Timeout) {
                    return;
                }
            }
        };
        // Without it, a long one is cut off.
        std::thread::Builder::new().name("reload".to_owned()).spawn(feed).ok()?;
        Some(Self { stop })
    }
}

/// How often the service manager wants a sign of life, if it does; twice as often as it has to be.
fn watched() -> Option<Duration> {
    sd_notify::watchdog_enabled().map(|within| within / 2).filter(|every| !every.is_zero())
}
