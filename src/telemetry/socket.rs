//! The journal's socket, which may be full, or away for a while: what it does not take then waits, in order, and whoever
//! logs does not.

use super::journal;
use rustix::io::Errno;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const PATH: &str = "/run/systemd/journal/socket";

/// So many bytes wait at most. What comes then is lost, and that is told.
const MOST: usize = 4 << 20;

/// How long to wait until a full socket, or one that is away, is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the end of the program waits for what is not sent yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// What waits; the same for all sockets, as other settings bring another one.
static WAITING: Mutex<Waiting> = Mutex::new(Waiting { entries: VecDeque::new(), bytes: 0, lost: 0, is_sent: false });

/// Nothing waits any more.
static EMPTY: Condvar = Condvar::new();

struct Waiting {
    entries: VecDeque<Vec<u8>>,
    bytes: usize,
    lost: u64,
    /// Whether there is a thread that sends them.
    is_sent: bool,
}

impl Waiting {
    fn add(&mut self, entry: Vec<u8>) {
        if self.bytes + entry.len() > MOST {
            self.lost += 1;
            return;
        }
        self.bytes += entry.len();
        self.entries.push_back(entry);
    }

    /// What is to be sent next; at the end, how much was lost.
    fn next(&mut self) -> Option<Vec<u8>> {
        if self.entries.is_empty() && self.lost > 0 {
            let notice = journal::notice(std::mem::take(&mut self.lost));
            self.add(notice);
        }
        self.entries.front().cloned()
    }

    fn done(&mut self) {
        let done = self.entries.pop_front();
        self.bytes -= done.map_or(0, |entry| entry.len());
    }
}

fn waiting() -> MutexGuard<'static, Waiting> {
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}

pub struct Socket(UnixDatagram);

impl Socket {
    /// Nothing if there is no journal.
    pub fn open() -> io::Result<Self> {
        UnixDatagram::unbound()?.connect(PATH)?;
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self(socket))
    }

    /// Sends an entry, or has it wait; an error if no journal would take it. Each time by the path, as a journal that was
    /// started anew has another socket there.
    pub fn send(&self, entry: Vec<u8>) -> Result<(), Vec<u8>> {
        let mut waiting = waiting();
        if waiting.entries.is_empty() {
            match self.0.send_to(&entry, PATH) {
                Ok(_) => return Ok(()),
                Err(error) if is_too_long(&error) => return Err(entry),
                Err(_) => {}
            }
        }
        waiting.add(entry);
        if !waiting.is_sent {
            // Without a thread it is tried again with the next entry.
            waiting.is_sent = std::thread::Builder::new().name("journal".to_owned()).spawn(send_all).is_ok();
        }
        Ok(())
    }
}

fn is_too_long(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error())
}

/// Sends what waits, until nothing does.
fn send_all() {
    let socket = UnixDatagram::unbound().and_then(|socket| socket.set_write_timeout(Some(PAUSE)).map(|()| socket));
    loop {
        let next = {
            let mut waiting = waiting();
            let next = waiting.next().zip(socket.as_ref().ok());
            if next.is_none() {
                waiting.is_sent = false;
                EMPTY.notify_all();
            }
            next
        };
        let Some((entry, socket)) = next else { return };
        match socket.send_to(&entry, PATH) {
            Ok(_) => waiting().done(),
            Err(error) if is_too_long(&error) => {
                journal::write_instead(&entry);
                waiting().done();
            }
            // It has waited already.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
            Err(_) => std::thread::sleep(PAUSE),
        }
    }
}

/// Gives what waits a moment to be sent, before the program ends.
pub fn finish() {
    let _ = EMPTY.wait_timeout_while(waiting(), PATIENCE, |waiting| waiting.is_sent);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_is_lost_and_told_at_the_end() {
        let mut waiting = Waiting { entries: VecDeque::new(), bytes: 0, lost: 0, is_sent: false };
        waiting.add(vec![1; MOST]);
        waiting.add(vec![2]);
        waiting.add(vec![3]);
        assert_eq!(waiting.next().unwrap()[0], 1);
        waiting.done();
        let notice = String::from_utf8(waiting.next().unwrap()).unwrap();
        assert!(notice.contains("MESSAGE=2 lines of the log are lost"), "{notice}");
        waiting.done();
        assert_eq!((waiting.next(), waiting.bytes), (None, 0));
    }
}
