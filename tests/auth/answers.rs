//! Answers of a provider that are not as they should be.

use super::bench::Bench;
use crate::support::oauth::open;

/// Logs in; exit code and what was said on stderr.
fn log_in(bench: &mut Bench, answer: &str) -> (Option<i32>, String) {
    bench.provider.command(&format!("with {answer}"));
    let login = bench.begin();
    open(&login.redirect());
    login.end()
}

#[test]
fn a_login_that_could_not_work_is_refused() {
    let Some(mut bench) = Bench::new() else { return };
    let long = format!(r#"{{"access_token":"{}"}}"#, "x".repeat(70_000));
    for (answer, expected, word) in [
        (r#"{"access_token":""}"#, 75, "access token"),
        (r#"{"access_token":"secret\nvalue"}"#, 75, "access token"),
        (&long, 75, "access token"),
        (r#"{"refresh_token":"secret value"}"#, 75, "refresh token"),
        (r#"{"refresh_token":""}"#, 77, "no refresh token"),
    ] {
        let (code, said) = log_in(&mut bench, answer);
        assert_eq!(code, Some(expected), "{answer}: {said}");
        assert!(said.contains(word) && !said.contains("value") && said.len() < 500, "{said}");
        assert_eq!(bench.status()["loggedIn"], false);
        assert!(!bench.grant_file().exists());
    }
}

/// What a provider says on the side is not worth a login.
#[test]
fn oddities_do_no_harm() {
    let Some(mut bench) = Bench::new() else { return };
    let scope = "https://www.googleapis.com/auth/fitness.activity.write";
    let long = format!(r#"{{"scope":"{scope} \u001b[2J {}"}}"#, "x".repeat(500_000));
    for (answer, expires) in [(r#"{"expires_in":"3600"}"#, true), (r#"{"expires_in":"soon"}"#, false), (&long, true)] {
        assert_eq!(log_in(&mut bench, answer), (Some(0), String::new()));
        let status = bench.status();
        assert_eq!((&status["loggedIn"], status["expires"].is_string()), (&true.into(), expires), "{status}");
        let text = String::from_utf8(bench.place.run(&["auth", "status"]).stdout).unwrap();
        assert!(text.contains(scope) && text.len() < 10_000 && !text.contains('\u{1b}'), "{text}");
    }
}
