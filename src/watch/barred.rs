//! Folders inside the watched ones that cannot be read: each is told once, until that changes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

#[derive(Default)]
pub struct Barred(HashMap<PathBuf, io::ErrorKind>);

impl Barred {
    /// Takes what a scan could not read, and keeps of it what is news.
    pub fn take(&mut self, met: Vec<(PathBuf, io::Error)>) -> Vec<(PathBuf, io::Error)> {
        met.into_iter()
            .filter(|(path, error)| self.0.insert(path.clone(), error.kind()) != Some(error.kind()))
            .collect()
    }

    /// Forgets what a scan of `dir` did not meet any more. Says whether some of it can be read now.
    pub fn reopened(&mut self, dir: &Path, met: &[(PathBuf, io::Error)]) -> bool {
        let is_met = |path: &Path| met.iter().any(|(barred, _)| barred == path);
        let gone = self.0.extract_if(|path, _| path.starts_with(dir) && !is_met(path));
        gone.filter(|(path, _)| path.is_dir()).count() > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_once_until_it_changes() {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path();
        let met = |kind: io::ErrorKind| vec![(dir.join("a"), io::Error::from(kind))];
        let mut barred = Barred::default();
        assert_eq!(barred.take(met(io::ErrorKind::PermissionDenied)).len(), 1);
        assert!(barred.take(met(io::ErrorKind::PermissionDenied)).is_empty());
        assert_eq!(barred.take(met(io::ErrorKind::Other)).len(), 1);
        assert!(!barred.reopened(dir, &met(io::ErrorKind::Other)));
        assert!(!barred.reopened(&dir.join("b"), &[]), "another folder says nothing about it");
        std::fs::create_dir(dir.join("a")).unwrap();
        assert!(barred.reopened(dir, &[]));
        assert_eq!(barred.take(met(io::ErrorKind::Other)).len(), 1);
        std::fs::remove_dir(dir.join("a")).unwrap();
        assert!(!barred.reopened(dir, &[]), "it is gone");
    }
}
