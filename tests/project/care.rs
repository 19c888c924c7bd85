//! The commands of `docs/care.md`, run as they are printed, but for the places and what belongs to root.

use crate::support::fit::Run;
use crate::support::program::Place;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The blocks of commands, in order.
fn blocks() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/care.md")).unwrap();
    let blocks = text.split("```sh\n").skip(1).map(|block| block.split("```").next().unwrap().to_owned());
    blocks.collect()
}

fn run(script: &str, place: &Place) -> String {
    let programs = Path::new(env!("CARGO_BIN_EXE_fitferry")).parent().unwrap();
    let script = script
        .replace("sudo ", "")
        .replace("/var/lib/fitferry", place.state().to_str().unwrap())
        .replace("/srv/backup", place.dir.path().to_str().unwrap());
    let mut command = Command::new("sh");
    command.args(["-euc", &format!("PATH='{}':\"$PATH\"\n{script}", programs.display())]);
    command.env("FITFERRY_CONFIG", place.config()).env("HOME", place.dir.path()).env("TZ", "UTC");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{script}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn looking_and_backing_up_and_restoring_work_as_printed() {
    let blocks = blocks();
    let [doctor, backup, restore] = &blocks[..] else { panic!("{blocks:?}") };
    let place = Place::new();
    let (state, folder) = (place.state(), place.folder());
    fs::write(place.config(), format!("state_dir = '{}'\nfolders = ['{}']\n", state.display(), folder.display()))
        .unwrap();
    place.drop_file("a.fit", Run::default().build());
    let mut daemon = place.start();
    daemon.wait_for("session.delivered");
    let sessions = daemon.sessions(&place);
    let today = jiff::Timestamp::now().strftime("%F").to_string();
    let said = run(backup, &place);
    assert!(said.contains(&format!("fitferry-{today}.tar is written and checked")), "{said}");
    // A clock that nobody keeps is this machine's own affair.
    let doctor = format!("{} || true", doctor.trim());
    assert!(run(&doctor, &place).contains("✓ login me: accepted"));
    // Killed, so that it leaves its logs behind.
    daemon.kill();
    fs::remove_file(folder.join("a.fit")).unwrap();
    let lines: Vec<&str> = restore.trim().lines().collect();
    let [stop, middle @ .., start] = &lines[..] else { panic!("{lines:?}") };
    assert_eq!((*stop, *start), ("sudo systemctl stop fitferry", "sudo systemctl start fitferry"));
    run(&middle.join("\n").replace("fitferry.tar", &format!("fitferry-{today}.tar")), &place);
    assert!(!state.join("outbox.db-wal").exists());
    assert_eq!(place.start().sessions(&place), sessions);
}
