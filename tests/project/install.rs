//! What `docs/install.md` has people do, as far as it can be done in a folder instead of a machine; `tests/systemd/boot`
//! does the rest.

use super::pages::blocks;
use crate::support::foreign;
use crate::support::program::Place;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn succeed(script: &str, folder: &Path) -> Output {
    let output = Command::new("sh").args(["-euc", script]).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    output
}

/// The tarball as .ci/package lays it out, with the files in it that are no business of this test left empty.
fn tarball(place: &Place) {
    let tree = place.dir.path().join("target/package/fitferry-0-any");
    for folder in ["bin", "lib/systemd/system", "lib/sysusers.d", "lib/tmpfiles.d", "share/doc/fitferry/examples"] {
        fs::create_dir_all(tree.join(folder)).unwrap();
    }
    let copy = |from: &str, to: &str| fs::copy(repository().join(from), tree.join(to)).unwrap();
    copy("systemd/fitferry.service", "lib/systemd/system/fitferry.service");
    copy("systemd/sysusers.d/fitferry.conf", "lib/sysusers.d/fitferry.conf");
    copy("systemd/tmpfiles.d/fitferry.conf", "lib/tmpfiles.d/fitferry.conf");
    copy("config/fitferry.toml", "share/doc/fitferry/examples/fitferry.toml");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fitferry"), tree.join("bin/fitferry")).unwrap();
    succeed("tar -czf fitferry-0-any.tar.gz fitferry-0-any", tree.parent().unwrap());
}

#[test]
fn the_tarball_goes_where_everything_is_looked_for() {
    if !foreign::has("systemctl", "--version") || !foreign::has("systemd-sysusers", "--version") {
        return;
    }
    let place = Place::new();
    tarball(&place);
    let root = place.dir.path().join("root");
    fs::create_dir_all(root.join("usr/local")).unwrap();
    fs::create_dir(root.join("etc")).unwrap();
    let blocks = blocks("docs/install.md", "sh");
    let block = blocks.iter().find(|block| block.starts_with(".ci/package tar\n")).expect("the block");
    let (_, rest) = block.split_once('\n').unwrap();
    let rest = rest.strip_suffix("\nsudo systemctl daemon-reload").expect("a reload, for which a machine is needed");
    let here = root.display().to_string();
    let script = rest
        .replace("sudo ", "")
        .replace("-C /usr", &format!("-C {here}/usr"))
        .replace("644 /usr", &format!("644 {here}/usr"))
        .replace(" /etc", &format!(" {here}/etc"))
        .replace("systemd-sysusers", &format!("systemd-sysusers --dry-run --root={here}"))
        // Only root can give away what it makes.
        .replace("systemd-tmpfiles --create", &format!("systemd-tmpfiles --cat-config --root={here}"));
    let said = succeed(&script, place.dir.path());
    let said = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
    assert!(said.contains("user 'fitferry'") && said.contains("/etc/credstore 0700"), "{said}");
    let program = root.join("usr/local/bin/fitferry");
    let config = root.join("etc/fitferry/fitferry.toml");
    let checked = place.command_of(&program).args(["config", "check", "--config"]).arg(config).output().unwrap();
    assert!(checked.status.success(), "{checked:?}");
    succeed(&format!("systemctl --root={here} enable fitferry"), place.dir.path());
    assert!(root.join("etc/systemd/system/multi-user.target.wants/fitferry.service").symlink_metadata().is_ok());
}

#[test]
fn the_settings_are_valid() {
    let place = Place::new();
    let blocks = blocks("docs/install.md", "toml");
    assert_eq!(blocks.len(), 1);
    fs::write(place.config(), &blocks[0]).unwrap();
    let checked = place.run(&["config", "check"]);
    assert!(checked.status.success(), "{checked:?}");
}

/// As GitHub makes anchors.
fn anchor(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim_start_matches('#').trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// Pages lead to each other, and to files that are there.
fn follow_links(root: &Path) {
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let docs = docs.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_str().unwrap()));
    for page in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(str::to_owned).into_iter().chain(docs) {
        let text = fs::read_to_string(root.join(&page)).unwrap();
        let folder = root.join(&page).parent().unwrap().to_owned();
        let links: Vec<&str> = text.split("](").skip(1).filter_map(|rest| rest.split(')').next()).collect();
        for link in links.iter().filter(|link| !link.starts_with("http")) {
            let (file, wanted) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { root.join(&page) } else { folder.join(file) };
            assert!(target.exists(), "{page} leads to {link}");
            if !wanted.is_empty() {
                let there = fs::read_to_string(target).unwrap();
                let has = there.lines().filter(|line| line.starts_with('#')).any(|line| anchor(line) == wanted);
                assert!(has, "{page} leads to {link}");
            }
        }
    }
}

#[test]
fn the_links_lead_somewhere() {
    follow_links(repository());
}

/// The files below a folder, by their paths in it.
fn files(root: &Path, folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap());
    let below = entries.flat_map(|entry| {
        let path = Path::new(folder).join(entry.file_name()).to_str().unwrap().to_owned();
        if entry.path().is_dir() { files(root, &path) } else { [path].into() }
    });
    below.collect()
}

/// Whoever has only a package has every document, at a place to which the others lead; `.ci/package` looks whether each of
/// them is in what was built.
#[test]
fn packages_hold_every_document() {
    let place = Place::new();
    let documents = place.dir.path().join("doc");
    succeed(&format!(".ci/documents '{}'", documents.display()), repository());
    follow_links(&documents);
    let laid = files(&documents, "");
    let ours = files(repository(), "docs");
    let examples = files(repository(), "config/monitoring");
    let examples = examples.iter().map(|file| file.replace("config/", "examples/"));
    let missing: Vec<String> = ours.into_iter().chain(examples).filter(|file| !laid.contains(file)).collect();
    assert!(missing.is_empty(), "{missing:?}");

    let manifest: toml::Table = fs::read_to_string(repository().join("Cargo.toml")).unwrap().parse().unwrap();
    let metadata = &manifest["package"]["metadata"];
    let text = |value: &toml::Value| value.as_str().unwrap().trim_start_matches('/').to_owned();
    let deb = metadata["deb"]["assets"].as_array().unwrap().iter().map(|asset| (text(&asset[0]), text(&asset[1])));
    let rpm = metadata["generate-rpm"]["assets"].as_array().unwrap().iter();
    let rpm = rpm.map(|asset| (text(&asset["source"]), text(&asset["dest"])));
    for assets in [deb.collect::<Vec<_>>(), rpm.collect()] {
        for file in &laid {
            let folder = Path::new(file).parent().unwrap().join("").to_str().unwrap().to_owned();
            let is_packed = assets.iter().any(|(from, to)| {
                from.starts_with(&format!("target/package/doc/{folder}*"))
                    && *to == format!("usr/share/doc/fitferry/{folder}")
            });
            assert!(is_packed, "{file} is in no asset of {assets:?}");
        }
    }
}
