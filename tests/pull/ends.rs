//! How a pull ends when it cannot go on, and whose server it fills.

use super::{Clouds, by_id, serve};
use crate::daemon::nobody::{NOBODY, Nobody};
use crate::support::fault_server::Reply;
use crate::support::proxy::{Proxy, whole};
use crate::support::{foreign, wait};
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::Duration;

#[test]
fn a_wrong_token_needs_a_person() {
    let mut clouds = Clouds::new();
    clouds.token = "wrong".to_owned();
    clouds.connect(clouds.server.address());
    let (code, said) = clouds.fail(&[]);
    assert_eq!(code, Some(77));
    assert!(said.contains("does not take the credentials: HTTP 401 authError"), "{said}");
}

#[test]
fn a_server_that_is_not_there_is_for_later() {
    let clouds = Clouds::new();
    let nowhere = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    clouds.connect(nowhere);
    let (code, said) = clouds.fail(&["--patience", "300ms"]);
    assert_eq!(code, Some(75));
    assert!(said.contains("cannot connect") && said.contains("the same command continues"), "{said}");
}

#[test]
fn a_pause_that_is_asked_for_is_kept_or_not_waited_for_at_all() {
    let clouds = Clouds::new();
    clouds.fill(1);
    let busy = |seconds: &'static str| {
        Proxy::start(clouds.server.address(), move |number, _, ask| {
            Some(if number == 0 { Reply::Whole(503, seconds, String::new()) } else { whole(ask()) })
        })
    };
    let proxy = busy("Retry-After: 1\r\n");
    clouds.connect(proxy.address);
    assert_eq!(clouds.pull(&[]).0, Some(0));
    let seen = proxy.seen();
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(1));
    let proxy = busy("Retry-After: 3600\r\n");
    clouds.connect(proxy.address);
    let (code, said) = clouds.fail(&["--patience", "59m"]);
    assert_eq!((code, proxy.seen().len()), (Some(75), 1));
    assert!(said.contains("HTTP 503 (asks to wait for 3600 s)"), "{said}");
}

#[test]
fn a_closed_api_and_one_that_refuses_every_list_are_told_apart() {
    let clouds = Clouds::new();
    for (status, code, words) in [(410, 75, "HTTP 410"), (403, 1, "refuses to list even the window from 2000-01-01T")] {
        let proxy = Proxy::start(clouds.server.address(), move |_, _, _| Some(Reply::Whole(status, "", String::new())));
        clouds.connect(proxy.address);
        let (ended, said) = clouds.fail(&[]);
        assert_eq!(ended, Some(code), "{said}");
        assert!(said.contains(words) && proxy.seen().len() < 40, "{said}");
    }
}

#[test]
fn what_makes_no_sense_is_named() {
    let clouds = Clouds::new();
    clouds.connect(clouds.server.address());
    for (flags, words) in [
        (&["--from", "2020-01-01", "--to", "2019-01-01"][..], "`--from` is 2020-01-01T00:00:00Z, which is not before"),
        (&["--from", "yesterday"], "`--from` is \"yesterday\"; write it as 2014-12-31"),
        (&["--to", "2014-02-30"], "`--to` is \"2014-02-30\""),
        (&["--output", "-"], "`--output` is a file"),
        (&["--account", "anna"], "`--account` is \"anna\"; there are: me"),
    ] {
        let (code, said) = clouds.fail(flags);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains(words), "{said}");
    }
    fs::remove_file(clouds.home.config()).unwrap();
    let (code, said) = clouds.fail(&[]);
    assert_eq!(code, Some(2));
    assert!(said.contains("`destination.url` is \"embedded\" for the account me: there is nothing to pull"), "{said}");
}

/// The sessions of an account go to the user of that name, in the server that runs already.
#[test]
fn a_server_that_runs_is_filled_while_it_runs() {
    let clouds = Clouds::new();
    clouds.fill(50);
    clouds.connect(clouds.server.address());
    let anna = format!("[[account]]\nname = 'anna'\nfolders = ['a']\n{}", clouds.destination(clouds.server.address()));
    let ben = "[[account]]\nname = 'ben'\nfolders = ['b']\n";
    fs::write(clouds.home.config(), anna + ben).unwrap();
    let server = serve(&clouds.home, &[]);
    let (code, summary) = clouds.pull(&["--account", "anna"]);
    assert_eq!((code, &summary["sessions"]), (Some(0), &50.into()), "{summary}");
    let sessions = |name: &str| {
        let token = fs::read_to_string(clouds.home.state().join(format!("server-token-{name}"))).unwrap();
        let path = format!("/fitness/v1/users/me/sessions?{}", crate::support::program::ALL);
        let answer = crate::support::http::request(server.address(), "GET", &path, token.trim(), "").unwrap();
        crate::support::program::sessions(&answer)
    };
    assert_eq!(sessions("anna"), clouds.kept());
    assert!(sessions("ben").is_empty());
    server.terminate();
}

/// What is kept for the next pull as well.
#[test]
fn what_root_pulls_belongs_to_the_owner_of_the_state_directory() {
    let clouds = Clouds::new();
    clouds.fill(5);
    clouds.connect(clouds.server.address());
    fs::create_dir(clouds.home.state()).unwrap();
    let service = Nobody::of(&clouds.home, &[&clouds.home.state()]);
    if !foreign::given(service.is_another(), "only root can be somebody else") {
        return;
    }
    let (code, summary) = clouds.pull(&[]);
    assert_eq!((code, &summary["sessions"]), (Some(0), &5.into()), "{summary}");
    let made: Vec<_> = walkdir::WalkDir::new(clouds.home.state()).into_iter().map(Result::unwrap).collect();
    assert!(made.iter().any(|entry| entry.file_name() == "pull-me.agreed"), "{made:?}");
    made.iter().for_each(|entry| assert_eq!(entry.metadata().unwrap().uid(), NOBODY, "{entry:?}"));
}

/// It need not lie in the state directory, and is nobody's but root's wherever it lies.
#[test]
fn a_file_that_root_pulls_stays_roots() {
    let clouds = Clouds::new();
    clouds.fill(5);
    clouds.connect(clouds.server.address());
    let service = Nobody::of(&clouds.home, &[]);
    if !foreign::given(service.is_another(), "only root can be somebody else") {
        return;
    }
    let path = clouds.home.folder().join("all.jsonl");
    for _ in 0..2 {
        let (code, summary) = clouds.pull(&["--output", path.to_str().unwrap()]);
        assert_eq!(code, Some(0), "{summary}");
        assert_eq!(fs::metadata(&path).unwrap().uid(), 0);
        // A line that is not what the server has, so that it is replaced and the file tidied.
        let first = fs::read_to_string(&path).unwrap().lines().next().unwrap().to_owned();
        let old = first.replacen("\"name\":\"", "\"name\":\"old ", 1);
        fs::write(&path, format!("{old}\n{}", fs::read_to_string(&path).unwrap())).unwrap();
    }
}

/// A daemon that delivers to the cloud goes on meanwhile.
#[test]
fn a_daemon_beside_it_is_not_disturbed() {
    let clouds = Clouds::new();
    clouds.fill(20);
    clouds.connect(clouds.server.address());
    let mut daemon = clouds.home.start_with(&["--watch", clouds.home.folder().to_str().unwrap()], &[]);
    assert_eq!(clouds.pull(&[]).0, Some(0));
    let run = crate::support::fit::Run { records: 2, ..Default::default() };
    clouds.home.drop_file("a.fit", run.build());
    daemon.wait_for("session.delivered");
    daemon.terminate();
    let (code, summary) = clouds.pull(&[]);
    assert_eq!((code, &summary["sessions"], &summary["taken"]), (Some(0), &21.into(), &1.into()));
    assert_eq!(clouds.at_home(), clouds.kept());
}

#[test]
fn two_pulls_do_not_write_into_one_file_or_server() {
    let clouds = Clouds::new();
    clouds.fill(2);
    let proxy =
        Proxy::start(clouds.server.address(), |_, _, _| Some(Reply::Whole(503, "Retry-After: 60\r\n", String::new())));
    clouds.connect(proxy.address);
    let file = clouds.file();
    for flags in [&["--output", file.to_str().unwrap()][..], &[]] {
        let before = proxy.seen().len();
        let mut command = clouds.home.command();
        command.arg("pull").args(flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut first = command.spawn().unwrap();
        wait::until_true("the first pull", || proxy.seen().len() > before);
        let (code, said) = clouds.fail(flags);
        assert_eq!((code, said.contains("another fitferry pull fills ")), (Some(75), true), "{said}");
        first.kill().unwrap();
        first.wait().unwrap();
    }
    clouds.connect(clouds.server.address());
    fs::remove_file(&file).unwrap();
    assert_eq!(clouds.pull(&["--output", file.to_str().unwrap()]).0, Some(0));
    assert_eq!(by_id(clouds.in_file()), clouds.all());
    drop(clouds.cloud);
}
