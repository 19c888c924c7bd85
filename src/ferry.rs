//! Everything that runs whether or not folders are watched: the lock, the store, the embedded server, and for each
//! account the loops that deliver and reconcile.

use crate::api;
use crate::auth::Source;
use crate::config::{Account, Config, Destination};
use crate::control;
use crate::events;
use crate::intake::Person;
use crate::server::{self, Server, StartError, User};
use crate::sqlite::OpenError;
use crate::store::{self, Store, accounts, outbox};
use crate::sync::{Route, deliver, reconcile};
use crate::token;
use jiff::Timestamp;
use std::fs::{DirBuilder, File};
use std::io::{Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Notify, broadcast, watch};
use tokio::task::JoinSet;

/// Progress messages kept for a listener that is slow; one that misses some asks the store.
const PROGRESS_KEPT: usize = 4096;

/// How long a command may take until the next one gives up waiting for its turn.
const TURN: Duration = Duration::from_secs(30);

/// Why nothing can be ferried.
#[derive(Debug, thiserror::Error)]
pub enum StartFailure {
    #[error("fitferry is already running on {} (process {})", dir.display(), process.as_deref().unwrap_or("unknown"))]
    Locked { dir: PathBuf, process: Option<String> },
    #[error("cannot use the state directory {}: {source}", dir.display())]
    StateDir { dir: PathBuf, source: std::io::Error },
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("cannot write to the store: {0}")]
    Store(#[from] store::Error),
    #[error(transparent)]
    Server(#[from] StartError),
    #[error("cannot use the token file {}: {source}", path.display())]
    Token { path: PathBuf, source: std::io::Error },
    #[error("the embedded server cannot be reached at {0}")]
    Address(SocketAddr),
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// The exclusive right to deliver from a state directory, held until dropped or until the process dies.
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] File);

impl Lock {
    /// Takes the lock, making the state directory first if there is none.
    pub fn take(dir: &Path) -> Result<Self, StartFailure> {
        let failed = |source| StartFailure::StateDir { dir: dir.to_path_buf(), source };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("lock"))
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut process = String::new();
                let read = (&file).take(20).read_to_string(&mut process);
                let process = read.ok().map(|_| process.trim().to_owned()).filter(|process| !process.is_empty());
                return Err(StartFailure::Locked { dir: dir.to_path_buf(), process });
            }
        }
        // Only for the message above.
        file.set_len(0).and_then(|()| file.rewind()).map_err(failed)?;
        writeln!(file, "{}", std::process::id()).map_err(failed)?;
        Ok(Self(file))
    }

    /// Takes the lock, waiting for another command to finish, but not for a daemon.
    pub async fn take_in_turn(dir: &Path) -> Result<Self, StartFailure> {
        let until = Instant::now() + TURN;
        loop {
            match Self::take(dir) {
                Err(StartFailure::Locked { .. }) if Instant::now() < until && control::connect(dir).is_none() => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                result => return result,
            }
        }
    }
}

/// The running parts.
pub struct Ferry {
    _lock: Lock,
    pub store: Store,
    store_thread: JoinHandle<()>,
    server: Option<Server>,
    pub routes: Vec<Route>,
    pub people: Vec<Person>,
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
}

impl Ferry {
    /// Starts everything. `listen` is where the embedded server goes if this process has to run it.
    pub async fn start(config: &Config, lock: Lock, listen: SocketAddr) -> Result<Self, StartFailure> {
        let (server, address) = match config.embeds_server() {
            true => start_server(config, listen)?,
            false => (None, listen),
        };
        let (store, store_thread) = Store::open(&config.state_dir)?;
        let (stop, _) = watch::channel(false);
        let mut ferry = Self {
            _lock: lock,
            store,
            store_thread,
            server,
            routes: Vec::new(),
            people: Vec::new(),
            stop,
            loops: JoinSet::new(),
        };
        for account in &config.accounts {
            ferry.add(config, account, address).await?;
        }
        Ok(ferry)
    }

    /// Points an account at its destination and queues whatever that destination is not known to have.
    async fn add(&mut self, config: &Config, account: &Account, server: SocketAddr) -> Result<(), StartFailure> {
        let (name, identity) = (account.name.clone(), account.destination.identity().to_owned());
        let row = self
            .store
            .call(move |connection| {
                let row = accounts::ensure(connection, &name, &identity)?;
                outbox::queue_difference(connection, row, Timestamp::now())?;
                Ok(row)
            })
            .await?;
        let client = api::Client::new(client_settings(config, account, server)?)?;
        let name: Arc<str> = account.name.as_str().into();
        self.people.push(Person { name: Arc::clone(&name), account: row, zone: account.zone.clone() });
        self.routes.push(Route {
            name,
            account: row,
            store: self.store.clone(),
            client: Arc::new(client),
            wake: Arc::new(Notify::new()),
            progress: broadcast::channel(PROGRESS_KEPT).0,
            halted: watch::channel(None).0,
            probe: Arc::new(Notify::new()),
            delivery: config.settings.delivery.clone(),
            reconcile: config.settings.reconcile.clone(),
        });
        Ok(())
    }

    /// Says where the embedded server is, if this process runs it, and which file has the token.
    pub fn announce(&self, config: &Config) {
        if let (Some(server), Some(account)) = (&self.server, config.accounts.first()) {
            events::server_ready(server.address, &config.server_token_file(&account.name));
        }
    }

    /// Starts delivering for every account.
    pub fn deliver(&mut self) {
        for route in &self.routes {
            self.loops.spawn(deliver::run(route.clone(), self.stop.subscribe()));
        }
    }

    /// Starts comparing with the server, from time to time, for every account.
    pub fn reconcile(&mut self) {
        for route in &self.routes {
            self.loops.spawn(reconcile::run(route.clone(), self.stop.subscribe()));
        }
    }

    /// Stops the loops after what is in flight, then the server, then closes the store.
    pub async fn stop(mut self) {
        self.stop.send_replace(true);
        while self.loops.join_next().await.is_some() {}
        // Both waits are bounded: the server cuts off who is slow, the store has only a group left to commit.
        if let Some(server) = self.server {
            server.stop();
        }
        self.store.close();
        let _ = self.store_thread.join();
    }
}

/// Starts the embedded server, unless another process serves this state directory already.
fn start_server(config: &Config, listen: SocketAddr) -> Result<(Option<Server>, SocketAddr), StartFailure> {
    let users = users(config)?;
    match server::start(&config.state_dir, listen, config.settings.server.window, &users) {
        Ok(server) => {
            let address = server.address;
            Ok((Some(server), address))
        }
        Err(StartError::Locked { address, .. }) => {
            let address = reachable(address.unwrap_or(config.settings.server.listen));
            events::server_elsewhere(address);
            Ok((None, address))
        }
        Err(error) => Err(error.into()),
    }
}

/// The people who may use the embedded server, each with a token that is made if there is none.
pub fn users(config: &Config) -> Result<Vec<User>, StartFailure> {
    let user = |account: &Account| {
        let path = config.server_token_file(&account.name);
        match token::read_or_make(&path) {
            Ok(token) => Ok(User { name: account.name.clone(), token }),
            Err(source) => Err(StartFailure::Token { path, source }),
        }
    };
    config.accounts.iter().map(user).collect()
}

fn client_settings(config: &Config, account: &Account, server: SocketAddr) -> Result<api::Settings, StartFailure> {
    let delivery = &config.settings.delivery;
    let (base_url, source) = match &account.destination {
        Destination::Remote { base_url, credentials } => {
            let source = Source::of(credentials, &account.name, config.grant_file(&account.name));
            (base_url.clone(), source)
        }
        Destination::Embedded => {
            let url = format!("http://{}/fitness/v1", reachable(server));
            let url = url.parse().map_err(|_| StartFailure::Address(server))?;
            (url, Source::File(config.server_token_file(&account.name)))
        }
    };
    Ok(api::Settings {
        base_url,
        source,
        read_timeout: delivery.read_timeout.get(),
        connect_timeout: delivery.connect_timeout.get(),
        request_timeout: delivery.request_timeout.get(),
    })
}

/// Where a server that listens everywhere can be reached from here.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}
