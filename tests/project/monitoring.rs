//! The examples for monitors: taken by the programs they are for, where those can be had, and true to the catalogue of events.

use crate::support::foreign;
use fitferry::events::CATALOGUE;
use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn example(name: &str) -> String {
    fs::read_to_string(root().join("config/monitoring").join(name)).unwrap()
}

/// What stands behind this key, line by line.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    text.lines()
        .filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix(key))
        .map(str::trim)
        .collect()
}

#[test]
fn prometheus_alerts_fire_in_their_incidents_and_not_else() {
    if !foreign::has("promtool", "--version") {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let tests = root().join("tests/monitoring/prometheus.yml");
    fs::copy(&tests, place.path().join("tests.yml")).unwrap();
    fs::write(place.path().join("prometheus-rules.yml"), example("prometheus-rules.yml")).unwrap();
    let tested =
        Command::new("promtool").args(["test", "rules", "tests.yml"]).current_dir(place.path()).output().unwrap();
    assert!(tested.status.success(), "{tested:?}");
    let tests = fs::read_to_string(tests).unwrap();
    let (quiet, incidents) = tests.split_once("- name: what needs a person").unwrap();
    for alert in values(&example("prometheus-rules.yml"), "alert:") {
        assert!(quiet.contains(&format!("alertname: {alert} }}")), "{alert} when all is well");
        assert!(incidents.contains(&format!("alertname: {alert}\n        exp_alerts")), "{alert} in its incident");
    }
}

#[test]
fn loki_takes_its_alerts() {
    let Some(mut node) = foreign::node("check_logql.mjs") else { return };
    let rules = example("loki-rules.yml");
    let expressions = values(&rules, "expr:");
    let mut child = node.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(expressions.join("\n").as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expressions.len().to_string(), "{output:?}");
}

/// Words between quotes that look like the name of an event.
fn named(text: &str) -> BTreeSet<String> {
    let quoted = text.split('"').skip(1).step_by(2).flat_map(|quoted| quoted.split('|'));
    let is_name = |word: &&str| {
        word.split_once('.').is_some_and(|(begin, end)| {
            [begin, end].iter().all(|part| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        })
    };
    quoted.filter(is_name).map(str::to_owned).collect()
}

#[test]
fn every_event_that_they_name_is_one() {
    let known: BTreeSet<String> = CATALOGUE.iter().map(|event| event.name.to_owned()).collect();
    for (name, least) in [("loki-rules.yml", 8), ("vector.toml", 8)] {
        let named = named(&example(name));
        assert!(named.len() >= least, "{name}: {named:?}");
        assert_eq!(named.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "{name}");
    }
    let vector: toml::Table = example("vector.toml").parse().unwrap();
    assert!(vector["transforms"]["needs_a_person"]["condition"].as_str().unwrap().contains(".EVENT"));
}

#[test]
fn the_units_of_the_recipe_for_mail_are_understood() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("no systemd-analyze: nothing checked");
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let units: Vec<PathBuf> = ["fitferry-check.service", "fitferry-check.timer", "fitferry-mail@.service"]
        .map(|name| {
            let path = place.path().join(name);
            let unit = example(name).replace("/usr/bin/fitferry", env!("CARGO_BIN_EXE_fitferry"));
            fs::write(&path, unit).unwrap();
            path
        })
        .into();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("fitferry-")).collect();
    assert!(ours.is_empty(), "{said}");
}
