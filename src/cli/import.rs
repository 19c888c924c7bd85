//! `fitferry import`: one pass over files and folders, through the same outbox; ends when everything is delivered.

mod tally;

use super::paths::{self, Input};
use super::{Exit, Global};
use crate::config::{self, Account, Config, LogLevel, LogSettings};
use crate::control::{self, Connection, Request};
use crate::ferry::{ANYWHERE, Ferry, Lock, TURN};
use crate::formats::READER_VERSION;
use crate::import::{self, FileResult, Told};
use crate::intake::{self, Links, Seen};
use crate::rules::{FolderRules, Rules};
use crate::server::Ears;
use crate::store::{self, Stamp, Verdict, accounts, files};
use crate::telemetry;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use tally::Tally;
use tokio::runtime::Runtime;

/// Takes files in once and delivers them; ends when everything is delivered.
///
/// Beside a running daemon the files are handed over to it, so that one process delivers.
#[derive(clap::Args)]
pub struct Import {
    /// Files, or folders with everything below them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Whose workouts they are, if the configuration has several accounts and none of them watches these files.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The table of verdicts as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Reads files again, whatever is known of them, and delivers what that changes.
///
/// Otherwise a file is read again only when it has changed, or when a newer version of fitferry may do better.
#[derive(clap::Args)]
pub struct Rescan {
    #[command(flatten)]
    import: Import,
}

impl Rescan {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        self.import.take(global, true)
    }
}

impl Import {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        self.take(global, false)
    }

    fn take(&self, global: &Global, again: bool) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        let owner = self.account.is_none().then(|| owner(&config, &self.paths)).flatten();
        let account = owner.map_or_else(|| config.account(self.account.as_deref()), Ok)?;
        let files: Vec<Input> = paths::expand(&self.paths).collect();
        let tally = Tally::new(files.len());
        // Events would tear the progress bar apart, and nearly all that matters is in the table at the end.
        let level = if tally.draws() { LogLevel::Error } else { LogLevel::Warn };
        telemetry::start(&LogSettings { level, ..config.settings.log.clone() });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let work = Work { config: &config, account, files, again };
        let tally = match control::connect(&config.state_dir) {
            Some(daemon) => work.hand_over(daemon, tally)?,
            None => match runtime.block_on(Lock::take_in_turn(&config.state_dir, TURN)) {
                Ok(lock) => work.deliver(runtime, lock, tally)?,
                // It was just starting.
                Err(locked) => match control::connect(&config.state_dir) {
                    Some(daemon) => work.hand_over(daemon, tally)?,
                    None => return Err(locked.into()),
                },
            },
        };
        tally.print(self.json)?;
        Ok(tally.exit())
    }
}

/// What is to be imported, for whom.
struct Work<'a> {
    config: &'a Config,
    account: &'a Account,
    files: Vec<Input>,
    /// Whether they are read whatever is known of them.
    again: bool,
}

/// Whose folders all the paths are in, if they are somebody's.
fn owner<'a>(config: &'a Config, paths: &[PathBuf]) -> Option<&'a Account> {
    let real: Vec<PathBuf> = paths.iter().map(|path| config::real(path)).collect();
    config.accounts.iter().find(|account| {
        let folders: Vec<PathBuf> = account.folders.iter().map(|folder| config::real(&folder.path)).collect();
        real.iter().all(|path| folders.iter().any(|folder| path.starts_with(folder)))
    })
}

/// As the daemon would call it: by the way to a watched folder that is written in the settings.
fn as_watched(rules: &Rules, path: PathBuf) -> PathBuf {
    let below = |folder: &FolderRules| {
        let (written, others) = folder.paths.split_first()?;
        others.iter().find_map(|real| Some(written.join(path.strip_prefix(real).ok()?)))
    };
    rules.folders.iter().find_map(below).unwrap_or(path)
}

impl Work<'_> {
    /// Delivers in this process, which holds the lock meanwhile.
    fn deliver(self, runtime: Runtime, lock: Lock, tally: Tally) -> anyhow::Result<Tally> {
        let mut ferry = runtime.block_on(Ferry::start(self.config, lock, Ears::At(ANYWHERE)))?;
        let index = self.config.accounts.iter().position(|account| account.name == self.account.name).unwrap_or(0);
        let (route, person) = (ferry.routes[index].clone(), ferry.people[index].clone());
        // Until all files are read, nothing that waits does not mean that there is nothing to compare.
        route.scanned.send_replace(false);
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (tell, told) = channel();
        thread::scope(|scope| {
            scope.spawn(move || {
                runtime.block_on(async {
                    ferry.deliver();
                    ferry.reconcile(false);
                    // Dropping the sender is the signal.
                    let _ = stopped.await;
                    // Who imported has heard of it; the log says what became of it.
                    let _ = ferry.stop().await;
                });
            });
            let work = &self;
            scope.spawn(move || {
                let all_read = std::iter::from_fn(|| {
                    route.scanned.send_replace(true);
                    None
                });
                import::run(&route, &person, work.read(&tell).map(Ok).chain(all_read), &tell);
            });
            let tally = tally.follow(&told);
            drop(stop);
            tally
        })
    }

    /// Hands the files over to the daemon, read by us: it may not be allowed to read them.
    fn hand_over(self, daemon: Connection, tally: Tally) -> anyhow::Result<Tally> {
        let Connection { mut sender, receiver } = daemon;
        let (tell, told) = channel();
        thread::scope(|scope| {
            let work = &self;
            let hear = tell.clone();
            scope.spawn(move || relay(receiver, &hear));
            // If this fails, the daemon says that it did not get everything.
            scope.spawn(move || -> std::io::Result<()> {
                let (account, version) = (work.account.name.clone(), control::VERSION.to_owned());
                sender.send(&Request::Import { account, version })?;
                for seen in work.read(&tell) {
                    sender.send(&Request::File(Box::new(seen)))?;
                }
                sender.send(&Request::End)
            });
            tally.follow(&told)
        })
    }

    /// Reads the files one by one. What needs no record is told at once: files that are known and have not changed are
    /// not even opened.
    fn read<'a>(&'a self, tell: &'a Sender<Told>) -> impl Iterator<Item = Seen> + 'a {
        let known = if self.again { Known(None) } else { Known::open(&self.config.state_dir, &self.account.name) };
        self.files.iter().filter_map(move |Input { path, closed }| {
            // The same name for a file, whatever the way to it. One that does not exist fails where it is read.
            let path = path.canonicalize().unwrap_or_else(|_| path.clone());
            let path = as_watched(&self.account.rules, path);
            let judged = match closed {
                Some(error) => Err(unreadable(error)),
                None => known.verdict(&path).map_or_else(|| judge(&path, &self.account.rules), Err),
            };
            match judged {
                Ok(seen) => Some(seen),
                Err((verdict, reason)) => {
                    let file = path.display().to_string();
                    // Nobody may be listening any more.
                    let _ = tell.send(Told::File(FileResult { file, verdict, reason }));
                    None
                }
            }
        })
    }
}

type Verdicted = (Verdict, Option<String>);

fn judge(path: &Path, rules: &Rules) -> Result<Seen, Verdicted> {
    match intake::read(path, rules, Links::Followed) {
        // Whoever names a file has decided that it is complete: what is there is taken.
        Ok(mut read) => {
            let assessment = read.assess(Timestamp::now());
            Ok(read.seen(path, assessment))
        }
        Err(error) => Err(unreadable(&error)),
    }
}

fn unreadable(error: &std::io::Error) -> Verdicted {
    (Verdict::Rejected, Some(format!("cannot be read: {error}")))
}

/// Passes on what the daemon says, until it has said everything.
fn relay(mut receiver: control::Receiver, tell: &Sender<Told>) {
    loop {
        let told = match receiver.receive() {
            Ok(Some(told)) => told,
            Ok(None) => Told::Failed("the daemon ended before the import did".to_owned()),
            Err(error) => Told::Failed(format!("the daemon cannot be understood: {error}")),
        };
        let is_last = matches!(told, Told::Done(_) | Told::NoRoom(_) | Told::Failed(_));
        if tell.send(told).is_err() || is_last {
            return;
        }
    }
}

/// What is remembered of files already.
struct Known(Option<(rusqlite::Connection, store::Account)>);

impl Known {
    /// Without a memory, or without access to it, every file is read, which does no harm.
    fn open(state_dir: &Path, account: &str) -> Self {
        let connection = store::open_to_read(state_dir).ok().flatten();
        Self(connection.and_then(|connection| {
            let account = accounts::find(&connection, account).ok().flatten()?;
            Some((connection, account))
        }))
    }

    /// The verdict on a file that has not changed since, unless its sessions are still to be followed. They are no news,
    /// whatever they were then.
    fn verdict(&self, path: &Path) -> Option<Verdicted> {
        let (connection, account) = self.0.as_ref()?;
        let stamp = Stamp::of(&std::fs::metadata(path).ok()?);
        if files::has_undelivered(connection, *account, path).ok()? {
            return None;
        }
        match files::settled(connection, *account, path, stamp, READER_VERSION).ok()?? {
            (Verdict::Queued, _) => Some((Verdict::Known, None)),
            verdicted => Some(verdicted),
        }
    }
}
