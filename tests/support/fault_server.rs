//! A sessions API that answers as a test tells it to, over plain TCP; it shares no code with the program.

use serde_json::{Value, json};
use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// What becomes of one request.
#[derive(Clone, Debug)]
pub enum Fault {
    /// A status, further header lines, a body.
    Answer(u16, &'static str, &'static str),
    /// The session is taken, but nobody learns of it.
    TakeAndHangUp,
    HangUp,
    /// Exactly these bytes, and then the connection ends.
    Raw(Vec<u8>),
    /// A good beginning, and then blanks as long as anybody listens.
    Endless,
    /// This, and then that again and again, ten times a second.
    Drip(&'static [u8], &'static [u8]),
}

/// What is sent back.
pub enum Reply {
    Whole(u16, &'static str, String),
    Raw(Vec<u8>),
    Endless,
    Drip(&'static [u8], &'static [u8]),
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub token: String,
    pub body: String,
    pub at: Instant,
}

#[derive(Default)]
struct State {
    faults: VecDeque<Fault>,
    /// For sessions by id, whatever else is planned.
    fates: BTreeMap<String, Fault>,
    sessions: BTreeMap<String, Value>,
    puts: BTreeMap<String, u32>,
    deletes: BTreeMap<String, u32>,
    seen: Vec<Seen>,
    /// By token and id: what a client sent before it died may still be on its way when the next one comes.
    in_flight: BTreeMap<(String, String), u32>,
    /// Most sessions that were in flight at once, and whether one ever was twice.
    busiest: usize,
    twice: bool,
    token: String,
    pause: Duration,
    /// The next lists end like this, in order.
    lists: VecDeque<Fault>,
    /// What lists of changes are answered with, in turn and over again; without any, they are like those of windows.
    changes: VecDeque<String>,
}

#[derive(Clone)]
pub struct FaultServer {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl FaultServer {
    /// Serves whoever has this token.
    pub fn start(token: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let state = State { token: token.to_owned(), ..State::default() };
        let server = Self { address: listener.local_addr().unwrap(), state: Arc::new(Mutex::new(state)) };
        let accepting = server.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let server = accepting.clone();
                std::thread::spawn(move || server.serve(stream));
            }
        });
        server
    }

    /// The next requests end like this, in order.
    pub fn plan(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    /// The same for the next lists.
    pub fn plan_lists(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().lists.extend(faults);
    }

    /// Forgets what was planned.
    pub fn relent(&self) {
        let mut state = self.state.lock().unwrap();
        state.faults.clear();
        state.lists.clear();
    }

    /// Forgets what was to become of single sessions.
    pub fn forgive(&self) {
        self.state.lock().unwrap().fates.clear();
    }

    /// Puts and deletions of this session always end like this.
    pub fn doom(&self, id: &str, fault: Fault) {
        self.state.lock().unwrap().fates.insert(id.to_owned(), fault);
    }

    /// `*` is for whatever token.
    pub fn set_token(&self, token: &str) {
        self.state.lock().unwrap().token = token.to_owned();
    }

    /// Every put and every deletion takes this long.
    pub fn slow_down(&self, pause: Duration) {
        self.state.lock().unwrap().pause = pause;
    }

    /// Begins anew, with these sessions and a clean record.
    #[cfg(feature = "crash-points")]
    pub fn reset(&self, sessions: BTreeMap<String, Value>) {
        let mut state = self.state.lock().unwrap();
        let token = std::mem::take(&mut state.token);
        *state = State { token, sessions, ..State::default() };
    }

    /// Lists of changes are answered with these, in turn and over again.
    pub fn tell_changes(&self, bodies: &[&str]) {
        self.state.lock().unwrap().changes = bodies.iter().map(|body| (*body).to_owned()).collect();
    }

    pub fn sessions(&self) -> BTreeMap<String, Value> {
        self.state.lock().unwrap().sessions.clone()
    }

    /// Somebody gives a session another name.
    pub fn rename(&self, id: &str, name: &str) {
        self.state.lock().unwrap().sessions.get_mut(id).unwrap()["name"] = json!(name);
    }

    pub fn forget(&self, id: &str) {
        self.state.lock().unwrap().sessions.remove(id).expect("a session to forget");
    }

    /// How often each session was put, successfully or not.
    pub fn puts(&self) -> BTreeMap<String, u32> {
        self.state.lock().unwrap().puts.clone()
    }

    /// How often the deletion of each session was asked for, successfully or not.
    pub fn deletes(&self) -> BTreeMap<String, u32> {
        self.state.lock().unwrap().deletes.clone()
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.state.lock().unwrap().seen.clone()
    }

    pub fn busiest(&self) -> usize {
        self.state.lock().unwrap().busiest
    }

    pub fn saw_one_twice_at_once(&self) -> bool {
        self.state.lock().unwrap().twice
    }

    /// The configuration lines that point an account here.
    pub fn destination(&self, token_file: &std::path::Path) -> String {
        let token_file = token_file.display();
        format!("destination = {{ url = 'http://{}/fitness/v1', token_file = '{token_file}' }}\n", self.address)
    }

    fn serve(&self, stream: TcpStream) {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            let answer = if request.method == "GET" { self.list(&request) } else { self.change(&request) };
            if !answer.is_some_and(|answer| answer.send(&mut writer)) {
                return;
            }
        }
    }

    /// A put or a deletion.
    fn change(&self, request: &Seen) -> Option<Reply> {
        let is_put = request.method == "PUT";
        let path = request.path.split('?').next().unwrap();
        let id = path.rsplit('/').next().unwrap().to_owned();
        let (fault, pause, right) = {
            let mut state = self.state.lock().unwrap();
            state.seen.push(request.clone());
            let counts = if is_put { &mut state.puts } else { &mut state.deletes };
            *counts.entry(id.clone()).or_default() += 1;
            let count = state.in_flight.entry((request.token.clone(), id.clone())).or_default();
            *count += 1;
            state.twice |= *count > 1;
            state.busiest = state.busiest.max(state.in_flight.len());
            let fate = state.fates.get(&id).cloned();
            (fate.or_else(|| state.faults.pop_front()), state.pause, state.token == "*" || state.token == request.token)
        };
        std::thread::park_timeout(pause);
        let mut state = self.state.lock().unwrap();
        let flight = (request.token.clone(), id.clone());
        if let Some(left) = state.in_flight.get_mut(&flight) {
            *left -= 1;
            if *left == 0 {
                state.in_flight.remove(&flight);
            }
        }
        if !right {
            return Some(Reply::Whole(401, "", "{\"error\":{\"code\":401,\"message\":\"bad token\"}}".to_owned()));
        }
        match fault {
            Some(Fault::Answer(status, headers, body)) => return Some(Reply::Whole(status, headers, body.to_owned())),
            Some(Fault::Raw(bytes)) => return Some(Reply::Raw(bytes)),
            Some(Fault::Endless) => return Some(Reply::Endless),
            Some(Fault::Drip(first, then)) => return Some(Reply::Drip(first, then)),
            Some(Fault::HangUp) => return None,
            Some(Fault::TakeAndHangUp) | None => {}
        }
        if !is_put {
            let status = if state.sessions.remove(&id).is_some() { 200 } else { 404 };
            return Some(Reply::Whole(status, "", String::new()));
        }
        let mut session: Value = serde_json::from_str(&request.body).expect("a session");
        session["modifiedTimeMillis"] = json!("1");
        state.sessions.insert(id, session.clone());
        if matches!(fault, Some(Fault::TakeAndHangUp)) {
            return None;
        }
        Some(Reply::Whole(200, "", session.to_string()))
    }

    fn list(&self, request: &Seen) -> Option<Reply> {
        let mut state = self.state.lock().unwrap();
        state.seen.push(request.clone());
        match state.lists.pop_front() {
            Some(Fault::Answer(status, headers, body)) => return Some(Reply::Whole(status, headers, body.to_owned())),
            Some(Fault::HangUp) => return None,
            Some(_) => panic!("no list ends like this"),
            None => {}
        }
        if !request.path.contains("startTime")
            && let Some(body) = state.changes.pop_front()
        {
            state.changes.push_back(body.clone());
            return Some(Reply::Whole(200, "", body));
        }
        let sessions: Vec<&Value> = state.sessions.values().collect();
        Some(Reply::Whole(200, "", json!({"session": sessions}).to_string()))
    }
}

impl Reply {
    /// Sends it. False if the connection ends with it.
    pub fn send(self, writer: &mut TcpStream) -> bool {
        match self {
            Self::Raw(bytes) => {
                let _ = writer.write_all(&bytes);
                false
            }
            Self::Endless => {
                let mut bytes = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n".to_vec();
                bytes.resize(64 << 10, b' ');
                while writer.write_all(&bytes).is_ok() {
                    bytes.fill(b' ');
                }
                false
            }
            Self::Drip(first, then) => {
                let mut alive = writer.write_all(first).is_ok();
                while alive {
                    std::thread::park_timeout(Duration::from_millis(100));
                    alive = writer.write_all(then).is_ok();
                }
                false
            }
            Self::Whole(status, headers, body) => {
                // In one piece: the second of two would wait until the first is acknowledged, which takes 40 ms.
                let answer = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len());
                writer.write_all(answer.as_bytes()).is_ok()
            }
        }
    }
}

pub fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Seen> {
    let mut first = String::new();
    if reader.read_line(&mut first).ok()? == 0 {
        return None;
    }
    let at = Instant::now();
    let mut words = first.split(' ');
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut token) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim();
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(": ")?;
        match name.to_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => value.strip_prefix("Bearer ")?.clone_into(&mut token),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Seen { method, path, token, body: String::from_utf8(body).ok()?, at })
}
