//! What the running daemon has written down of its folders: its unit may keep it from more than its user.

use super::{Finding, State};
use crate::config::Config;
use crate::control;
use crate::store::folders::{self, FolderStatus};
use crate::store::{self, accounts};

/// Folders, each with what is the matter there in the daemon's words and what helps; none if no daemon runs.
pub fn look(config: &Config) -> Vec<(String, String, &'static str)> {
    if control::is_running(&config.state_dir) != Some(true) {
        return Vec::new();
    }
    // If the memory cannot be read, that is told where it is looked through.
    let Ok(Some(connection)) = store::open_untouched(&config.state_dir) else { return Vec::new() };
    let accounts = config.accounts.iter();
    let known = accounts.filter_map(|account| accounts::find(&connection, &account.name).ok()?);
    let folders = known.flat_map(|account| folders::of_account(&connection, account.id).unwrap_or_default());
    folders.filter_map(|folder| told(&folder)).collect()
}

/// Pure.
fn told(folder: &FolderStatus) -> Option<(String, String, &'static str)> {
    let unit = "it looks again by itself; if nothing changes, its unit keeps it out, as of homes and from writing: systemctl cat fitferry, and a drop-in by systemctl edit fitferry";
    let share = "see whether the server of this share is there";
    let reason = folder.reason.as_deref().unwrap_or("for an unknown reason");
    let (words, fix) = match folder.mode.as_str() {
        "away" => (format!("away, {reason}"), unit),
        "stuck" => (format!("stuck, {reason}"), share),
        _ if folder.troubles.is_empty() => return None,
        _ => (folder.troubles.join("; "), unit),
    };
    Some((folder.folder.display().to_string(), words, fix))
}

/// Adds it to what was found of the same folder, if nothing is wrong with that by itself.
pub fn add(told: Vec<(String, String, &'static str)>, findings: &mut [Finding]) {
    for (folder, words, fix) in told {
        let is_it = |finding: &&mut Finding| {
            finding.check == "folder" && finding.state == State::Good && finding.about.as_ref() == Some(&folder)
        };
        if let Some(finding) = findings.iter_mut().find(is_it) {
            finding.state = State::Bad;
            finding.found += &format!("; but the running daemon has it as: {words}");
            finding.fix = Some(fix.to_owned());
        }
    }
}
