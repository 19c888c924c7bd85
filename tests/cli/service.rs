//! `fitferry doctor` beside a service: as whom it looks, what the service has to say, and what it says of who is silent.

use super::doctor::{Bench, wrong};
use crate::support::program::lines;
use crate::support::wait;
use std::fs;

/// The program is what hangs, not the server; and nothing that it started outlives the look.
#[test]
fn a_token_command_that_hangs_is_named_and_ended() {
    let bench = Bench::new();
    let script = "echo $$ > processes; sleep 1000 & echo $! >> processes; wait";
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
    assert!(found.contains("token_command `sh` took longer than 8s, and was ended"), "{found}");
    assert!(fault["fix"].as_str().unwrap().contains("run it by hand"), "{fault:#}");
    let processes = fs::read_to_string(bench.place.dir.path().join("processes")).unwrap();
    assert_eq!(processes.lines().count(), 2);
    // One that has ended and is not yet reaped does nothing any more.
    let is_over = |process: &str| {
        let status = fs::read_to_string(format!("/proc/{process}/status"));
        status.is_err() || status.is_ok_and(|status| status.contains("State:\tZ"))
    };
    wait::until_true("their end", || processes.lines().all(is_over));
}
