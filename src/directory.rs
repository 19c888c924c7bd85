//! Directories for what must survive: nobody else may enter them, and a power cut does not take them away; and names that replace nothing.

use crate::owner;
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

/// Makes a directory and those above it, as far as they are missing. `dir` is absolute.
pub fn make(dir: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = dir.ancestors().take_while(|dir| !dir.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // From above, as each has the owner of the one that it is in.
    missing.iter().rev().try_for_each(|dir| owner::give(dir))?;
    // Whatever is synced in a directory is lost with its name, and that is content of the directory above.
    missing.into_iter().filter_map(Path::parent).try_for_each(|above| File::open(above)?.sync_all())
}

/// Renames a file, and never replaces another one.
pub fn rename_over_nothing(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems, of networks above all, know no such rename.
        Err(Errno::INVAL | Errno::NOSYS) => match fs::symlink_metadata(to) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(from, to),
            Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
            Err(error) => Err(error),
        },
        renamed => renamed.map_err(io::Error::from),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn made_private_and_left_as_it_is() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("a/b");
        make(&dir).unwrap();
        let mode = |dir: &Path| dir.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&dir), mode(&root.path().join("a"))), (0o700, 0o700));
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).unwrap();
        make(&dir).unwrap();
        assert_eq!(mode(&dir), 0o750, "somebody wanted it so");
        fs::write(root.path().join("file"), "").unwrap();
        assert!(make(&root.path().join("file/c")).is_err());
    }
}
