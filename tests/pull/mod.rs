//! `fitferry pull`: from a real server, through somebody who makes it difficult.

mod answers;
mod content;
mod ends;
mod interrupted;

use crate::support::http;
use crate::support::program::{ALL, Daemon, Place, lines, sessions};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Output;

const HOUR: i64 = 3_600_000;

/// Some time in 2014.
const START: i64 = 1_400_000_000_000;

/// The cloud that is pulled from, and the home that it is pulled to.
pub struct Clouds {
    cloud: Place,
    pub server: Daemon,
    token: String,
    pub home: Place,
}

impl Clouds {
    pub fn new() -> Self {
        Self::with(&[])
    }

    fn with(environment: &[(&str, &str)]) -> Self {
        let cloud = Place::new();
        let server = serve(&cloud, environment);
        let token = cloud.token();
        Self { cloud, server, token, home: Place::new() }
    }

    fn put(&self, session: &Value) {
        put(self.server.address(), &self.token, session);
    }

    /// So many sessions of several apps, an hour apart.
    fn fill(&self, count: i64) {
        let (address, token) = (self.server.address(), self.token.as_str());
        std::thread::scope(|scope| {
            for first in 0..8 {
                scope.spawn(move || (first..count).step_by(8).for_each(|number| put(address, token, &session(number))));
            }
        });
    }

    /// So many sessions, so many hours apart.
    #[cfg(feature = "crash-points")]
    pub fn fill_apart(&self, count: i64, hours: i64) {
        (0..count).for_each(|number| self.put(&session(number * hours)));
    }

    /// What the cloud has, as it gives it.
    pub fn all(&self) -> BTreeMap<String, Value> {
        let path = format!("/fitness/v1/users/me/sessions?{ALL}");
        let answer = http::request(self.server.address(), "GET", &path, &self.token, "").unwrap();
        let sessions = answer.json()["session"].as_array().cloned().unwrap_or_default();
        sessions.into_iter().map(|session| (session["id"].as_str().unwrap().to_owned(), session)).collect()
    }

    /// The same without what each server says by itself.
    pub fn kept(&self) -> BTreeMap<String, Value> {
        let path = format!("/fitness/v1/users/me/sessions?{ALL}");
        sessions(&http::request(self.server.address(), "GET", &path, &self.token, "").unwrap())
    }

    /// The configuration line of who pulls from this address.
    fn destination(&self, address: SocketAddr) -> String {
        let token = self.home.dir.path().join("token");
        std::fs::write(&token, &self.token).unwrap();
        format!("destination = {{ url = 'http://{address}/fitness/v1', token_file = '{}' }}\n", token.display())
    }

    /// Lets home pull from this address.
    pub fn connect(&self, address: SocketAddr) {
        let retry = "delivery.retry_first = '10ms'\ndelivery.retry_longest = '20ms'\n";
        std::fs::write(self.home.config(), self.destination(address) + retry).unwrap();
    }

    pub fn file(&self) -> PathBuf {
        self.home.dir.path().join("history.jsonl")
    }

    pub fn in_file(&self) -> Vec<Value> {
        lines(&std::fs::read(self.file()).unwrap())
    }

    /// What home's own server has.
    fn at_home(&self) -> BTreeMap<String, Value> {
        let config = std::fs::rename(self.home.config(), self.home.dir.path().join("away"));
        let server = serve(&self.home, &[]);
        let sessions = server.sessions(&self.home);
        drop(server);
        if config.is_ok() {
            std::fs::rename(self.home.dir.path().join("away"), self.home.config()).unwrap();
        }
        sessions
    }

    /// Pulls into the file, or with other flags; exit code and summary.
    pub fn pull(&self, flags: &[&str]) -> (Option<i32>, Value) {
        let output = self.home.run(&[&["pull", "--json"], flags].concat());
        let summary = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        (output.status.code(), summary)
    }

    /// Pulls, watched through its log.
    pub fn watch(&self, flags: &[&str]) -> Daemon {
        let mut command = self.home.command();
        Daemon::spawn(command.arg("pull").args(flags).env("FITFERRY_LOG__FORMAT", "json"))
    }

    /// Pulls in vain; exit code and what is said.
    fn fail(&self, flags: &[&str]) -> (Option<i32>, String) {
        let Output { status, stdout, stderr } = self.home.run(&[&["pull"], flags].concat());
        assert!(stdout.is_empty() && !status.success(), "{}", String::from_utf8_lossy(&stdout));
        let said = String::from_utf8(stderr).unwrap();
        (status.code(), said.lines().last().unwrap_or_default().to_owned())
    }
}

fn put(address: SocketAddr, token: &str, session: &Value) {
    let id = session["id"].as_str().unwrap().replace('/', "%2F").replace(' ', "%20");
    let path = format!("/fitness/v1/users/me/sessions/{id}");
    let answer = http::request(address, "PUT", &path, token, &session.to_string()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.body);
}

fn serve(place: &Place, environment: &[(&str, &str)]) -> Daemon {
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
    let mut server = Daemon::spawn(command.envs(environment.iter().copied()));
    server.wait_for("daemon.ready");
    server
}

fn session(number: i64) -> Value {
    let start = START + number * HOUR;
    let applications = ["fitferry", "Läufe & Co", "com.example.sleep", "Foo \"Example\" App"];
    let of_four = usize::try_from(number % 4).unwrap();
    let (activity_type, application) = ([8, 1, 72, 7][of_four], applications[of_four]);
    json!({
        "id": format!("app/{number} ü"), "name": format!("Session {number}"), "description": "one\ntwo",
        "startTimeMillis": start.to_string(), "endTimeMillis": (start + HOUR / 2).to_string(),
        "activityType": activity_type, "application": {"name": application, "version": "1"},
    })
}

/// Sessions by id; each id may occur once.
pub fn by_id(sessions: Vec<Value>) -> BTreeMap<String, Value> {
    let count = sessions.len();
    let by_id: BTreeMap<String, Value> =
        sessions.into_iter().map(|session| (session["id"].as_str().unwrap().to_owned(), session)).collect();
    assert_eq!(by_id.len(), count, "each id once");
    by_id
}
