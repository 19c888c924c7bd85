//! Who writes what a command wants written: a running daemon, or the command itself.

use crate::config::Config;
use crate::control::{self, Connection};
use crate::ferry::{Lock, StartFailure, TURN};
use tokio::runtime::Builder;

pub enum Way {
    Daemon(Connection),
    /// Nobody else writes as long as this is held.
    Alone(Lock),
}

impl Way {
    /// The daemon if one runs; else waits for the turn of this command.
    pub fn find(config: &Config) -> Result<Self, StartFailure> {
        if let Some(daemon) = control::connect(&config.state_dir) {
            return Ok(Self::Daemon(daemon));
        }
        let failed = |source| StartFailure::StateDir { dir: config.state_dir.clone(), source };
        let runtime = Builder::new_current_thread().enable_time().build().map_err(failed)?;
        runtime.block_on(Lock::take_in_turn(&config.state_dir, TURN)).map(Self::Alone).or_else(|locked| {
            // It was just starting.
            control::connect(&config.state_dir).map(Self::Daemon).ok_or(locked)
        })
    }
}
