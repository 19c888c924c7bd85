//! The local socket over which commands reach a running daemon: JSON, one object per line. It lies in the state
//! directory, which nobody but the daemon's user can enter.

use crate::descriptors;
use crate::destination::{Failure, Stop};
use crate::events;
use crate::import::{self, Told};
use crate::intake::{Person, Seen};
use crate::orders::{self, Forgot, Order, Outcome};
use crate::owner;
use crate::sync::Route;
use crate::sync::pace::EXHAUSTED;
use crate::sync::reconcile::{self, Report};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;
use tokio::sync::oneshot;

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Bytes of one line; a file of many workouts has a few megabytes.
const LONGEST_LINE: u64 = 64 << 20;

/// How long to wait if no command can be served for want of files or threads.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What a command wants.
#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// Begins an import for an account; [`Request::File`]s and a [`Request::End`] follow. Both sides have to be of one
    /// version, as what they exchange is no interface.
    Import {
        account: String,
        version: String,
    },
    File(Box<Seen>),
    End,
    /// Compares with the server, and answers with [`Compared`].
    Compare(Compare),
    /// Answered by an [`Outcome`], or why nothing came of it.
    Order(Order),
    /// Files of an account are gone, says a person; paths as bytes, as names need not be UTF-8. Answered by a [`Forgot`],
    /// or why nothing came of it.
    Forget {
        account: String,
        paths: Vec<Vec<u8>>,
    },
    /// Answered by a [`Pong`].
    Ping,
    /// An account has new credentials: whatever waits for them is tried.
    Probe {
        account: String,
    },
}

/// The daemon is there, and its memory answers.
#[derive(Debug, Serialize, Deserialize)]
pub struct Pong {
    pub version: String,
}

/// Asks a running daemon whether it answers; `None` if there is none.
pub fn ping(state_dir: &Path) -> Option<io::Result<Pong>> {
    let daemon = connect(state_dir)?;
    Some(call(daemon, &Request::Ping).and_then(|pong| pong.map_err(io::Error::other)))
}

/// What is to be compared with the server: the workouts that began in this span.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Compare {
    pub account: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub dry_run: bool,
}

/// What came of a comparison.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Compared {
    Done(Report),
    /// The server is down, or refuses everything for now.
    Later(String),
    Credentials(String),
    Failed(String),
}

/// Has a running daemon compare; `None` if none answers.
pub fn compare(state_dir: &Path, compare: &Compare) -> io::Result<Option<Compared>> {
    let Some(mut daemon) = connect(state_dir) else { return Ok(None) };
    daemon.sender.send(&Request::Compare(compare.clone()))?;
    daemon.receiver.receive()
}

/// Has an account's own loop compare, so that nobody else writes down what comes of it.
pub async fn ask(route: &Route, compare: &Compare) -> Compared {
    let (done, answer) = oneshot::channel();
    let order = reconcile::Order { from: compare.from, to: compare.to, dry_run: compare.dry_run, done };
    let stopping = || Compared::Later("fitferry is stopping".to_owned());
    if route.is_exhausted() {
        return Compared::Later(EXHAUSTED.to_owned());
    }
    if route.orders.send(order).is_err() {
        return stopping();
    }
    match answer.await {
        Ok(Ok(report)) => Compared::Done(report),
        Ok(Err(Failure::Stop { why: Stop::Credentials | Stop::Permission, reason })) => Compared::Credentials(reason),
        Ok(Err(Failure::Retry { reason, .. } | Failure::Stop { reason, .. })) => Compared::Later(reason),
        Ok(Err(Failure::Park { reason })) => Compared::Failed(reason),
        Err(_) => stopping(),
    }
}

/// Has the daemon do what is done at once, and returns its answer.
pub fn call<T: DeserializeOwned>(daemon: Connection, request: &Request) -> io::Result<Result<T, String>> {
    let Connection { mut sender, mut receiver } = daemon;
    sender.send(request)?;
    let unanswered = || io::Error::other("the running daemon did not answer; is it of another version?");
    receiver.receive()?.ok_or_else(unanswered)
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("control.sock")
}

/// Connects to the daemon of a state directory, if one runs.
pub fn connect(state_dir: &Path) -> Option<Connection> {
    UnixStream::connect(path(state_dir)).ok().and_then(|stream| Connection::new(stream).ok())
}

/// Whether the daemon of a state directory runs; `None` for somebody who may not ask it.
pub fn is_running(state_dir: &Path) -> Option<bool> {
    match UnixStream::connect(path(state_dir)) {
        Ok(_) => Some(true),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => None,
        Err(_) => Some(false),
    }
}

/// Who listens for commands.
pub struct Process {
    /// Unknown from inside of another container.
    pub id: Option<i32>,
    pub user: u32,
    pub group: u32,
}

impl Process {
    /// What the system says of it, as "State:" or "Groups:".
    pub fn status(&self, member: &str) -> Option<String> {
        let all = std::fs::read_to_string(format!("/proc/{}/status", self.id?)).ok()?;
        all.lines().find_map(|line| Some(line.strip_prefix(member)?.trim().to_owned()))
    }
}

/// The daemon of a state directory, also one that does not answer; `None` if there is none, or it may not be asked.
pub fn process(state_dir: &Path) -> Option<Process> {
    let stream = UnixStream::connect(path(state_dir)).ok()?;
    stream.set_nonblocking(true).ok()?;
    // The standard library does not tell yet who is on the other side.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().ok()?;
    let _entered = runtime.enter();
    let peer = tokio::net::UnixStream::from_std(stream).ok()?.peer_cred().ok()?;
    Some(Process { id: peer.pid(), user: peer.uid(), group: peer.gid() })
}

/// A connection, from either side.
pub struct Connection {
    pub sender: Sender,
    pub receiver: Receiver,
}

pub struct Sender(BufWriter<UnixStream>);

pub struct Receiver(BufReader<UnixStream>);

impl Connection {
    fn new(stream: UnixStream) -> io::Result<Self> {
        let receiver = Receiver(BufReader::new(stream.try_clone()?));
        Ok(Self { sender: Sender(BufWriter::new(stream)), receiver })
    }
}

impl Sender {
    pub fn send(&mut self, message: &impl Serialize) -> io::Result<()> {
        serde_json::to_writer(&mut self.0, message)?;
        self.0.write_all(b"\n")?;
        self.0.flush()
    }
}

impl Receiver {
    /// The next message; `None` when the other side has hung up.
    pub fn receive<T: DeserializeOwned>(&mut self) -> io::Result<Option<T>> {
        let mut line = Vec::new();
        self.0.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&line)?))
    }
}

/// Somebody who listens for commands.
pub struct Control {
    path: PathBuf,
    is_closed: Arc<AtomicBool>,
}

/// Listens for commands on threads of its own, until it is closed.
///
/// The caller holds the lock, so a socket that lies here already was left by a process that died.
pub fn listen(state_dir: &Path, routes: &[Route], people: &[Person]) -> io::Result<Control> {
    let path = path(state_dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&path)?;
    owner::give(&path)?;
    let accounts: Arc<[(Route, Person)]> = routes.iter().cloned().zip(people.iter().cloned()).collect();
    let is_closed = Arc::<AtomicBool>::default();
    let control = Control { path, is_closed: Arc::clone(&is_closed) };
    let accept = move || {
        let mut is_told = false;
        for stream in listener.incoming() {
            if is_closed.load(Ordering::SeqCst) {
                return;
            }
            let accounts = Arc::clone(&accounts);
            let served = stream.and_then(|stream| {
                let serve = move || {
                    if let Err(error) = Connection::new(stream).and_then(|connection| serve(connection, &accounts)) {
                        events::control_failed(&error);
                    }
                };
                std::thread::Builder::new().name("command".to_owned()).spawn(serve)
            });
            let Err(error) = served else {
                is_told = false;
                continue;
            };
            // A lack of files passes, and shows whether or not somebody waits here.
            if !std::mem::replace(&mut is_told, true) {
                events::control_failed(&descriptors::words(&error));
            }
            std::thread::sleep(ACCEPT_PAUSE);
        }
    };
    std::thread::Builder::new().name("control".to_owned()).spawn(accept)?;
    Ok(control)
}

impl Control {
    /// Listens no more, and removes the socket, so that nobody waits for an answer from somebody who is leaving.
    pub fn close(self) {
        self.is_closed.store(true, Ordering::SeqCst);
        // Who waits for the next command is woken by this one. If the socket is gone already, so much the better.
        let _ = UnixStream::connect(&self.path);
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The next file of an import; nothing after the last one, an error if something else came.
fn next_file(receiver: &mut Receiver) -> Option<io::Result<Seen>> {
    match receiver.receive() {
        Ok(Some(Request::File(seen))) => Some(Ok(*seen)),
        Ok(Some(Request::End)) => None,
        Ok(Some(_)) => Some(Err(io::Error::other("another command within an import"))),
        Ok(None) => Some(Err(io::Error::other("the command ended before it had named all files"))),
        Err(error) => Some(Err(error)),
    }
}

/// Ends when the other side, which has nothing more to say, hangs up.
fn hung_up(mut receiver: Receiver) -> io::Result<oneshot::Receiver<()>> {
    let (leave, left) = oneshot::channel();
    let listen = move || {
        // Whatever it is, nobody is there to be answered.
        let _ = receiver.receive::<Request>();
        drop(leave);
    };
    std::thread::Builder::new().name("hang-up".to_owned()).spawn(listen)?;
    Ok(left)
}

fn forget(accounts: &[(Route, Person)], account: &str, paths: Vec<Vec<u8>>) -> Result<Forgot, String> {
    let Some((route, person)) = accounts.iter().find(|(route, _)| *route.name == *account) else {
        return Err(no_account(account));
    };
    let paths = paths.into_iter().map(|path| PathBuf::from(OsString::from_vec(path))).collect();
    let forgot = orders::forget(&route.store, person, paths).map_err(|error| error.to_string())?;
    route.bell.ring();
    Ok(forgot)
}

fn no_account(account: &str) -> String {
    format!("the running daemon has no account \"{account}\"")
}

fn serve(connection: Connection, accounts: &[(Route, Person)]) -> io::Result<()> {
    let Connection { mut sender, mut receiver } = connection;
    let account = match receiver.receive()? {
        Some(Request::Import { version, .. }) if version != VERSION => {
            let what =
                format!("the running daemon is of version {VERSION}, this command of {version}: restart the daemon");
            return sender.send(&Told::Failed(what));
        }
        Some(Request::Import { account, .. }) => account,
        Some(Request::Ping) => {
            let answer = |(route, _): &(Route, Person)| route.store.call_blocking(|_| Ok(()));
            let answered: Result<(), _> = accounts.iter().try_for_each(answer);
            let pong = answered.map(|()| Pong { version: VERSION.to_owned() }).map_err(|error| error.to_string());
            return sender.send(&pong);
        }
        Some(Request::Probe { account }) => {
            let routes = accounts.iter().map(|(route, _)| route);
            routes.filter(|route| *route.name == *account).for_each(|route| route.probe.ring());
            return Ok(());
        }
        Some(Request::Compare(compare)) => {
            let Some((route, _)) = accounts.iter().find(|(route, _)| *route.name == *compare.account) else {
                let what = format!("the running daemon has no account \"{}\"", compare.account);
                return sender.send(&Compared::Failed(what));
            };
            // A thread of its own may wait; the loops that answer run elsewhere.
            let runtime = tokio::runtime::Builder::new_current_thread().build()?;
            let left = hung_up(receiver)?;
            let compared = runtime.block_on(async {
                tokio::select! {
                    compared = ask(route, &compare) => Some(compared),
                    // What nobody waits for any more is not done later.
                    _ = left => None,
                }
            });
            return compared.map_or(Ok(()), |compared| sender.send(&compared));
        }
        Some(Request::Order(order)) => {
            let routes: Vec<Route> = accounts.iter().map(|(route, _)| route.clone()).collect();
            let ordered: Result<Outcome, String> = orders::run(&routes, &order);
            return sender.send(&ordered);
        }
        Some(Request::Forget { account, paths }) => return sender.send(&forget(accounts, &account, paths)),
        Some(_) => return Err(io::Error::new(io::ErrorKind::InvalidData, "not the beginning of a command")),
        None => return Ok(()),
    };
    let Some((route, person)) = accounts.iter().find(|(route, _)| *route.name == *account) else {
        return sender.send(&Told::Failed(no_account(&account)));
    };
    let (tell, told) = channel();
    // A thread of its own, so that a command that does not listen holds up nobody but itself.
    let answer = move || told.into_iter().try_for_each(|told| sender.send(&told));
    let answering = std::thread::Builder::new().name("answer".to_owned()).spawn(answer)?;
    let mut over = false;
    let files = std::iter::from_fn(|| {
        let next = if over { None } else { next_file(&mut receiver) };
        over = !matches!(next, Some(Ok(_)));
        next
    });
    import::run(route, person, files, &tell);
    drop(tell);
    answering.join().unwrap_or(Ok(()))
}
