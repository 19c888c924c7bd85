//! Accepts connections, a bounded number at a time, each for a bounded time: somebody without a token must not be able
//! to keep everybody else out.

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

/// How long the head of a request may take to arrive, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is kept. It ends after the request that it is busy with; a client only connects again.
const LONGEST_CONNECTION: Duration = Duration::from_secs(300);

/// Connections at once; further ones wait to be accepted. Well below the usual limit of 1024 open files.
const MOST_CONNECTIONS: u32 = 256;

/// How long to wait if no connection can be accepted for want of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Serves until `stopped` is done, then lets requests in flight finish for as long as `grace`.
pub async fn serve(listener: TcpListener, router: Router, stopped: impl Future<Output = ()>, grace: Duration) {
    let slots = Arc::new(Semaphore::new(MOST_CONNECTIONS as usize));
    let (stop, stopping) = watch::channel(());
    let accepting = async {
        while let Ok(slot) = Arc::clone(&slots).acquire_owned().await {
            let stream = accept(&listener).await;
            tokio::spawn(answer(stream, router.clone(), stopping.clone(), grace, slot));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stopped => {}
    }
    drop(listener);
    drop(stop);
    // All slots are free once every connection has ended; whoever keeps one busy for longer is cut off.
    let _ = timeout(grace, slots.acquire_many(MOST_CONNECTIONS)).await;
}

/// The next connection, however long it takes: a client that left in the queue is no reason to stop, nor is a lack of
/// files, which passes.
async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_of_client(error.kind()) => {}
            Err(_) => sleep(ACCEPT_PAUSE).await,
        }
    }
}

fn is_of_client(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

/// Answers the requests of one connection, and frees its slot at the end.
async fn answer(
    stream: TcpStream,
    router: Router,
    mut stopping: watch::Receiver<()>,
    grace: Duration,
    _slot: OwnedSemaphorePermit,
) {
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)));
    tokio::select! {
        // Errors are the client's: it went away, was too slow, or does not speak HTTP.
        _ = connection.as_mut() => return,
        // Dropping the sender is the signal.
        _ = stopping.changed() => {}
        () = sleep(LONGEST_CONNECTION) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(grace, connection).await;
}
