//! Tokens that a program of the user's prints.

use super::Error;
use secrecy::SecretString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::Command;

/// How long a program may take to print a token; it may have to ask a person for a password.
const TIMEOUT: Duration = Duration::from_secs(60);

/// More than a token and what a program may say after it, in bytes.
const LONGEST_OUTPUT: usize = 64 << 10;

/// Runs a program that prints a token on its first line.
pub async fn run(command: &[String]) -> Result<SecretString, Error> {
    let [program, arguments @ ..] = command else { return Err(Error::Person("no token_command".to_owned())) };
    let failed = |what: String| Error::Person(format!("destination.token_command `{program}` {what}"));
    let (status, printed) = tokio::time::timeout(TIMEOUT, output(Command::new(program).args(arguments)))
        .await
        .map_err(|_| failed(format!("took longer than {TIMEOUT:?}")))?
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

/// How a program ended and what it printed; one that prints more than [`LONGEST_OUTPUT`] is ended.
async fn output(command: &mut Command) -> io::Result<(ExitStatus, Vec<u8>)> {
    let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let mut printed = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LONGEST_OUTPUT as u64 + 1).read_to_end(&mut printed).await?;
    }
    if printed.len() > LONGEST_OUTPUT {
        child.start_kill()?;
    }
    Ok((child.wait().await?, printed))
}
