//! The program dies at every moment that has a name, and at every two of them, one after the other: nothing is lost and
//! nothing doubled. Needs the feature `crash-points`; `docs/reliability.md` tells more.

mod campaign;
mod changes;
mod home;
mod login;
mod moves;
mod pulls;
mod start;

use crate::project::house;
use campaign::Scene;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Every name that stands in the source.
fn points() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (path, text) in house::rust_files("src") {
        for part in text.split("crash::point(\"").skip(1) {
            let name = part.split('"').next().unwrap();
            assert!(names.insert(name.to_owned()), "{name} stands twice, the second time in {}", path.display());
        }
    }
    names
}

const SCENES: [Scene; 7] = [
    Scene { name: "start", stage: start::stage, about: "" },
    Scene { name: "changes, another's server", stage: changes::away, about: "" },
    Scene { name: "changes, our server", stage: changes::at_home, about: "" },
    Scene { name: "moves", stage: moves::stage, about: "moves." },
    Scene { name: "login", stage: login::stage, about: "grant." },
    Scene { name: "pull into a file", stage: pulls::into_a_file, about: "" },
    Scene { name: "pull home", stage: pulls::home, about: "" },
];

/// Each point is reached by some scene; each dies there at the first, second and third hit.
#[test]
fn every_point_is_reached_and_survived_three_times() {
    let points = points();
    assert!(points.len() >= 30, "{points:?}");
    let mut reached: BTreeMap<String, u32> = BTreeMap::new();
    for scene in &SCENES {
        let census = scene.census();
        for (name, hits) in &census {
            let most = reached.entry(name.clone()).or_default();
            *most = (*most).max(*hits);
        }
        scene.each_three_times(&census);
    }
    let never: Vec<&String> = points.iter().filter(|name| !reached.contains_key(*name)).collect();
    assert!(never.is_empty(), "no scene reaches {never:?}");
    assert!(reached.keys().all(|name| points.contains(name)), "{reached:?}");
}

/// It dies at one point, is started again, dies at another one or the same, is started again, and goes on. Each two are
/// tried in the first scene that has both.
#[test]
fn every_two_points_are_survived() {
    let mut told = BTreeSet::new();
    for scene in &SCENES {
        scene.every_pair(&mut told);
    }
}

/// Whoever reads of them reads of all of them.
#[test]
fn the_documentation_names_them_all() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reliability.md");
    let text = fs::read_to_string(path).unwrap();
    let missing: Vec<String> = points().into_iter().filter(|name| !text.contains(&format!("`{name}`"))).collect();
    assert!(missing.is_empty(), "docs/reliability.md does not name {missing:?}");
}
