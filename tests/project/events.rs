//! The catalogue of events: its page, and that nothing in it is only a promise.

use crate::support::catalogue;
use crate::support::program::{Place, lines};
use fitferry::events::CATALOGUE;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_page_is_what_the_command_prints() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/events.md")).unwrap();
    let printed = Place::new().run(&["events", "--markdown"]);
    assert!(
        String::from_utf8(printed.stdout).unwrap() == page,
        "make it anew: fitferry events --markdown > docs/events.md"
    );
}

#[test]
fn one_is_found_by_its_name() {
    let place = Place::new();
    let parked = lines(&place.run(&["events", "session.parked", "--json"]).stdout);
    assert_eq!((parked.len(), parked[0]["level"].as_str()), (1, Some("warn")), "{parked:?}");
    let names: Vec<_> = parked[0]["fields"].as_array().unwrap().iter().map(|field| &field["name"]).collect();
    assert_eq!(names, ["account", "session", "reason"]);
    let text = String::from_utf8(place.run(&["events", "session.parked"]).stdout).unwrap();
    assert!(text.starts_with("session.parked  (warn)\n") && text.contains("outbox list"), "{text}");
    let unknown = place.run(&["events", "session.parkt"]);
    let said = String::from_utf8(unknown.stderr).unwrap();
    assert_eq!((unknown.status.code(), unknown.stdout.len()), (Some(2), 0), "{said}");
    assert!(said.contains("\"session.parkt\"") && said.contains("did you mean session.parked?"), "{said}");
    // It is known, and asks for nobody.
    let quiet = place.run(&["events", "session.delivered", "--needs-person"]);
    assert_eq!((quiet.status.code(), quiet.stdout.len()), (Some(0), 0), "{quiet:?}");
}

#[test]
fn each_is_told_once() {
    let marks: BTreeSet<String> = CATALOGUE.iter().map(catalogue::mark).collect();
    assert_eq!(marks.len(), CATALOGUE.len());
}

/// After all tests have run with `EVENTS_SEEN`, and left their marks there.
#[test]
fn every_event_was_provoked() {
    let Some(folder) = std::env::var_os("EVENTS_PROVOKED") else {
        eprintln!("not checked which events were provoked: that takes all tests");
        return;
    };
    let all: BTreeSet<String> = CATALOGUE.iter().map(catalogue::mark).collect();
    let seen = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(all.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new());
}
