//! What all stories are told from: settings, one state of the memory, and whether the daemon runs.

use crate::config::{self, Config, Folder};
use crate::control;
use crate::intake;
use crate::rules::Rules;
use crate::store::{self, accounts, story};
use anyhow::Context;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use rusqlite::{Connection, Transaction};
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub struct Scene<'a> {
    /// One state, however long it takes to tell; nothing if nothing was remembered yet.
    pub memory: Option<Transaction<'a>>,
    pub state_dir: String,
    /// Whether a daemon runs.
    pub running: bool,
    pub now: Timestamp,
    pub owners: Vec<Owner>,
}

/// An account of the settings, the memory, or both.
pub struct Owner {
    pub name: String,
    /// Nothing if it is not remembered.
    pub account: Option<store::Account>,
    pub rules: Arc<Rules>,
    pub folders: Vec<Folder>,
    /// The settings have changed since its sessions were made.
    pub outdated: bool,
}

impl<'a> Scene<'a> {
    pub fn open(config: &Config, memory: Option<&'a Connection>, only: Option<&str>) -> anyhow::Result<Self> {
        let memory = memory.map(Connection::unchecked_transaction).transpose()?;
        let configured = match only {
            Some(name) => vec![config.account(Some(name))?],
            None => config.accounts.iter().collect(),
        };
        let mut owners: Vec<Owner> = configured
            .into_iter()
            .map(|account| Owner {
                name: account.name.clone(),
                account: None,
                rules: Arc::clone(&account.rules),
                folders: account.folders.clone(),
                outdated: false,
            })
            .collect();
        if let Some(memory) = &memory {
            for name in story::accounts(memory)? {
                if only.is_none() && owners.iter().all(|owner| owner.name != name) {
                    let rules = Arc::new(Rules::of(TimeZone::UTC));
                    owners.push(Owner { name, account: None, rules, folders: Vec::new(), outdated: false });
                }
            }
            for owner in &mut owners {
                owner.account = accounts::find(memory, &owner.name)?;
                if let Some(account) = owner.account.filter(|_| !owner.folders.is_empty()) {
                    owner.outdated = intake::is_outdated(memory, account, &owner.rules.fingerprint())?;
                }
            }
        }
        Ok(Self {
            memory,
            state_dir: config.state_dir.display().to_string(),
            running: control::is_running(&config.state_dir) != Some(false),
            now: Timestamp::now(),
            owners,
        })
    }

    /// Every account that is remembered.
    pub fn remembered(&self) -> impl Iterator<Item = (&Connection, &Owner, store::Account)> {
        let memory = self.memory.as_deref();
        self.owners.iter().filter_map(move |owner| Some((memory?, owner, owner.account?)))
    }

    /// Whose folder a path is below or is, and the folder: the nearest one.
    pub fn watched(&self, spellings: &[PathBuf]) -> Option<(&Owner, &Folder, PathBuf)> {
        let mut found: Vec<(&Owner, &Folder, PathBuf)> = Vec::new();
        for owner in &self.owners {
            for folder in &owner.folders {
                let real = config::real(&folder.path);
                let below = spellings.iter().find_map(|path| {
                    path.strip_prefix(&folder.path).or_else(|_| path.strip_prefix(&real)).ok().map(Path::to_path_buf)
                });
                found.extend(below.map(|below| (owner, folder, below)));
            }
        }
        found.into_iter().min_by_key(|(.., below)| below.components().count())
    }

    /// Whether a path, as it was written, is a link below a watched folder: whatever it leads to, the link is meant.
    pub fn is_found_link(&self, spellings: &[PathBuf]) -> bool {
        let Some(written) = spellings.first() else { return false };
        let is_link = std::fs::symlink_metadata(written).is_ok_and(|metadata| metadata.is_symlink());
        let found = is_link.then(|| self.watched(&spellings[..1])).flatten();
        found.is_some_and(|(.., below)| !below.as_os_str().is_empty())
    }

    /// What follows a command that needs to know whose session or file it is about.
    pub fn whose(&self, owner: &str) -> String {
        if self.owners.len() > 1 { format!(" --account {owner}") } else { String::new() }
    }
}

/// A path as it may have been written when it was found.
pub fn spellings(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let absolute =
        std::path::absolute(path).with_context(|| format!("cannot resolve {}", crate::escape::path(path)))?;
    let real = config::real(&absolute);
    Ok(if real == absolute { vec![absolute] } else { vec![absolute, real] })
}
