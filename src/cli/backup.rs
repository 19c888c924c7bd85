//! `fitferry backup`: a copy of both databases in one file, whether or not the daemon runs.

use super::{Exit, Global, output};
use crate::backup::{self, Copied, Stop};
use crate::config::{self, Size};
use crate::escape;
use std::io::Write;
use std::path::PathBuf;
use tokio::signal::unix::{SignalKind, signal};

/// Writes a copy of fitferry's databases to a new file, whether or not the daemon runs.
///
/// The file is a tar archive of what fitferry remembers and, where it has its own server, of the sessions in it. To
/// restore it, stop fitferry and unpack the archive in the state directory. Tokens and logins are not part of it.
#[derive(clap::Args)]
pub struct Backup {
    /// Where to; never over something that is there.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// What came of it as one JSON object.
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let config = config::load(&global.flags())?;
        let stop = Stop::default();
        listen(stop.clone())?;
        let backup = match backup::write(&config.state_dir, &self.file, &stop) {
            Err(error @ backup::Error::Stopped) => {
                output::complain(&error);
                return Ok(Exit::TryAgainLater);
            }
            written => written?,
        };
        let mut out = output::stdout();
        if self.json {
            output::json_line(&mut out, &backup)?;
        } else {
            let size = Size::bytes(backup.bytes);
            writeln!(out, "{} is written and checked, {size}:", escape::path(&self.file))?;
            for Copied { name, sessions } in &backup.databases {
                writeln!(out, "  {name}  {sessions} sessions")?;
            }
        }
        out.flush()?;
        Ok(Exit::Done)
    }
}

/// From now on a signal ends the backup in order, instead of leaving half of it behind.
fn listen(stop: Stop) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut interrupt) = {
        let _runtime = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?)
    };
    let wait = move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        });
        stop.ask();
    };
    std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map(drop)
}
