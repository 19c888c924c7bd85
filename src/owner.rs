//! Whose the files of a state directory are: what root makes there belongs to the directory's owner, and who is refused
//! hears whom to ask.

use rustix::fs::{Access, AtFlags, CWD, Gid, Mode, OFlags, Uid, access, chownat, fstat, openat};
use rustix::io::Errno;
use rustix::process::{getegid, geteuid};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
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

/// Makes a file that only its owner can read. Only ever a new one, as a name could be a link to somebody else's.
pub fn create(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)?;
    hand_over(&file, path)?;
    Ok(file)
}

/// The same in place of what a killed process may have left there.
pub fn create_anew(path: &Path) -> io::Result<File> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => create(path),
    }
}

/// For locks: the file as it is, or a new one.
pub fn open_or_create(path: &Path) -> io::Result<File> {
    match create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            OpenOptions::new().read(true).write(true).open(path)
        }
        created => created,
    }
}

/// Gives a directory or socket that was just made to whoever owns the directory that it is in.
pub fn give(path: &Path) -> io::Result<()> {
    let made = openat(CWD, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    hand_over(made, path)
}

/// An administrator does with sudo what a service then has to go on with. Only root has something to give, and nothing
/// with another name somewhere else, which somebody may have put here meanwhile.
fn hand_over(made: impl AsFd, path: &Path) -> io::Result<()> {
    let it = fstat(&made)?;
    let is_dir = rustix::fs::FileType::from_raw_mode(it.st_mode).is_dir();
    if it.st_uid != 0 || !is_dir && it.st_nlink != 1 {
        return Ok(());
    }
    let dir = fs::metadata(parent(path))?;
    if dir.uid() == 0 {
        return Ok(());
    }
    let (user, group) = (Some(Uid::from_raw(dir.uid())), Some(Gid::from_raw(dir.gid())));
    match chownat(made, "", user, group, AtFlags::EMPTY_PATH) {
        // The root of a container may have no right to, and then is whom it runs as.
        Err(Errno::PERM | Errno::INVAL) => Ok(()),
        given => Ok(given?),
    }
}

fn parent(path: &Path) -> &Path {
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

/// The command that gives a directory with all that is in it to somebody.
fn mend(dir: &Path, user: u32, group: u32) -> String {
    format!("sudo chown -R {} {}", spec(user, group), dir.display())
}

/// What helps somebody who may not use a file or directory.
pub fn advice(path: &Path) -> String {
    let sudo = "use sudo, or the user that fitferry runs as";
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
            true => format!("its mode keeps {user}, to whom it belongs, out: chmod u+rwX {shown}"),
            false => format!("see the permissions of {shown} and of its directory"),
        };
    }
    let is_ours = fs::metadata(parent(path)).is_ok_and(|dir| dir.uid() == us());
    let belongs = format!("{shown} belongs to {owner}, and this is {user}");
    match (it.is_dir(), is_ours) {
        (false, true) => format!("{belongs}: sudo chown {} {shown}", spec(us(), our_group())),
        (false, false) => format!("{belongs}: use sudo, or run it as {owner}"),
        (true, _) => format!(
            "{belongs}: use sudo, or run it as {owner}; or, if fitferry is to run as {user}, {}",
            mend(path, us(), our_group())
        ),
    }
}

/// The same behind an error, if that is what it is about.
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
    use std::os::unix::fs::symlink;

    /// Where another user may put links, root must not be led anywhere.
    #[test]
    fn links_are_neither_followed_nor_given_away() {
        let dir = tempfile::tempdir().unwrap();
        let (theirs, link, other) = (dir.path().join("theirs"), dir.path().join("link"), dir.path().join("other"));
        fs::write(&theirs, "secret").unwrap();
        symlink(&theirs, &link).unwrap();
        assert_eq!(create(&link).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        create_anew(&link).unwrap();
        assert!(!fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&theirs).unwrap(), "secret");
        fs::hard_link(&theirs, &other).unwrap();
        let before = fs::metadata(&theirs).unwrap().uid();
        let is_root = std::os::unix::fs::chown(dir.path(), Some(65_534), Some(65_534)).is_ok();
        give(&other).unwrap();
        assert_eq!(fs::metadata(&theirs).unwrap().uid(), before);
        let made = create(&dir.path().join("made")).unwrap().metadata().unwrap();
        assert_eq!(made.uid(), if is_root { 65_534 } else { us() });
    }
}
