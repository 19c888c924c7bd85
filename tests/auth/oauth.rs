//! An account that is logged in at a provider that nobody here wrote.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::oauth::{Login, OAuthServer, open};
use crate::support::program::Place;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const START: i64 = 1_600_000_000;

struct Bench {
    provider: OAuthServer,
    api: FaultServer,
    place: Place,
}

impl Bench {
    fn new() -> Option<Self> {
        let provider = OAuthServer::start()?;
        let api = FaultServer::start("access-secret-1");
        let place = Place::new();
        let settings = provider.settings(&format!("http://{}/fitness/v1", api.address));
        let folders = format!("folders = ['{}']\ndelivery.retry_first = '20ms'\n", place.folder().display());
        fs::write(place.config(), folders + &settings).unwrap();
        Some(Self { provider, api, place })
    }

    fn begin(&self) -> Login {
        Login::start(self.place.command().args(["auth", "login"]))
    }

    fn log_in(&self) {
        let login = self.begin();
        let page = open(&login.redirect());
        assert!(page.contains("You can close this page"), "{page}");
        assert_eq!(login.end(), (Some(0), String::new()));
    }

    fn drop_run(&self, day: i64) {
        let run = Run { records: 2, ..Run::at(START + day * 86_400) };
        self.place.drop_file(&format!("{day}.fit"), run.build());
    }

    fn status(&self) -> serde_json::Value {
        let output = self.place.run(&["auth", "status", "--json"]);
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

#[test]
fn a_login_by_the_browser_delivers() {
    let Some(bench) = Bench::new() else { return };
    assert_eq!(bench.status()["loggedIn"], false);
    let login = bench.begin();
    for part in ["code_challenge_method=S256", "fitness.activity.write", "access_type=offline", "client_id=client"] {
        assert!(login.link.contains(part), "{}", login.link);
    }
    let redirect = login.redirect();
    // Somebody else's answer does not end it.
    let forged = redirect.replace("state=", "state=x");
    assert!(open(&forged).starts_with("HTTP/1.1 400"), "{forged}");
    open(&redirect);
    assert_eq!(login.end().0, Some(0));
    let grant = bench.place.state().join("oauth-me.json");
    assert_eq!(fs::metadata(grant).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(bench.status()["scope"], "https://www.googleapis.com/auth/fitness.activity.write");
    let mut daemon = bench.place.start_with(&[], &[]);
    bench.drop_run(0);
    daemon.wait_for("session.delivered");
}

#[test]
fn a_pasted_address_is_as_good() {
    let Some(bench) = Bench::new() else { return };
    let mut login = bench.begin();
    let redirect = login.redirect();
    login.paste("what?");
    login.paste(&redirect);
    assert_eq!(login.end(), (Some(0), String::new()));
}

#[test]
fn a_login_without_the_permission_is_refused() {
    let Some(mut bench) = Bench::new() else { return };
    bench.provider.command("narrow");
    let login = bench.begin();
    open(&login.redirect());
    let (code, said) = login.end();
    assert_eq!(code, Some(77));
    assert!(said.contains("fitness.activity.write") && said.contains("was not given"), "{said}");
    assert_eq!(bench.status()["loggedIn"], false);
}

/// Tokens that end soon are replaced before they do, and the refresh token that comes with them is kept.
#[test]
fn tokens_are_refreshed_and_rotate() {
    let Some(mut bench) = Bench::new() else { return };
    // Ended as soon as given: every request needs another.
    bench.provider.command("lifetime 0");
    bench.log_in();
    bench.api.set_token("*");
    let mut daemon = bench.place.start_with(&[], &[]);
    for day in 0..2 {
        bench.drop_run(day);
        daemon.wait_for("session.delivered");
        assert_eq!(bench.provider.hear_refresh(), 200);
    }
    daemon.terminate();
    let grant = fs::read_to_string(bench.place.state().join("oauth-me.json")).unwrap();
    assert!(grant.contains("refresh-secret-") && !grant.contains("refresh-secret-1\""), "{grant}");
}

/// A token that is refused before its time is replaced too, once.
#[test]
fn a_refused_token_is_refreshed_at_once() {
    let Some(bench) = Bench::new() else { return };
    bench.log_in();
    bench.api.set_token("access-secret-2");
    let mut daemon = bench.place.start_with(&[], &[]);
    bench.drop_run(0);
    daemon.wait_for("session.delivered");
    assert_eq!(daemon.events("session.retry").len() + daemon.events("account.stopped").len(), 0);
}

/// The daemon says once what is to be done, goes on queueing, and picks the new login up without a restart.
#[test]
fn an_ended_login_stops_the_account_until_the_next() {
    let Some(mut bench) = Bench::new() else { return };
    bench.log_in();
    bench.provider.command("forget");
    bench.api.set_token("another");
    let mut daemon = bench.place.start_with(&[], &[]);
    bench.drop_run(0);
    let stopped = daemon.wait_for("account.stopped");
    let reason = stopped["reason"].as_str().unwrap();
    assert!(reason.contains("invalid_grant") && reason.contains("fitferry auth login --account me"), "{reason}");
    bench.drop_run(1);
    daemon.wait_for("file.queued");
    assert_eq!(daemon.events("account.stopped").len(), 1);
    bench.api.set_token("access-secret-2");
    bench.log_in();
    daemon.wait_for("account.resumed");
    crate::support::wait::until_true("both", || bench.api.sessions().len() == 2);
}

#[test]
fn a_logout_revokes() {
    let Some(bench) = Bench::new() else { return };
    bench.log_in();
    let output = bench.place.run(&["auth", "logout"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bench.provider.hear("revoked")["current"], true);
    assert_eq!(bench.status()["loggedIn"], false);
    let again = bench.place.run(&["auth", "logout"]);
    assert!(again.status.success() && String::from_utf8(again.stdout).unwrap().contains("not logged in"));
}

/// Whatever goes wrong, no secret leaves the files that are its owner's alone.
#[test]
fn secrets_stay_secret() {
    let Some(mut bench) = Bench::new() else { return };
    bench.log_in();
    let mut daemon = bench.place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    let arguments = fs::read_to_string(format!("/proc/{}/cmdline", daemon.id())).unwrap();
    bench.drop_run(0);
    daemon.wait_for("session.delivered");
    bench.provider.command("forget");
    bench.api.set_token("another");
    bench.drop_run(1);
    daemon.wait_for("account.stopped");
    let mut said = arguments + &serde_json::to_string(&daemon.terminate().1).unwrap();
    for command in [&["status"][..], &["config", "show"], &["auth", "status"], &["sessions", "list", "--json"]] {
        let output = bench.place.run(command);
        said += &String::from_utf8_lossy(&output.stdout);
        said += &String::from_utf8_lossy(&output.stderr);
    }
    for secret in ["client-secret", "access-secret", "refresh-secret", &bench.place_token()] {
        assert!(!said.contains(secret), "{secret} in {said}");
        no_open_file_holds(secret, &bench.place.state());
    }
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
