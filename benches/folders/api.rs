//! A sessions API that takes everything, has nothing, and tells when a PUT has arrived.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

pub struct Api {
    pub address: SocketAddr,
    pub puts: Receiver<Put>,
    /// For how many milliseconds each PUT waits for its answer.
    pub delay: Arc<AtomicU64>,
}

/// A PUT that was there as a whole.
pub struct Put {
    pub at: Instant,
    pub request: String,
}

impl Api {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, puts) = channel();
        let delay = Arc::new(AtomicU64::new(0));
        let pause = Arc::clone(&delay);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (sender, pause) = (sender.clone(), Arc::clone(&pause));
                std::thread::spawn(move || serve(stream, &sender, &pause));
            }
        });
        Self { address, puts, delay }
    }
}

/// Answers one connection until it ends.
fn serve(stream: TcpStream, puts: &Sender<Put>, delay: &AtomicU64) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut request, mut length, mut line) = (String::new(), 0, String::new());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if request.is_empty() {
                request.clone_from(&line);
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let answer = if request.starts_with("PUT ") {
            puts.send(Put { at: Instant::now(), request }).ok()?;
            std::thread::sleep(Duration::from_millis(delay.load(Ordering::Relaxed)));
            // A session has to be JSON; what the shell's loop sends is not.
            if body.starts_with(b"{") { body } else { b"{}".to_vec() }
        } else {
            b"{}".to_vec()
        };
        let head =
            format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", answer.len());
        reader.get_mut().write_all(&[head.as_bytes(), &answer].concat()).ok()?;
    }
}
