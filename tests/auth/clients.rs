//! As whom fitferry introduces itself, where the browser comes back to, and what a login is told about its end.

use super::bench::Bench;
use crate::support::oauth::{Login, open};
use crate::support::program::Place;
use serde_json::Value;
use std::fs;
use std::net::TcpListener;
use std::process::Stdio;

const CLIENT: &str = r#"{"installed":{"client_id":"client","client_secret":"client-secret","redirect_uris":["x"]}}"#;

/// Logs in and delivers, which takes the secret twice: from the configuration, a file, the environment, and systemd.
#[test]
fn a_client_may_come_from_anywhere() {
    for (identity, variables) in [
        ("client_file = 'client.json'", &[][..]),
        (
            "",
            &[
                ("FITFERRY_DESTINATION__OAUTH__CLIENT_ID", "client"),
                ("FITFERRY_DESTINATION__OAUTH__CLIENT_SECRET", "client-secret"),
            ][..],
        ),
        ("client_id = 'client'", &[("FITFERRY_DESTINATION__OAUTH__CLIENT_SECRET", "client-secret")]),
        ("", &[("CREDENTIALS_DIRECTORY", "given")]),
    ] {
        let Some(mut bench) = Bench::introduced_by(identity) else { return };
        let dir = bench.place.dir.path();
        fs::write(dir.join("client.json"), CLIENT).unwrap();
        let given = dir.join("given");
        fs::create_dir(&given).unwrap();
        fs::write(given.join("oauth-client"), CLIENT).unwrap();
        let given = given.display().to_string();
        let variables: Vec<(&str, &str)> =
            variables.iter().map(|(name, value)| (*name, if *value == "given" { &given } else { *value })).collect();
        bench.provider.command("lifetime 0");
        bench.api.set_token("*");
        let login = Login::start(bench.place.command().args(["auth", "login"]).envs(variables.iter().copied()));
        open(&login.redirect());
        assert_eq!(login.end(), (Some(0), String::new()), "{identity} {variables:?}");
        let mut daemon = bench.place.start_with(&[], &variables);
        bench.drop_run(0);
        daemon.wait_for("session.delivered");
        assert_eq!(bench.provider.hear_refresh(), 200);
    }
}

/// As it has to be, where a port is forwarded from another machine.
#[test]
fn the_browser_comes_back_to_the_port_that_was_said() {
    let Some(bench) = Bench::new() else { return };
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let arguments = ["auth", "login", "--port", &port];
    let output = bench.place.run(&arguments);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(77), "{said}");
    assert!(said.contains(&format!("cannot listen on port {port}")) && said.contains("--port"), "{said}");
    drop(taken);
    let login = Login::start(bench.place.command().args(arguments));
    assert!(login.link.contains(&format!("127.0.0.1%3A{port}")), "{}", login.link);
    open(&login.redirect());
    assert_eq!(login.end(), (Some(0), String::new()));
}

/// A login as it is kept, made at this moment.
const GRANT: &str = r#"{"access_token":"a","refresh_token":"r","expires":"2026-11-22T13:00:00Z","renew":null,"scope":"s",
    "since":"2026-11-22T12:00:00Z","token_url":"https://oauth2.googleapis.com/token","revoke_url":null}"#;

#[test]
fn googles_logins_of_clients_in_testing_are_told_their_end() {
    for (provider, is_googles) in [
        ("", true),
        ("issuer = 'https://accounts.google.com'", true),
        ("issuer = 'https://login.example.org'", false),
        ("authorize_url = 'https://example.org/a'\ntoken_url = 'https://example.org/t'", false),
    ] {
        let place = Place::new();
        let settings =
            format!("[destination]\nurl = 'https://example.org'\n[destination.oauth]\nclient_id = 'c'\n{provider}\n");
        fs::write(place.config(), settings).unwrap();
        fs::create_dir(place.state()).unwrap();
        fs::write(place.state().join("oauth-me.json"), GRANT).unwrap();
        let status: &Value = &place.json(&["auth", "status", "--json"])[0];
        assert_eq!((&status["scope"], &status["expires"]), (&"s".into(), &"2026-11-22T13:00:00Z".into()), "{status}");
        let text = String::from_utf8(place.run(&["auth", "status"]).stdout).unwrap();
        assert!(text.contains("for s") && text.contains("2026-11-22T13:00:00Z"), "{text}");
        let warned = |text: &str| text.contains("\"Testing\"") && text.contains("2026-11-29T12:00:00Z");
        assert_eq!(
            (warned(status["hint"].as_str().unwrap_or_default()), warned(&text)),
            (is_googles, is_googles),
            "{text}"
        );
    }
}

/// The daemon's sessions are sent together; their login is renewed once.
#[test]
fn many_requests_renew_a_login_once() {
    let Some(mut bench) = Bench::new() else { return };
    bench.provider.command("lifetime 0");
    bench.log_in();
    bench.provider.command("lifetime 3600");
    bench.api.set_token("*");
    (0..30).for_each(|day| bench.drop_run(day));
    let mut daemon = bench.place.start_with(&[], &[]);
    (0..30).for_each(|_| drop(daemon.wait_for("session.delivered")));
    let asked = bench.provider.command("lifetime 1");
    assert_eq!(asked.iter().filter(|event| event["grant"] == "refresh_token").count(), 1, "{asked:?}");
}

/// Nobody is given a link, nor is a secret sent, that leads anywhere without protection.
#[test]
fn endpoints_that_are_not_safe_are_refused() {
    let good = "http://127.0.0.1:1/x";
    for (authorize, token, revoke, code, word) in [
        (good, "http://192.0.2.1/t", good, 77, "http://192.0.2.1/t, to which no secret must go"),
        (good, good, "http://example.org/r", 77, "http://example.org/r"),
        ("javascript:alert(1)", good, good, 77, "javascript:"),
        ("file:///etc/passwd", good, good, 77, "file:"),
        ("/relative", good, good, 75, "is not an OpenID configuration"),
    ] {
        let document = format!(
            "{{\"authorization_endpoint\":\"{authorize}\",\"token_endpoint\":\"{token}\",\"revocation_endpoint\":\"{revoke}\"}}"
        );
        let said = refused(&format!("200 OK\r\nContent-Length: {}\r\n\r\n{document}", document.len()), code);
        assert!(said.contains(word), "{said}");
    }
    for status in [404, 500, 302] {
        let said = refused(&format!("{status} X\r\nContent-Length: 0\r\n\r\n"), 75);
        assert!(said.contains(&format!("answers with HTTP {status}")), "{said}");
    }
}

/// What `auth login` says where the issuer answers like this.
fn refused(answer: &str, code: i32) -> String {
    let issuer = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = Place::new();
    let settings = format!(
        "[destination]\nurl = 'https://example.org'\n[destination.oauth]\nclient_id = 'c'\nclient_secret = 'hidden'\nissuer = 'http://{}'\n",
        issuer.local_addr().unwrap()
    );
    fs::write(place.config(), settings).unwrap();
    let answer = format!("HTTP/1.1 {answer}");
    std::thread::spawn(move || {
        let (mut stream, _) = issuer.accept().unwrap();
        let _ = std::io::Read::read(&mut stream, &mut [0; 4096]);
        let _ = std::io::Write::write_all(&mut stream, answer.as_bytes());
    });
    let output = place.command().args(["auth", "login"]).stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(code), Vec::new()), "{said}");
    said
}
