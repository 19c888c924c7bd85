//! The real binary: as a command that ends, and as a daemon that is watched through its log.

use super::http::{self, Answer};
use super::{catalogue, wait};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The whole of time, as far as sessions are concerned.
pub const ALL: &str = "startTime=1970-01-01T00:00:00Z&endTime=2100-01-01T00:00:00Z";

/// A place of its own: folder to watch, state directory, nothing of the person who runs the test.
pub struct Place {
    pub dir: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        let place = Self { dir: tempfile::tempdir().unwrap() };
        std::fs::create_dir(place.folder()).unwrap();
        place
    }

    pub fn folder(&self) -> PathBuf {
        self.dir.path().join("workouts")
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    pub fn config(&self) -> PathBuf {
        self.dir.path().join("fitferry.toml")
    }

    /// Puts a file into the folder in one step.
    pub fn drop_file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let hidden = self.dir.path().join("incoming");
        std::fs::write(&hidden, content).unwrap();
        let path = self.folder().join(name);
        std::fs::rename(hidden, &path).unwrap();
        path
    }

    /// The program, with an environment that holds nothing but this place.
    pub fn command(&self) -> Command {
        self.command_of(Path::new(env!("CARGO_BIN_EXE_fitferry")))
    }

    /// The same for a copy of the program.
    pub fn command_of(&self, program: &Path) -> Command {
        self.complete(Command::new(program))
    }

    /// The same for a command that starts the program by way of another one, and lacks but its arguments.
    pub fn complete(&self, mut command: Command) -> Command {
        command.env_clear().env("HOME", self.dir.path()).env("TZ", "UTC").current_dir(self.dir.path());
        if self.config().exists() {
            command.arg("--config").arg(self.config());
        }
        command.arg("--state-dir").arg(self.state());
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).stdin(Stdio::null()).output().unwrap()
    }

    /// Runs a command that must succeed, and reads the JSON lines that it prints.
    pub fn json(&self, arguments: &[&str]) -> Vec<Value> {
        let output = self.run(arguments);
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        lines(&output.stdout)
    }

    pub fn token(&self) -> String {
        std::fs::read_to_string(self.state().join("server-token")).unwrap().trim().to_owned()
    }

    /// Starts the daemon on any free port and waits until it is ready.
    pub fn start(&self) -> Daemon {
        self.start_with(&[], &[])
    }

    pub fn start_with(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Daemon {
        let mut daemon = self.spawn(arguments, environment);
        daemon.wait_for("daemon.ready");
        daemon
    }

    /// Starts the daemon without waiting for anything.
    pub fn spawn(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Daemon {
        let mut command = self.command();
        command.args(["run", "--listen", "127.0.0.1:0"]);
        if !self.config().exists() {
            command.arg("--watch").arg(self.folder());
        }
        command.args(arguments).envs(environment.iter().copied()).env("FITFERRY_LOG__FORMAT", "json");
        Daemon::spawn(&mut command)
    }

    /// The sessions that `normalize` prints, file by file.
    pub fn printed(&self, paths: &[&Path]) -> Vec<Value> {
        let output = self.command().arg("normalize").arg("--json").args(paths).output().unwrap();
        let files = lines(&output.stdout);
        let workouts = files.iter().flat_map(|file| file["workouts"].as_array().unwrap().clone());
        workouts.map(|mut workout| workout["session"].take()).collect()
    }

    /// The same by id, for files whose workouts all differ.
    pub fn normalized(&self, paths: &[&Path]) -> BTreeMap<String, Value> {
        let by_id = |session: Value| (session["id"].as_str().unwrap().to_owned(), session);
        self.printed(paths).into_iter().map(by_id).collect()
    }
}

/// JSON values, one per line.
pub fn lines(text: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))).collect()
}

/// A running daemon; killed when dropped.
pub struct Daemon {
    child: Child,
    events: Receiver<Value>,
    /// Every event so far.
    pub seen: Vec<Value>,
    /// Where the log was not what the catalogue of events says.
    complaints: Arc<Mutex<Vec<String>>>,
}

impl Daemon {
    pub fn spawn(command: &mut Command) -> Self {
        Self::spawn_with(command, Stdio::null())
    }

    /// The same for one that is given something as its standard input.
    pub fn spawn_with(command: &mut Command, stdin: Stdio) -> Self {
        let mut child = command.stdin(stdin).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let (sender, events) = channel();
        let complaints = Arc::<Mutex<Vec<String>>>::default();
        let complained = Arc::clone(&complaints);
        std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // What is no event is an error message for a person.
                let event = serde_json::from_str(&line).unwrap_or(Value::String(line));
                complained.lock().unwrap().extend(catalogue::complaint(&event));
                if sender.send(event).is_err() {
                    return;
                }
            }
        });
        Self { child, events, seen: Vec::new(), complaints }
    }

    /// Waits for the next event of this name.
    pub fn wait_for(&mut self, name: &str) -> Value {
        self.wait_for_where(name, |_| true)
    }

    /// Waits for the next event of this name that satisfies a condition.
    pub fn wait_for_where(&mut self, name: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.wait_for_event(name, |event| event["event"] == name && is_it(event))
    }

    /// The same for what takes minutes by itself.
    pub fn wait_for_long(&mut self, name: &str) -> Value {
        self.wait_until(Instant::now() + Duration::from_secs(240), name, |event| event["event"] == name)
    }

    /// Waits for the next event that is the one; `what` says which.
    pub fn wait_for_event(&mut self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        self.wait_until(Instant::now() + Duration::from_secs(60), what, is_it)
    }

    fn wait_until(&mut self, until: Instant, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(event) = self.events.recv_timeout(left) else {
                panic!("no {what}; there were {:#?}", self.seen);
            };
            self.seen.push(event.clone());
            if is_it(&event) {
                return event;
            }
        }
    }

    /// All events until now, without waiting.
    pub fn events(&mut self, name: &str) -> Vec<Value> {
        self.seen.extend(self.events.try_iter());
        self.seen.iter().filter(|event| event["event"] == name).cloned().collect()
    }

    /// The address of the embedded server.
    pub fn address(&self) -> SocketAddr {
        let ready = self.seen.iter().find(|event| event["event"] == "server.ready").expect("a server");
        ready["address"].as_str().unwrap().parse().unwrap()
    }

    pub fn get(&self, place: &Place, query: &str) -> Answer {
        let path = format!("/fitness/v1/users/me/sessions?{query}");
        http::request(self.address(), "GET", &path, &place.token(), "").expect("an answer")
    }

    /// The sessions on the server by id, without what the server adds.
    pub fn sessions(&self, place: &Place) -> BTreeMap<String, Value> {
        sessions(&self.get(place, ALL))
    }

    pub fn wait_for_sessions(&self, place: &Place, count: usize) -> BTreeMap<String, Value> {
        wait::until(&format!("{count} sessions"), || Some(self.sessions(place)).filter(|found| found.len() == count))
    }

    /// The next event, whatever it is, if one comes in time.
    pub fn next_event(&mut self, pause: Duration) -> Option<Value> {
        self.events.recv_timeout(pause).ok()
    }

    /// Takes in what it says for so long.
    pub fn listen(&mut self, pause: Duration) {
        let until = Instant::now() + pause;
        while let Ok(event) = self.events.recv_timeout(until.saturating_duration_since(Instant::now())) {
            self.seen.push(event);
        }
    }

    /// How it ended, if it has.
    #[cfg(feature = "crash-points")]
    pub fn has_ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// All events until now, whatever they are.
    #[cfg(feature = "crash-points")]
    pub fn all_events(&mut self) -> &[Value] {
        self.seen.extend(self.events.try_iter());
        &self.seen
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once, as a power cut would, as far as a process can tell.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits until it ends by itself; returns how it did, and all events.
    pub fn end(mut self) -> (ExitStatus, Vec<Value>) {
        let status = wait::until("the daemon to end", || self.child.try_wait().unwrap());
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend(self.events.iter());
        (status, seen)
    }

    /// Ends it as systemd does; returns how long it took and all events.
    pub fn terminate(mut self) -> (Duration, Vec<Value>) {
        let began = Instant::now();
        self.signal("TERM");
        let status = wait::until("the daemon to end", || self.child.try_wait().unwrap());
        let took = began.elapsed();
        assert!(status.success(), "{status}");
        let mut seen = std::mem::take(&mut self.seen);
        seen.extend(self.events.iter());
        (took, seen)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let complaints = self.complaints.lock().unwrap();
        assert!(complaints.is_empty() || std::thread::panicking(), "{complaints:#?}");
    }
}

/// The sessions of a list response by id, without what the server adds. Each id may occur once.
pub fn sessions(answer: &Answer) -> BTreeMap<String, Value> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    let mut sessions = BTreeMap::new();
    for mut session in answer.json()["session"].as_array().cloned().unwrap_or_default() {
        let modified = session.as_object_mut().unwrap().remove("modifiedTimeMillis");
        assert!(modified.is_some_and(|time| time.is_string()), "set by the server, as a string");
        let id = session["id"].as_str().unwrap().to_owned();
        assert_eq!(sessions.insert(id, session), None, "one session of each id");
    }
    sessions
}
