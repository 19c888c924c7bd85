//! However a server cuts its lists, each session comes once.

use super::{Clouds, HOUR, START, by_id, session};
use crate::support::fault_server::Reply;
use crate::support::http::Answer;
use crate::support::proxy::{Proxy, whole};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, Ordering};

fn of(list: &Answer) -> Vec<Value> {
    list.json()["session"].as_array().cloned().unwrap_or_default()
}

fn list(sessions: &[Value]) -> Reply {
    Reply::Whole(200, "", json!({"session": sessions}).to_string())
}

fn pulls_everything(clouds: &Clouds, proxy: &Proxy) {
    clouds.connect(proxy.address);
    let file = clouds.file();
    let (code, summary) = clouds.pull(&["--output", file.to_str().unwrap()]);
    assert_eq!((code, &summary["verified"]), (Some(0), &json!(true)), "{summary}");
    assert_eq!(by_id(clouds.in_file()), clouds.all());
}

/// As Google does, at 10,000.
#[test]
fn windows_that_are_too_large_are_split() {
    let clouds = Clouds::new();
    clouds.fill(300);
    let proxy = Proxy::start(clouds.server.address(), |_, _, ask| {
        let answer = ask();
        let error =
            r#"{"error":{"code":400,"message":"Session limit of 60 exceeded.","errors":[{"reason":"invalid"}]}}"#;
        Some(if of(&answer).len() > 60 { Reply::Whole(400, "", error.to_owned()) } else { whole(answer) })
    });
    pulls_everything(&clouds, &proxy);
    let (code, summary) = clouds.pull(&[]);
    assert_eq!((code, &summary["sessions"]), (Some(0), &json!(300)));
}

/// Nobody is known to do this, but what it would cost is gone for ever.
#[test]
fn lists_that_are_cut_without_a_word_are_noticed() {
    let clouds = Clouds::new();
    clouds.fill(1800);
    let proxy = Proxy::start(clouds.server.address(), |_, _, ask| {
        let sessions = of(&ask());
        Some(list(&sessions[..sessions.len().min(1001)]))
    });
    pulls_everything(&clouds, &proxy);
}

#[test]
fn pages_are_followed() {
    let clouds = Clouds::new();
    clouds.fill(250);
    let proxy = Proxy::start(clouds.server.address(), |_, request, ask| {
        let token = request.path.split("pageToken=page-").nth(1).and_then(|number| number.parse().ok());
        let page: usize = token.unwrap_or(0);
        let sessions = of(&ask());
        let rest = &sessions[sessions.len().min(page * 40)..];
        // There is a token on the last page, too.
        let body = json!({"session": rest[..rest.len().min(40)], "nextPageToken": format!("page-{}", page + 1)});
        Some(Reply::Whole(200, "", body.to_string()))
    });
    pulls_everything(&clouds, &proxy);
}

/// Google's documentation says that a token is ignored beside a window.
#[test]
fn a_token_that_leads_nowhere_is_not_followed_for_ever() {
    let clouds = Clouds::new();
    clouds.fill(20);
    let proxy = Proxy::start(clouds.server.address(), |number, _, ask| {
        let body = json!({"session": of(&ask()), "nextPageToken": number.to_string()});
        Some(Reply::Whole(200, "", body.to_string()))
    });
    pulls_everything(&clouds, &proxy);
}

/// The first window ends 30 days after its beginning. Long and short sessions lie on both sides of that, and on it.
#[test]
fn sessions_at_the_edge_of_a_window_come_once_by_either_rule() {
    for rule in ["overlap", "ends"] {
        let clouds = Clouds::with(&[("FITFERRY_SERVER__WINDOW", rule)]);
        let edge = START + 30 * 24 * HOUR;
        let spans = [(0, 0), (-1, 0), (0, 1), (-1, 1), (-HOUR, 0), (-HOUR, HOUR), (-1, 72 * HOUR), (-1, -1), (1, 1)];
        for (number, (start, end)) in (0..).zip(spans) {
            let mut session = session(number);
            session["startTimeMillis"] = json!((edge + start).to_string());
            session["endTimeMillis"] = json!((edge + end).to_string());
            clouds.put(&session);
        }
        clouds.connect(clouds.server.address());
        let file = clouds.file();
        let flags = ["--from", "2014-05-13T16:53:20Z", "--output", file.to_str().unwrap()];
        let (code, summary) = clouds.pull(&flags);
        assert_eq!((code, &summary["sessions"]), (Some(0), &json!(spans.len())), "{rule}: {summary}");
        assert_eq!(by_id(clouds.in_file()), clouds.all(), "{rule}");
        assert_eq!(clouds.pull(&flags[..2]).1["sessions"], json!(spans.len()));
        assert_eq!(clouds.at_home(), clouds.kept(), "{rule}");
    }
}

#[test]
fn a_span_of_days_holds_its_last_day() {
    let clouds = Clouds::new();
    clouds.fill(72);
    clouds.connect(clouds.server.address());
    // The first one starts on 2014-05-13 at 16:53 UTC; the last of each day goes on into the next.
    for (flags, count) in [
        (&["--from", "2014-05-15"][..], 72 - 31),
        (&["--to", "2014-05-13"], 8),
        (&["--from", "2014-05-14", "--to", "2014-05-14"], 25),
        (&["--from", "2014-05-13T17:00:00Z", "--to", "2014-05-13T18:30:00Z"], 2),
    ] {
        let file = clouds.home.dir.path().join("part.jsonl");
        let (code, summary) = clouds.pull(&[flags, &["--output", file.to_str().unwrap()]].concat());
        assert_eq!((code, &summary["sessions"]), (Some(0), &json!(count)), "{flags:?} {summary}");
        std::fs::remove_file(file).unwrap();
    }
}

/// What is edited while it is pulled is taken again, and stands in the file once.
#[test]
fn edits_meanwhile_are_followed() {
    let clouds = Clouds::new();
    clouds.fill(30);
    let first = AtomicBool::new(true);
    let proxy = Proxy::start(clouds.server.address(), move |_, _, ask| {
        let mut sessions = of(&ask());
        if let Some(session) = sessions.get_mut(3)
            && first.swap(false, Ordering::Relaxed)
        {
            session["name"] = json!("as it was before");
        }
        Some(list(&sessions))
    });
    pulls_everything(&clouds, &proxy);
    assert_eq!(clouds.in_file().len(), 30);
}

#[test]
fn a_source_that_never_stays_the_same_is_not_called_verified() {
    let clouds = Clouds::new();
    clouds.fill(5);
    let proxy = Proxy::start(clouds.server.address(), |number, _, ask| {
        let mut sessions = of(&ask());
        if let Some(session) = sessions.get_mut(0) {
            session["views"] = json!(number);
        }
        Some(list(&sessions))
    });
    clouds.connect(proxy.address);
    let file = clouds.file();
    let output = clouds.home.run(&["pull", "--output", file.to_str().unwrap()]);
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("differs  app/0 ü") && said.contains("not verified"), "{said}");
    // Our server does not keep what only counts.
    assert_eq!(clouds.pull(&[]).0, Some(0));
}
