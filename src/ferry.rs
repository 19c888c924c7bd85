//! Everything that runs whether or not folders are watched: the lock, the store, the embedded server, and for each
//! account the loops that deliver and reconcile.

mod care;

use crate::api;
use crate::auth::Source;
use crate::config::{Account, Config, Destination, Listen};
use crate::control;
use crate::crash;
use crate::directory;
use crate::events;
use crate::intake::{self, Person};
use crate::owner;
use crate::room::Room;
use crate::server::{self, Ears, Server, StartError, User};
use crate::sqlite::OpenError;
use crate::store::{self, Store, accounts, halts, outbox, run};
use crate::sync::courier::Event;
use crate::sync::pace::Pace;
use crate::sync::reconcile::Order;
use crate::sync::withhold::Turn;
use crate::sync::{Clock, Heard, Progress, Route, deliver, reconcile};
use crate::token;
use jiff::Timestamp;
use rusqlite::Connection;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;

/// Progress messages kept for a listener that is slow; one that misses some asks the store.
const PROGRESS_KEPT: usize = 4096;

/// How long after its beginning a stop waits for a login that is just being refreshed: a refresh token that was replaced has to
/// be kept. All in all a stop may take five seconds.
const SETTLE: Duration = Duration::from_millis(4500);

/// How long a command may take until the next one gives up waiting for its turn.
pub const TURN: Duration = Duration::from_secs(30);

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
    #[error("cannot use the token file {}: {source}{}", path.display(), owner::secret_hint(source, path))]
    Token { path: PathBuf, source: std::io::Error },
    #[error("cannot listen on {address}: {source}; choose another `monitor.listen`")]
    Monitor { address: Listen, source: std::io::Error },
    #[error(
        "cannot use the socket that the service manager has opened: {0}; the socket unit has to have one ListenStream= with an address and a port, and no Accept=yes: see systemctl cat fitferry.socket"
    )]
    Given(String),
    #[error("the embedded server cannot be reached at {0}")]
    Address(SocketAddr),
    #[error("the memory was damaged and is set aside; it is made anew at the next start")]
    Damaged,
    #[error("not all files were taken in, as there is little room: {0}; make room, and import them again")]
    NoRoom(String),
    #[error("the new configuration cannot be used: {new}; nor can the one of before: {source}")]
    Stuck { new: String, source: Box<Self> },
    #[error("no HTTP client: {0}")]
    Client(#[from] reqwest::Error),
}

/// Makes the state directory if there is none, and sees whether we may use what is in it.
pub fn enter(dir: &Path) -> Result<(), StartFailure> {
    let entered = directory::make(dir).and_then(|()| owner::check(dir));
    entered.map_err(|source| StartFailure::StateDir { dir: dir.to_path_buf(), source })
}

/// The exclusive right to deliver from a state directory, held until dropped or until the process dies.
#[derive(Clone)]
pub struct Lock(#[expect(dead_code, reason = "the lock lives as long as the open file")] Arc<File>);

impl Lock {
    /// Takes the lock, making the state directory first if there is none.
    pub fn take(dir: &Path) -> Result<Self, StartFailure> {
        let failed = |source| StartFailure::StateDir { dir: dir.to_path_buf(), source };
        enter(dir)?;
        let mut file = owner::open_or_create(&dir.join("lock")).map_err(failed)?;
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
        // Only for the message above, for which a full disk has no room.
        let _ = file.set_len(0).and_then(|()| file.rewind()).and_then(|()| writeln!(file, "{}", std::process::id()));
        Ok(Self(Arc::new(file)))
    }

    /// Whether a process has it, for whoever may open it.
    pub fn is_held(dir: &Path) -> bool {
        let file = File::open(dir.join("lock"));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
    }

    /// Takes the lock, waiting for another command to finish, but not for a daemon.
    pub async fn take_in_turn(dir: &Path, patience: Duration) -> Result<Self, StartFailure> {
        let until = Instant::now() + patience;
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
    pub room: Arc<Room>,
    /// What each route's courier is sent, until it is there.
    mail: Vec<mpsc::UnboundedReceiver<Event>>,
    stop: watch::Sender<bool>,
    loops: JoinSet<()>,
    /// What people want to have compared, for each route.
    ordered: Vec<mpsc::UnboundedReceiver<Order>>,
}

/// Nobody else has to find the server of a command that ends by itself, so it takes any free port.
pub const ANYWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

impl Ferry {
    /// Starts everything. `ears` are for the embedded server, if this process has to run it.
    pub async fn start(config: &Config, lock: Lock, ears: Ears) -> Result<Self, StartFailure> {
        crash::point("start.locked");
        let (server, address) = match config.embeds_server() {
            true => start_server(config, ears)?,
            false => (None, config.settings.server.listen.get()),
        };
        let (store, store_thread) = match Store::open(&config.state_dir) {
            Ok(opened) => opened,
            Err(error) => {
                // Not only some time after its end is told.
                server.into_iter().for_each(Server::stop);
                return Err(error.into());
            }
        };
        let (stop, _) = watch::channel(false);
        let mut ferry = Self {
            _lock: lock,
            store,
            store_thread,
            server,
            routes: Vec::new(),
            people: Vec::new(),
            room: Arc::new(Room::new(config)),
            mail: Vec::new(),
            stop,
            loops: JoinSet::new(),
            ordered: Vec::new(),
        };
        match ferry.point_all(config, address).await {
            Ok(()) => Ok(ferry),
            Err(failure) => {
                // It may be the store that is damaged.
                ferry.stop().await?;
                Err(failure)
            }
        }
    }

    /// Begins a run, and gives every account its way to its destination.
    async fn point_all(&mut self, config: &Config, server: SocketAddr) -> Result<(), StartFailure> {
        self.begin(&config.state_dir).await?;
        for account in &config.accounts {
            self.add(config, account, server).await?;
        }
        Ok(())
    }

    /// Begins a run of the store, and tells if it is not the store that was used last.
    async fn begin(&self, state_dir: &Path) -> Result<(), StartFailure> {
        let (dir, token) = (state_dir.to_path_buf(), format!("{:032x}", fastrand::u128(..)));
        let inside = token.clone();
        let is_copy = self
            .store
            .call(move |connection| {
                let tokens = run::Tokens::read(connection, &dir)?;
                run::begin(connection, &inside)?;
                Ok(tokens.differ())
            })
            .await?;
        let failed = |source| StartFailure::StateDir { dir: state_dir.to_path_buf(), source };
        crash::point("start.begun");
        run::publish(state_dir, &token).map_err(failed)?;
        if is_copy {
            events::store_is_copy();
        }
        Ok(())
    }

    /// Points an account at its destination and queues whatever that destination is not known to have.
    async fn add(&mut self, config: &Config, account: &Account, server: SocketAddr) -> Result<(), StartFailure> {
        let (name, identity) = (account.name.clone(), account.destination.identity().to_owned());
        let (row, spent, rest) = self
            .store
            .call(move |connection| {
                let row = point(connection, &name, &identity)?;
                // Whatever restores a state directory restores all of it: nothing here tells that a memory is an old one.
                accounts::set_wary(connection, row, true)?;
                // This run finds out by itself whether that is still so.
                halts::end(connection, row)?;
                Ok((row, accounts::spent(connection, row)?, halts::rest(connection, row)?))
            })
            .await?;
        crash::point("start.pointed");
        let clock = Clock::default();
        let pace = Pace::new(account.limits.clone(), spent, rest, clock.now());
        let client = api::Client::new(client_settings(config, account, server)?)?;
        let name: Arc<str> = account.name.as_str().into();
        let (orders, ordered) = mpsc::unbounded_channel();
        self.ordered.push(ordered);
        let (courier, mail) = mpsc::unbounded_channel();
        self.mail.push(mail);
        let person = Person { name: Arc::clone(&name), account: row, rules: Arc::clone(&account.rules) };
        self.rederive(&person).await?;
        self.people.push(person);
        self.routes.push(Route {
            name,
            account: row,
            store: self.store.clone(),
            destination: Arc::new(client),
            bell: Arc::default(),
            courier,
            turn: Turn::default(),
            progress: broadcast::channel(PROGRESS_KEPT).0,
            halted: watch::channel(None).0,
            clock,
            limits: account.limits.clone(),
            pace: Arc::new(Mutex::new(pace)),
            done: Arc::default(),
            probe: Arc::default(),
            heard: watch::channel(Heard::default()).0,
            hindrance: watch::channel(None).0,
            scanned: watch::channel(true).0,
            complete: Arc::default(),
            room: Arc::clone(&self.room),
            orders,
            delivery: config.settings.delivery.clone(),
            reconcile: config.settings.reconcile.clone(),
        });
        Ok(())
    }

    /// Makes an account's sessions anew if its rules have changed since they were made: before anything is sent.
    async fn rederive(&self, person: &Person) -> Result<(), StartFailure> {
        let (account, fingerprint) = (person.account, person.rules.fingerprint());
        if !self.store.call(move |c| intake::is_outdated(c, account, &fingerprint)).await? {
            return Ok(());
        }
        let (mut progress, mut is_done) = (intake::Progress::default(), false);
        while !is_done {
            let writer = person.clone();
            (progress, is_done) = self
                .store
                .call(move |connection| {
                    let is_done = intake::rederive(connection, &writer, &mut progress, Timestamp::now())?;
                    Ok((progress, is_done))
                })
                .await?;
        }
        if progress.looked_at > 0 {
            events::sessions_rederived(&person.name, progress.looked_at, progress.changed);
        }
        Ok(())
    }

    /// What others listen with after us.
    pub fn ears(&self, config: &Config) -> Ears {
        let open = self.server.as_ref().and_then(|server| server.ears().ok());
        open.unwrap_or(Ears::At(config.settings.server.listen.get()))
    }

    /// Where the embedded server is, if this process runs it.
    pub fn server_address(&self) -> Option<SocketAddr> {
        self.server.as_ref().map(|server| server.address)
    }

    /// Says where the embedded server is, if this process runs it, and which file has the token.
    pub fn announce(&self, config: &Config) {
        if let (Some(server), Some(account)) = (&self.server, config.accounts.first()) {
            events::server_ready(server.address, &config.server_token_file(&account.name));
        }
    }

    /// Starts delivering for every account, and tidying up.
    pub fn deliver(&mut self) {
        for person in &self.people {
            self.loops.spawn(care::run(self.store.clone(), person.clone(), self.stop.subscribe()));
        }
        for (route, mail) in self.routes.iter().zip(self.mail.drain(..)) {
            self.loops.spawn(deliver::run(route.clone(), mail, self.stop.subscribe()));
        }
    }

    /// Starts comparing with the server, for every account: before the first delivery where that is needed, when somebody
    /// wants it, and, if `at_a_pace`, from time to time.
    pub fn reconcile(&mut self, at_a_pace: bool) {
        for (route, orders) in self.routes.iter().zip(self.ordered.drain(..)) {
            self.loops.spawn(reconcile::run(route.clone(), orders, at_a_pace, self.stop.subscribe()));
        }
    }

    /// Stops the loops after what is in flight.
    pub async fn drain(&mut self) {
        let until = tokio::time::Instant::now() + SETTLE;
        self.stop.send_replace(true);
        while self.loops.join_next().await.is_some() {}
        for route in &self.routes {
            // A provider that does not answer in time may have replaced the login all the same; that cannot be helped.
            let _ = tokio::time::timeout_at(until, route.destination.settle()).await;
        }
    }

    /// Stops the loops, then the server, then closes the store; it fails if the store turned out to be damaged, and was set
    /// aside.
    pub async fn stop(mut self) -> Result<(), StartFailure> {
        self.drain().await;
        crash::point("stop.drained");
        // Both waits are bounded: the server cuts off who is slow, the store has only a group left to commit.
        if let Some(server) = self.server {
            server.stop();
        }
        self.store.close();
        let _ = self.store_thread.join();
        self.routes.iter().for_each(|route| route.tell(Progress::Stopping));
        if self.store.give_up()? { Err(StartFailure::Damaged) } else { Ok(()) }
    }
}

/// Points an account at its destination of today, and queues whatever that is not known to have.
pub fn point(connection: &Connection, account: &str, identity: &str) -> rusqlite::Result<store::Account> {
    let account = accounts::ensure(connection, account, identity)?;
    outbox::queue_difference(connection, account, Timestamp::now())?;
    Ok(account)
}

/// Starts the embedded server, unless another process serves this state directory already.
pub fn start_server(config: &Config, ears: Ears) -> Result<(Option<Server>, SocketAddr), StartFailure> {
    let users = users(config)?;
    match server::start(&config.state_dir, ears, config.settings.server.window, &users) {
        Ok(server) => {
            let address = server.address;
            Ok((Some(server), address))
        }
        Err(StartError::Locked { address, .. }) => {
            let address = reachable(address.unwrap_or(config.settings.server.listen.get()));
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

/// How to reach the API of an account. `server` is where the embedded one is.
pub fn client_settings(config: &Config, account: &Account, server: SocketAddr) -> Result<api::Settings, StartFailure> {
    let delivery = &config.settings.delivery;
    let (base_url, source) = match &account.destination {
        Destination::Remote { base_url, credentials } => {
            let source = Source::of(credentials, &account.name, config.grant_file(&account.name));
            (base_url.clone(), source)
        }
        Destination::Embedded => {
            let url = format!("http://{}/fitness/v1", reachable(server));
            let url = url.parse().map_err(|_| StartFailure::Address(server))?;
            let path = config.server_token_file(&account.name);
            // A token is told to whoever serves.
            if let Err(source) = owner::refuse_link(&path) {
                return Err(StartFailure::Token { path, source });
            }
            (url, Source::File(path))
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
