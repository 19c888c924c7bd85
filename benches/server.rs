//! The embedded server under 64 clients at once, which put, list and delete for a minute, beside a server of the same
//! library that does nothing. `cargo bench --bench server`; `-- SECONDS` for another time than 60.
//!
//! No answer may be an error, no write may be lost, no reader may wait for writers.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, and fails loudly"
)]

use axum::Router;
use axum::routing::get;
use fitferry::config::WindowRule;
use fitferry::server::{self, Ears, User};
use reqwest::{Client, Method, StatusCode};
use secrecy::SecretString;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const CLIENTS: i64 = 64;
const TOKEN: &str = "bench";

/// What one client did.
#[derive(Default)]
struct Done {
    requests: u64,
    slowest_list: Duration,
    left: i64,
}

fn main() {
    let seconds = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(60);
    let lasting = Duration::from_secs(seconds);
    fitferry::api::install_tls();
    let nothing = baseline(lasting);
    println!("\na handler that does nothing  {nothing:8.0} requests/s");
    let dir = tempfile::tempdir().unwrap();
    let users = [User { name: "me".to_owned(), token: SecretString::from(TOKEN) }];
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = server::start(dir.path(), Ears::At(anywhere), WindowRule::default(), &users).unwrap();
    let (rate, slowest, left) = runtime().block_on(storm(server.address, lasting));
    let listed = runtime().block_on(count(server.address));
    assert_eq!(listed, left, "every write is there, every delete is done");
    server.stop();
    println!("puts, lists and deletes      {rate:8.0} requests/s, {:.2} of it", rate / nothing);
    println!("slowest list                 {:8.0} ms", slowest.as_secs_f64() * 1e3);
    println!("sessions left                {left:8}");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Requests per second of 64 clients against a handler that does nothing.
fn baseline(lasting: Duration) -> f64 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        runtime().block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            axum::serve(listener, Router::new().route("/", get(|| async { "{}" }))).await.unwrap();
        });
    });
    runtime().block_on(async {
        let began = Instant::now();
        let clients = (0..CLIENTS).map(|_| {
            tokio::spawn(async move {
                let (client, mut requests) = (Client::new(), 0_u64);
                while began.elapsed() < lasting {
                    let answer = client.get(format!("http://{address}/")).send().await.unwrap();
                    answer.bytes().await.unwrap();
                    requests += 1;
                }
                requests
            })
        });
        let mut total = 0;
        for client in clients.collect::<Vec<_>>() {
            total += client.await.unwrap();
        }
        total as f64 / began.elapsed().as_secs_f64()
    })
}

/// Requests per second, the slowest list, and how many sessions are left.
async fn storm(address: SocketAddr, lasting: Duration) -> (f64, Duration, i64) {
    let began = Instant::now();
    let clients: Vec<_> = (0..CLIENTS).map(|number| tokio::spawn(client(address, number, began + lasting))).collect();
    let mut total = Done::default();
    for client in clients {
        let Done { requests, slowest_list, left } = client.await.unwrap();
        total.requests += requests;
        total.slowest_list = total.slowest_list.max(slowest_list);
        total.left += left;
    }
    (total.requests as f64 / began.elapsed().as_secs_f64(), total.slowest_list, total.left)
}

/// Puts a session, sees it in its window, and deletes every other one.
async fn client(address: SocketAddr, number: i64, until: Instant) -> Done {
    let http = Client::new();
    let mut done = Done::default();
    for round in 0_i64.. {
        if Instant::now() >= until {
            break;
        }
        let start = 1_000_000_000_000 + (number * 100_000 + round) * 3_600_000;
        let id = format!("bench-{number}-{round}");
        let body = format!(
            "{{\"id\":\"{id}\",\"name\":\"x\",\"startTimeMillis\":{start},\"endTimeMillis\":{},\"activityType\":8,\
             \"application\":{{\"name\":\"bench\"}}}}",
            start + 1_800_000
        );
        let (status, _) = send(&http, Method::PUT, address, &format!("/{id}"), Some(body)).await;
        assert_eq!(status, StatusCode::OK);
        let began = Instant::now();
        let (status, list) = send(&http, Method::GET, address, &window(start - 1, start + 3_600_000), None).await;
        done.slowest_list = done.slowest_list.max(began.elapsed());
        assert!(status == StatusCode::OK && list.contains(&id), "read your own write: {list}");
        done.requests += 2;
        done.left += 1;
        if round % 2 == 0 {
            let (status, _) = send(&http, Method::DELETE, address, &format!("/{id}"), None).await;
            assert_eq!(status, StatusCode::OK);
            done.requests += 1;
            done.left -= 1;
        }
    }
    done
}

fn window(start: i64, end: i64) -> String {
    let time = |millis| jiff::Timestamp::from_millisecond(millis).unwrap();
    format!("?prettyPrint=false&startTime={}&endTime={}", time(start), time(end))
}

async fn send(
    http: &Client,
    method: Method,
    address: SocketAddr,
    rest: &str,
    body: Option<String>,
) -> (StatusCode, String) {
    let url = format!("http://{address}/fitness/v1/users/me/sessions{rest}");
    let mut request = http.request(method, url).bearer_auth(TOKEN);
    if let Some(body) = body {
        request = request.header("Content-Type", "application/json").body(body);
    }
    let answer = request.send().await.unwrap();
    (answer.status(), answer.text().await.unwrap())
}

/// All sessions, by windows that are small enough.
async fn count(address: SocketAddr) -> i64 {
    let http = Client::new();
    let mut sessions = 0;
    for number in 0..CLIENTS {
        for part in 0..100 {
            let start = 1_000_000_000_000 + (number * 100_000 + part * 1000) * 3_600_000;
            let (_, list) =
                send(&http, Method::GET, address, &window(start - 1, start + 999 * 3_600_000 + 1), None).await;
            sessions += i64::try_from(list.matches("\"id\"").count()).unwrap();
        }
    }
    sessions
}
