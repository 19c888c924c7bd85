//! What asks for a person: an entry for each such event in `docs/troubleshooting.md`, the same events wherever alerts are
//! made of them, and commands that exist.

use super::pages;
use clap::error::ErrorKind;
use fitferry::events::CATALOGUE;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

const PAGE: &str = "docs/troubleshooting.md";

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The names of the events that ask for a person.
fn asking() -> BTreeSet<&'static str> {
    CATALOGUE.iter().filter(|event| event.needs_person()).map(|event| event.name).collect()
}

/// Title and text of each entry in a part of the page.
fn entries(part: &str) -> Vec<(String, String)> {
    let page = file(PAGE);
    let (_, part) = page.split_once(&format!("\n## {part}\n")).expect("the part");
    let part = part.split("\n## ").next().unwrap();
    let entry = |text: &str| text.split_once('\n').map(|(title, text)| (title.to_owned(), text.to_owned())).unwrap();
    part.split("\n### ").skip(1).map(entry).collect()
}

#[test]
fn there_is_an_entry_for_each_event_that_asks_for_a_person_and_for_no_other() {
    let entries = entries("Events that ask for a person");
    let names: Vec<&str> = entries.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names.iter().copied().collect::<BTreeSet<_>>(), asking());
    assert_eq!(names.len(), asking().len(), "one is there twice");
    for (name, text) in &entries {
        let event = CATALOGUE.iter().find(|event| event.name == name).unwrap();
        let message = event.message.replace('\n', " ");
        assert!(one_line(text).contains(&format!("\"{message}\"")), "{name} does not quote: {message}");
        for part in ["**You see:**", "**Why:**", "**What to do:**", "```sh\n"] {
            assert!(text.contains(part), "{name} lacks {part}");
        }
    }
}

#[test]
fn each_symptom_says_what_one_sees() {
    let entries = entries("What one notices");
    assert!(entries.len() >= 10, "{entries:?}");
    for (title, text) in entries {
        assert!(text.trim_start().starts_with("**You see:**"), "{title}");
    }
}

/// Alerts, and the page about them, name the events that ask for a person, all of them and no others.
#[test]
fn whoever_alerts_agrees() {
    let page = file("docs/monitoring.md");
    let (_, sentence) = page.split_once("These ask for a person: ").expect("the sentence");
    let sentence = sentence.split_once(". ").unwrap().0;
    let named: BTreeSet<&str> = sentence.split('`').skip(1).step_by(2).collect();
    assert_eq!(named, asking(), "docs/monitoring.md");
    let vector: toml::Table = file("config/monitoring/vector.toml").parse().unwrap();
    let condition = vector["transforms"]["needs_a_person"]["condition"].as_str().unwrap().to_owned();
    let named: BTreeSet<&str> = condition.split('"').skip(1).step_by(2).collect();
    assert_eq!(named, asking(), "vector.toml");
    // A mass of differences is told of by what a comparison has left; the others are for Vector alone.
    let loki = file("config/monitoring/loki-rules.yml");
    let lacking: Vec<&str> = asking().into_iter().filter(|name| !loki.contains(name)).collect();
    let of_files = ["file.rejected", "file.unreadable", "folder.move_failed", "folder.unreadable"];
    let of_moments = ["heartbeat.failed", "reconcile.mass", "server.fault", "store.damaged"];
    assert_eq!(lacking, [&["control.failed"][..], &of_files, &of_moments].concat(), "loki-rules.yml");
}

/// Words on several lines as words on one.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A command of ours, without what has it run as somebody else.
fn ours(line: &str) -> Option<&str> {
    let line = line.strip_prefix("sudo ").unwrap_or(line);
    let line = line.strip_prefix("-u fitferry ").unwrap_or(line);
    line.starts_with("fitferry ").then_some(line)
}

/// Why the program does not understand a command.
fn complaint(line: &str) -> Option<clap::Error> {
    // As a shell would take it apart.
    let words = Command::new("sh").args(["-c", &format!("printf '%s\\n' {line}")]).output().unwrap();
    let words = String::from_utf8(words.stdout).unwrap();
    fitferry::cli::command().try_get_matches_from(words.lines()).err().filter(clap::Error::use_stderr)
}

#[test]
fn each_command_of_ours_is_understood() {
    for page in ["troubleshooting", "monitoring", "install", "care", "security"].map(|name| format!("docs/{name}.md")) {
        let text = file(&page);
        let blocks = pages::blocks(&page, "sh");
        // What a container runs is run by it.
        let lines = blocks.iter().flat_map(|block| block.lines());
        let lines = lines.map(|line| line.trim_start_matches("docker exec fitferry ")).filter_map(ours);
        let printed: Vec<&str> = lines.collect();
        for line in &printed {
            assert!(complaint(line).is_none(), "{page}: {line}: {:?}", complaint(line));
        }
        let mentioned: Vec<String> = text.split('`').skip(1).step_by(2).map(one_line).collect();
        for line in mentioned.iter().filter_map(|line| ours(line)) {
            // Some are but named.
            let complaint = complaint(line).filter(|error| error.kind() != ErrorKind::MissingRequiredArgument);
            assert!(complaint.is_none(), "{page}: {line}: {complaint:?}");
        }
        assert!(printed.len() >= if page.contains("troubleshooting") { 30 } else { 0 }, "{page}: {printed:?}");
    }
    assert!(complaint("fitferry outbox retry").is_some() && complaint("fitferry outbox rety --all").is_some());
}

#[test]
fn each_block_is_a_script() {
    for block in pages::blocks(PAGE, "sh") {
        let checked = Command::new("sh").args(["-nc", &block]).output().unwrap();
        assert!(checked.status.success(), "{block}: {checked:?}");
    }
}
