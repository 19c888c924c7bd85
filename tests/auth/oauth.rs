//! An account that is logged in at a provider that nobody here wrote.

use super::bench::Bench;
use crate::daemon::nobody::Nobody;
use crate::support::oauth::open;
use crate::support::program::Daemon;
use std::fs;
use std::os::unix::fs::PermissionsExt;

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

/// An administrator logs in for a service that runs as another user, which then refreshes what came of it.
#[test]
fn an_administrator_may_log_in_for_the_service() {
    let Some(mut bench) = Bench::new() else { return };
    fs::create_dir(bench.place.state()).unwrap();
    let service = Nobody::of(&bench.place, &[&bench.place.state(), &bench.place.config()]);
    bench.provider.command("lifetime 0");
    bench.log_in();
    bench.api.set_token("*");
    let mut daemon = Daemon::spawn(&mut service.run(&bench.place));
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

/// A refresh token that was replaced is the only good one, whatever happens while the answer is on its way.
#[test]
fn a_stop_in_the_middle_of_a_refresh_keeps_the_login() {
    let Some(mut bench) = Bench::new() else { return };
    bench.provider.command("lifetime 0");
    bench.log_in();
    let mut daemon = bench.place.start_with(&[], &[]);
    bench.provider.command("hold");
    bench.drop_run(0);
    assert_eq!(bench.provider.hear_refresh(), 200);
    daemon.signal("TERM");
    daemon.wait_for("daemon.stopping");
    bench.provider.command("release");
    daemon.wait_for("daemon.stopped");
    // A reconcile may have asked for one of its own.
    bench.provider.command("lifetime 1");
    let grant = fs::read_to_string(bench.place.state().join("oauth-me.json")).unwrap();
    assert!(grant.contains(&format!("refresh-secret-{}\"", bench.provider.given)), "{grant}");
}

/// Logging out waits for the refresh, and takes back what it brought.
#[test]
fn a_logout_in_the_middle_of_a_refresh_takes_the_new_login_back() {
    let Some(mut bench) = Bench::new() else { return };
    bench.provider.command("lifetime 0");
    bench.log_in();
    bench.api.set_token("*");
    let mut daemon = bench.place.start_with(&[], &[]);
    bench.provider.command("hold");
    bench.drop_run(0);
    assert_eq!(bench.provider.hear_refresh(), 200);
    let logout = bench.place.command().args(["auth", "logout"]).spawn().unwrap();
    bench.provider.command("release");
    assert_eq!(bench.provider.hear("revoked")["current"], true);
    assert!(logout.wait_with_output().unwrap().status.success());
    bench.drop_run(1);
    let stopped = daemon.wait_for("account.stopped");
    assert!(stopped["reason"].as_str().unwrap().contains("nobody has logged in"), "{stopped}");
    assert_eq!(bench.status()["loggedIn"], false);
}

/// However many sessions wait for it, a login that has ended is asked for once.
#[test]
fn an_ended_login_is_not_asked_again() {
    let Some(mut bench) = Bench::new() else { return };
    bench.log_in();
    bench.provider.command("forget");
    bench.api.set_token("another");
    (0..6).for_each(|day| bench.drop_run(day));
    let mut daemon = bench.place.start_with(&[], &[]);
    daemon.wait_for("account.stopped");
    (6..12).for_each(|day| bench.drop_run(day));
    let output = bench.place.run(&["import", &bench.place.folder().display().to_string()]);
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    let asked = bench.provider.command("lifetime 1");
    assert_eq!(asked.iter().filter(|event| event["event"] == "token").count(), 1, "{asked:?}");
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
    let Some(mut bench) = Bench::new() else { return };
    bench.log_in();
    let output = bench.place.run(&["auth", "logout"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(bench.provider.hear("revoked")["current"], true);
    assert_eq!(bench.status()["loggedIn"], false);
    let again = bench.place.run(&["auth", "logout"]);
    assert!(again.status.success() && String::from_utf8(again.stdout).unwrap().contains("not logged in"));
}
