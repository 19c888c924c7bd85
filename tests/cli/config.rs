//! `config check`, `show`, `example`, and how a wrong setting is told.

use crate::support::program::Place;
use std::fs;
use std::process::Command;

#[test]
fn check_says_what_was_read_and_what_is_wrong() {
    let place = Place::new();
    let output = place.run(&["config", "check"]);
    assert!(output.status.success());
    assert!(String::from_utf8(output.stdout).unwrap().contains("no file; defaults"));
    fs::write(place.config(), "folders = ['w']\n[delivery]\nconcurency = 4\n").unwrap();
    let output = place.run(&["config", "check"]);
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("`delivery.concurency`") && error.contains("fitferry.toml"), "{error}");
    assert!(error.contains("did you mean `delivery.concurrency`?"), "{error}");
    for command in [&["run"][..], &["status"], &["serve"], &["import", "x"], &["normalize", "x"]] {
        assert_eq!(place.run(command).status.code(), Some(2), "{command:?}");
    }
}

/// Whatever reads its databases there takes SQLite's locks from them.
#[test]
fn the_state_lies_outside_of_the_watched_folders() {
    let place = Place::new();
    fs::create_dir_all(place.folder().join("inside")).unwrap();
    std::os::unix::fs::symlink(place.folder().join("inside"), place.dir.path().join("link")).unwrap();
    fs::write(place.config(), "folders = ['workouts']\n").unwrap();
    let check = |state: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fitferry"));
        command.current_dir(place.dir.path()).arg("--config").arg(place.config());
        command.args(["--state-dir", state, "config", "check"]).output().unwrap()
    };
    for state in ["workouts", "workouts/state", "workouts/inside/a/b", "link/state", "workouts/../workouts/s"] {
        let output = check(state);
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(2) && error.contains("lies in the watched folder"), "{state}: {error}");
    }
    for state in ["state", "workouts-state"] {
        let output = check(state);
        assert!(output.status.success(), "{output:?}");
    }
}

#[test]
fn show_is_what_is_in_effect_and_can_be_read_back() {
    let place = Place::new();
    fs::write(place.config(), "timezone = 'Europe/Berlin'\n[watch]\nsettle = '3s'\n").unwrap();
    let mut command = place.command();
    let output = command.args(["config", "show"]).env("FITFERRY_DELIVERY__CONCURRENCY", "3").output().unwrap();
    let shown = String::from_utf8(output.stdout).unwrap();
    assert!(shown.contains("settle = \"3s\"") && shown.contains("concurrency = 3"), "{shown}");
    fs::write(place.config(), &shown).unwrap();
    let again = String::from_utf8(place.run(&["config", "show"]).stdout).unwrap();
    assert_eq!(again, shown);
    let json = place.json(&["config", "show", "--json"]).remove(0);
    assert_eq!(json["delivery"]["concurrency"], 3);
}

#[test]
fn the_example_is_a_configuration() {
    let place = Place::new();
    let output = place.run(&["config", "example"]);
    fs::write(place.config(), &output.stdout).unwrap();
    assert!(place.run(&["config", "check"]).status.success());
}

#[test]
fn usage_errors_are_two_and_help_is_none() {
    let place = Place::new();
    assert_eq!(place.run(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(place.run(&["import"]).status.code(), Some(2));
    for command in [&["--help"][..], &["run", "--help"], &["--version"]] {
        assert!(place.run(command).status.success());
    }
    let output = place.run(&["--config", "/nowhere/\u{1b}[2Jf.toml", "status"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("\\u{1b}[2Jf.toml"));
}
