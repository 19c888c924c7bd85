//! What the fuzzers demand of every reader, on mutilated samples and without a nightly compiler; and the files with which
//! the fuzzers begin.

#[path = "../../fuzz/src/checks.rs"]
mod checks;

use super::samples;
use fitferry::workout::Format;
use proptest::prelude::*;
use proptest::sample::Index;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Of what is in the project for the fuzzers.
fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz"))
}

/// The fuzz target of a format.
fn target(format: Format) -> String {
    format.as_str().replace('-', "_")
}

/// Each sample with its target; the sniffer has to do with all of them.
static SEEDS: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let mut seeds = Vec::new();
    for (format, bytes) in samples::of_formats() {
        seeds.push((target(format), bytes.clone()));
        seeds.push(("sniff".to_owned(), bytes));
    }
    for bytes in samples::of_archives() {
        seeds.push(("archive".to_owned(), bytes.clone()));
        seeds.push(("sniff".to_owned(), bytes));
    }
    seeds
});

/// Writes the samples to where the fuzzers begin, a folder for each target: `FUZZ_SEEDS=fuzz/corpus`.
#[test]
fn every_target_has_seeds() {
    let place = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("FUZZ_SEEDS").map_or_else(|| place.path().to_owned(), PathBuf::from);
    for (number, (target, bytes)) in SEEDS.iter().enumerate() {
        fs::create_dir_all(folder.join(target)).unwrap();
        fs::write(folder.join(target).join(format!("seed-{number}")), bytes).unwrap();
    }
    let manifest: toml::Table = fs::read_to_string(root().join("Cargo.toml")).unwrap().parse().unwrap();
    let targets: Vec<_> = manifest["bin"].as_array().unwrap().iter().map(|bin| bin["name"].as_str().unwrap()).collect();
    for target in Format::ALL.map(target).iter().map(String::as_str).chain(["archive", "sniff"]) {
        assert!(targets.contains(&target), "no fuzz target {target}");
    }
    for target in targets {
        assert!(folder.join(target).is_dir(), "no seeds for {target}");
    }
}

/// What is fuzzed is what is built: the same libraries in the same versions.
#[test]
fn the_fuzzers_have_the_projects_libraries() {
    let versions = |path: PathBuf| -> Vec<(String, String)> {
        let lock: toml::Table = fs::read_to_string(path).unwrap().parse().unwrap();
        let text = |package: &toml::Value, member: &str| package[member].as_str().unwrap().to_owned();
        let packages = lock["package"].as_array().unwrap();
        packages.iter().map(|package| (text(package, "name"), text(package, "version"))).collect()
    };
    let ours = versions(root().join("../Cargo.lock"));
    let of_fuzzers = ["fitferry-fuzz", "libfuzzer-sys", "arbitrary", "jobserver"];
    for (name, version) in versions(root().join("Cargo.lock")) {
        let is_known = of_fuzzers.contains(&name.as_str()) || ours.contains(&(name.clone(), version.clone()));
        assert!(is_known, "fuzz/Cargo.lock has {name} {version}, which Cargo.lock has not: copy it anew");
    }
}

/// What befalls a file.
#[derive(Clone, Debug)]
enum Change {
    Overwrite(Index, u8),
    Remove(Index, Index),
    Repeat(Index, Index, usize),
    /// A piece of any other sample.
    Insert(Index, Index, Index, Index),
}

impl Change {
    fn befall(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Overwrite(at, byte) => *at.get_mut(bytes) = *byte,
            Self::Remove(from, to) => drop(bytes.drain(range(bytes, from, to))),
            Self::Repeat(from, to, times) => {
                let range = range(bytes, from, to);
                let piece = bytes[range.clone()].repeat(*times);
                bytes.splice(range, piece);
            }
            Self::Insert(at, sample, from, to) => {
                let at = at.index(bytes.len());
                let other = &sample.get(&SEEDS).1;
                bytes.splice(at..at, other[range(other, from, to)].to_vec());
            }
        }
    }
}

/// At most half a kilobyte, and never all of it.
fn range(bytes: &[u8], from: &Index, to: &Index) -> std::ops::Range<usize> {
    let from = from.index(bytes.len());
    let length = to.index((bytes.len() - from).clamp(1, 512));
    from..from + length
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    prop_oneof![
        4 => (at(), prop_oneof![any::<u8>(), prop::sample::select(b"0123456789-.,:;\"\n<>{}[]".as_slice())])
            .prop_map(|(at, byte)| Change::Overwrite(at, byte)),
        1 => (at(), at()).prop_map(|(from, to)| Change::Remove(from, to)),
        1 => (at(), at(), 2_usize..20).prop_map(|(from, to, times)| Change::Repeat(from, to, times)),
        1 => (at(), at(), at(), at()).prop_map(|(at, sample, from, to)| Change::Insert(at, sample, from, to)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn mutilated_samples_get_a_verdict(
        sample in any::<Index>(),
        changes in prop::collection::vec(change(), 0..12),
        other in prop::option::weighted(0.1, prop::sample::select(Format::ALL.as_slice())),
    ) {
        let (target_name, mut bytes) = sample.get(&SEEDS).clone();
        for change in changes {
            change.befall(&mut bytes);
        }
        let format = other.or(Format::ALL.into_iter().find(|format| target(*format) == target_name));
        match format {
            Some(format) => checks::reader(format, &bytes),
            None if target_name == "archive" => checks::archive(&bytes),
            None => checks::sniffer(&bytes),
        }
    }
}
