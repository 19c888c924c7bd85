//! Tokens that come from elsewhere than a login.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::wait::until_true;
use std::fs;
use std::path::Path;

fn place(api: &FaultServer, how: &str) -> Place {
    let place = Place::new();
    let url = format!("http://{}/fitness/v1", api.address);
    let settings = format!("folders = ['{}']\n[destination]\nurl = '{url}'\n{how}\n", place.folder().display());
    fs::write(place.config(), settings).unwrap();
    place.drop_file("a.fit", Run::default().build());
    place
}

#[test]
fn a_token_may_be_in_the_environment() {
    let api = FaultServer::start("right-secret");
    let place = place(&api, "");
    let mut daemon = place.start_with(&[], &[("FITFERRY_DESTINATION__TOKEN", "right-secret")]);
    daemon.wait_for("session.delivered");
    let shown = place.command().args(["config", "show"]).env("FITFERRY_DESTINATION__TOKEN", "right-secret").output();
    let shown = String::from_utf8(shown.unwrap().stdout).unwrap();
    assert!(shown.contains("token") && !shown.contains("right-secret"), "{shown}");
}

#[test]
fn a_program_may_print_it_and_is_asked_again_when_it_is_refused() {
    let api = FaultServer::start("second");
    let place =
        place(&api, "token_command = ['sh', '-c', 'test -e used && echo second || { touch used; echo first; }']");
    let mut daemon = place.start_with(&[], &[]);
    daemon.wait_for("session.delivered");
    assert!(daemon.events("session.retry").is_empty());
}

#[test]
fn a_program_that_fails_is_named() {
    let api = FaultServer::start("right");
    let place = place(&api, "token_command = ['false']");
    let mut daemon = place.start_with(&[], &[]);
    let reason = daemon.wait_for("account.stopped")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("token_command `false` failed"), "{reason}");
}

#[test]
fn a_program_that_does_not_end_is_ended() {
    let api = FaultServer::start("right");
    let place = place(&api, "token_command = ['sh', '-c', 'echo $$ >> processes; exec yes']");
    let mut daemon = place.start_with(&[], &[]);
    let reason = daemon.wait_for("account.stopped")["reason"].as_str().unwrap().to_owned();
    assert!(reason.contains("token_command `sh` printed more than 65536 bytes"), "{reason}");
    let processes = fs::read_to_string(place.dir.path().join("processes")).unwrap();
    until_true("its end", || processes.lines().all(|process| !Path::new("/proc").join(process).exists()));
}

#[test]
fn systemd_may_hand_it_over() {
    let api = FaultServer::start("right");
    let place = place(&api, "");
    let credentials = place.dir.path().join("credentials");
    fs::create_dir(&credentials).unwrap();
    fs::write(credentials.join("token"), "right\n").unwrap();
    let mut daemon = place.start_with(&[], &[("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap())]);
    daemon.wait_for("session.delivered");
}
