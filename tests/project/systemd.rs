//! The unit files, as systemd itself reads them: understood without a complaint, and as closed as they say.

use super::pages::blocks;
use crate::support::foreign;
use crate::support::program::Place;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Units of the machine, by the names under which they run.
const OF_THE_MACHINE: [&str; 3] = ["fitferry.service", "fitferry@anna.service", "fitferry.socket"];

fn systemd() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd")
}

/// The units in a folder of their own, with the program where this test has it, as verify wants it to be there.
fn lay_out(place: &Place) -> PathBuf {
    let dir = place.dir.path().join("units");
    fs::create_dir_all(dir.join("user")).unwrap();
    fs::create_dir_all(dir.join("fitferry.service.d")).unwrap();
    let lay = |from: &str, to: &str| {
        let unit = fs::read_to_string(systemd().join(from)).unwrap();
        let here = unit.replace("=fitferry ", concat!("=", env!("CARGO_BIN_EXE_fitferry"), " "));
        assert!(here != unit || !from.ends_with(".service"), "{from} starts no fitferry");
        fs::write(dir.join(to), here).unwrap();
    };
    lay("fitferry.service", "fitferry.service");
    lay("fitferry@.service", "fitferry@anna.service");
    lay("fitferry.socket", "fitferry.socket");
    lay("user/fitferry.service", "user/fitferry.service");
    lay("folders.conf", "fitferry.service.d/folders.conf");
    dir
}

fn analyze(arguments: &[&str], unit: &Path) -> Output {
    let mut command = Command::new("systemd-analyze");
    // Where a service manager of a person would keep its things.
    command.env("XDG_RUNTIME_DIR", unit.parent().unwrap()).args(arguments).arg(unit).output().unwrap()
}

/// What verify says of our units; it also complains about others of the machine it runs on.
fn complaints(arguments: &[&str], unit: &Path) -> Vec<String> {
    let output = analyze(&[&["verify", "--man=no"], arguments].concat(), unit);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    said.lines().filter(|line| line.contains("fitferry")).map(str::to_owned).collect()
}

#[test]
fn the_units_are_understood() {
    if !foreign::has("systemd-analyze", "--version") {
        return;
    }
    let place = Place::new();
    let dir = lay_out(&place);
    for unit in OF_THE_MACHINE {
        assert_eq!(complaints(&[], &dir.join(unit)), Vec::<String>::new(), "{unit}");
    }
    assert_eq!(complaints(&["--user"], &dir.join("user/fitferry.service")), Vec::<String>::new());
    // It is the drop-in for folders, too, that was read.
    let drop_in = dir.join("fitferry.service.d/folders.conf");
    fs::write(&drop_in, fs::read_to_string(&drop_in).unwrap().replace("ReadOnlyPaths", "ReadOnlyPath")).unwrap();
    let said = complaints(&[], &dir.join("fitferry.service"));
    assert!(said.iter().any(|line| line.contains("folders.conf") && line.contains("ReadOnlyPath")), "{said:?}");
}

#[test]
fn the_drop_ins_of_the_documentation_are_understood() {
    if !foreign::has("systemd-analyze", "--version") {
        return;
    }
    let place = Place::new();
    let dir = lay_out(&place);
    let pages = ["README.md", "docs/security.md"].map(|page| blocks(page, "ini"));
    let drop_ins = pages.concat();
    assert_eq!(drop_ins.len(), 2);
    for drop_in in drop_ins {
        fs::write(dir.join("fitferry.service.d/override.conf"), &drop_in).unwrap();
        assert_eq!(complaints(&[], &dir.join("fitferry.service")), Vec::<String>::new(), "{drop_in}");
    }
}

#[test]
fn the_units_are_closed() {
    if !foreign::has("systemd-analyze", "--version") {
        return;
    }
    let place = Place::new();
    let dir = lay_out(&place);
    // In tenths. A service of a person cannot have its own view of the disk and of devices.
    for (unit, most) in [("fitferry.service", 15), ("fitferry@anna.service", 15), ("user/fitferry.service", 62)] {
        let check = |threshold: u32| {
            let threshold = format!("--threshold={threshold}");
            analyze(&["security", "--no-pager", "--offline=true", &threshold], &dir.join(unit))
        };
        let output = check(most);
        assert!(output.status.success(), "{unit}: {}", String::from_utf8_lossy(&output.stdout));
        assert!(!check(5).status.success(), "{unit} is not looked at");
    }
}

/// The settings of a unit, without its comments.
fn settings(unit: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(systemd().join(unit)).unwrap();
    let lines = text.lines().filter(|line| line.contains('=') && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

/// Whoever changes one has to change the other.
#[test]
fn the_service_of_one_person_is_the_same_but_for_the_names() {
    let (one, each) = (settings("fitferry.service"), settings("fitferry@.service"));
    let key = |line: &String| line.split('=').next().unwrap().to_owned();
    let differing: BTreeSet<String> = one.symmetric_difference(&each).map(key).collect();
    let names = [
        "Description",
        "ExecReload",
        "ExecStart",
        "Group",
        "LoadCredential",
        "RuntimeDirectory",
        "StateDirectory",
        "User",
        "WorkingDirectory",
    ];
    // A person has shared memory beside that of the service.
    let expected = names.iter().chain(["RemoveIPC"].iter()).map(|key| (*key).to_owned()).collect();
    assert_eq!(differing, expected);
    let users = settings("user/fitferry.service");
    let stranger =
        users.difference(&one).map(key).find(|key| !["ExecReload", "ExecStart", "WantedBy"].contains(&key.as_str()));
    assert_eq!(stranger, None, "the service of a user says something else");
}

#[test]
fn the_socket_is_the_address_of_the_settings() {
    let place = Place::new();
    let shown = place.json(&["config", "show", "--json"]).remove(0);
    let listen = shown["server"]["listen"].as_str().unwrap();
    assert!(settings("fitferry.socket").contains(&format!("ListenStream={listen}")), "{listen}");
}

#[test]
fn the_user_and_the_place_of_secrets_can_be_made() {
    if !foreign::has("systemd-sysusers", "--version") || !foreign::has("systemd-tmpfiles", "--version") {
        return;
    }
    let place = Place::new();
    let root = place.dir.path();
    fs::create_dir_all(root.join("usr/lib/sysusers.d")).unwrap();
    fs::create_dir(root.join("etc")).unwrap();
    fs::copy(systemd().join("sysusers.d/fitferry.conf"), root.join("usr/lib/sysusers.d/fitferry.conf")).unwrap();
    let root_flag = format!("--root={}", root.display());
    let dry = Command::new("systemd-sysusers").arg("--dry-run").arg(&root_flag).output().unwrap();
    let said = String::from_utf8([dry.stdout, dry.stderr].concat()).unwrap();
    assert!(dry.status.success() && said.contains("user 'fitferry'"), "{said}");
    let mut make = Command::new("systemd-tmpfiles");
    let made = make.args(["--create", &root_flag]).arg(systemd().join("tmpfiles.d/fitferry.conf")).output().unwrap();
    // Only root can give it to root.
    let secrets = fs::metadata(root.join("etc/credstore")).unwrap_or_else(|error| panic!("{error}: {made:?}"));
    assert_eq!(secrets.permissions().mode() & 0o777, 0o700);
}
