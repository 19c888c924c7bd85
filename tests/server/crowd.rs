//! Clients that mean no good, and accounts that are mixed up.

use crate::support::http;
use crate::support::program::{ALL, Daemon, Place};
use crate::support::wait;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::sync::oneshot;

pub fn serve(place: &Place) -> Daemon {
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
    let mut server = Daemon::spawn(&mut command);
    server.wait_for("daemon.ready");
    server
}

/// More of them than the server takes at once; the others wait in the queue of the system.
#[test]
fn requests_that_never_end_keep_nobody_out_for_long() {
    let place = Place::new();
    let server = serve(&place);
    let half_open = |_| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: ").unwrap();
        stream
    };
    let crowd: Vec<TcpStream> = (0..300).map(half_open).collect();
    let path = format!("/fitness/v1/users/me/sessions?{ALL}");
    let token = place.token();
    let answer = wait::until("an answer", || http::request(server.address(), "GET", &path, &token, ""));
    assert_eq!(answer.status, 200, "{}", answer.body);
    drop(crowd);
    server.terminate();
}

/// Each asks for more than the system keeps for a connection, and reads nothing of it.
#[test]
fn answers_that_nobody_reads_keep_nobody_out() {
    let place = Place::new();
    let server = serve(&place);
    let requests = "GET /$discovery/rest HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1000);
    let deaf = |_| {
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.set_nonblocking(true).unwrap();
        // As much as the system takes.
        assert!(stream.write(requests.as_bytes()).unwrap() > 10_000);
        stream
    };
    let crowd: Vec<TcpStream> = (0..400).map(deaf).collect();
    let path = format!("/fitness/v1/users/me/sessions?{ALL}");
    let token = place.token();
    let answer = wait::until("an answer", || http::request(server.address(), "GET", &path, &token, ""));
    assert_eq!(answer.status, 200, "{}", answer.body);
    drop(crowd);
    server.terminate();
}

/// Connects, says nothing, and connects again whenever the connection is closed.
async fn come_again(address: SocketAddr, connected: Arc<AtomicUsize>) {
    loop {
        if let Ok(mut stream) = tokio::net::TcpStream::connect(address).await {
            connected.fetch_add(1, Ordering::Relaxed);
            let _ = stream.read(&mut [0]).await;
        }
    }
}

/// There is room for whoever has something to say before the others time out.
#[test]
fn those_who_say_nothing_and_come_again_keep_nobody_out() {
    let place = Place::new();
    let server = serve(&place);
    let (address, token) = (server.address(), place.token());
    let (stop, stopped) = oneshot::channel::<()>();
    let connected = Arc::<AtomicUsize>::default();
    let comers: Vec<_> = (0..900).map(|_| come_again(address, Arc::clone(&connected))).collect();
    let crowd = std::thread::spawn(move || {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
            comers.into_iter().for_each(|comer| drop(tokio::spawn(comer)));
            stopped.await
        })
    });
    wait::until_true("a crowd", || connected.load(Ordering::Relaxed) > 300);
    let path = format!("/fitness/v1/users/me/sessions?{ALL}");
    for _ in 0..3 {
        let began = Instant::now();
        let answer = wait::until("an answer", || http::request(address, "GET", &path, &token, ""));
        assert_eq!(answer.status, 200, "{}", answer.body);
        assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    }
    drop(stop);
    assert!(crowd.join().is_ok());
    server.terminate();
}

#[test]
fn one_token_for_two_people_is_refused() {
    let place = Place::new();
    let accounts = "[[account]]\nname = 'anna'\nfolders = ['a']\n[[account]]\nname = 'ben'\nfolders = ['b']\n";
    std::fs::write(place.config(), accounts).unwrap();
    serve(&place).terminate();
    let token = |name: &str| place.state().join(format!("server-token-{name}"));
    std::fs::copy(token("anna"), token("ben")).unwrap();
    let output = place.run(&["serve", "--listen", "127.0.0.1:0"]);
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && error.contains("anna") && error.contains("ben"), "{error}");
    std::fs::remove_file(token("ben")).unwrap();
    serve(&place).terminate();
}

#[test]
fn nobody_else_can_read_the_databases() {
    let place = Place::new();
    let daemon = place.start();
    let mode = |name: &str| place.state().join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode("server"), 0o700);
    for name in ["outbox.db", "outbox.db-wal", "outbox.db-shm", "server/sessions.db", "server/sessions.db-wal"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    daemon.terminate();
}
