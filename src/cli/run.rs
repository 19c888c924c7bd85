//! `fitferry run`: the daemon, in the foreground.

use super::{Exit, Global};
use crate::config::{self, Flags, TcpAddress};
use crate::{daemon, owner, telemetry};
use std::path::{Path, PathBuf};

/// Watches folders and delivers what appears in them, until it is told to stop.
///
/// Without any configuration it watches ./workouts, serves the sessions API on loopback, and delivers to it.
#[derive(clap::Args)]
pub struct Run {
    /// Folders to watch, instead of the configured ones.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    watch: Vec<PathBuf>,
    /// Where the embedded server listens, instead of the configured address.
    #[arg(long, value_name = "ADDR")]
    listen: Option<TcpAddress>,
}

impl Run {
    pub fn run(&self, global: &Global) -> anyhow::Result<Exit> {
        let flags = Flags { folders: self.watch.clone(), listen: self.listen, ..global.flags() };
        let config = config::load(&flags)?;
        telemetry::start(&config.settings.log);
        if config.file.is_none() && self.watch.is_empty() {
            make_default_folder(&config);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(daemon::run(&flags, config))?;
        Ok(Exit::Done)
    }
}

/// Whoever tries fitferry out has not made the folder yet. A configured folder is never made: it may be a mount that is
/// away. If this fails, the folder is reported as away, with the reason.
fn make_default_folder(config: &config::Config) {
    if let [account] = &config.accounts[..]
        && let [folder] = &account.folders[..]
        && folder.path.ends_with(Path::new("workouts"))
    {
        let _ = std::fs::create_dir(&folder.path).and_then(|()| owner::give(&folder.path));
    }
}
