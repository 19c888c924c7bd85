//! The README's commands, run as they are printed, but for what cannot be where a newcomer has it: the programs are
//! built already, and the port is any free one.

use super::{pages, samples};
use crate::support::program::{Daemon, Place};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The blocks that `.ci/run` and the other tests run anyway.
const RUN_ELSEWHERE: [&str; 3] = [
    "cargo test",
    // By .ci/package in CI, and tests/systemd/boot.
    "cargo install --locked cargo-deb\n.ci/package deb\nsudo apt install ./target/package/fitferry_*.deb",
    "fitferry config check\nsudo systemctl enable --now fitferry",
];

/// The README's blocks of one language, in order.
fn blocks(language: &str) -> Vec<String> {
    pages::blocks("README.md", language)
}

fn shell(script: &str, place: &Place) -> Output {
    let mut command = Command::new("sh");
    command.args(["-euc", script]).current_dir(place.dir.path()).env("HOME", place.dir.path()).env("TZ", "UTC");
    command.output().unwrap()
}

fn succeed(script: &str, place: &Place) -> String {
    let output = shell(script, place);
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A folder that looks like the repository to who follows the README in it.
fn clone() -> Place {
    let place = Place::new();
    let data = place.dir.path().join("tests/data/workouts");
    fs::create_dir_all(&data).unwrap();
    for entry in fs::read_dir(samples::folder()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), data.join(entry.file_name())).unwrap();
    }
    place
}

#[test]
fn trying_it_out_works_as_printed() {
    let place = clone();
    let blocks = blocks("sh");
    let [run, curl, look, normalize, rest @ .., _pull] = &blocks[..] else { panic!("{blocks:?}") };
    assert_eq!(rest, RUN_ELSEWHERE);

    let arguments = run.strip_prefix("cargo run --release -- ").unwrap().split(' ');
    let mut command = Command::new(env!("CARGO_BIN_EXE_fitferry"));
    command.args(arguments).args(["--listen", "127.0.0.1:0"]).current_dir(place.dir.path());
    command.env_clear().env("TZ", "UTC").env("FITFERRY_LOG__FORMAT", "json");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    for _ in 0..3 {
        daemon.wait_for("session.delivered");
    }

    if Command::new("curl").arg("--version").output().is_ok() {
        let answer = succeed(&curl.replace("127.0.0.1:8730", &daemon.address().to_string()), &place);
        let answered: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answered["session"].as_array().unwrap().len(), 3, "{answer}");
        for line in self::blocks("json")[0].lines() {
            assert!(answer.contains(line), "{line} is not in {answer}");
        }
    }
    let look = look.replace("target/release/fitferry", env!("CARGO_BIN_EXE_fitferry"));
    let shown = succeed(&look, &place);
    for expected in ["Morning run", "ride.gpx", "walk.gpx.gz", "delivered", "bytes 8 to 11 are .FIT"] {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }
    let normalize = normalize.replace("target/release/fitferry", env!("CARGO_BIN_EXE_fitferry"));
    assert!(succeed(&normalize, &place).contains("run-from-the-watch.fit"));
    daemon.terminate();
}

#[test]
fn rescuing_a_history_copies_it_twice() {
    let (cloud, place) = (Place::new(), clone());
    let workouts = place.dir.path().join("tests/data/workouts");
    let daemon = cloud.start_with(&["--watch", workouts.to_str().unwrap()], &[]);
    let sessions = daemon.wait_for_sessions(&cloud, 3);
    let token = place.dir.path().join("token");
    fs::write(&token, cloud.token()).unwrap();
    let (state, address) = (place.state(), daemon.address());
    let config = format!(
        "state_dir = '{}'\ndestination = {{ url = 'http://{address}/fitness/v1', token_file = '{}' }}\n",
        state.display(),
        token.display()
    );
    fs::write(place.dir.path().join("cloud.toml"), config).unwrap();
    let blocks = blocks("sh");
    let programs = Path::new(env!("CARGO_BIN_EXE_fitferry")).parent().unwrap();
    let script = format!(
        "export PATH='{}':\"$PATH\" FITFERRY_CONFIG=cloud.toml\n{}",
        programs.display(),
        blocks.last().unwrap()
    );
    let said = succeed(&script, &place);
    assert_eq!(said.matches("3 sessions, verified; 3 of them new or changed").count(), 2, "{said}");
    daemon.terminate();
    // The cloud is closed; the configuration has no destination any more.
    let copied = crate::support::program::lines(&fs::read(place.dir.path().join("history.jsonl")).unwrap());
    assert_eq!(copied.len(), 3);
    assert_eq!(place.start().sessions(&place), sessions);
}

#[test]
fn no_command_is_left_unrun() {
    // Those of trying, the tests, those of installing, the rescue: a new one needs a test of its own.
    assert_eq!(blocks("sh").len(), 8);
}

#[test]
fn the_configurations_are_valid() {
    let place = Place::new();
    let token = place.dir.path().join("token");
    fs::write(&token, "a-token\n").unwrap();
    let blocks = blocks("toml");
    assert_eq!(blocks.len(), 5);
    for block in blocks {
        let path: PathBuf = place.dir.path().join("readme.toml");
        fs::write(&path, block.replace("/run/credentials/fitferry.service/token", token.to_str().unwrap())).unwrap();
        let shown = place.json(&["config", "show", "--json", "--config", path.to_str().unwrap()]);
        assert!(!shown.is_empty());
        let output = Command::new(env!("CARGO_BIN_EXE_fitferry"))
            .env_clear()
            .args(["config", "check", "--config"])
            .arg(&path)
            .output()
            .unwrap();
        assert!(output.status.success(), "{block}: {output:?}");
    }
}
