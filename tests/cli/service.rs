//! `fitferry doctor` beside a service: as whom it looks, what the service has to say, and what it says of who is silent.

use super::doctor::{Bench, wrong};
use crate::daemon::nobody::{Nobody, chmod, own};
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place, lines};
use crate::support::{foreign, wait};
use serde_json::Value;
use std::fs;
use std::process::Command;

/// What root may read and the service may not; also by groups that only the running service has.
#[test]
fn root_looks_at_folders_as_the_service() {
    let place = Place::new();
    fs::create_dir(place.state()).unwrap();
    chmod(&place.state(), 0o700);
    fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
    let service = Nobody::of(&place, &[&place.state()]);
    if !foreign::given(service.is_another(), "only root can be somebody else") {
        return;
    }
    let look = || {
        let answer = lines(&place.run(&["doctor", "--json"]).stdout).remove(0);
        let folder = answer["checks"].as_array().unwrap().iter().find(|check| check["check"] == "folder").unwrap();
        (folder["state"].clone(), folder["found"].to_string(), folder["fix"].to_string())
    };
    let (state, found, _) = look();
    assert!(state == "good" && found.contains("(looked at as the user nobody)"), "{found}");
    own(&place.folder(), 0, 0o700);
    let (state, found, fix) = look();
    assert!(state == "bad" && found.contains("the user nobody cannot read it"), "{found}");
    assert!(fix.contains("SupplementaryGroups= of the service") && fix.contains("once the service runs"), "{fix}");
    if !foreign::has("setpriv", "--version") {
        return;
    }
    own(&place.folder(), 4242, 0o750);
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--groups=4242"]).arg(place.dir.path().join("fitferry"));
    let mut command = place.complete(command);
    command.args(["run", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    let (state, found, _) = look();
    assert!(state == "good" && found.contains("(looked at as the user nobody)"), "{found}");
    daemon.terminate();
    assert_eq!(look().0, "bad");
}

/// What root itself finds is told of nobody else.
#[test]
fn what_could_not_be_looked_at_as_the_service_is_not_called_good() {
    let bench = Bench::new();
    let state = |answer: &Value, check: &str| {
        let mut checks = answer["checks"].as_array().unwrap().iter();
        let found = checks.rfind(|it| it["check"] == check).unwrap();
        (found["state"].as_str().unwrap().to_owned(), found["found"].to_string())
    };
    let Some(_) = bench.as_nobody(|_| ()) else { return };
    if foreign::has("setpriv", "--version") {
        let mut command = Command::new("setpriv");
        command.args(["--bounding-set=-setuid,-setgid"]).arg(env!("CARGO_BIN_EXE_fitferry"));
        let answer =
            lines(&bench.place.complete(command).args(["doctor", "--json"]).output().unwrap().stdout).remove(0);
        for (check, is) in [("folder", "bad"), ("login", "not-applicable"), ("events", "not-applicable")] {
            let (state, found) = state(&answer, check);
            assert!(state == is && found.contains("cannot be looked at as the service's user: nobody"), "{answer:#}");
        }
    }
    // A place that cannot be looked at, even by root.
    fs::remove_dir_all(bench.place.state()).unwrap();
    std::os::unix::fs::symlink("state", bench.place.state()).unwrap();
    let answer = lines(&bench.here().unwrap().output().unwrap().stdout).remove(0);
    for check in ["folder", "login", "events"] {
        let (state, found) = state(&answer, check);
        assert!(state == "not-applicable" && found.contains("as the service's user: "), "{answer:#}");
    }
}

/// Its unit may keep it from what its user may do.
#[test]
fn what_the_daemon_has_to_say_of_a_folder_is_told() {
    let place = Place::new();
    fs::write(place.config(), format!("folders = [{{path = '{}', on_done = 'move'}}]\n", place.folder().display()))
        .unwrap();
    fs::write(place.folder().join("done"), "").unwrap();
    place.drop_file("a.fit", Run::default().build());
    let mut daemon = place.start();
    daemon.wait_for("folder.move_failed");
    let look = || lines(&place.run(&["doctor", "--json"]).stdout).remove(0);
    wait::until_true("it to be told", || !wrong(&look()).is_empty());
    let [fault] = &wrong(&look())[..] else { panic!("{:#}", look()) };
    assert!(fault["check"] == "folder" && fault["fix"].as_str().unwrap().contains("systemctl edit"), "{fault:#}");
    assert!(fault["found"].as_str().unwrap().contains("the running daemon has it as: cannot move"), "{fault:#}");
    daemon.terminate();
    assert!(wrong(&look()).is_empty(), "what it said then may be over");
}

/// Whoever does not answer is named, and nobody else is blamed.
#[test]
fn a_daemon_that_was_stopped_is_told_from_another_program() {
    let place = Place::new();
    fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
    let daemon = place.start();
    daemon.signal("STOP");
    let output = place.run(&["doctor", "--json"]);
    daemon.signal("CONT");
    let answer = lines(&output.stdout).remove(0);
    let process = format!("fitferry (process {})", daemon.id());
    let wrong = wrong(&answer);
    let checks: Vec<_> = wrong.iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(checks, ["daemon", "destination"], "{answer:#}");
    for fault in wrong {
        let (found, fix) = (fault["found"].as_str().unwrap(), fault["fix"].as_str().unwrap());
        assert!(found.contains(&process) && found.contains("was stopped") && found.contains("not answer"), "{fault:#}");
        assert!(fix.contains(&format!("kill -CONT {}", daemon.id())) && fix.contains("systemctl restart"), "{fault:#}");
    }
    daemon.terminate();
}

/// The program is what hangs, not the server; and nothing that it started outlives the look.
#[test]
fn a_token_command_that_hangs_is_named_and_ended() {
    assert_ended("wait", "took longer than 8s, and was ended", "run it by hand");
}

#[test]
fn a_token_command_that_prints_without_end_is_ended_with_what_it_started() {
    assert_ended("exec yes", "printed more than 65536 bytes", "run it by hand");
}

/// Looks at a program that starts another one and then does this.
fn assert_ended(last: &str, words: &str, remedy: &str) {
    let bench = Bench::new();
    let script = format!("echo $$ > processes; sleep 1000 > /dev/null & echo $! >> processes; {last}");
    let token = bench.place.dir.path().join("token");
    let mut command = bench
        .rewrite(
            &format!("token_file = '{}'", token.display()),
            &format!("token_command = ['sh', '-c', '{script}']"),
            "",
            "",
        )
        .unwrap();
    let answer = lines(&command.output().unwrap().stdout).remove(0);
    let [fault] = &wrong(&answer)[..] else { panic!("{answer:#}") };
    assert_eq!(fault["check"], "login", "{fault:#}");
    let found = fault["found"].as_str().unwrap();
    assert!(found.contains(&format!("token_command `sh` {words}")), "{found}");
    assert!(fault["fix"].as_str().unwrap().contains(remedy), "{fault:#}");
    let processes = fs::read_to_string(bench.place.dir.path().join("processes")).unwrap();
    assert_eq!(processes.lines().count(), 2);
    // One that has ended and is not yet reaped does nothing any more.
    let is_over = |process: &str| {
        let status = fs::read_to_string(format!("/proc/{process}/status"));
        status.is_err() || status.is_ok_and(|status| status.contains("State:\tZ"))
    };
    wait::until_true("their end", || processes.lines().all(is_over));
}
