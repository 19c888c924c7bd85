//! The limits of open files: whether one has been met, and what helps.

use rustix::io::Errno;
use std::fs::File;
use std::io;

/// An error of the system, and what helps should it be about one of these limits.
pub fn words(error: &io::Error) -> String {
    match Errno::from_io_error(error) {
        Some(Errno::MFILE) => format!("{error}; raise LimitNOFILE= of the service, or ulimit -n"),
        Some(Errno::NFILE) => format!("{error}; raise the limit: sysctl fs.file-max"),
        _ => error.to_string(),
    }
}

/// Whether no file can be opened now, in words. Who cannot open one does not always tell why.
pub fn lacking() -> Option<String> {
    let error = File::open("/dev/null").err()?;
    matches!(Errno::from_io_error(&error), Some(Errno::MFILE | Errno::NFILE)).then(|| words(&error))
}
