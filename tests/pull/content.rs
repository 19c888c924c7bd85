//! Sessions as other apps write them.

use super::{Clouds, by_id, put, serve};
use crate::support::fault_server::Reply;
use crate::support::program::lines;
use crate::support::proxy::Proxy;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

/// What a list may hold that our server would never have stored.
const ODD: &str = r#"{
  "session": [
    {"id": "android", "startTimeMillis": "1400000000000", "endTimeMillis": "1400003600000", "activityType": 7,
     "modifiedTimeMillis": "1400003600001", "name": "Evening walk",
     "application": {"packageName": "com.google.android.apps.fitness", "version": "", "detailsUrl": ""}},
    {"id": "of-the-future", "name": "n", "startTimeMillis": "1400000000000", "endTimeMillis": "1400003600000",
     "activityType": 999, "application": {"name": "t"}, "exact": 1.10, "more": {"x": [1, "a  b"]}},
    {"id": "backwards", "name": "n", "startTimeMillis": "1400000000001", "endTimeMillis": "1400000000000",
     "activityType": 8, "application": {"name": "t"}},
    {"id": "open", "name": "n", "startTimeMillis": "1400000000000", "activityType": 8, "application": {"name": "t"}},
    {"id": "..", "name": "n", "startTimeMillis": "1400000000000", "endTimeMillis": "1400003600000",
     "activityType": 8, "application": {"name": "t"}},
    {"name": "nobody", "startTimeMillis": "1400000000000", "endTimeMillis": "1400003600000"},
    null,
    {"id": "plain", "name": "n", "startTimeMillis": 1400000000000, "endTimeMillis": "1400003600000",
     "activityType": "8", "application": {"name": "t"}, "version": 1}
  ]
}"#;

fn odd() -> (Clouds, Proxy) {
    let clouds = Clouds::new();
    let proxy = Proxy::start(clouds.server.address(), |_, _, _| Some(Reply::Whole(200, "", ODD.to_owned())));
    clouds.connect(proxy.address);
    (clouds, proxy)
}

#[test]
fn a_file_holds_them_as_they_came() {
    let (clouds, _proxy) = odd();
    let file = clouds.file();
    let flags = ["--from", "2014-01-01", "--to", "2014-06-01", "--output", file.to_str().unwrap()];
    let (code, summary) = clouds.pull(&flags);
    assert_eq!((code, &summary["verified"], &summary["sessions"]), (Some(1), &json!(true), &json!(7)));
    assert_eq!(summary["refusals"][0]["reason"], "it has neither an id nor a time", "{summary}");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(r#""exact":1.10,"more":{"x":[1,"a  b"]}}"#), "{text}");
    let mut expected: Vec<Value> = serde_json::from_str::<Value>(ODD).unwrap()["session"].as_array().unwrap().clone();
    expected.retain(|session| !session.is_null());
    assert_eq!(clouds.in_file(), expected);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600, "nobody else's business");
    assert_eq!(clouds.pull(&flags).1["taken"], 0);
}

#[test]
fn what_our_server_refuses_is_named_and_kept_and_holds_up_nothing() {
    let (clouds, _proxy) = odd();
    let flags = ["--from", "2014-01-01", "--to", "2014-06-01"];
    let (code, summary) = clouds.pull(&flags);
    assert_eq!((code, &summary["verified"], &summary["sessions"]), (Some(1), &json!(true), &json!(2)), "{summary}");
    assert_eq!((&summary["refused"], &summary["taken"]), (&json!(6), &json!(2)));
    let output = clouds.home.run(&[&["pull"][..], &flags].concat());
    let said = String::from_utf8(output.stdout).unwrap();
    for words in [
        "refused  of-the-future: HTTP 400 invalidArgument: Unknown activityType 999.",
        "refused  backwards: HTTP 400 invalidArgument: endTimeMillis is before startTimeMillis.",
        "refused  open: HTTP 400 invalidArgument: Invalid session: missing field `endTimeMillis`",
        "refused  ..: its id cannot stand in a URL",
        "refused  a session without an id: it has no id",
        "2 sessions, verified; 0 of them new or changed",
        "6 sessions were refused; they are kept in ",
    ] {
        assert!(said.contains(words), "{words} is not in {said}");
    }
    let kept = lines(&fs::read(clouds.home.state().join("pull-me.refused.jsonl")).unwrap());
    assert_eq!(kept.len(), 6);
    let future = kept.iter().find(|line| line["session"]["id"] == "of-the-future").unwrap();
    assert_eq!(future["session"]["more"], json!({"x": [1, "a  b"]}));
    let at_home = clouds.at_home();
    let application = &at_home["android"]["application"];
    assert_eq!(application["name"], "com.google.android.apps.fitness", "what a put needs and this list did not have");
    assert_eq!((&at_home["plain"]["startTimeMillis"], at_home.len()), (&json!("1400000000000"), 2));
}

#[test]
fn a_file_of_something_else_is_left_alone() {
    let clouds = Clouds::new();
    clouds.fill(2);
    clouds.connect(clouds.server.address());
    let file = clouds.file();
    for text in ["a,b\n1,2\n", "{\"level\":\"info\"}\n", "{\"id\":\"a\"", "\u{0}\n", "\n"] {
        fs::write(&file, text).unwrap();
        let (code, said) = clouds.fail(&["--output", file.to_str().unwrap()]);
        assert_eq!(code, Some(2), "{said}");
        assert!(said.contains("line 1 of ") && said.contains("give --output a file of its own"), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text);
    }
    // One of an earlier pull grows by what is new, and loses nothing that is gone from the source.
    fs::write(&file, "{\"id\":\"gone\",\"name\":\"n\"}\n").unwrap();
    let (code, summary) = clouds.pull(&["--output", file.to_str().unwrap()]);
    assert_eq!((code, &summary["taken"], &summary["others"]), (Some(0), &json!(2), &json!(1)));
    assert_eq!(by_id(clouds.in_file()).len(), 3);
}

/// What both had after the last pull tells who has changed since, whatever the clocks say.
#[test]
fn what_was_edited_at_home_stays_and_what_changed_at_the_source_comes() {
    let clouds = Clouds::new();
    let version = |name: &str, modified: i64| {
        let session = json!({"id": "a", "name": name, "startTimeMillis": "1400000000000", "activityType": 8,
            "endTimeMillis": "1400003600000", "modifiedTimeMillis": modified.to_string(), "application": {"name": "t"}});
        (json!({"session": [session]}).to_string(), session)
    };
    const LONG_AGO: i64 = 1_400_003_600_001;
    let list = Arc::new(Mutex::new(version("theirs", LONG_AGO).0));
    let shown = Arc::clone(&list);
    let proxy = Proxy::start(clouds.server.address(), move |_, _, _| {
        Some(Reply::Whole(200, "", shown.lock().unwrap().clone()))
    });
    let show = |name: &str, modified: i64| *list.lock().unwrap() = version(name, modified).0;
    clouds.connect(proxy.address);
    let pull = |taken: u64, edited: u64, name: &str| {
        let (code, summary) = clouds.pull(&["--from", "2014-01-01", "--to", "2014-06-01"]);
        let told = ["verified", "sessions", "taken", "edited"].map(|member| &summary[member]);
        assert_eq!((code, told), (Some(0), [&json!(true), &json!(1), &json!(taken), &json!(edited)]), "{name}");
        assert_eq!(clouds.at_home()["a"]["name"], name);
    };
    let edit = |name: &str| {
        let home = serve(&clouds.home, &[]);
        put(home.address(), &clouds.home.token(), &version(name, 0).1);
        home.terminate();
    };
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap();
    pull(1, 0, "theirs");
    // By a clock that is years behind ours, or without a word of when.
    show("theirs too", LONG_AGO + 9);
    pull(1, 0, "theirs too");
    edit("ours");
    pull(0, 1, "ours");
    pull(0, 1, "ours");
    let said = String::from_utf8(clouds.home.run(&["pull"]).stdout).unwrap();
    assert!(said.contains("1 sessions were edited in fitferry's own server, and stay as they are there"), "{said}");
    // Where both have changed, the later one is right.
    show("theirs again", LONG_AGO + 10);
    pull(0, 1, "ours");
    show("theirs at last", now());
    pull(1, 0, "theirs at last");
}
