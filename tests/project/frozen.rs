//! What earlier versions have left on disk: this one opens it, knows it, and sends nothing again. `tests/frozen/freeze`
//! adds a version to them.

use crate::support::program::{Place, lines};
use crate::support::wait;
use rusqlite::Connection;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen")
}

/// The folders of the versions that were released.
fn versions() -> Vec<PathBuf> {
    let entries = fs::read_dir(frozen()).unwrap().map(|entry| entry.unwrap().path());
    let versions: Vec<PathBuf> = entries.filter(|path| path.join("outbox.db").exists()).collect();
    assert!(!versions.is_empty());
    versions
}

fn copy_all(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let to = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// The home of somebody who used that version, and installs this one.
fn thaw(version: &Path) -> Place {
    let place = Place::new();
    copy_all(&frozen().join("files"), place.dir.path());
    copy_all(version, &place.state());
    place
}

/// One member of each line by another one.
fn told(lines: &[Value], key: &str, value: &str) -> BTreeMap<String, String> {
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    lines.iter().map(|line| (text(line, key), text(line, value))).collect()
}

/// Sessions by account and id, with when they were last written.
fn on_the_server(place: &Place) -> Vec<(i64, String, i64, bool)> {
    let connection = Connection::open(place.state().join("server/sessions.db")).unwrap();
    let sql = "SELECT user_id, id, modified_ms, deleted FROM session ORDER BY user_id, id";
    let mut query = connection.prepare(sql).unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))).unwrap();
    rows.collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn what_an_earlier_version_knew_is_known() {
    for version in versions() {
        let place = thaw(&version);
        let read = |name: &str| lines(&fs::read(version.join(name)).unwrap());
        let (sessions, files) = (read("sessions.jsonl"), read("files.jsonl"));
        let stored = on_the_server(&place);
        assert!(stored.len() >= 2 && sessions.len() >= 4, "{}", version.display());

        let mut daemon = place.start();
        // The folders have other paths now: each file is looked at again, and has the verdict that it had.
        let verdict = |line: &Value| match line["verdict"].as_str().unwrap() {
            "queued" => "known".to_owned(),
            other => other.to_owned(),
        };
        let expected: BTreeMap<String, String> = files.iter().map(|line| (name_of(line), verdict(line))).collect();
        wait::until_true("every file to be judged", || {
            let now = place.json(&["files", "list", "--json"]);
            let here = now
                .iter()
                .filter(|line| line["file"].as_str().unwrap().starts_with(place.dir.path().to_str().unwrap()));
            here.map(|line| (name_of(line), verdict(line))).collect::<BTreeMap<_, _>>() == expected
        });
        let compared = place.json(&["reconcile", "--account", "anna", "--json"]).remove(0);
        assert_eq!(compared["compared"], 2, "{compared}");
        assert!(compared["differences"].as_array().unwrap().is_empty() && compared["queued"] == 0, "{compared}");
        assert_eq!(daemon.events("session.delivered"), Vec::<Value>::new(), "{}", version.display());
        daemon.terminate();

        let now = place.json(&["sessions", "list", "--json"]);
        assert_eq!(told(&now, "id", "state"), told(&sessions, "id", "state"));
        assert_eq!(on_the_server(&place), stored, "nothing was written again");
    }
}

/// A file by the folder and name that it has wherever it lies.
fn name_of(line: &Value) -> String {
    let path = Path::new(line["file"].as_str().unwrap());
    let folder = path.parent().unwrap().file_name().unwrap();
    Path::new(folder).join(path.file_name().unwrap()).display().to_string()
}

#[test]
fn the_configurations_of_an_earlier_version_are_valid() {
    for version in versions() {
        for config in configurations(&version) {
            let place = Place::new();
            fs::copy(&config, place.config()).unwrap();
            let checked = place.run(&["config", "check"]);
            assert!(checked.status.success(), "{}: {checked:?}", config.display());
        }
    }
}

/// What can stand in one file with the rest, and what excludes one another.
fn configurations(version: &Path) -> Vec<PathBuf> {
    fs::read_dir(version.join("config")).unwrap().map(|entry| entry.unwrap().path()).collect()
}

/// Keys with those of the tables that they are in. Words of vendors and of people are no keys.
fn keys(path: &str, table: &toml::Table, found: &mut BTreeSet<String>) {
    for (key, value) in table {
        let path = format!("{path}.{key}");
        match value {
            toml::Value::Table(inner) if !["types", "timezones"].contains(&key.as_str()) => keys(&path, inner, found),
            toml::Value::Array(all) if all.iter().all(toml::Value::is_table) && !all.is_empty() => {
                all.iter().filter_map(toml::Value::as_table).for_each(|inner| keys(&path, inner, found));
            }
            _ => drop(found.insert(path)),
        }
    }
}

/// Whoever adds a key adds it there, until the version is released.
#[test]
fn every_key_of_this_version_is_frozen() {
    let example = String::from_utf8(Place::new().run(&["config", "example"]).stdout).unwrap();
    let lines =
        example.lines().filter(|line| !line.starts_with("# ")).map(|line| line.strip_prefix('#').unwrap_or(line));
    let (mut all, mut frozen_ones) = (BTreeSet::new(), BTreeSet::new());
    keys("", &lines.collect::<Vec<_>>().join("\n").parse().unwrap(), &mut all);
    for config in configurations(&frozen().join(env!("CARGO_PKG_VERSION"))) {
        keys("", &fs::read_to_string(config).unwrap().parse().unwrap(), &mut frozen_ones);
    }
    assert!(all.contains(".server.listen"), "{all:?}");
    assert_eq!(all.difference(&frozen_ones).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Either of the two is refused with a word on what to do, and is left as it is.
#[test]
fn databases_of_a_newer_version_are_refused() {
    let version = versions().remove(0);
    for name in ["outbox.db", "server/sessions.db"] {
        let place = thaw(&version);
        let path = place.state().join(name);
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        connection.close().unwrap();
        let before = fs::read(&path).unwrap();
        let output = place.run(&["run", "--listen", "127.0.0.1:0"]);
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        let last = said.lines().last().unwrap();
        for word in [path.to_str().unwrap(), "newer fitferry", "99", "install that version again"] {
            assert!(last.contains(word), "{name}: {said}");
        }
        assert!(fs::read(&path).unwrap() == before, "{name} was written to");
    }
    let place = thaw(&version);
    Connection::open(place.state().join("server/sessions.db"))
        .unwrap()
        .pragma_update(None, "user_version", 99)
        .unwrap();
    let tokens = place.run(&["serve", "token", "list"]);
    assert!(!tokens.status.success() && String::from_utf8(tokens.stderr).unwrap().contains("newer fitferry"));
}
