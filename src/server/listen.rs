//! Accepts connections, and serves each for a bounded time: somebody without a token must not be able to keep everybody
//! else out.

use super::guests::{Guest, Guests};
use super::refusal::Explained;
use axum::serve::Listener;
use axum::{Extension, Router};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_io_timeout::TimeoutWriter;

/// How long the head of a request may take to arrive, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a client may take no byte of its answer.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a connection is kept. It ends after the request that it is busy with; a client only connects again.
const LONGEST_CONNECTION: Duration = Duration::from_secs(300);

/// How long a connection is served still once it has to end.
const NOTICE: Duration = Duration::from_millis(50);

/// Serves until `stopped` is done, then lets requests in flight finish for as long as `grace`.
pub async fn serve(mut listener: impl Listener, router: Router, stopped: impl Future<Output = ()>, grace: Duration) {
    let guests = Guests::new();
    let stop = watch::Sender::new(());
    let accepting = async {
        loop {
            // However long it takes: a client that left in the queue is no reason to stop, nor is a lack of files, which passes.
            let (stream, _) = listener.accept().await;
            let guest = guests.enter().await;
            tokio::spawn(answer(stream, guest, router.clone(), stop.subscribe(), grace));
        }
    };
    tokio::select! {
        () = accepting => {}
        () = stopped => {}
    }
    drop(listener);
    stop.send_replace(());
    // Every connection listens until it has ended; whoever keeps one busy for longer is cut off.
    let _ = timeout(grace, stop.closed()).await;
}

/// Answers the requests of one connection.
async fn answer(
    stream: impl AsyncRead + AsyncWrite + 'static,
    guest: Guest,
    router: Router,
    mut stopping: watch::Receiver<()>,
    grace: Duration,
) {
    let mut stream = TimeoutWriter::new(stream);
    stream.set_timeout(Some(STALL_TIMEOUT));
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
    let service = TowerToHyperService::new(router.layer(Extension(guest.clone())));
    let mut connection = pin!(builder.serve_connection(TokioIo::new(Explained::new(Box::pin(stream))), service));
    tokio::select! {
        // What it says counts before whether it has to leave.
        biased;
        // Errors are the client's: it went away, was too slow, or does not speak HTTP.
        _ = connection.as_mut() => return,
        () = guest.leaves() => return,
        // The value is of no interest, only that it was sent.
        _ = stopping.changed() => {}
        () = sleep(LONGEST_CONNECTION) => {}
    }
    // Who has just come may have spoken, and not been heard yet.
    if timeout(NOTICE, connection.as_mut()).await.is_err() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(grace, connection).await;
    }
}
