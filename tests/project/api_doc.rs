//! `docs/api.md` shows the table of outcomes as it is in the code; `FITFERRY_WRITE_DOCS=1 cargo test outcomes` writes it.

use fitferry::api::{Consequence, OUTCOMES, TRANSPORT};
use fitferry::destination::Stop;
use std::fs;
use std::path::Path;

/// The lines of a table begin with this one, and it ends at the next empty line.
const OUTCOMES_HEAD: &str = "| Status | Reason | Consequence | Why |";
const TRANSPORT_HEAD: &str = "| What is told | When |";

fn outcomes() -> String {
    let mut table = format!("{OUTCOMES_HEAD}\n|---|---|---|---|\n");
    for row in OUTCOMES {
        let (first, last) = (row.status.start(), row.status.end());
        let status = if first == last { first.to_string() } else { format!("{first} to {last}") };
        let reasons: Vec<String> = row.reasons.iter().map(|reason| format!("`{reason}`")).collect();
        let consequence = match row.consequence {
            Consequence::Retry => "retried",
            Consequence::RetryLater => "retried after an hour at the soonest",
            Consequence::Park => "the session is parked",
            Consequence::Stop(Stop::Credentials) => "the account stops: credentials",
            Consequence::Stop(Stop::Permission) => "the account stops: permission",
            Consequence::Stop(Stop::Closed) => "the account stops: closed",
        };
        table += &format!("| {status} | {} | {consequence} | {} |\n", reasons.join(", "), row.why);
    }
    table
}

fn transport() -> String {
    let rows: String = TRANSPORT.iter().map(|(what, when)| format!("| {what} | {when} |\n")).collect();
    format!("{TRANSPORT_HEAD}\n|---|---|\n{rows}")
}

#[test]
fn outcomes_are_documented_as_they_are() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/api.md");
    let mut text = fs::read_to_string(&path).unwrap();
    for (head, table) in [(OUTCOMES_HEAD, outcomes()), (TRANSPORT_HEAD, transport())] {
        let from = text.find(head).unwrap_or_else(|| panic!("no table {head}"));
        let to = from + text[from..].find("\n\n").unwrap() + 1;
        if std::env::var_os("FITFERRY_WRITE_DOCS").is_some() {
            text.replace_range(from..to, &table);
            fs::write(&path, &text).unwrap();
        } else {
            assert!(text[from..to] == table, "docs/api.md differs; it has to say:\n{table}");
        }
    }
}
