//! The watched folders as the service's user finds them, and whether the system has events for all that is in them.

use super::disks::user;
use super::whom::{self, Sought};
use super::{Finding, PATIENCE, Running, silent};
use crate::config::{Afterwards, Config, Folder, Watching};
use crate::watch::{blind, names};
use rustix::fs::{Access, access, inotify};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};
use walkdir::WalkDir;

/// How long folders inside of one are counted.
const COUNTING: Duration = Duration::from_secs(10);

/// Where the service's unit says which groups it has beside those of its user.
const GROUPS: &str = "SupplementaryGroups=";

/// What a look at a folder came to.
struct Look {
    finding: Finding,
    /// Folders that are listened to; nothing for one that is polled.
    listened: Option<u64>,
}

pub struct Looks {
    whom: Sought,
    looks: Vec<(String, Running<Look>)>,
}

/// Begins to look at every folder, each on a thread of its own: a share that does not answer holds up no other.
pub fn start(config: &Config, whom: Sought) -> Looks {
    let folders = config.accounts.iter().flat_map(|account| account.folders.clone());
    let start = |folder: Folder| {
        let about = folder.path.display().to_string();
        let silent = silent("folder", "see whether the server of this share is there").about(&about);
        let whom = whom.clone();
        (about, Running::start(silent, PATIENCE, move || look_as(&whom, &folder)))
    };
    let looks = folders.map(start).collect();
    Looks { whom, looks }
}

pub fn finish(Looks { whom, looks }: Looks) -> Vec<Finding> {
    let (mut findings, mut listened) = (Vec::new(), Vec::new());
    for (about, running) in looks {
        match running.wait() {
            Ok(look) => {
                findings.push(look.finding.about(about));
                listened.extend(look.listened);
            }
            Err(silent) => findings.push(silent),
        }
    }
    let silent = silent("events", "see whether this machine is well: dmesg");
    let events =
        move || whom::look(&whom, || events(&listened)).unwrap_or_else(|why| Finding::not_applicable("events", why));
    findings.push(Running::start(silent, PATIENCE, events).wait().unwrap_or_else(|silent| silent));
    findings
}

/// On a thread that does nothing else.
fn look_as(whom: &Sought, folder: &Folder) -> Look {
    let whom = match whom {
        Ok(Some(whom)) => whom,
        Ok(None) => return look(folder),
        Err(why) => return Look { finding: Finding::not_applicable("folder", why), listened: None },
    };
    let name = whom.name();
    if let Err(error) = whom.take_on() {
        let found = whom::unknown(&format!("{name}: {error}"));
        let finding = Finding::bad("folder", found, format!("sudo -u {name} fitferry doctor"));
        return Look { finding, listened: None };
    }
    let Look { mut finding, listened } = look(folder);
    if !finding.found.contains(&user()) {
        finding.found += &format!(" (looked at as {})", user());
    }
    if let Some(fix) = finding.fix.as_mut().filter(|fix| fix.contains(GROUPS) && !whom.is_running) {
        *fix += "; those groups count here once the service runs";
    }
    Look { finding, listened }
}

fn look(folder: &Folder) -> Look {
    let nothing = |finding| Look { finding, listened: None };
    let path = &folder.path;
    let given = &format!("let the user that fitferry runs as in: by a group ({GROUPS} of the service), or by chmod");
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let fix = "mount its disk, make it, or correct the folder in the settings";
            return nothing(Finding::bad("folder", "is not there", fix));
        }
        Err(error) => return nothing(Finding::bad("folder", format!("{}: {error}", user()), given)),
        Ok(metadata) if !metadata.is_dir() => {
            return nothing(Finding::bad("folder", "is no folder", "correct it in the settings"));
        }
        Ok(_) => {}
    }
    if let Some(sentinel) = folder.sentinel.as_ref().filter(|sentinel| !path.join(sentinel).exists()) {
        let found = format!("has no {}, so that it counts as away", sentinel.display());
        return nothing(Finding::bad("folder", found, "mount its disk, or make that file on it"));
    }
    if let Err(error) = access(path, Access::READ_OK | Access::EXEC_OK) {
        let found = format!("{} cannot read it: {}", user(), io::Error::from(error));
        return nothing(Finding::bad("folder", found, given));
    }
    let is_moving = [folder.on_done, folder.on_rejected].contains(&Afterwards::Move);
    if is_moving && let Err(error) = access(path, Access::WRITE_OK) {
        let found = format!("{} cannot move files in it: {}", user(), io::Error::from(error));
        let fix = "let fitferry write there (ReadWritePaths= of the service), or leave on_done and on_rejected out";
        return nothing(Finding::bad("folder", found, fix));
    }
    let is_polled = folder.watch == Watching::Polling || folder.watch == Watching::Auto && blind(path).is_some();
    match count(path) {
        Err(closed) => nothing(Finding::bad("folder", format!("{} cannot read {closed} inside of it", user()), given)),
        Ok(count) => {
            let how = if is_polled { "polled" } else { "by events" };
            let finding = Finding::good("folder", format!("can be read; watched {how}; folders in it: {}", count - 1));
            Look { finding, listened: (!is_polled).then_some(count) }
        }
    }
}

/// How many folders there are, itself included, as far as they can be counted in a short time; or the first that is closed.
fn count(path: &Path) -> Result<u64, String> {
    let until = Instant::now() + COUNTING;
    let mut count = 0;
    let walk = WalkDir::new(path).into_iter().filter_entry(|entry| {
        entry.depth() == 0 || entry.file_type().is_dir() && !names::ignored_folder(entry.file_name())
    });
    for entry in walk {
        match entry {
            Ok(_) => count += 1,
            Err(error) if error.io_error().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied) => {
                return Err(error.path().unwrap_or(path).display().to_string());
            }
            // What goes meanwhile is no matter.
            Err(_) => {}
        }
        if Instant::now() >= until {
            break;
        }
    }
    Ok(count.max(1))
}

/// The limits are those of a user, and in a container those of its user namespace as well.
fn limit(name: &str) -> Option<u64> {
    let files = [format!("/proc/sys/fs/inotify/max_user_{name}"), format!("/proc/sys/user/max_inotify_{name}")];
    files.iter().filter_map(|file| fs::read_to_string(file).ok()?.trim().parse().ok()).min()
}

fn events(listened: &[u64]) -> Finding {
    if listened.is_empty() {
        return Finding::not_applicable("events", "no folder is watched by events");
    }
    // One for each folder; others of this user have some, too, so that it is tried.
    let taken = listened.iter().try_fold(Vec::new(), |mut taken, _| {
        taken.push(inotify::init(inotify::CreateFlags::CLOEXEC)?);
        Ok::<_, rustix::io::Errno>(taken)
    });
    judge(listened, limit("watches"), limit("instances"), taken.is_err())
}

/// Pure.
fn judge(listened: &[u64], watches: Option<u64>, instances: Option<u64>, is_refused: bool) -> Finding {
    let (folders, wanted) = (listened.len(), listened.iter().sum::<u64>());
    let raise = |name: &str, limit: u64| {
        let file = "/etc/sysctl.d/60-fitferry.conf";
        format!(
            "echo fs.inotify.max_user_{name}={limit} | sudo tee -a {file} && sudo sysctl --system; until then the folder is polled"
        )
    };
    if let Some(limit) = watches.filter(|limit| wanted > *limit) {
        let found = format!("{wanted} folders are to be listened to, and this user may listen to {limit}");
        return Finding::bad("events", found, raise("watches", wanted.saturating_mul(2).max(65_536)));
    }
    let few = u64::try_from(folders).unwrap_or(u64::MAX);
    if is_refused || instances.is_some_and(|limit| few > limit) {
        let limit = instances.map_or("as many as others have left".to_owned(), |limit| limit.to_string());
        let found =
            format!("{folders} listeners are needed, and this user may have {limit}, those of other programs included");
        return Finding::bad("events", found, raise("instances", few.saturating_mul(2).max(512)));
    }
    let of = watches.map(|limit| format!(" of {limit}")).unwrap_or_default();
    Finding::good("events", format!("{wanted}{of} folders are listened to"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn limits_of_events() {
        for (listened, watches, instances, is_refused, state, word) in [
            (&[3, 4][..], Some(8), Some(2), false, State::Good, "7 of 8"),
            (&[3, 4], None, None, false, State::Good, "7 folders"),
            (&[5, 4], Some(8), Some(2), false, State::Bad, "max_user_watches=65536"),
            (&[100_000], Some(8192), None, false, State::Bad, "max_user_watches=200000"),
            (&[1, 1, 1], Some(8), Some(2), false, State::Bad, "max_user_instances=512"),
            (&[1], Some(8), Some(128), true, State::Bad, "max_user_instances=512"),
        ] {
            let finding = judge(listened, watches, instances, is_refused);
            let text = finding.found.clone() + finding.fix.as_deref().unwrap_or_default();
            assert!(finding.state == state && text.contains(word), "{finding:?}");
        }
    }
}
