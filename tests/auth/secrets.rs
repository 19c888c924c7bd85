//! What nobody may see, whatever goes wrong.

use super::bench::Bench;
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::oauth::open;
use crate::support::program::Place;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Whatever goes wrong, no secret leaves the files that are its owner's alone.
#[test]
fn secrets_stay_secret() {
    let Some(mut bench) = Bench::new() else { return };
    let login = bench.begin();
    let mut arguments = arguments_of(login.id());
    open(&login.redirect());
    assert_eq!(login.end(), (Some(0), String::new()));
    let mut daemon = bench.place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    arguments += &arguments_of(daemon.id());
    assert!(arguments.contains("login") && arguments.contains("run"), "{arguments}");
    bench.drop_run(0);
    daemon.wait_for("session.delivered");
    bench.provider.command("forget");
    bench.api.set_token("another");
    bench.drop_run(1);
    daemon.wait_for("account.stopped");
    let mut said = arguments + &serde_json::to_string(&daemon.terminate().1).unwrap();
    said += &shown(&bench.place);
    for secret in ["client-secret", "access-secret", "refresh-secret", &bench.place_token()] {
        assert!(!said.contains(secret), "{secret} in {said}");
        no_open_file_holds(secret, &bench.place.state());
    }
}

/// Nor does it when the provider repeats what it was asked, at length and with what moves a cursor.
#[test]
fn what_a_provider_repeats_is_cut_out() {
    let Some(mut bench) = Bench::new() else { return };
    bench.provider.command("lifetime 0");
    bench.log_in();
    bench.provider.command("refuse");
    let login = bench.begin();
    open(&login.redirect());
    let (code, said) = login.end();
    assert_eq!(code, Some(77));
    assert!(said.lines().count() == 1 && said.contains("invalid_grant") && !said.contains('\u{1b}'), "{said}");
    no_secret(&said, &bench.provider.hear("token"));
    let mut daemon = bench.place.start_with(&[], &[]);
    bench.drop_run(0);
    let stopped = daemon.wait_for("account.stopped");
    assert!(stopped["reason"].as_str().unwrap().contains("invalid_grant"), "{stopped}");
    let said = serde_json::to_string(&daemon.terminate().1).unwrap() + &shown(&bench.place);
    no_secret(&said, &bench.provider.hear("token"));
}

/// Asserts that nothing that a request to the provider carried was said, nor much else.
fn no_secret(said: &str, request: &Value) {
    let secrets = request["secrets"].as_array().unwrap();
    assert!(secrets.len() > 1, "{request}");
    for secret in secrets {
        assert!(!said.contains(secret.as_str().unwrap()), "{secret} in {said}");
    }
    assert!(said.len() < 10_000, "{} bytes", said.len());
}

/// The same for the API, which is told the token with every request.
#[test]
fn what_the_api_repeats_is_cut_out() {
    let api = FaultServer::start("right-secret");
    let place = Place::new();
    let long = format!("\"Bearer right-secret {}\"", "x".repeat(500_000));
    let raw = format!("HTTP/1.1 200 X\r\nContent-Length: {}\r\n\r\n{long}", long.len());
    let other = r#"{"id":"right-secret","name":"","startTimeMillis":1,"endTimeMillis":2,"activityType":8}"#;
    let (words, refusal) = (
        r#"{"error":{"message":"no token right-secret","errors":[{"reason":"right-secret"}]}}"#,
        r#"{"error":{"message":"Invalid token Bearer right-secret\n"}}"#,
    );
    api.plan([
        Fault::Answer(500, "", words),
        Fault::Answer(200, "Content-Type: text/right-secret\r\n", "[]"),
        Fault::Raw(raw.into_bytes()),
        Fault::Answer(200, "", other),
        Fault::Answer(401, "", refusal),
    ]);
    let token_file = place.dir.path().join("token");
    fs::write(&token_file, "right-secret").unwrap();
    let settings = format!("folders = ['{}']\ndelivery.retry_first = '20ms'\n", place.folder().display());
    fs::write(place.config(), settings + &api.destination(&token_file)).unwrap();
    place.drop_file("a.fit", Run::default().build());
    let mut daemon = place.start_with(&[], &[]);
    daemon.wait_for("account.stopped");
    let mut said = serde_json::to_string(&daemon.terminate().1).unwrap() + &shown(&place);
    for part in ["no token …", "text/…", "Bearer …", "the session …", "Invalid token Bearer …"] {
        assert!(said.contains(part), "{part} in {said}");
    }
    said.retain(|c| c != '\\');
    assert!(!said.contains("right-secret") && said.len() < 10_000, "{said}");
}

fn arguments_of(process: u32) -> String {
    fs::read_to_string(format!("/proc/{process}/cmdline")).unwrap()
}

/// What people may ask for.
fn shown(place: &Place) -> String {
    let mut said = String::new();
    for command in [&["status"][..], &["config", "show"], &["auth", "status"], &["sessions", "list"]] {
        let output = place.run(command);
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
    }
    said
}

impl Bench {
    /// No embedded server, so no token of it either; any text that is nowhere.
    fn place_token(&self) -> String {
        fs::read_to_string(self.place.state().join("server-token")).unwrap_or_else(|_| "no such token".to_owned())
    }
}

fn no_open_file_holds(secret: &str, folder: &Path) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_file() {
            let content = fs::read(entry.path()).unwrap();
            let found = content.windows(secret.len()).any(|window| window == secret.as_bytes());
            let mode = entry.metadata().unwrap().permissions().mode() & 0o077;
            assert!(!found || mode == 0, "{secret} in {}", entry.path().display());
        }
    }
}
