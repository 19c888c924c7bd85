//! The rules of the house that no lint knows.

use std::fs;
use std::path::{Path, PathBuf};

/// Beyond this many lines a file tells more than one story.
const LONGEST_FILE: usize = 500;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub fn rust_files(folder: &str) -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join(folder)];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path, text));
            }
        }
    }
    assert!(!files.is_empty());
    files
}

#[test]
fn every_file_says_what_it_owns_and_stays_readable() {
    for folder in ["src", "tests", "benches", "fuzz/src", "fuzz/fuzz_targets"] {
        for (path, text) in rust_files(folder) {
            assert!(text.starts_with("//! "), "{} does not begin with its sentence", path.display());
            assert!(text.lines().count() <= LONGEST_FILE, "{} is too long", path.display());
        }
    }
}

/// Everything that is logged has a function in the catalogue, and nothing in the catalogue is unused.
#[test]
fn events_come_from_the_catalogue_alone() {
    let files = rust_files("src");
    let others = || files.iter().filter(|(path, _)| !path.starts_with(root().join("src/events")));
    let declared = |line: &'static str| Some(line.split_once(" = \"")?.0.split_once(' ')?.1);
    let names: Vec<&str> = include_str!("../../src/events.rs").lines().map(str::trim).filter_map(declared).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        // Called, or handed to whoever calls it; another one's name may begin like it.
        let uses = ["(", ",", " }"].map(|end| format!("events::{name}{end}"));
        let is_used = |text: &str| uses.iter().any(|used| text.contains(used));
        assert!(others().any(|(_, text)| is_used(text)), "nobody uses {name}");
    }
    for (path, text) in others() {
        for level in ["error!(", "warn!(", "info!(", "debug!(", "trace!("] {
            assert!(!text.contains(level), "{} logs by itself", path.display());
        }
    }
}

/// A newcomer looks for a dependency's reason in one place.
#[test]
fn every_dependency_has_its_line() {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for table in ["dependencies", "dev-dependencies"] {
        for name in manifest[table].as_table().unwrap().keys() {
            assert!(architecture.contains(&format!("`{name}`")), "ARCHITECTURE.md does not say what {name} is for");
        }
    }
}

#[test]
fn every_module_is_on_the_map() {
    let architecture = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let module = name.trim_end_matches(".rs");
        assert!(architecture.contains(module), "ARCHITECTURE.md does not know {module}");
    }
}
