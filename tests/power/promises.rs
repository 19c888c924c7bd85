//! What the program tells others, and what they may rely on from then on.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One promise, as it was given.
#[derive(Clone, Debug, PartialEq)]
pub enum Promise {
    /// The log says that a file got its verdict, and its sessions are queued or known.
    Taken { file: String },
    /// The log says that the server has this revision of a session.
    Delivered { session: String, revision: i64 },
    /// A command ended with status 0: this file's sessions are with the server.
    Imported { file: String },
    /// The server answered a PUT with 200 and this body, here without white space.
    Put { session: String, body: String },
    /// The server answered a DELETE with 200.
    Deleted { session: String },
    /// The log says where the server's token is.
    Announced { token_file: String },
    /// A command printed a token that it made.
    Given { token: String },
}

pub fn of_log(bytes: &[u8]) -> Vec<Promise> {
    let text = std::str::from_utf8(bytes).unwrap();
    let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let promise = |event: Value| {
        let word = |field: &str| event[field].as_str().expect("a text").to_owned();
        Some(match event["event"].as_str()? {
            "file.queued" | "file.known" => Promise::Taken { file: word("file") },
            "session.delivered" => {
                let revision = event["revision"].as_i64().expect("a revision");
                Promise::Delivered { session: word("session"), revision }
            }
            "server.ready" => Promise::Announced { token_file: word("token_file") },
            _ => return None,
        })
    };
    events.filter_map(promise).collect()
}

pub fn of_output(bytes: &[u8]) -> Vec<Promise> {
    let text = String::from_utf8_lossy(bytes);
    let is_token = |line: &&str| line.len() == 64 && line.bytes().all(|byte| byte.is_ascii_hexdigit());
    text.lines().filter(is_token).map(|token| Promise::Given { token: token.to_owned() }).collect()
}

/// What an answer promises to whoever sent the request. Both sides of the daemon's own requests are in its trace; only
/// the server's side receives requests.
pub fn of_answer(request: &[u8], answer: &[u8]) -> Vec<Promise> {
    if !answer.starts_with(b"HTTP/1.1 200 ") {
        return Vec::new();
    }
    let request = String::from_utf8_lossy(request);
    let mut words = request.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Vec::new() };
    let path = target.split('?').next().unwrap_or_default();
    let Some(session) = path.strip_prefix("/fitness/v1/users/me/sessions/") else { return Vec::new() };
    let session = session.to_owned();
    match method {
        "PUT" => {
            let answer = std::str::from_utf8(answer).expect("an answer that is not packed");
            let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
            let body: Value = serde_json::from_str(body).expect("a session, all of it");
            vec![Promise::Put { session, body: body.to_string() }]
        }
        "DELETE" => vec![Promise::Deleted { session }],
        _ => Vec::new(),
    }
}

/// All that was promised until some moment. It only grows.
#[derive(Clone, Debug, Default)]
pub struct Owed {
    /// How often each file was taken: so many of its versions.
    pub files: BTreeMap<String, usize>,
    pub delivered: BTreeMap<String, i64>,
    pub imported: BTreeSet<String>,
    /// How many answers there were for each session of the server.
    pub answers: BTreeMap<String, usize>,
    pub announced: bool,
    pub given: Vec<String>,
}

impl Owed {
    pub fn add(&mut self, promise: &Promise) {
        match promise {
            Promise::Taken { file } => *self.files.entry(file.clone()).or_default() += 1,
            Promise::Delivered { session, revision } => {
                let known = self.delivered.entry(session.clone()).or_default();
                *known = (*known).max(*revision);
            }
            Promise::Imported { file } => drop(self.imported.insert(file.clone())),
            Promise::Put { session, .. } | Promise::Deleted { session } => {
                *self.answers.entry(session.clone()).or_default() += 1;
            }
            Promise::Announced { .. } => self.announced = true,
            Promise::Given { token } => self.given.push(token.clone()),
        }
    }

    /// How many single things have to be found.
    pub fn count(&self) -> usize {
        let rest = usize::from(self.announced) + self.given.len() + self.imported.len();
        self.files.len() + self.delivered.len() + self.answers.len() + rest
    }
}
