//! What every key of the configuration means, as a page for people; made of the declarations.

use super::declare::{Key, Kind, Table};
use super::layers::variable;
use super::{Folder, Settings};

const HEAD: &str = "# Configuration

Every key, as `fitferry config reference` prints it; [install.md](install.md) says how to begin. `fitferry config example`
prints a file with all of them to fill in, `fitferry config check` says whether yours is good, and `fitferry config show` what is
in effect.

## Where settings come from

Each of these covers the one before:

1. The defaults below.
2. A file of TOML: the one that `--config` or `$FITFERRY_CONFIG` names, else `~/.config/fitferry/fitferry.toml`
   (`$XDG_CONFIG_HOME`), else `/etc/fitferry/fitferry.toml`; the first that there is. Unknown keys are errors, so that a typo
   does not pass unnoticed. Relative paths start at the directory of the file.
3. Variables: `FITFERRY_`, then the key in capitals, with two underscores between table and key, as
   `FITFERRY_DELIVERY__CONCURRENCY=4`. An empty one counts as none. Of lists only folders can be given so, separated by commas:
   `FITFERRY_FOLDERS=/srv/anna,/srv/ben`; other lists, words and accounts belong into the file.
4. Flags: `--state-dir`, and of single commands `--watch` (for `folders`) and `--listen` (for `server.listen`).

A running service reads its file again by `systemctl reload fitferry`. If it cannot go on with it, the old settings stay: the
command fails for what `fitferry config check` finds, and the log and `systemctl status fitferry` say why in any case.

## How values are written

| Type | Written as |
|---|---|
| span of time | `\"500ms\"`, `\"2s\"`, `\"10m\"`, `\"1h 30m\"`, `\"1.5h\"`, `\"14d\"`; a day has 24 hours, and only 0 needs no unit |
| size | `\"500KB\"`, `\"64MB\"`, `\"1.5GB\"`, `\"1TB\"`, each unit 1000 of the one before; `\"512MiB\"`, `\"1GiB\"`, each 1024 of it; only 0 needs no unit |
| time zone | an IANA name, as `\"Europe/Berlin\"`, or `\"system\"` for that of the machine |
| day | `\"2020-01-01\"` |
| secret | a text that is never printed: `config show` has dots for it |
| address:port | `\"127.0.0.1:8730\"`, `\"[::1]:8730\"`; port 0 is any free one |
| unix:path | `\"unix:/run/fitferry/monitor.sock\"`, a socket of the file system |
";

pub fn reference() -> String {
    let mut out = HEAD.to_owned();
    section(&mut out, "At the top of the file", "These stand before the first table.", "", Settings::TABLE);
    let folder = "An entry of `folders` is a path, or a table with these keys.";
    section(&mut out, "A folder", folder, "", Folder::TABLE);
    sections(&mut out, "", Settings::TABLE);
    out
}

/// A section for each table below this one.
fn sections(out: &mut String, path: &str, table: &Table) {
    for key in table.keys {
        let full = key.below(path);
        match key.kind {
            Kind::Table(table) => {
                section(out, &format!("[{full}]"), key.about, &full, table);
                sections(out, &full, table);
            }
            Kind::Tables(table) if key.like.is_none() => {
                section(out, &format!("[[{full}]]"), key.about, &full, table);
            }
            Kind::Map(_) => {
                let example = format!("[{full}]\n{}", key.shown());
                out.push_str(&format!("\n## [{full}]\n\n{}\n\n```toml\n{example}\n```\n", key.about));
            }
            _ => {}
        }
    }
}

fn section(out: &mut String, title: &str, about: &str, path: &str, table: &Table) {
    out.push_str(&format!("\n## {title}\n\n{about}\n\n"));
    out.push_str("| Key | Type | Default | What it does |\n|---|---|---|---|\n");
    // In an account, tables are further keys; elsewhere they have a section of their own.
    let is_row = |key: &&Key| path == "account" || !matches!(key.kind, Kind::Table(_) | Kind::Map(_));
    for key in table.keys.iter().filter(is_row) {
        if !matches!(key.kind, Kind::Tables(_)) || key.like.is_some() {
            row(out, key);
        }
    }
    out.push_str(&format!("\n```toml\n{}\n```\n", table.example));
    let is_variable = |key: &&Key| path != "account" && !path.is_empty() && key.fits_a_variable();
    if let Some(key) = table.keys.iter().find(is_variable) {
        let (name, value) = (variable(&key.below(path)), key.shown());
        out.push_str(&format!("\nAs a variable: `{name}={}`.\n", value.trim_matches('"')));
    }
}

fn row(out: &mut String, key: &Key) {
    let default = match key.effective() {
        Some(value) => format!("`{value}`"),
        None if key.is_needed() => "needed".to_owned(),
        None => "–".to_owned(),
    };
    let mut about = key.about.to_owned();
    if let Kind::Words(words) = key.kind {
        words.iter().for_each(|(word, what)| about.push_str(&format!("<br>`\"{word}\"`: {what}")));
    }
    out.push_str(&format!("| `{}` | {} | {default} | {about} |\n", key.name, kind(key)));
}

fn kind(key: &Key) -> String {
    let mut kind = match key.kind {
        Kind::Plain(words) => words.to_owned(),
        Kind::Words(_) => "one of these words".to_owned(),
        Kind::Tables(_) => "list of paths or tables".to_owned(),
        Kind::Table(_) | Kind::Map(_) => "table".to_owned(),
    };
    if let Some(unit) = key.unit {
        kind.push_str(&format!(" ({unit})"));
    }
    if let Some((least, most)) = key.range {
        kind.push_str(&format!(", {least} to {most}"));
    }
    kind
}
