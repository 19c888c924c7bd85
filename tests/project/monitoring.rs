//! The examples for monitors: taken by the programs they are for, where those can be had, and true to the catalogue of events.

use crate::support::foreign;
use crate::support::incident::{self, example};
use fitferry::events::CATALOGUE;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
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
    let page = fs::read_to_string(root().join("docs/monitoring.md")).unwrap();
    let people = page.split("These ask for a person: ").nth(1).unwrap().replace('`', "\"");
    assert_eq!(named(&people), named(&example("vector.toml")), "what asks for a person, in the words and for Vector");
}

/// Nothing that could be had reads what Alloy reads: at least each name in it leads somewhere.
#[test]
fn the_way_from_the_journal_to_loki_is_whole() {
    let alloy = example("config.alloy");
    assert_eq!(alloy.matches('{').count(), alloy.matches('}').count());
    assert_eq!(values(&alloy, "forward_to = "), ["[loki.write.default.receiver]"]);
    assert_eq!(values(&alloy, "loki.write "), ["\"default\" {"]);
    assert!(
        root()
            .join("systemd")
            .join(values(&alloy, "matches    = ")[0].trim_matches('"').replace("_SYSTEMD_UNIT=", ""))
            .exists()
    );
}

/// The same alerts by metrics and by the log, but for what only one of them can know.
#[test]
fn loki_and_prometheus_have_the_same_alerts() {
    let alerts =
        |name: &str| values(&example(name), "alert:").iter().map(|alert| (*alert).to_owned()).collect::<BTreeSet<_>>();
    let (loki, prometheus) = (alerts("loki-rules.yml"), alerts("prometheus-rules.yml"));
    let only =
        |these: &BTreeSet<String>, those: &BTreeSet<String>| these.difference(those).cloned().collect::<Vec<_>>();
    assert_eq!(only(&prometheus, &loki), ["FitferryDown"]);
    let told = ["FitferryConfigRefused", "FitferryMemorySetAside", "FitferryStoreFailed"];
    assert_eq!(only(&loki, &prometheus), told);
    // Each in an incident that the program lives through.
    let folders = ["tests/daemon", "tests/server"].map(|folder| fs::read_dir(root().join(folder)).unwrap());
    let tests = folders.into_iter().flatten().map(|file| file.unwrap().path()).filter(|path| path.is_file());
    let tests: String = tests.map(|path| fs::read_to_string(path).unwrap()).collect();
    for alert in &loki {
        assert!(tests.contains(&format!("\"{alert} for ")), "{alert}");
    }
}

/// What the judge does not know it does not pass over.
#[test]
fn the_judge_of_rules_is_strict() {
    let count = "count_over_time({job=\"fitferry\"} | json | event=\"a\" [1h])";
    let cases = [
        (count.to_owned(), ""),
        (format!("sum by (account) ({count}) > 0"), ""),
        (format!("sum by (account) ({count}) or vector(1)"), "should be"),
        (format!("sum by (account) ({count}) < 1"), "should be"),
        (format!("avg by (account) ({count})"), "should be"),
        (count.replace("count", "absent"), "should be"),
        (count.replace("| json", "| logfmt"), "should be"),
        (count.replace("event=", "event!~"), "should be"),
        (count.replace("[1h]", "[1h] offset 1h"), "here"),
        (count.replace("[1h]", "[1w]"), "no duration"),
        (count.replace(")", ""), "no LogQL"),
        (count.replace("event=\"a\"", "event=\"\""), "refuses to compute"),
        (count.replace("count", "last"), "should be"),
    ];
    for (expression, word) in cases {
        let Some(complaint) = incident::complaint(&expression) else { return };
        assert!(complaint.is_empty() == word.is_empty() && complaint.contains(word), "{expression}: {complaint}");
    }
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
            let unit = example(name).replace("=fitferry ", concat!("=", env!("CARGO_BIN_EXE_fitferry"), " "));
            fs::write(&path, unit).unwrap();
            path
        })
        .into();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).args(&units).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("fitferry-")).collect();
    assert!(ours.is_empty(), "{said}");
}
