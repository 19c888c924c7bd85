//! The journal's own protocol: every field of an event is a field there, and the message tells all of them.
//!
//! Facts: systemd's description of its native journal protocol, and `JOURNAL_STREAM` in systemd.exec(5).

use super::socket::Socket;
use std::fmt::{Debug, Write};
use std::io;
use std::os::unix::fs::MetadataExt;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

/// Whether what is written to stderr ends up in the journal.
pub fn takes_stderr() -> bool {
    let Ok(stream) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = std::fs::metadata("/proc/self/fd/2");
    stderr.is_ok_and(|file| stream == format!("{}:{}", file.dev(), file.ino()))
}

/// The journal of this machine.
pub struct Journal(Socket);

impl Journal {
    pub fn connect() -> io::Result<Self> {
        Socket::open().map(Self)
    }
}

impl<S: Subscriber> Layer<S> for Journal {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut entry = Entry::default();
        event.record(&mut entry);
        if let Err(entry) = self.0.send(entry.finish(*event.metadata().level())) {
            write_instead(&entry);
        }
    }
}

/// Too long for the journal: whoever reads stderr may see it still.
pub fn write_instead(entry: &[u8]) {
    let _ = io::Write::write_all(&mut io::stderr(), entry);
}

/// The entry that tells of those which the journal did not take.
pub fn notice(lost: u64) -> Vec<u8> {
    let message = format!("{lost} lines of the log are lost, as the journal took none");
    Entry { message, ..Entry::default() }.finish(Level::WARN)
}

/// One entry as it is written.
#[derive(Default)]
struct Entry {
    fields: Vec<u8>,
    message: String,
    details: String,
}

impl Entry {
    fn add(&mut self, field: &Field, text: &str) {
        if field.name() == "message" {
            text.clone_into(&mut self.message);
            return;
        }
        put(&mut self.fields, &field.name().to_uppercase(), text);
        if field.name() != "event" {
            let is_plain = !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || matches!(c, '"' | '='));
            // Writing to text cannot fail.
            let _ = match is_plain {
                true => write!(self.details, " {}={text}", field.name()),
                false => write!(self.details, " {}={text:?}", field.name()),
            };
        }
    }

    fn finish(mut self, level: Level) -> Vec<u8> {
        // As syslog numbers them.
        let priority = match level {
            Level::ERROR => "3",
            Level::WARN => "4",
            Level::INFO => "6",
            Level::DEBUG | Level::TRACE => "7",
        };
        put(&mut self.fields, "MESSAGE", &format!("{}{}", self.message, self.details));
        put(&mut self.fields, "PRIORITY", priority);
        put(&mut self.fields, "SYSLOG_IDENTIFIER", "fitferry");
        self.fields
    }
}

/// A line, or the longer form where a value has lines of its own.
fn put(fields: &mut Vec<u8>, name: &str, value: &str) {
    fields.extend(name.as_bytes());
    if value.contains('\n') {
        fields.push(b'\n');
        fields.extend(u64::try_from(value.len()).unwrap_or_default().to_le_bytes());
    } else {
        fields.push(b'=');
    }
    fields.extend(value.as_bytes());
    fields.push(b'\n');
}

impl Visit for Entry {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_have_lines_of_its_own() {
        let mut fields = Vec::new();
        put(&mut fields, "REASON", "one line");
        put(&mut fields, "REASON", "two\nlines");
        assert_eq!(fields, b"REASON=one line\nREASON\n\x09\0\0\0\0\0\0\0two\nlines\n");
    }
}
