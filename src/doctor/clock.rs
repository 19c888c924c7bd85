//! Whether the clock can be right.

use super::Finding;
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::process::{Command, Stdio};

/// No machine that runs this has an earlier time: 2026-11-01.
const EARLIEST: i64 = 1_793_491_200;

/// Whatever writes here may have been at another machine, with a clock of its own.
const SLACK: SignedDuration = SignedDuration::from_hours(24);

pub fn look(state_dir: &Path) -> Finding {
    judge(Timestamp::now(), last_written(state_dir), is_synchronised())
}

/// Pure.
fn judge(now: Timestamp, written: Option<Timestamp>, is_synchronised: Option<bool>) -> Finding {
    let fix = "set it, and have it kept: timedatectl set-ntp true";
    if now.as_second() < EARLIEST {
        return Finding::bad("clock", format!("it says {now:.0}, which is long ago"), fix);
    }
    if let Some(written) = written.filter(|written| now.duration_since(*written) < -SLACK) {
        let found = format!("it says {now:.0}, and the state directory was written to at {written:.0}");
        return Finding::bad("clock", found, fix);
    }
    match is_synchronised {
        Some(true) => Finding::good("clock", format!("{now:.0}, synchronised")),
        Some(false) => Finding::bad("clock", format!("it says {now:.0}, and is not synchronised"), fix),
        None => Finding::good("clock", format!("{now:.0}; nothing here tells whether it is synchronised")),
    }
}

/// When one of our files there was last written to.
fn last_written(state_dir: &Path) -> Option<Timestamp> {
    let names = ["outbox.db", "run", "lock", "server/sessions.db"];
    let times = names.iter().filter_map(|name| std::fs::metadata(state_dir.join(name)).ok()?.modified().ok());
    times.filter_map(|time| Timestamp::try_from(time).ok()).max()
}

/// As systemd has it, whoever sets the clock; nothing where it is not there.
fn is_synchronised() -> Option<bool> {
    let arguments = ["show", "--property=NTPSynchronized", "--value"];
    let output = Command::new("timedatectl").args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).output();
    match output.ok()?.stdout.as_slice() {
        b"yes\n" => Some(true),
        b"no\n" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::State;

    #[test]
    fn clocks_that_cannot_be_right() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let now = at("2026-12-24T12:00:00Z");
        for (now, written, synchronised, state, word) in [
            (now, None, None, State::Good, "nothing here tells"),
            (now, Some(at("2026-12-25T11:00:00Z")), Some(true), State::Good, "synchronised"),
            (now, Some(at("2026-12-25T13:00:00Z")), Some(true), State::Bad, "2026-12-25T13:00:00Z"),
            (now, None, Some(false), State::Bad, "not synchronised"),
            (at("1970-01-01T00:01:00Z"), None, Some(true), State::Bad, "long ago"),
        ] {
            let finding = judge(now, written, synchronised);
            assert!(finding.state == state && finding.found.contains(word), "{finding:?}");
        }
    }
}
