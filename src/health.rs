//! Whether all is well, or what needs a person: the same for a command, for a monitor, and for whoever asks by HTTP.

use crate::config::Config;
use crate::room::{self, Low};
use crate::store;
use crate::store::absent::Missed;
use crate::store::folders::FolderStatus;
use crate::store::halts::Halted;
use crate::store::listing::{self, AccountStatus};
use jiff::{SignedDuration, Timestamp};

/// A server or a network may be away for so long without anybody having to look.
const PATIENCE: SignedDuration = SignedDuration::from_hours(24);

/// How things stand.
pub struct Standing {
    /// The accounts of the settings, as far as anything is known of them: others may be remembered that nobody delivers for any
    /// more.
    pub accounts: Vec<AccountStatus>,
    /// A disk with little room.
    pub low: Option<Low>,
}

/// Looks into the memory, and at the disks.
pub fn look(config: &Config) -> anyhow::Result<Standing> {
    let connection = store::open_to_read(&config.state_dir)?;
    let mut accounts = connection.map(|connection| listing::accounts(&connection)).transpose()?.unwrap_or_default();
    accounts.retain(|status| config.accounts.iter().any(|account| account.name == status.account));
    Ok(Standing { accounts, low: room::look(config) })
}

/// What is not well where somebody delivers, each in a few words that name the account if it is about one.
pub fn problems(standing: &Standing, now: Timestamp) -> Vec<String> {
    let low = standing.low.as_ref().map(|low| format!("little room: {}", crate::escape::text(&room::words(low))));
    low.into_iter().chain(standing.accounts.iter().flat_map(|account| of_account(account, now))).collect()
}

fn of_account(status: &AccountStatus, now: Timestamp) -> Vec<String> {
    let mut problems = Vec::new();
    let is_long_ago = |time: Timestamp| now.duration_since(time) > PATIENCE;
    let halted = status.standstill.clone().at(now, true);
    if let Some(Halted { stopped: true, credentials, reason, .. }) = &halted {
        let what = if *credentials { "login needed" } else { "the server refuses everything" };
        problems.push(format!("{what}: {reason}"));
    } else if let Some(since) = status.waiting_since
        && is_long_ago(since)
        && status.last_delivery.is_none_or(is_long_ago)
    {
        problems.push(format!("{} sessions wait, some since {since:.0}", status.outbox.queued));
    }
    if status.outbox.parked > 0 {
        problems.push(format!("{} sessions are parked", status.outbox.parked));
    }
    let left = status.comparison.map_or(0, |comparison| comparison.left);
    if left > 0 {
        problems.push(format!("{left} differences to the server wait for a person"));
    }
    let Missed { doubted_files, .. } = status.missed;
    if doubted_files > 0 {
        problems.push(format!("{doubted_files} files are gone, and wait for a person"));
    }
    for FolderStatus { folder, mode, reason, troubles } in &status.folders {
        let reason = reason.as_deref().unwrap_or_default();
        if matches!(mode.as_str(), "away" | "stuck") {
            problems.push(format!("{} is {mode}: {reason}", folder.display()));
        }
        problems.extend(troubles.iter().map(|trouble| format!("{}: {trouble}", folder.display())));
    }
    problems.into_iter().map(|problem| format!("{}: {}", status.account, crate::escape::text(&problem))).collect()
}
