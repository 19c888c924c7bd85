//! The file that a login is kept in: when it cannot be written, when it is damaged, and when the login has ended.

use super::bench::Bench;
use crate::support::oauth::{Login, open};
use crate::support::small_disk;
use std::fs;
use std::process::Stdio;

#[test]
fn an_ended_login_is_remembered() {
    let Some(mut bench) = Bench::new() else { return };
    bench.log_in();
    bench.provider.command("forget");
    bench.api.set_token("another");
    for day in 0..2 {
        bench.drop_run(day);
        let mut daemon = bench.place.start_with(&[], &[]);
        let stopped = daemon.wait_for("account.stopped");
        assert!(stopped["reason"].as_str().unwrap().contains("invalid_grant"), "{stopped}");
        daemon.terminate();
    }
    let asked = bench.provider.command("lifetime 1");
    assert_eq!(asked.iter().filter(|event| event["grant"] == "refresh_token").count(), 1, "{asked:?}");
    let output = bench.place.run(&["auth", "status"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(77), "{text}");
    assert!(text.contains("invalid_grant") && text.contains("fitferry auth login --account me"), "{text}");
    assert_eq!(bench.status()["loggedIn"], false);
    bench.log_in();
    assert_eq!(bench.place.run(&["auth", "status"]).status.code(), Some(0));
}

#[test]
fn logging_out_of_an_ended_login_needs_no_provider() {
    let Some(mut bench) = Bench::new() else { return };
    bench.provider.command("lifetime 0");
    bench.log_in();
    bench.provider.command("forget");
    let mut daemon = bench.place.start_with(&[], &[]);
    bench.drop_run(0);
    daemon.wait_for("account.stopped");
    let output = bench.place.run(&["auth", "logout"]);
    assert_eq!((output.status.code(), output.stdout), (Some(0), b"me is logged out\n".to_vec()));
    assert!(bench.provider.command("lifetime 1").iter().all(|event| event["event"] != "revoked"));
}

#[test]
fn a_damaged_login_is_named_and_can_be_left() {
    let Some(bench) = Bench::new() else { return };
    let destination = bench.provider.settings("http://127.0.0.1:1/fitness/v1");
    let account = |name: &str| format!("[[account]]\nname = '{name}'\nfolders = ['{name}']\n");
    fs::write(bench.place.config(), destination + &account("anna") + &account("ben") + &account("cleo")).unwrap();
    fs::create_dir(bench.place.state()).unwrap();
    let [anna, cleo] = ["anna", "cleo"].map(|name| bench.place.state().join(format!("oauth-{name}.json")));
    let draft = anna.with_extension("draft");
    fs::write(&anna, "{").unwrap();
    fs::write(&draft, "left over").unwrap();
    fs::create_dir(&cleo).unwrap();
    let output = bench.place.run(&["auth", "status"]);
    assert_eq!(output.status.code(), Some(77), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(
        lines[0].contains("oauth-anna.json is damaged") && lines[0].contains("auth login --account anna"),
        "{text}"
    );
    assert!(lines[1].starts_with("ben  oauth  not logged in"), "{text}");
    assert!(lines[2].contains("cannot read") && lines[2].contains("oauth-cleo.json"), "{text}");
    let output = bench.place.run(&["auth", "logout", "--account", "anna"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(75), "{text}");
    assert!(text.contains("logged out here, but not at the provider") && text.contains("is damaged"), "{text}");
    assert!(!anna.exists() && !draft.exists());
}

/// Nobody is sent to the provider for a login that could not be kept.
#[test]
fn a_full_disk_is_noticed_before_anybody_logs_in() {
    let Some(bench) = Bench::new() else { return };
    let script = "head -c 1M /dev/zero > \"$STATE/ballast\" 2> /dev/null\n\
                  timeout 60 \"$PROGRAM\" --config \"$CONFIG\" --state-dir \"$STATE\" auth login; code=$?; ls \"$STATE\"; exit $code";
    let Some(mut command) = small_disk::command(&bench.place, 1, script) else { return };
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(75), "{said}");
    let file = bench.grant_file();
    assert!(said.contains(file.to_str().unwrap()) && said.contains("No space left") && said.contains("room"), "{said}");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "ballast\noauth-me.lock\n");
}

/// Logs in, and fills the disk up while the person is at the provider; returns what was said and what is left.
fn log_in_on_a_disk_that_fills_up(bench: &Bench, before: &str) -> Option<String> {
    let script = format!(
        "{before}\n\"$PROGRAM\" --config \"$CONFIG\" --state-dir \"$STATE\" auth login; code=$?; ls \"$STATE\" >&2; exit $code"
    );
    let login = Login::start(&mut small_disk::command(&bench.place, 1, &script)?);
    small_disk::fill(&small_disk::inside(login.id(), &bench.place));
    open(&login.redirect());
    let (code, said) = login.end();
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains(bench.grant_file().to_str().unwrap()) && said.contains("room"), "{said}");
    Some(said)
}

#[test]
fn a_login_that_cannot_be_kept_is_given_up() {
    let Some(mut bench) = Bench::new() else { return };
    let Some(said) = log_in_on_a_disk_that_fills_up(&bench, "") else { return };
    assert!(said.ends_with("this login was given up\nballast\noauth-me.lock\n"), "{said}");
    assert_eq!(bench.provider.hear("revoked")["current"], true);
}

/// Revoking the new one would end the old one too, at many providers.
#[test]
fn a_login_that_cannot_be_kept_does_not_cost_the_earlier_one() {
    let Some(mut bench) = Bench::new() else { return };
    bench.log_in();
    fs::rename(bench.place.state(), bench.place.dir.path().join("earlier")).unwrap();
    let before = "cp \"$HOME/earlier/oauth-me.json\" \"$STATE\"";
    let Some(said) = log_in_on_a_disk_that_fills_up(&bench, before) else { return };
    assert!(said.ends_with("the earlier login stays\nballast\noauth-me.json\noauth-me.lock\n"), "{said}");
    assert!(bench.provider.command("lifetime 1").iter().all(|event| event["event"] != "revoked"));
}
