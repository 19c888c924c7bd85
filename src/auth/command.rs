//! Tokens that a program of the user's prints.

use super::Error;
use rustix::process::{Pid, Signal, kill_process_group};
use secrecy::SecretString;
use std::fs::File;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// How long a program may take to print a token; it may have to ask a person for a password.
const TIMEOUT: Duration = Duration::from_secs(60);

/// More than a token and what a program may say after it, in bytes.
const LONGEST_OUTPUT: usize = 64 << 10;

/// Runs a program that prints a token on its first line. At a terminal it may have to ask there, and hears Ctrl-C: then it
/// stays in our process group.
pub async fn run(command: &[String]) -> Result<SecretString, Error> {
    let is_at_terminal = File::open("/dev/tty").is_ok();
    run_within(command, TIMEOUT, is_at_terminal).await
}

/// The same for somebody who only wants to know whether it works, and lets nothing go on.
pub async fn try_out(command: &[String], patience: Duration) -> Result<SecretString, Error> {
    run_within(command, patience, false).await
}

async fn run_within(command: &[String], patience: Duration, stays: bool) -> Result<SecretString, Error> {
    let [program, arguments @ ..] = command else { return Err(Error::Person("no token_command".to_owned())) };
    let failed = |what: String| Error::Person(format!("destination.token_command `{program}` {what}"));
    let mut command = Command::new(program);
    command.args(arguments);
    if !stays {
        command.process_group(0);
    }
    let (status, printed) = tokio::time::timeout(patience, output(&mut command, stays))
        .await
        .map_err(|_| failed(format!("took longer than {patience:?}, and was ended")))?
        .map_err(|error| failed(format!("cannot be run: {error}")))?;
    if printed.len() > LONGEST_OUTPUT {
        return Err(failed(format!("printed more than {LONGEST_OUTPUT} bytes; it should print a token")));
    }
    if !status.success() {
        return Err(failed(format!("failed: {status}")));
    }
    let text = String::from_utf8_lossy(&printed);
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() => Ok(SecretString::from(token)),
        _ => Err(failed("printed no token".to_owned())),
    }
}

/// Ends a program's process group when dropped: what it has started would go on without it.
struct Group(Option<Pid>);

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(leader) = self.0 {
            // Gone already, if all is well.
            let _ = kill_process_group(leader, Signal::KILL);
        }
    }
}

/// How a program ended and what it printed; one that prints more than [`LONGEST_OUTPUT`] is ended.
async fn output(command: &mut Command, stays: bool) -> io::Result<(ExitStatus, Vec<u8>)> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let leader = child.id().and_then(|id| Pid::from_raw(id.try_into().ok()?));
    let mut group = Group(leader.filter(|_| !stays));
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST_OUTPUT as u64 + 1).read_to_end(&mut printed).await?;
    }
    if printed.len() > LONGEST_OUTPUT {
        // With all that it has started.
        drop(group);
        child.start_kill()?;
        return Ok((child.wait().await?, printed));
    }
    let status = child.wait().await?;
    // From here on the number may be somebody else's, and what it left running was meant to be.
    group.0 = None;
    Ok((status, printed))
}
