//! The state directory, and whether the databases in it are sound.

use super::{Finding, State};
use crate::shell::quoted;
use crate::sqlite::{self, OpenError};
use crate::{owner, server, store};
use rusqlite::Connection;
use rustix::fs::{Access, access};
use rustix::process::geteuid;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const STATE: &str = "state-directory";

/// As whom the present thread asks.
pub fn user() -> String {
    format!("the user {}", owner::name(geteuid().as_raw()))
}

/// Whether the present user may keep something there.
pub fn state_directory(dir: &Path) -> Finding {
    let about = dir.display().to_string();
    judge(dir).about(about)
}

fn judge(dir: &Path) -> Finding {
    let may_write = Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK;
    match std::fs::metadata(dir) {
        Ok(metadata) if !metadata.is_dir() => {
            Finding::bad(STATE, "is no directory", "move it away, or set state_dir to another place")
        }
        Ok(metadata) => {
            if let Err(error) = access(dir, may_write) {
                let (error, user) = (io::Error::from(error), user());
                return Finding::bad(STATE, format!("{user} cannot write to it: {error}"), owner::advice(dir));
            }
            if let Err(error) = owner::check(dir) {
                return Finding::bad(STATE, "not all that is in it can be used", error.to_string());
            }
            if let Some((found, fix)) = owner::stray(dir) {
                return Finding::bad(STATE, found, fix);
            }
            if metadata.permissions().mode() & 0o007 != 0 {
                let fix = format!("chmod o-rwx {}", quoted(&dir.display().to_string()));
                return Finding::bad(STATE, "everybody may look into it, and tokens lie there", fix);
            }
            Finding::good(STATE, "can be written, and nobody else may enter")
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // It is made below whatever is there.
            let above = dir.ancestors().find(|above| above.exists()).unwrap_or(Path::new("/"));
            match access(above, Access::WRITE_OK | Access::EXEC_OK) {
                Ok(()) => Finding::not_applicable(STATE, "is not there yet: the first start makes it"),
                Err(error) => {
                    let (above, error, user) = (above.display(), io::Error::from(error), user());
                    let found = format!("is not there, and {user} cannot make it in {above}: {error}");
                    Finding::bad(STATE, found, "make it, and give it to the user that fitferry runs as with chown")
                }
            }
        }
        Err(error) => Finding::bad(STATE, error.to_string(), "use sudo, or the user that fitferry runs as"),
    }
}

pub fn memory(state_dir: &Path) -> Finding {
    let fix = "start fitferry: it sets the damaged one aside, and makes a new one from folders and server";
    database("memory", state_dir.join("outbox.db").as_path(), || store::open_untouched(state_dir), fix)
}

pub fn sessions(state_dir: &Path) -> Finding {
    let fix = "stop fitferry, and restore a backup: this is the only copy of the sessions in it";
    database("sessions", &state_dir.join("server/sessions.db"), || server::open_untouched(state_dir), fix)
}

fn database(
    check: &'static str,
    path: &Path,
    open: impl Fn() -> Result<Option<Connection>, OpenError>,
    fix: &str,
) -> Finding {
    let mut finding = look_through(check, open(), fix);
    if finding.state == State::Bad {
        // Somebody may just have begun to write to it.
        finding = look_through(check, open(), fix);
    }
    finding.about(path.display().to_string())
}

fn look_through(check: &'static str, opened: Result<Option<Connection>, OpenError>, fix: &str) -> Finding {
    match opened {
        Ok(None) => Finding::not_applicable(check, "there is none yet"),
        Ok(Some(connection)) => match sqlite::flaw(&connection) {
            Ok(None) => Finding::good(check, "sound"),
            Ok(Some(flaw)) => Finding::bad(check, format!("damaged: {flaw}"), fix),
            Err(error) => Finding::bad(check, format!("cannot be read: {error}"), fix),
        },
        Err(error) => {
            let fix = match error {
                OpenError::Damaged { .. } | OpenError::NoDatabase { .. } => fix,
                _ => "as the message says",
            };
            Finding::bad(check, error.to_string(), fix)
        }
    }
}
