//! Who looks from outside whether all is well: `/healthz` and `/metrics`, for everybody who can connect.

mod listener;

use crate::config::Config;
use crate::events;
use crate::ferry::StartFailure;
use crate::health::{self, Standing};
use crate::metrics;
use crate::server::listen;
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use jiff::Timestamp;
pub use listener::Listener;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, oneshot};

/// How long requests in flight may take once it ends.
const GRACE: Duration = Duration::from_millis(500);

/// Answers until it is dropped.
pub struct Monitor {
    listener: Listener,
    #[expect(dead_code, reason = "dropping it is the signal")]
    stop: oneshot::Sender<()>,
}

impl Monitor {
    /// Listens where the configuration wants it, beside listeners of ours that are `left`; nothing if it wants nothing.
    pub fn bind(config: &Config, left: &[&TcpListener]) -> Result<Option<Listener>, StartFailure> {
        let Some(address) = &config.settings.monitor.listen else { return Ok(None) };
        let bound = Listener::bind(address, left);
        bound.map(Some).map_err(|source| StartFailure::Monitor { address: address.clone(), source })
    }

    /// Begins to answer whoever connects.
    pub fn start(config: &Config, listener: Listener) -> io::Result<Self> {
        let (stop, stopped) = oneshot::channel::<()>();
        let router = Router::new()
            .route("/healthz", get(healthz))
            .route("/metrics", get(metrics))
            .fallback(|| async { (StatusCode::NOT_FOUND, "Not found: there are /healthz and /metrics.\n") })
            .method_not_allowed_fallback(|| async {
                (StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD are answered.\n")
            })
            .with_state(Looker::of(config));
        let stopped = async move {
            let _ = stopped.await;
        };
        match &listener {
            Listener::Tcp(tcp) => {
                tcp.set_nonblocking(true)?;
                let answering = tokio::net::TcpListener::from_std(tcp.try_clone()?)?;
                tokio::spawn(listen::serve(answering, router, stopped, GRACE));
            }
            Listener::Unix(unix, _) => {
                unix.set_nonblocking(true)?;
                let answering = tokio::net::UnixListener::from_std(unix.try_clone()?)?;
                tokio::spawn(listen::serve(answering, router, stopped, GRACE));
            }
        }
        events::monitor_ready(listener.address()?);
        Ok(Self { listener, stop })
    }

    /// For whoever comes after.
    pub fn listener(&self) -> io::Result<Listener> {
        self.listener.try_clone()
    }
}

/// 200 with "ok", or 503 with what is wrong, a line each.
async fn healthz(State(looker): State<Looker>) -> Response {
    let problems = looker.look(|standing, _| health::problems(standing, Timestamp::now()));
    match problems.await {
        Ok(problems) if problems.is_empty() => "ok\n".into_response(),
        Ok(problems) => (StatusCode::SERVICE_UNAVAILABLE, problems.join("\n") + "\n").into_response(),
        Err(response) => response,
    }
}

async fn metrics(State(looker): State<Looker>) -> Response {
    match looker.look(metrics::render).await {
        Ok(text) => ([(header::CONTENT_TYPE, metrics::FORMAT)], text).into_response(),
        Err(response) => response,
    }
}

/// Looks into the memory, for one request after the other: that costs the more the longer the history is.
#[derive(Clone)]
struct Looker {
    config: Arc<Config>,
    turn: Arc<Mutex<()>>,
}

impl Looker {
    fn of(config: &Config) -> Self {
        Self { config: Arc::new(config.clone()), turn: Arc::default() }
    }

    async fn look<T: Send + 'static>(
        self,
        make: impl FnOnce(&Standing, &Path) -> T + Send + 'static,
    ) -> Result<T, Response> {
        let failed = |error: String| (StatusCode::SERVICE_UNAVAILABLE, error + "\n").into_response();
        let turn = Arc::clone(&self.turn);
        let _turn = turn.lock().await;
        let work = move || {
            let standing = health::look(&self.config)?;
            anyhow::Ok(make(&standing, &self.config.state_dir))
        };
        // On a thread that may wait for the disk.
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(made)) => Ok(made),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(error) => Err(failed(error.to_string())),
        }
    }
}
