//! Who looks from outside whether all is well: `/healthz` and `/metrics`, for everybody who can connect.

use crate::config::Config;
use crate::ferry::StartFailure;
use crate::health;
use crate::metrics;
use crate::server::listen;
use crate::store::{self, listing};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::sync::oneshot;

/// How long requests in flight may take once it ends.
const GRACE: Duration = Duration::from_millis(500);

/// Answers until it is dropped.
pub struct Monitor {
    #[expect(dead_code, reason = "dropping it is the signal")]
    stop: oneshot::Sender<()>,
}

impl Monitor {
    /// Begins to answer where the configuration wants it; nothing if it wants nothing.
    pub fn start(config: &Config) -> Result<Option<Self>, StartFailure> {
        let Some(address) = config.settings.monitor.listen else { return Ok(None) };
        let failed = |source| StartFailure::Monitor { address, source };
        let listener = listener(address).map_err(failed)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new()
            .route("/healthz", get(healthz))
            .route("/metrics", get(metrics))
            .with_state(config.state_dir.clone());
        tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            listen::serve(listener, router, stopped, GRACE).await;
        });
        Ok(Some(Self { stop }))
    }
}

fn listener(address: SocketAddr) -> std::io::Result<tokio::net::TcpListener> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// 200 with "ok", or 503 with what is wrong, a line each.
async fn healthz(State(state_dir): State<PathBuf>) -> Response {
    let problems = look(state_dir, |state_dir| {
        let accounts = accounts(state_dir)?;
        Ok(health::problems(&accounts, Timestamp::now()))
    });
    match problems.await {
        Ok(problems) if problems.is_empty() => "ok\n".into_response(),
        Ok(problems) => (StatusCode::SERVICE_UNAVAILABLE, problems.join("\n") + "\n").into_response(),
        Err(response) => response,
    }
}

async fn metrics(State(state_dir): State<PathBuf>) -> Response {
    let text = look(state_dir, |state_dir| Ok(metrics::render(&accounts(state_dir)?, state_dir)));
    match text.await {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::FORMAT)], text).into_response(),
        Err(response) => response,
    }
}

fn accounts(state_dir: &Path) -> anyhow::Result<Vec<listing::AccountStatus>> {
    let connection = store::open_to_read(state_dir)?;
    Ok(connection.map(|connection| listing::accounts(&connection)).transpose()?.unwrap_or_default())
}

/// Looks into the memory on a thread that may wait for the disk.
async fn look<T: Send + 'static>(
    state_dir: PathBuf,
    work: impl FnOnce(&Path) -> anyhow::Result<T> + Send + 'static,
) -> Result<T, Response> {
    let failed = |error: String| (StatusCode::SERVICE_UNAVAILABLE, error + "\n").into_response();
    match tokio::task::spawn_blocking(move || work(&state_dir)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(error) => Err(failed(error.to_string())),
    }
}
