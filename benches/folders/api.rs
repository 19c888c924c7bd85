//! A sessions API that takes everything, has nothing, and tells when a PUT has arrived.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Instant;

pub struct Api {
    pub address: SocketAddr,
    /// When each PUT was there as a whole.
    pub puts: Receiver<Instant>,
}

impl Api {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, puts) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        Self { address, puts }
    }
}

/// Answers one connection until it ends.
fn serve(stream: TcpStream, puts: &Sender<Instant>) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut is_put, mut length, mut line) = (false, 0, String::new());
        while line != "\r\n" {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            is_put |= line.starts_with("PUT ");
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let answer = if is_put {
            puts.send(Instant::now()).ok()?;
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
