//! The pages about the configuration: what the program prints, of every key, with examples that it takes.

use super::pages;
use crate::support::program::Place;
use std::fs;
use std::path::Path;

fn file(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

fn printed(what: &str) -> String {
    let output = Place::new().run(&["config", what]);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_pages_are_what_the_commands_print() {
    for (what, page) in [("reference", "docs/configuration.md"), ("example", "config/fitferry.toml")] {
        assert!(file(page) == printed(what), "make it anew: fitferry config {what} > {page}");
    }
}

/// What `config show` prints has every key that has a value, whatever is declared elsewhere.
#[test]
fn every_key_is_told_with_words() {
    let page = file("docs/configuration.md");
    let rows: Vec<Vec<&str>> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"))
        .map(|line| line.split(" | ").collect())
        .collect();
    for row in &rows {
        assert!(row.len() == 4 && row[3].len() >= "As above.".len(), "{row:?}");
    }
    let shown: toml::Table = String::from_utf8(Place::new().run(&["config", "show"]).stdout).unwrap().parse().unwrap();
    let tables: Vec<(&str, &toml::Table)> =
        shown.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_table()?))).collect();
    assert!(tables.len() >= 8, "{shown}");
    for (name, table) in tables {
        let (_, section) = page.split_once(&format!("\n## [{name}]\n")).unwrap_or_else(|| panic!("no section {name}"));
        let section = section.split("\n## ").next().unwrap();
        for key in table.iter().filter(|(_, value)| !value.is_table()).map(|(key, _)| key) {
            assert!(section.contains(&format!("\n| `{key}` | ")), "{name}.{key} is not in the page");
        }
    }
}

#[test]
fn the_examples_are_taken() {
    let place = Place::new();
    let blocks = pages::blocks("docs/configuration.md", "toml");
    let sections = file("docs/configuration.md").matches("\n## ").count();
    // All sections but the two about layers and values.
    assert_eq!(blocks.len(), sections - 2);
    for block in blocks {
        fs::write(place.config(), &block).unwrap();
        let checked = place.run(&["config", "check"]);
        assert!(checked.status.success(), "{block}: {checked:?}");
    }
}
