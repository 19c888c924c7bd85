//! A published OAuth2 server, and a person with a browser.

use super::foreign;
use super::http;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

pub struct OAuthServer {
    child: Child,
    commands: ChildStdin,
    events: Receiver<Value>,
    port: u64,
    /// The number of the login that was given last.
    pub given: u64,
}

impl OAuthServer {
    /// `None` where it is not installed.
    pub fn start() -> Option<Self> {
        let mut child =
            foreign::node("oauth_server.mjs")?.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (commands, events) = (child.stdin.take().unwrap(), lines(child.stdout.take().unwrap()));
        let mut server = Self { child, commands, events, port: 0, given: 0 };
        server.port = server.hear("ready")["port"].as_u64().unwrap();
        Some(server)
    }

    /// The next event of this name.
    pub fn hear(&mut self, name: &str) -> Value {
        loop {
            let event = self.next();
            if event["event"] == name {
                return event;
            }
        }
    }

    fn next(&mut self) -> Value {
        let event = self.events.recv_timeout(Duration::from_secs(30)).expect("an event");
        if event["event"] == "token" && event["status"] == 200 {
            self.given = event["number"].as_u64().unwrap();
        }
        event
    }

    /// The next refresh, and the HTTP status of its answer.
    pub fn hear_refresh(&mut self) -> Value {
        loop {
            let event = self.hear("token");
            if event["grant"] == "refresh_token" {
                return event["status"].clone();
            }
        }
    }

    /// Tells the server something; returns what it did before.
    pub fn command(&mut self, line: &str) -> Vec<Value> {
        writeln!(self.commands, "{line}").unwrap();
        std::iter::repeat_with(|| self.next()).take_while(|event| event["event"] != "done").collect()
    }

    /// The configuration lines of a destination with a login here.
    pub fn settings(&self, base_url: &str) -> String {
        self.settings_with(base_url, "client_id = 'client'\nclient_secret = 'client-secret'")
    }

    /// The same with these lines for the client's name and secret.
    pub fn settings_with(&self, base_url: &str, identity: &str) -> String {
        format!(
            "[destination]\nurl = '{base_url}'\n[destination.oauth]\n{identity}\nissuer = 'http://localhost:{}'\n",
            self.port
        )
    }
}

impl Drop for OAuthServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `auth login` while it waits for a person.
pub struct Login {
    child: Child,
    pub link: String,
}

impl Login {
    pub fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.as_mut().unwrap());
        let mut link = String::new();
        while !link.starts_with("http") {
            link.clear();
            assert!(out.read_line(&mut link).unwrap() > 0, "a link");
        }
        Self { child, link: link.trim().to_owned() }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the browser is sent back to by the provider.
    pub fn redirect(&self) -> String {
        let answer = open(&self.link);
        let location = answer.lines().find_map(|line| line.strip_prefix("Location: ")).expect("a redirect");
        location.trim().to_owned()
    }

    /// Pastes an address, as on a machine without a browser.
    pub fn paste(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Exit code and what was said on stderr.
    pub fn end(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        let mut stderr = self.child.stderr.take().unwrap();
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

/// Opens an address as a browser does that does not follow; the whole answer.
pub fn open(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = host.replace("localhost", "127.0.0.1");
    let (host, path) = match host.split_once('?') {
        Some((host, query)) => (host.to_owned(), format!("?{query}")),
        None => (host, path.to_owned()),
    };
    http::raw(host.parse().unwrap(), &format!("GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"))
}

fn lines(out: impl std::io::Read + Send + 'static) -> Receiver<Value> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(out).lines().map_while(Result::ok) {
            if sender.send(serde_json::from_str(&line).unwrap()).is_err() {
                return;
            }
        }
    });
    lines
}
