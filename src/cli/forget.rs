//! `fitferry files forget`: a person says that files are gone for good.

use super::way::Way;
use super::{Exit, output};
use crate::config::{self, Account, Config, LogLevel, LogSettings};
use crate::control::{self, Connection, Request};
use crate::escape;
use crate::ferry;
use crate::intake::Person;
use crate::orders::{self, Forgot};
use crate::store::absent::Which;
use crate::store::{self, Store, absent, accounts};
use crate::telemetry;
use crate::watch;
use anyhow::{Context, anyhow};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Paths handed over at once.
const GROUP: usize = 500;

/// Says that files are gone for good: sessions that no other file tells of are deleted from the server.
///
/// For removed files that fitferry does not believe to be gone, and for those of any other folder. Files that are still
/// there are not forgotten.
#[derive(clap::Args)]
pub struct Forget {
    /// Files, or folders with everything that was below them.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Only those of this account.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// What came of it as one JSON object.
    #[arg(long)]
    json: bool,
}

/// Gone files of one account.
struct Gone<'a> {
    account: &'a Account,
    paths: Vec<PathBuf>,
}

impl Forget {
    pub fn run(&self, config: &Config) -> anyhow::Result<Exit> {
        let accounts: Vec<&Account> = match &self.account {
            Some(name) => vec![config.account(Some(name))?],
            None => config.accounts.iter().collect(),
        };
        let (gone, complaints) = self.look(config, accounts)?;
        let running = control::connect(&config.state_dir).is_some();
        let mut forgot = Forgot::default();
        for Gone { account, paths } in gone.iter().filter(|gone| !gone.paths.is_empty()) {
            for group in paths.chunks(GROUP) {
                forgot.add(&forget(config, account, group)?);
            }
        }
        let mut out = output::stdout();
        let Forgot { files, deleted } = &forgot;
        let when = if running { "" } else { " when fitferry runs" };
        if self.json {
            output::json_line(&mut out, &forgot)?;
        } else {
            writeln!(out, "files forgotten: {files}; sessions to be deleted{when}: {deleted}")?;
        }
        out.flush()?;
        complaints.iter().for_each(output::complain);
        Ok(if complaints.is_empty() { Exit::Done } else { Exit::SomeInputFailed })
    }

    /// Finds out which files are meant and gone: here, as the daemon may not see them all.
    fn look<'a>(&self, config: &Config, accounts: Vec<&'a Account>) -> anyhow::Result<(Vec<Gone<'a>>, Vec<String>)> {
        let mut gone: Vec<Gone<'a>> = accounts.into_iter().map(|account| Gone { account, paths: Vec::new() }).collect();
        let mut complaints = Vec::new();
        let connection = store::open_to_read(&config.state_dir)?;
        for path in &self.paths {
            let shown = escape::path(path);
            let absolute = std::path::absolute(path).with_context(|| format!("cannot resolve {shown}"))?;
            let (mut known, mut there) = (0, 0);
            // However it was written when it was found.
            let real = config::real(&absolute);
            for spelling in std::iter::once(&absolute).chain((real != absolute).then_some(&real)) {
                for gone in &mut gone {
                    let Some(connection) = &connection else { continue };
                    let Some(account) = accounts::find(connection, &gone.account.name)? else { continue };
                    absent::below(connection, account, spelling, Which::All, |told| {
                        known += 1;
                        if is_there(&told.path)? {
                            there += 1;
                        } else {
                            gone.paths.push(told.path);
                        }
                        Ok::<(), anyhow::Error>(())
                    })?;
                }
            }
            if known == 0 {
                complaints.push(format!("{shown} is not known, and nothing below it; see fitferry files list"));
            } else if known == there {
                complaints.push(format!("{shown} is still there; only what is gone can be forgotten"));
            }
        }
        Ok((gone, complaints))
    }
}

fn is_there(path: &Path) -> anyhow::Result<bool> {
    watch::is_there(path).with_context(|| format!("cannot look for {}", escape::path(path)))
}

fn forget(config: &Config, account: &Account, paths: &[PathBuf]) -> anyhow::Result<Forgot> {
    match Way::find(config)? {
        Way::Daemon(daemon) => hand_over(daemon, account, paths),
        Way::Alone(_lock) => {
            telemetry::start(&LogSettings { level: LogLevel::Warn, ..config.settings.log.clone() });
            let (store, thread) = Store::open(&config.state_dir)?;
            let (name, identity) = (account.name.clone(), account.destination.identity().to_owned());
            let row = store.call_blocking(move |connection| ferry::point(connection, &name, &identity))?;
            let person = Person { name: account.name.as_str().into(), account: row, rules: account.rules.clone() };
            let forgot = orders::forget(&store, &person, paths.to_vec());
            store.close();
            let _ = thread.join();
            Ok(forgot?)
        }
    }
}

fn hand_over(daemon: Connection, account: &Account, paths: &[PathBuf]) -> anyhow::Result<Forgot> {
    let paths = paths.iter().map(|path| path.as_os_str().as_bytes().to_vec()).collect();
    let request = Request::Forget { account: account.name.clone(), paths };
    control::call(daemon, &request)?.map_err(|error: String| anyhow!(error))
}
