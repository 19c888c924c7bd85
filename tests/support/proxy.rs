//! Somebody between the program and a real server, who delays, breaks, changes or refuses what passes.

use super::fault_server::{Reply, Seen, read_request};
use super::http::{self, Answer};
use std::io::BufReader;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What becomes of a request, by its number from 0, and with a way to ask the real server. Nothing: the connection ends.
type Behave = dyn Fn(usize, &Seen, &dyn Fn() -> Answer) -> Option<Reply> + Send + Sync;

#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    upstream: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    behave: Arc<Behave>,
}

impl Proxy {
    pub fn start(
        upstream: SocketAddr,
        behave: impl Fn(usize, &Seen, &dyn Fn() -> Answer) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let proxy = Self { address, upstream, seen: Arc::default(), behave: Arc::new(behave) };
        let accepting = proxy.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let proxy = accepting.clone();
                std::thread::spawn(move || proxy.serve(stream));
            }
        });
        proxy
    }

    /// Every other request fails, each in its own way, and the others are slow at times.
    pub fn flaky(upstream: SocketAddr) -> Self {
        Self::start(upstream, |number, _, ask| match number % 10 {
            1 => Some(Reply::Whole(503, "Retry-After: 0\r\n", "busy".to_owned())),
            3 => None,
            4 => Some(cut(&ask())),
            6 => Some(Reply::Whole(200, "Content-Type: text/html\r\n", "<html>Please log in</html>".to_owned())),
            8 => Some(Reply::Raw(b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n".to_vec())),
            9 => {
                std::thread::park_timeout(Duration::from_millis(50));
                Some(whole(ask()))
            }
            _ => Some(whole(ask())),
        })
    }

    /// Everything that was asked for.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// How much was asked for, and how much of it is like this.
    pub fn count(&self, like: impl Fn(&Seen) -> bool) -> (usize, usize) {
        let seen = self.seen.lock().unwrap();
        (seen.len(), seen.iter().filter(|request| like(request)).count())
    }

    fn serve(&self, stream: TcpStream) {
        let mut writer = stream.try_clone().unwrap();
        let mut reader = BufReader::new(stream);
        while let Some(request) = read_request(&mut reader) {
            let number = {
                let mut seen = self.seen.lock().unwrap();
                seen.push(request.clone());
                seen.len() - 1
            };
            let ask = || {
                let Seen { method, path, token, body, .. } = &request;
                http::request(self.upstream, method, path, token, body).expect("an answer of the real server")
            };
            if !(self.behave)(number, &request, &ask).is_some_and(|reply| reply.send(&mut writer)) {
                return;
            }
        }
    }
}

/// The answer as it is.
pub fn whole(answer: Answer) -> Reply {
    Reply::Whole(answer.status, "Content-Type: application/json\r\n", answer.body)
}

/// The first half of it.
pub fn cut(answer: &Answer) -> Reply {
    let bytes = answer.body.as_bytes();
    let head = format!("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n", answer.status, bytes.len());
    Reply::Raw([head.as_bytes(), &bytes[..bytes.len() / 2]].concat())
}
