//! The unit file, as systemd itself reads it.

use crate::support::program::Place;
use std::fs;
use std::path::Path;
use std::process::Command;

#[test]
fn the_unit_is_understood() {
    if Command::new("systemd-analyze").arg("--version").output().is_err() {
        eprintln!("no systemd-analyze: nothing checked");
        return;
    }
    // verify wants the program to be where the unit says.
    let place = Place::new();
    let unit = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("systemd/fitferry.service")).unwrap();
    let here = unit.replace("/usr/local/bin/fitferry", env!("CARGO_BIN_EXE_fitferry"));
    assert_ne!(here, unit);
    let path = place.dir.path().join("fitferry.service");
    fs::write(&path, here).unwrap();
    let output = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // It also complains about other units of the machine it runs on.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("fitferry.service")).collect();
    assert!(ours.is_empty(), "{said}");
}
