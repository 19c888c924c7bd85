//! A sessions API in a process of its own, behind somebody who counts what is asked of it.

use super::http::{self, Answer};
use super::program::{Daemon, Place};
use super::proxy::{self, Proxy};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;

pub struct Served {
    place: Place,
    daemon: Daemon,
    counter: Proxy,
}

impl Served {
    pub fn start() -> Self {
        let place = Place::new();
        let mut command = place.command();
        command.args(["serve", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
        let mut daemon = Daemon::spawn(&mut command);
        daemon.wait_for("server.ready");
        let counter = Proxy::start(daemon.address(), |_, _, ask| Some(proxy::whole(ask())));
        Self { place, daemon, counter }
    }

    /// Makes a place deliver to it, with further lines of configuration.
    pub fn use_from(&self, place: &Place, more: &str) {
        let config = format!(
            "folders = ['{}']\ndestination = {{ url = 'http://{}/fitness/v1', token_file = '{}' }}\n{more}",
            place.folder().display(),
            self.counter.address,
            self.place.state().join("server-token").display()
        );
        fs::write(place.config(), config).unwrap();
    }

    /// How many requests there were until now, and how many of them change something.
    pub fn requests(&self) -> (usize, usize) {
        self.counter.count(|request| request.method != "GET")
    }

    pub fn writes(&self) -> usize {
        self.requests().1
    }

    /// Whole sessions by id, with the time of their last change: a needless put would show.
    pub fn sessions_between(&self, from: &str, to: &str) -> BTreeMap<String, Value> {
        let answer = self.ask("GET", &format!("?prettyPrint=false&startTime={from}&endTime={to}"), "");
        let sessions = answer.json()["session"].as_array().cloned().unwrap_or_default();
        sessions.into_iter().map(|session| (session["id"].as_str().unwrap().to_owned(), session)).collect()
    }

    /// Somebody else puts a session.
    pub fn put(&self, id: &str, session: &Value) {
        self.ask("PUT", &format!("/{id}"), &session.to_string());
    }

    /// Somebody else deletes a session.
    pub fn delete(&self, id: &str) {
        self.ask("DELETE", &format!("/{id}"), "");
    }

    /// Past the counter.
    fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = format!("/fitness/v1/users/me/sessions{path}");
        let answer = http::request(self.daemon.address(), method, &path, &self.place.token(), body).unwrap();
        assert_eq!(answer.status, 200, "{method} {path}: {}", answer.body);
        answer
    }
}
