//! Pulls that are disturbed, killed and continued.

use super::{Clouds, by_id};
use crate::support::fault_server::Seen;
use crate::support::proxy::{Proxy, cut, whole};
use crate::support::wait;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn everything_arrives_through_a_flaky_server_and_a_second_time_is_no_work() {
    let clouds = Clouds::new();
    clouds.fill(2500);
    let proxy = Proxy::flaky(clouds.server.address());
    clouds.connect(proxy.address);
    let file = clouds.file();
    let to_file = ["--output", file.to_str().unwrap()];

    let (code, summary) = clouds.pull(&[]);
    assert_eq!((code, &summary["sessions"], &summary["verified"]), (Some(0), &json!(2500), &json!(true)));
    let (code, again) = clouds.pull(&[]);
    assert_eq!((code, &again["sessions"], &again["taken"]), (Some(0), &json!(2500), &json!(0)));

    let (code, summary) = clouds.pull(&to_file);
    assert_eq!((code, &summary["taken"], &summary["verified"]), (Some(0), &json!(2500), &json!(true)));
    let before = (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap());
    let (code, again) = clouds.pull(&to_file);
    assert_eq!((code, &again["taken"]), (Some(0), &json!(0)));
    assert!(before == (fs::read(&file).unwrap(), fs::metadata(&file).unwrap().modified().unwrap()), "untouched");

    assert_eq!(by_id(clouds.in_file()), clouds.all());
    assert_eq!(clouds.at_home(), clouds.kept());
    for left in ["history.jsonl.pull", "state/pull-me.json", "state/pull-me.refused.jsonl"] {
        assert!(!clouds.home.dir.path().join(left).exists(), "{left}");
    }
}

/// Where the first window of a run began.
fn began(seen: &[Seen]) -> String {
    let query = &seen.first().expect("a request").path;
    query.split("startTime=").nth(1).unwrap().split('&').next().unwrap().replace("%3A", ":")
}

/// What is noted of how far a pull is.
fn progress(clouds: &Clouds) -> [Option<Vec<u8>>; 2] {
    ["state/pull-me.json", "history.jsonl.pull"].map(|name| fs::read(clouds.home.dir.path().join(name)).ok())
}

/// Kills a pull again and again, each time a few requests after it began, and every other time not before it has noted how
/// far it is, until one ends by itself. Returns where each began.
fn kill_until_done(clouds: &Clouds, proxy: &Proxy, flags: &[&str], mut after_each: impl FnMut()) -> Vec<String> {
    let mut beginnings = Vec::new();
    let mut patience = 4;
    loop {
        let (before, noted) = (proxy.seen().len(), progress(clouds));
        let mut command = clouds.home.command();
        command.arg("pull").args(flags).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut pull = command.spawn().unwrap();
        let ended = wait::until("some requests", || {
            let has_come_on = beginnings.len() % 2 == 0 || progress(clouds) != noted;
            let is_enough = proxy.seen().len() >= before + patience && has_come_on;
            pull.try_wait().unwrap().map(Some).or(is_enough.then_some(None))
        });
        beginnings.push(began(&proxy.seen()[before..]));
        if let Some(status) = ended {
            assert!(status.success(), "{status}");
            return beginnings;
        }
        pull.kill().unwrap();
        pull.wait().unwrap();
        after_each();
        // In the end it has to list everything in one go.
        patience += 2 + patience / 4;
    }
}

#[test]
fn kills_at_any_time_lose_nothing_and_double_nothing_in_a_file() {
    let clouds = Clouds::new();
    clouds.fill(1200);
    let proxy = Proxy::flaky(clouds.server.address());
    clouds.connect(proxy.address);
    let file = clouds.file();
    // What a power cut may leave: a tail that was never durable.
    let tear = || {
        if clouds.home.dir.path().join("history.jsonl.pull").exists() {
            fs::File::options().append(true).open(&file).unwrap().write_all(b"{\"id\":\"app/1\0\0").unwrap();
        }
    };
    let beginnings = kill_until_done(&clouds, &proxy, &["--output", file.to_str().unwrap()], tear);
    assert!(beginnings.len() > 2, "{beginnings:?}");
    assert_eq!(beginnings[0], "1999-12-31T23:59:59Z");
    assert!(beginnings.windows(2).any(|pair| pair[0] < pair[1]), "continued where it stopped: {beginnings:?}");
    assert_eq!(by_id(clouds.in_file()), clouds.all());
}

#[test]
fn kills_at_any_time_lose_nothing_at_home() {
    let clouds = Clouds::new();
    clouds.fill(600);
    let proxy = Proxy::flaky(clouds.server.address());
    clouds.connect(proxy.address);
    let beginnings = kill_until_done(&clouds, &proxy, &[], || {});
    assert!(beginnings.windows(2).any(|pair| pair[0] < pair[1]), "{beginnings:?}");
    assert_eq!(clouds.at_home(), clouds.kept());
}

#[test]
fn another_pull_is_not_continued() {
    let clouds = Clouds::new();
    clouds.fill(3);
    let given = AtomicBool::new(false);
    let proxy = Proxy::start(clouds.server.address(), move |_, _, ask| {
        // Something is taken, and then it ends.
        let answer = (!given.load(Ordering::Relaxed)).then(ask)?;
        given.store(answer.body.contains("app"), Ordering::Relaxed);
        Some(whole(answer))
    });
    clouds.connect(proxy.address);
    let file = clouds.file();
    let output = ["--output", file.to_str().unwrap(), "--patience", "50ms"];
    let (code, said) = clouds.fail(&output);
    assert_eq!(code, Some(75));
    assert!(said.contains("the same command continues where this one stopped"), "{said}");
    assert_eq!(clouds.in_file().len(), 3);
    for other in [&["--from", "2010-01-01"], &["--to", "2020-01-01"]] {
        let (code, said) = clouds.fail(&[&output[..], other].concat());
        assert_eq!(code, Some(2));
        for words in ["history.jsonl.pull is of another pull", "from 2000-01-01", "history.jsonl to begin anew"] {
            assert!(said.contains(words), "{said}");
        }
    }
    clouds.connect(clouds.server.address());
    let (code, said) = clouds.fail(&output);
    assert_eq!((code, said.contains("is of another pull")), (Some(2), true), "another source: {said}");
    fs::write(clouds.home.dir.path().join("history.jsonl.pull"), "what?").unwrap();
    let (code, said) = clouds.fail(&output);
    assert_eq!((code, said.contains("delete it and ")), (Some(2), true), "{said}");
    fs::remove_file(clouds.home.dir.path().join("history.jsonl.pull")).unwrap();
    assert_eq!(clouds.pull(&output).0, Some(0));
    assert_eq!(by_id(clouds.in_file()), clouds.all());
}

/// A server that fails for a while is waited for, and the log says so.
#[test]
fn who_has_to_wait_is_told() {
    let clouds = Clouds::new();
    clouds.fill(3);
    let proxy = Proxy::start(clouds.server.address(), |number, _, ask| match number {
        0..3 => Some(cut(&ask())),
        _ => Some(whole(ask())),
    });
    clouds.connect(proxy.address);
    let mut pull = clouds.watch(&["--output", clouds.file().to_str().unwrap()]);
    let waiting = pull.wait_for("pull.waiting");
    assert_eq!(waiting["account"], "me", "{waiting}");
    let (status, _) = pull.end();
    assert!(status.success(), "{status}");
    assert_eq!(clouds.in_file().len(), 3);
}
