//! The rescue of a history: 50,000 sessions of several apps out of a server, straight and through somebody who breaks every
//! other request, into the embedded server and into a file, with kills in between.
//!
//! `cargo bench --bench pull`; `-- SESSIONS` for another number. Drives the real binary. Linux only, as it reads `/proc`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark prints its figures, and fails loudly"
)]

#[path = "../tests/support/fault_server.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod fault_server;
#[path = "../tests/support/http.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod http;
#[path = "../tests/support/proxy.rs"]
#[expect(dead_code, reason = "the tests use all of it")]
mod proxy;

use fitferry::config::WindowRule;
use fitferry::server::{self, Ears, User};
use proxy::Proxy;
use secrecy::SecretString;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const TOKEN: &str = "bench";
const CLIENTS: usize = 64;
const HOUR: i64 = 3_600_000;

/// Of each pull that is killed, how long after it began.
const LIVES: [u64; 4] = [100, 400, 900, 1600];

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(50_000);
    fitferry::api::install_tls();
    let dir = tempfile::tempdir().unwrap();
    let users = [User { name: "me".to_owned(), token: SecretString::from(TOKEN) }];
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let source = server::start(&dir.path().join("cloud"), Ears::At(anywhere), WindowRule::default(), &users).unwrap();
    runtime().block_on(fill(source.address, count));
    let all = sessions(source.address, TOKEN);
    assert_eq!(all.len(), usize::try_from(count).unwrap());
    let flaky = Proxy::flaky(source.address);
    println!("\n{count} sessions");
    for (name, address) in [("straight", source.address), ("every other request fails", flaky.address)] {
        let place = dir.path().join(name.replace(' ', "-"));
        std::fs::create_dir(&place).unwrap();
        configure(&place, address);
        println!("{name}:");
        for (what, flags) in [("server", &[][..]), ("file", &["--output", "history.jsonl"])] {
            if address == flaky.address {
                for life in LIVES {
                    kill_after(&place, flags, Duration::from_millis(life));
                }
                println!("  killed {} times on its way into the {what}", LIVES.len());
            }
            report(&format!("into the {what}, verified"), pull(&place, flags), count);
            report("the same again", pull(&place, flags), count);
        }
        compare(&place, &all);
    }
    source.stop();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Sessions two hours apart, from 2008 on.
async fn fill(address: SocketAddr, count: i64) {
    let mut clients = tokio::task::JoinSet::new();
    for first in 0..CLIENTS {
        clients.spawn(async move {
            let http = reqwest::Client::new();
            for number in (i64::try_from(first).unwrap()..count).step_by(CLIENTS) {
                let start = 1_200_000_000_000 + number * 2 * HOUR;
                let id = format!("app-{number}");
                let app = ["fitferry", "com.example.sleep", "Foo Example App"][usize::try_from(number % 3).unwrap()];
                let body = json!({
                    "id": id, "name": format!("Session {number}"), "description": "10.2 km · 0:59:00",
                    "startTimeMillis": start.to_string(), "endTimeMillis": (start + HOUR).to_string(),
                    "activityType": 8, "application": {"name": app, "version": "1"},
                });
                let url = format!("http://{address}/fitness/v1/users/me/sessions/{id}");
                let request = http.put(url).bearer_auth(TOKEN).header("Content-Type", "application/json");
                let answer = request.body(body.to_string()).send().await.unwrap();
                assert!(answer.status().is_success());
                answer.bytes().await.unwrap();
            }
        });
    }
    clients.join_all().await;
}

fn configure(place: &Path, address: SocketAddr) {
    let config = format!(
        "state_dir = 'state'\ndelivery.retry_first = '50ms'\ndelivery.retry_longest = '200ms'\n\
         destination = {{ url = 'http://{address}/fitness/v1', token = '{TOKEN}' }}\n"
    );
    std::fs::write(place.join("fitferry.toml"), config).unwrap();
}

fn program(place: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fitferry"));
    command.current_dir(place).args(["--config", "fitferry.toml"]).stderr(Stdio::null());
    command
}

fn start(place: &Path, flags: &[&str]) -> Child {
    program(place).args(["pull", "--json"]).args(flags).stdout(Stdio::piped()).spawn().unwrap()
}

fn kill_after(place: &Path, flags: &[&str], life: Duration) {
    let mut child = start(place, flags);
    std::thread::sleep(life);
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Seconds, most memory in kilobytes, and the summary.
fn pull(place: &Path, flags: &[&str]) -> (f64, u64, Value) {
    let began = Instant::now();
    let mut child = start(place, flags);
    let mut most = 0;
    while child.try_wait().unwrap().is_none() {
        most = resident(child.id()).unwrap_or(most);
        std::thread::sleep(Duration::from_millis(20));
    }
    let seconds = began.elapsed().as_secs_f64();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    (seconds, most, serde_json::from_slice(&output.stdout).unwrap())
}

fn resident(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().split(' ').next()?.parse().ok())
}

fn report(what: &str, (seconds, most, summary): (f64, u64, Value), count: i64) {
    assert_eq!((&summary["sessions"], &summary["verified"]), (&json!(count), &json!(true)), "{summary}");
    let rate = count as f64 / seconds;
    println!(
        "  {what:<26} {seconds:6.2} s  {rate:7.0} sessions/s  {:5.1} MB  {} taken",
        most as f64 / 1e3,
        summary["taken"]
    );
    std::io::stdout().flush().unwrap();
}

/// Both copies hold what the source holds, session by session.
fn compare(place: &Path, all: &BTreeMap<String, Value>) {
    let text = std::fs::read_to_string(place.join("history.jsonl")).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), all.len(), "each once");
    let in_file: BTreeMap<String, Value> = lines.into_iter().map(with_id).collect();
    assert!(in_file == *all, "the file is the source");
    let users = [User { name: "me".to_owned(), token: SecretString::from(TOKEN) }];
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let server = server::start(&place.join("state"), Ears::At(anywhere), WindowRule::default(), &users).unwrap();
    let at_home = sessions(server.address, TOKEN);
    server.stop();
    let plain = |sessions: &BTreeMap<String, Value>| {
        let mut sessions = sessions.clone();
        sessions.values_mut().for_each(|session| drop(session.as_object_mut().unwrap().remove("modifiedTimeMillis")));
        sessions
    };
    assert!(plain(&at_home) == plain(all), "the server has what the source has");
    println!("  both compared with the source, session by session");
}

fn with_id(session: Value) -> (String, Value) {
    (session["id"].as_str().unwrap().to_owned(), session)
}

/// Everything that a server has, month by month.
fn sessions(address: SocketAddr, token: &str) -> BTreeMap<String, Value> {
    let mut all = BTreeMap::new();
    for month in 0..400 {
        let time = |month: i64| jiff::Timestamp::from_second(1_199_000_000 + month * 2_600_000).unwrap();
        let window = format!("startTime={}&endTime={}", time(month), time(month + 1));
        let path = format!("/fitness/v1/users/me/sessions?prettyPrint=false&{window}");
        let list = http::request(address, "GET", &path, token, "").unwrap().json();
        all.extend(list["session"].as_array().cloned().unwrap_or_default().into_iter().map(with_id));
    }
    all
}
