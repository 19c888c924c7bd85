//! The embedded sessions API: HTTP in front of a database of its own, on a thread of its own.
//!
//! Facts: the methods of `users.sessions` in the API's discovery document, revision 20250819. Behind each 200 of a write
//! stands a durable commit. The database may be the only copy of somebody's history, so it is never rebuilt.

mod answer;
mod body;
mod budget;
mod database;
mod discovery;
mod era;
mod error;
mod fields;
mod guests;
mod horizon;
mod list;
pub mod listen;
mod query;
mod refusal;
mod routes;
#[cfg(test)]
mod tests;
mod users;
mod validate;

pub use list::LARGEST_LIST;
pub use users::{User, UserStatus};

use crate::config::WindowRule;
use crate::directory;
use crate::owner;
use crate::port;
use crate::sqlite::OpenError;
use crate::token;
use database::Database;
use jiff::Timestamp;
use secrecy::SecretString;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::oneshot;

/// The server's directory in the state directory, and the file with the sessions in it.
const HOME: &str = "server";
const DATABASE: &str = "sessions.db";

/// More than an address and a port, in bytes.
const LONGEST_ADDRESS: u64 = 64;

/// Readers at once; more would only wait for each other's pages.
const READERS: usize = 8;

/// How long requests in flight may take once the server is told to stop.
const GRACE: Duration = Duration::from_secs(2);

/// Where the server listens.
#[derive(Debug)]
pub enum Ears {
    At(SocketAddr),
    /// Somebody listens there already: the service manager, or the server that was there before.
    Open(TcpListener),
}

impl Ears {
    fn open(self) -> Result<TcpListener, StartError> {
        match self {
            Self::At(address) => Self::bind(address, &[]),
            Self::Open(listener) => Ok(listener),
        }
    }

    /// The same once more.
    pub fn again(&self) -> std::io::Result<Self> {
        match self {
            Self::At(address) => Ok(Self::At(*address)),
            Self::Open(listener) => listener.try_clone().map(Self::Open),
        }
    }

    /// Listens at an address, before there is a server; beside listeners of ours that are `left`.
    pub fn bind(address: SocketAddr, left: &[&TcpListener]) -> Result<TcpListener, StartError> {
        port::bind(address, left).map_err(|source| StartError::Listen { address, source })
    }

    /// What is open.
    pub fn listener(&self) -> Option<&TcpListener> {
        match self {
            Self::At(_) => None,
            Self::Open(listener) => Some(listener),
        }
    }

    /// The same address, to be bound anew.
    pub fn closed(self) -> Self {
        match self.listener().map(TcpListener::local_addr) {
            Some(Ok(address)) => Self::At(address),
            _ => self,
        }
    }
}

/// A running server; dropping it does not stop it, [`Server::stop`] does.
pub struct Server {
    pub address: SocketAddr,
    ears: TcpListener,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

/// Why the server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// With the address at which it does, as far as it is known.
    #[error("another process serves {}", dir.display())]
    Locked { dir: PathBuf, address: Option<SocketAddr> },
    #[error("cannot listen on {address}: {source}; choose another with --listen or `server.listen`")]
    Listen { address: SocketAddr, source: std::io::Error },
    #[error(transparent)]
    Database(#[from] OpenError),
    #[error(
        "the accounts {first} and {second} have the same token; delete one of the two token files to get a new one"
    )]
    SharedToken { first: String, second: String },
    #[error("cannot use {}: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

/// Starts serving the sessions below `state_dir`. When this returns, requests are answered.
pub fn start(state_dir: &Path, ears: Ears, rule: WindowRule, users: &[User]) -> Result<Server, StartError> {
    distinct(users)?;
    let dir = state_dir.join(HOME);
    let failed = |source| StartError::Io { path: dir.clone(), source };
    enter(&dir).map_err(failed)?;
    let mut lock = owner::open_or_create(&dir.join("lock")).map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(std::fs::TryLockError::WouldBlock) => {
            let address = std::io::read_to_string(lock.take(LONGEST_ADDRESS)).ok();
            return Err(StartError::Locked { dir, address: address.and_then(|text| text.trim().parse().ok()) });
        }
        Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
    }
    let listener = ears.open()?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let ears = listener.try_clone().map_err(failed)?;
    // For those who find the lock taken.
    lock.set_len(0).and_then(|()| writeln!(lock, "{address}")).map_err(failed)?;
    let (database, writing) = Database::open(&dir.join(DATABASE), users, rule)?;
    let (stop, stopped) = oneshot::channel();
    let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(READERS).enable_all().build();
    let runtime = runtime.map_err(failed)?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener).map_err(failed)?
    };
    let serve = move || {
        // Held until the last request is answered.
        let _lock = lock;
        runtime.block_on(run(listener, database, stopped));
        runtime.shutdown_timeout(GRACE);
        // With the runtime the last handle is gone; without waiting, the process would end while the log is being copied.
        let _ = writing.join();
    };
    let thread = std::thread::Builder::new().name("server".to_owned()).spawn(serve).map_err(failed)?;
    Ok(Server { address, ears, stop, thread })
}

/// Makes its directory if there is none. Where somebody else could put a link, root does not follow one.
fn enter(dir: &Path) -> std::io::Result<()> {
    owner::refuse_link(dir)?;
    directory::make(dir)
}

/// The same for who needs what is there.
fn home(state_dir: &Path) -> Result<PathBuf, OpenError> {
    let dir = state_dir.join(HOME);
    owner::refuse_link(&dir).map_err(OpenError::Link)?;
    Ok(dir)
}

/// Whether each has a token of its own.
pub fn distinct(users: &[User]) -> Result<(), StartError> {
    match users::same_token(users) {
        Some((first, second)) => Err(StartError::SharedToken { first: first.to_owned(), second: second.to_owned() }),
        None => Ok(()),
    }
}

async fn run(listener: tokio::net::TcpListener, database: Database, stopped: oneshot::Receiver<()>) {
    let stopped = async {
        // Dropping the sender counts as well.
        let _ = stopped.await;
    };
    let care = tokio::spawn(database.clone().look_after());
    listen::serve(listener, routes::router(database), stopped, GRACE).await;
    care.abort();
}

impl Server {
    /// For the server that comes after this one: who connects meanwhile waits for it.
    pub fn ears(&self) -> std::io::Result<Ears> {
        self.ears.try_clone().map(Ears::Open)
    }

    /// Stops taking requests, lets those in flight finish, and waits until everything is on disk.
    pub fn stop(self) {
        drop(self.ears);
        // An error means that it has stopped already.
        let _ = self.stop.send(());
        let _ = self.thread.join();
    }
}

/// Gives a user a token, also while the server runs, and returns it: it is shown once and stored as a hash.
pub fn add_token(state_dir: &Path, name: &str) -> Result<SecretString, StartError> {
    let dir = state_dir.join(HOME);
    let failed = |source| StartError::Io { path: dir.clone(), source };
    enter(&dir).map_err(failed)?;
    let user = User { name: name.to_owned(), token: token::random().map_err(failed)? };
    on_database(state_dir, |connection| users::add(connection, &user, Timestamp::now()))?;
    Ok(user.token)
}

/// Takes all given tokens of a user back, at once, and returns how many there were.
pub fn remove_tokens(state_dir: &Path, name: &str) -> Result<usize, StartError> {
    on_database(state_dir, |connection| users::remove(connection, name))
}

/// Everybody who has, or had, a token of this server.
pub fn users(state_dir: &Path) -> Result<Vec<UserStatus>, StartError> {
    on_database(state_dir, users::list)
}

/// Opens the sessions for looking at, whether or not a server runs; `None` if there are none.
pub fn open_to_read(state_dir: &Path) -> Result<Option<rusqlite::Connection>, OpenError> {
    database::open_to_read(&home(state_dir)?.join(DATABASE))
}

/// The same, if it can be without writing anything beside them.
pub fn open_untouched(state_dir: &Path) -> Result<Option<rusqlite::Connection>, OpenError> {
    database::open_untouched(&home(state_dir)?.join(DATABASE))
}

fn on_database<T>(
    state_dir: &Path,
    work: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
) -> Result<T, StartError> {
    let path = home(state_dir)?.join(DATABASE);
    let connection = database::open(&path)?;
    Ok(work(&connection).map_err(|source| OpenError::Sqlite { path, source })?)
}
