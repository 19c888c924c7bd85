//! What Prometheus is told, in its text format and by its conventions for names.

use crate::health::Standing;
use crate::store::listing::AccountStatus;
use jiff::Timestamp;
use std::fmt::{Display, Write};
use std::path::Path;

/// Of the answer that carries it.
pub const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All metrics of all accounts.
pub fn render(standing: &Standing, state_dir: &Path) -> String {
    let accounts = &standing.accounts[..];
    let mut page = Page::default();
    page.begin("fitferry_build_info", "gauge", "The program that runs; always 1.");
    page.add(&[("version", &env!("CARGO_PKG_VERSION"))], 1);
    sessions(&mut page, accounts);
    halts(&mut page, accounts);
    folders(&mut page, accounts);
    times(&mut page, accounts);
    page.begin("fitferry_database_bytes", "gauge", "Size of a database, with its log.");
    for name in ["outbox.db", "server/sessions.db"] {
        let size = |suffix: &str| std::fs::metadata(state_dir.join(format!("{name}{suffix}"))).map(|file| file.len());
        if let Ok(bytes) = size("") {
            page.add(&[("database", &name)], bytes + size("-wal").unwrap_or_default());
        }
    }
    page.begin("fitferry_disk_low", "gauge", "1 while new files wait, as there is little room for the databases.");
    page.add(&[], u8::from(standing.low.is_some()));
    page.0
}

fn sessions(page: &mut Page, accounts: &[AccountStatus]) {
    page.begin("fitferry_sessions", "gauge", "Sessions by where they stand.");
    for status in accounts {
        let (outbox, settled) = (status.outbox, status.settled);
        for (state, count) in [
            ("delivered", settled.delivered),
            ("queued", outbox.queued),
            ("parked", outbox.parked),
            ("skipped", settled.skipped),
            ("discarded", settled.discarded),
            ("deleted", settled.deleted),
            ("edited", settled.edited),
        ] {
            page.add(&[("account", &status.account), ("state", &state)], count);
        }
    }
    page.begin("fitferry_deliveries_total", "counter", "Sessions that were delivered, or found to be there, ever.");
    page.each(accounts, |status| Some(status.deliveries));
    page.begin("fitferry_files", "gauge", "Files by what came of them.");
    for status in accounts {
        for (verdict, count) in &status.files {
            page.add(&[("account", &status.account), ("verdict", &verdict.as_str())], *count);
        }
    }
}

fn halts(page: &mut Page, accounts: &[AccountStatus]) {
    let halted = |status: &AccountStatus| status.standstill.clone().at(Timestamp::now(), true);
    page.begin("fitferry_halted", "gauge", "1 while nothing is sent for longer than a moment.");
    page.each(accounts, |status| Some(u8::from(halted(status).is_some())));
    page.begin("fitferry_login_needed", "gauge", "1 while the server wants another login.");
    page.each(accounts, |status| Some(u8::from(halted(status).is_some_and(|halted| halted.credentials))));
    page.begin("fitferry_doubted_files", "gauge", "Files that are gone, and wait for a person.");
    page.each(accounts, |status| Some(status.missed.doubted_files));
    page.begin("fitferry_differences", "gauge", "What the last comparison with the server found, by kind.");
    for status in accounts {
        let Some(found) = status.comparison else { continue };
        for (kind, count) in
            [("missing", found.missing), ("deleted", found.deleted), ("edited", found.edited), ("left", found.left)]
        {
            page.add(&[("account", &status.account), ("kind", &kind)], count);
        }
    }
}

fn folders(page: &mut Page, accounts: &[AccountStatus]) {
    page.begin("fitferry_folder_up", "gauge", "0 while a watched folder is away or does not answer.");
    for status in accounts {
        for folder in &status.folders {
            let is_up = !matches!(folder.mode.as_str(), "away" | "stuck");
            page.add(&[("account", &status.account), ("folder", &folder.folder.display())], u8::from(is_up));
        }
    }
}

fn times(page: &mut Page, accounts: &[AccountStatus]) {
    let seconds = |time: Option<Timestamp>| time.map(Timestamp::as_second);
    page.begin("fitferry_last_delivery_timestamp_seconds", "gauge", "When something was last delivered.");
    page.each(accounts, |status| seconds(status.last_delivery));
    page.begin("fitferry_waiting_since_timestamp_seconds", "gauge", "Since when something waits to be sent.");
    page.each(accounts, |status| seconds(status.waiting_since));
    page.begin("fitferry_last_reconcile_timestamp_seconds", "gauge", "When the server was last compared.");
    page.each(accounts, |status| seconds(status.last_reconcile));
}

/// The text so far, and the metric that it tells of.
#[derive(Default)]
struct Page(String, &'static str);

impl Page {
    fn begin(&mut self, name: &'static str, kind: &str, help: &str) {
        self.1 = name;
        // Writing to text cannot fail.
        let _ = write!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
    }

    fn add(&mut self, labels: &[(&str, &dyn Display)], value: impl Display) {
        let labels: Vec<String> = labels.iter().map(|(name, text)| format!("{name}=\"{}\"", quoted(text))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "{}{labels} {value}", self.1);
    }

    /// One value of each account, if it has one.
    fn each<V: Display>(&mut self, accounts: &[AccountStatus], value: impl Fn(&AccountStatus) -> Option<V>) {
        for status in accounts {
            if let Some(value) = value(status) {
                self.add(&[("account", &status.account)], value);
            }
        }
    }
}

fn quoted(text: &dyn Display) -> String {
    text.to_string().replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_hold_anything() {
        let mut page = Page::default();
        page.begin("a", "gauge", "Of something.");
        page.add(&[("folder", &"C:\\x \"y\"\nz")], 1);
        assert_eq!(page.0, "# HELP a Of something.\n# TYPE a gauge\na{folder=\"C:\\\\x \\\"y\\\"\\nz\"} 1\n");
    }
}
