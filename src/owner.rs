//! Whose the files of a state directory are: what root makes there belongs to the directory's owner, and who is refused
//! hears whom to ask.

mod made;

pub use made::{create, create_anew, give, open, open_or_create, refuse_link};

use crate::shell::quoted;
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What has to be open for a start, beside the tokens of the embedded server.
const NEEDED: &[&str] = &[
    "lock",
    "outbox.db",
    "outbox.db-wal",
    "outbox.db-shm",
    "server",
    "server/lock",
    "server/sessions.db",
    "server/sessions.db-wal",
    "server/sessions.db-shm",
];

/// The directory that something is in.
pub fn parent(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether the present user may use what is in a state directory; else the error names what is in the way, and what
/// mends that.
pub fn check(state_dir: &Path) -> io::Result<()> {
    let denied = |what| Err(io::Error::new(io::ErrorKind::PermissionDenied, what));
    if is_closed(state_dir) {
        return denied(advice(state_dir));
    }
    let it = fs::metadata(state_dir)?;
    match needed(state_dir)?.find(|(path, owner)| *owner != us() && is_closed(path)) {
        None => Ok(()),
        Some((path, owner)) if it.uid() == us() => {
            let (shown, owner, user) = (path.display(), name(owner), name(us()));
            denied(format!("{shown} belongs to {owner}, and this is {user}: {}", mend(state_dir, us(), our_group())))
        }
        Some((path, _)) => denied(advice(&path)),
    }
}

/// For root, who may use everything: what another user, to whom the state directory belongs, may not be able to; and what
/// mends it.
pub fn stray(state_dir: &Path) -> Option<(String, String)> {
    let it = fs::metadata(state_dir).ok()?;
    let (path, owner) = needed(state_dir).ok()?.find(|(_, owner)| *owner != it.uid())?;
    let (shown, owner, user) = (path.display(), name(owner), name(it.uid()));
    let found = format!("{shown} belongs to {owner}, and the directory to {user}");
    Some((found, mend(state_dir, it.uid(), it.gid())))
}

/// What has to be open for a start, as far as it is there, with whom it belongs to.
fn needed(state_dir: &Path) -> io::Result<impl Iterator<Item = (PathBuf, u32)>> {
    let tokens = fs::read_dir(state_dir)?.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("server-token") && !name.contains(".draft")
    });
    let all = NEEDED.iter().map(|name| state_dir.join(name)).chain(tokens);
    Ok(all.filter_map(|path| fs::metadata(&path).ok().map(|it| (path, it.uid()))))
}

fn is_closed(path: &Path) -> bool {
    let wanted = if path.is_dir() { Access::WRITE_OK | Access::EXEC_OK } else { Access::WRITE_OK };
    access(path, Access::READ_OK | wanted) == Err(Errno::ACCESS)
}

/// A path in a command that can be pasted.
fn word(path: &Path) -> String {
    quoted(&path.display().to_string())
}

/// The command that gives a directory with all that is in it to somebody.
fn mend(dir: &Path, user: u32, group: u32) -> String {
    format!("sudo chown -R {} {}", spec(user, group), word(dir))
}

/// What helps somebody who may not use a file or directory.
pub fn advice(path: &Path) -> String {
    let sudo = match us() {
        0 => "use the user that fitferry runs as",
        _ => "use sudo, or the user that fitferry runs as",
    };
    let it = match fs::metadata(path) {
        Ok(it) => it,
        // It would have to be made.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return advice(parent(path)),
        // A directory above is closed.
        Err(_) => return sudo.to_owned(),
    };
    let (shown, owner, user) = (path.display(), name(it.uid()), name(us()));
    if it.uid() == us() {
        return match is_closed(path) {
            true => format!("its mode keeps {user}, to whom it belongs, out: chmod u+rwX {}", word(path)),
            false => format!("see the permissions of {shown} and of its directory"),
        };
    }
    let is_ours = fs::metadata(parent(path)).is_ok_and(|dir| dir.uid() == us());
    let belongs = format!("{shown} belongs to {owner}, and this is {user}");
    let sudo = if us() == 0 { "" } else { "use sudo, or " };
    match (it.is_dir(), is_ours) {
        (false, true) => format!("{belongs}: sudo chown {} {}", spec(us(), our_group()), word(path)),
        (false, false) => format!("{belongs}: {sudo}run it as {owner}"),
        (true, _) => format!(
            "{belongs}: {sudo}run it as {owner}; or, if fitferry is to run as {user}, {}",
            mend(path, us(), our_group())
        ),
    }
}

/// The same for the file of a secret, which need not be fitferry's own: nobody becomes root to read it.
pub fn secret_advice(path: &Path) -> String {
    let user = name(us());
    let may_read = format!(
        "let {user} read it, if that is whom fitferry runs as: by LoadCredential= of its service (docs/install.md), or by sudo chgrp {} {file} && sudo chmod 640 {file}",
        group_name(our_group()),
        file = word(path)
    );
    match fs::metadata(path) {
        Ok(it) if it.uid() == us() => advice(path),
        Ok(_) if fs::metadata(parent(path)).is_ok_and(|dir| dir.uid() == us()) => advice(path),
        Ok(it) => format!("{} belongs to {}, and this is {user}: {may_read}", path.display(), name(it.uid())),
        Err(_) => format!("a directory above is closed to {user}: {may_read}, and have it where {user} may enter"),
    }
}

/// The same behind an error, if that is what it is about.
pub fn secret_hint(error: &io::Error, path: &Path) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!("; {}", secret_advice(path)),
        _ => String::new(),
    }
}

/// [`advice`] behind an error, if that is what it is about.
pub fn hint(error: &io::Error, path: &Path) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => format!("; {}", advice(path)),
        _ => String::new(),
    }
}

fn us() -> u32 {
    geteuid().as_raw()
}

fn our_group() -> u32 {
    getegid().as_raw()
}

/// The name of a user, or the number where there is none.
pub fn name(user: u32) -> String {
    known(user).map_or(user.to_string(), |(name, _)| name)
}

/// The name of a group, or the number where there is none.
fn group_name(group: u32) -> String {
    let all = fs::read_to_string("/etc/group").unwrap_or_default();
    let named = all.lines().find_map(|line| {
        let [name, _, id, ..] = line.split(':').collect::<Vec<_>>()[..] else { return None };
        (id.parse() == Ok(group)).then(|| name.to_owned())
    });
    named.unwrap_or(group.to_string())
}

/// Whom `chown` is to give something to.
fn spec(user: u32, group: u32) -> String {
    known(user).map_or(format!("{user}:{group}"), |(name, _)| format!("{name}:"))
}

/// The name and group of a user, as far as this machine itself knows it.
pub fn known(user: u32) -> Option<(String, u32)> {
    let all = fs::read_to_string("/etc/passwd").ok()?;
    all.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let [name, _, id, group, ..] = fields[..] else { return None };
        (id.parse() == Ok(user)).then_some((name.to_owned(), group.parse().ok()?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_mends_can_be_pasted() {
        let command = mend(Path::new("/srv/a b"), 4_000_000, 4_000_001);
        assert_eq!(command, "sudo chown -R 4000000:4000001 '/srv/a b'");
    }
}
