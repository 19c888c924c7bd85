//! A long history compared with its server: requests, time and memory while nothing has changed, and while a hundred
//! sessions have.
//!
//! `cargo bench --bench reconcile`; `-- SESSIONS` for another number than 100,000. Drives the real binary beside a server in
//! another process, and fails if anything is written in vain or any difference is not repaired. Linux only, as it reads
//! `/proc`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints its figures, and fails loudly"
)]

#[path = "../tests/support"]
#[expect(dead_code, reason = "the tests use all of it")]
mod support {
    pub mod catalogue;
    pub mod fault_server;
    pub mod history;
    pub mod http;
    pub mod program;
    pub mod proxy;
    pub mod served;
    pub mod wait;
}

use support::history::History;

/// Memory of a comparison in kilobytes, at most, however long the history is.
const MOST_RESIDENT: u64 = 48_000;

fn main() {
    let count = std::env::args().filter_map(|argument| argument.parse().ok()).next().unwrap_or(100_000);
    println!("\n{count} sessions");
    let figures = History { count, stretch: 30_000 }.prove();
    figures.iter().for_each(|figure| println!("  {figure}"));
    // The first is an import, which follows each of its sessions.
    for figure in &figures[1..] {
        assert!(figure.resident < MOST_RESIDENT, "more than {MOST_RESIDENT} kB: {figure}");
    }
}
