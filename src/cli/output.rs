//! What goes to stdout and stderr, and what an error means for the exit code.

use super::Exit;
use crate::escape;
use crate::ferry::StartFailure;
use std::io::{self, BufWriter, StdoutLock, Write};

/// stdout, locked and buffered; flush it before the command ends.
pub fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::new(io::stdout().lock())
}

/// Prints one value as one line of JSON.
pub fn json_line(out: &mut impl Write, value: &impl serde::Serialize) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *out, value)?;
    out.write_all(b"\n")?;
    Ok(())
}

/// Tells the person what went wrong, and finds the exit code that belongs to it.
pub fn report(error: &anyhow::Error) -> Exit {
    if is_broken_pipe(error) {
        // Whoever read our output has had enough.
        return Exit::Done;
    }
    complain(error);
    match error.downcast_ref() {
        Some(StartFailure::Locked { .. } | StartFailure::NoRoom(_)) => Exit::TryAgainLater,
        // A unit that does not fit is configuration, too.
        Some(StartFailure::Given(_)) => Exit::Usage,
        _ if error.is::<crate::config::Error>() => Exit::Usage,
        _ => Exit::SomeInputFailed,
    }
}

/// To stderr; of several lines only where a mistake in a file is pointed at.
pub fn complain(error: &impl std::fmt::Display) {
    let error = error.to_string();
    let error = error.lines().map(escape::text).collect::<Vec<_>>().join("\n");
    // stderr may be closed too; there is nobody left to tell.
    let _ = writeln!(io::stderr(), "fitferry: {error}");
}

/// Where a document lies: as installed with this program, else in the project.
pub fn document(name: &str) -> String {
    let installed = std::env::current_exe().ok().and_then(|program| {
        let place = program.parent()?.parent()?.join("share/doc/fitferry/docs").join(name);
        place.is_file().then(|| escape::path(&place))
    });
    installed.unwrap_or_else(|| format!("docs/{name}"))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause.downcast_ref::<serde_json::Error>().and_then(serde_json::Error::io_error_kind);
        io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}
