//! What keeps a start from going on and passes by itself: it is waited for, as the units count failed starts and end for good.

use super::{Running, Signals, Sockets};
use crate::config::Config;
use crate::events;
use crate::ferry::{Lock, StartFailure};
use crate::sqlite;
use rusqlite::ErrorCode;
use std::io;
use std::time::Duration;
use tokio::time::Instant;

/// The units of `systemd/` allow five starts in five minutes: so long ones are too few.
pub const PATIENCE: Duration = Duration::from_secs(120);

const TICK: Duration = Duration::from_secs(2);

/// How the log calls what is tried.
const STARTING: &str = "starting";

/// Starts, or waits until that is possible; nothing if it is told to end meanwhile.
pub async fn start(
    config: &Config,
    lock: &Lock,
    sockets: &Sockets,
    signals: &mut Signals,
) -> Result<Option<Running>, StartFailure> {
    let until = Instant::now() + PATIENCE;
    let failed = |source| StartFailure::StateDir { dir: config.state_dir.clone(), source };
    let mut is_told = false;
    loop {
        match Running::start(config, lock, sockets.again().map_err(failed)?).await {
            Err(failure) if passes(&failure) && Instant::now() < until => {
                if !std::mem::replace(&mut is_told, true) {
                    events::store_failed(STARTING, &failure);
                }
                tokio::select! {
                    () = tokio::time::sleep(TICK) => {}
                    _ = signals.ending() => return Ok(None),
                }
            }
            result => {
                if is_told && result.is_ok() {
                    events::store_works(STARTING);
                }
                return result.map(Some);
            }
        }
    }
}

/// Whether a disk is full somewhere.
fn passes(failure: &StartFailure) -> bool {
    anyhow::Chain::new(failure).any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let code = cause.downcast_ref::<rusqlite::Error>().and_then(rusqlite::Error::sqlite_error_code);
        matches!(io, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
            || code == Some(ErrorCode::DiskFull)
            || matches!(cause.downcast_ref(), Some(sqlite::Error::DiskFull(_)))
    })
}
