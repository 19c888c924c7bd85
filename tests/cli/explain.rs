//! `explain`: the whole story of files, folders and sessions, with and without a daemon, a memory, or even the file.

use crate::daemon::nobody::{Nobody, chmod};
use crate::support::archive::{Zip, gzip};
use crate::support::fault_server::{Fault, FaultServer};
use crate::support::fit::Run;
use crate::support::program::{Place, lines};
use crate::support::xml;
use crate::sync::deliver::{START, id, place_for};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// What Strava says of the run of `Run::default()`.
const ROW: &str = "Activity ID,Activity Date,Activity Name,Activity Type,Activity Description,Elapsed Time,Distance\n\
    4711,\"Apr 12, 2026, 6:30:20 AM\",Round the lake,Run,,3590,10.2\n";

const SESSION: &str = "fitferry-20260412T063015Z";

/// What is told as JSON, one story, and how it ended.
fn told(place: &Place, subject: impl AsRef<Path>) -> (Value, Option<i32>) {
    let output = place.command().args(["explain", "--json"]).arg(subject.as_ref()).output().unwrap();
    let mut stories = lines(&output.stdout);
    assert_eq!(stories.len(), 1, "{output:?}");
    (stories.remove(0), output.status.code())
}

/// The same for people.
fn text(place: &Place, subject: impl AsRef<Path>) -> String {
    let output = place.command().arg("explain").arg(subject.as_ref()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn import(place: &Place, path: &Path) {
    assert!(place.run(&["import", path.to_str().unwrap()]).status.success());
}

fn configure(place: &Place, settings: &str) {
    fs::write(place.config(), format!("folders = ['{}']\n{settings}", place.folder().display())).unwrap();
}

fn next(story: &Value) -> String {
    story["next"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect::<Vec<_>>().join("\n")
}

/// Its file says something else now: nobody removed it, so it stays.
#[test]
fn a_session_of_an_overwritten_file_says_why_it_is_there() {
    let place = Place::new();
    let file = place.drop_file("run.fit", Run::default().build());
    import(&place, &file);
    assert!(text(&place, SESSION).contains(&format!("from       {}", file.display())));
    fs::write(&file, Run::at(START + 86_400 * 30).build()).unwrap();
    import(&place, &file);
    let shown = text(&place, SESSION);
    assert!(shown.contains("from       no file any more"), "{shown}");
    let (session, _) = told(&place, SESSION);
    assert_eq!((&session["records"], &session["state"]), (&json!([]), &json!("delivered")));
    assert!(next(&session).contains("only a removed file takes its sessions with it"), "{session}");
}

#[test]
fn one_run_in_three_files_tells_where_each_field_comes_from() {
    let place = Place::new();
    let fit = place.drop_file("run.fit", Run::default().build());
    let gpx = place.drop_file("run.gpx", xml::gpx(1_775_975_418, 3600, 10, "running"));
    let row = place.drop_file("list.csv", ROW);
    for path in [&fit, &gpx, &row] {
        import(&place, path);
    }
    let (session, code) = told(&place, SESSION);
    assert_eq!((&session["kind"], &session["state"], code), (&json!("session"), &json!("delivered"), Some(0)));
    let rules: Vec<_> = session["records"].as_array().unwrap().iter().map(|record| &record["rule"]).collect();
    assert_eq!(rules, ["new", "interval", "interval"]);
    let field = |name: &str| {
        let fields = session["fields"].as_array().unwrap();
        let field = fields.iter().find(|field| field["field"] == name).unwrap_or_else(|| panic!("{name} in {session}"));
        (field["value"].as_str().unwrap(), Path::new(field["file"].as_str().unwrap()).to_path_buf())
    };
    assert_eq!(field("title"), ("Round the lake", row.clone()));
    assert_eq!(field("type"), ("8 Running", row.clone()));
    assert_eq!(field("energy"), ("612 kcal", fit.clone()));
    assert_eq!(field("times").1, fit);
    assert_eq!(session["remote"]["standing"], "ours");
    let attempt = &session["attempts"][0];
    assert_eq!((&attempt["outcome"], &attempt["reason"]), (&json!("delivered"), &Value::Null));
    assert_eq!(session["records"][2]["sport"]["word"], "strava:Run");
    assert_eq!(session["records"][2]["key"], "strava/4711");

    // Each file tells the same of its session, and what it is itself.
    for (path, verdict, format, sign) in [
        (&fit, "queued", "fit", "bytes 8 to 11 are .FIT"),
        (&gpx, "known", "gpx", "XML with the root element gpx"),
        (&row, "queued", "strava", "a table with the header activity id, activity date"),
    ] {
        let (file, code) = told(&place, path);
        assert_eq!((&file["kind"], &file["sessions"][0], code), (&json!("file"), &session_in(&session), Some(0)));
        assert_eq!(file["now"]["format"], format);
        assert!(file["now"]["recognisedBy"][0].as_str().unwrap().starts_with(sign), "{file}");
        assert_eq!((&file["memory"]["verdict"], &file["memory"]["changed"]), (&json!(verdict), &json!(false)));
        assert_eq!(told(&place, path).0, file, "a second look says the same");
    }
    let shown = text(&place, SESSION);
    let from = String::from("title              Round the lake ← list.csv (strava)");
    for expected in
        ["delivered at revision 2", "interval: nearly the same", "\"strava:Run\" → built-in map: 8 Running", &from]
    {
        assert!(shown.contains(expected), "{expected} is not in {shown}");
    }
    fs::remove_file(&row).unwrap();
    let (gone, code) = told(&place, &row);
    assert_eq!((&gone["now"], &gone["sessions"][0]["id"], code), (&Value::Null, &json!(SESSION), Some(0)));
    assert!(next(&gone).contains("fitferry files forget"), "{gone}");
}

/// A story within that of a file has no kind.
fn session_in(story: &Value) -> Value {
    let mut inner = story.clone();
    inner.as_object_mut().unwrap().remove("kind");
    inner
}

#[test]
fn a_rejected_file_says_why_and_what_to_do() {
    let place = Place::new();
    let path = place.drop_file("a b.fit", &Run::default().build()[..60]);
    let before = told(&place, &path);
    assert_eq!((&before.0["memory"], before.1), (&Value::Null, Some(1)));
    assert!(!place.state().exists(), "looking makes nothing");
    assert_eq!(place.run(&["import", path.to_str().unwrap()]).status.code(), Some(1));
    let (file, code) = told(&place, &path);
    assert_eq!(
        (&file["memory"]["verdict"], &file["now"]["verdict"], code),
        (&json!("rejected"), &json!("rejected"), Some(1))
    );
    assert_eq!(file["now"]["condition"], "truncated");
    assert!(next(&file).contains("it breaks off: copy or export it again"), "{file}");
    fs::write(&path, Run::default().build()).unwrap();
    let (mended, code) = told(&place, &path);
    assert_eq!((&mended["memory"]["changed"], code), (&json!(true), Some(0)));
    assert_eq!(mended["now"]["wouldBecome"][0]["id"], SESSION);
    assert!(next(&mended).contains("read again by itself"), "{mended}");
    // Also where nobody watches, and with names that a shell would take for more.
    let aside = place.dir.path().join("it's.fit");
    fs::rename(&path, &aside).unwrap();
    let command = next(&told(&place, &aside).0);
    assert!(command.contains(&format!("fitferry import '{}/it'\\''s.fit'", place.dir.path().display())), "{command}");
}

#[test]
fn an_archive_tells_of_the_members_that_are_not_fine() {
    let place = Place::new();
    let broken = &Run::default().build()[..60];
    let zip = Zip::new()
        .add(
            "activities.csv",
            ROW.replace("10.2\n", "10.2,,,,,activities/1.fit.gz\n")
                .replace("Distance\n", "Distance,a,b,c,d,Filename\n"),
        )
        .add("activities/1.fit.gz", gzip(Run { serial: 7, ..Run::default() }.build()))
        .add("b\u{7}/2.fit", broken)
        .add("route.gpx", "<gpx/>")
        .add("me.jpg", "\u{0}");
    let path = place.drop_file("export.zip", zip.build());
    import(&place, &path);
    let (file, code) = told(&place, &path);
    assert_eq!(code, Some(0), "{file}");
    let members = &file["now"]["members"];
    assert_eq!(
        (&members["verdicts"], &members["passedOver"]),
        (&json!({"known": 2, "rejected": 1}), &json!(1)),
        "{file}"
    );
    let bad = members["notFine"].as_array().unwrap();
    assert_eq!((bad.len(), &bad[0]["name"], &bad[0]["verdict"]), (1, &json!("b\u{7}/2.fit"), &json!("rejected")));
    assert_eq!(file["memory"]["members"], members["notFine"]);
    assert_eq!(file["sessions"].as_array().unwrap().len(), 1);
    let records = &file["sessions"][0]["records"];
    assert_eq!(
        (&records[1]["member"], &records[1]["rule"]),
        (&json!("activities/1.fit.gz"), &json!("key")),
        "{records}"
    );
    let shown = text(&place, &path);
    assert!(shown.contains("2 read, 1 rejected, 1 without a workout") && shown.contains("b\\u{7}/2.fit"), "{shown}");
    assert!(shown.contains("strava/4711 (of the table's row that names the file)"), "{shown}");
}

#[test]
fn what_nobody_has_seen_is_read_and_said_to_be_new() {
    let place = Place::new();
    configure(&place, "timezone = 'Europe/Berlin'\n");
    let outside = place.dir.path().join("run.gpx.gz");
    let clock = "<gpx><trk><type>zorbing</type><trkseg><trkpt lat='1' lon='1'><time>2026-04-12T08:30:15</time></trkpt>
        <trkpt lat='1' lon='1'><time>2026-04-12T09:30:15</time></trkpt></trkseg></trk></gpx>";
    fs::write(&outside, gzip(clock)).unwrap();
    let (file, code) = told(&place, &outside);
    assert_eq!((&file["memory"], &file["folder"], code), (&Value::Null, &Value::Null, Some(0)));
    assert_eq!(
        file["now"]["recognisedBy"],
        json!(["it begins with \\x1f\\x8b, as gzip does", "XML with the root element gpx"])
    );
    assert_eq!(file["now"]["zone"], json!({"name": "Europe/Berlin", "from": "account", "workouts": 1}));
    let would = &file["now"]["wouldBecome"][0];
    assert_eq!((&would["id"], &would["sport"]["becomes"]["number"]), (&json!(SESSION), &json!(108)));
    assert!(next(&file).contains("\"gpx:zorbing\" = NUMBER") && next(&file).contains("fitferry import"), "{file}");
    assert!(text(&place, &outside).contains("not in the memory"));

    let inside = place.drop_file("run.gpx", clock);
    assert!(next(&told(&place, &inside).0).contains("fitferry run"));
    let in_flight = place.drop_file("run.gpx.part", clock);
    let folder = told(&place, &in_flight).0["folder"].take();
    assert_eq!(
        (&folder["pattern"], &folder["ignored"]),
        (&json!("*.part"), &json!("still being written, by its name"))
    );
    let shown = text(&place, &in_flight);
    assert!(shown.contains("its name matches *.part"), "{shown}");

    for (subject, way) in [("/nowhere/a.fit", "fitferry files list"), ("fitferry-1", "fitferry sessions list")] {
        let (unknown, code) = told(&place, subject);
        assert_eq!((&unknown["kind"], code), (&json!("unknown"), Some(1)));
        assert!(next(&unknown).contains(way), "{unknown}");
    }
    assert!(!place.state().exists(), "looking makes nothing");
    assert_eq!(place.run(&["explain"]).status.code(), Some(2));
    assert_eq!(place.run(&["explain", "a", "--account", "nobody"]).status.code(), Some(2));
}

#[test]
fn a_refusing_server_is_quoted() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "");
    let refusal = "{\"error\":{\"code\":400,\"message\":\"no such sport\\u001b[2J\"}}";
    server.plan([Fault::Answer(503, "", ""), Fault::Answer(400, "", refusal)]);
    let mut daemon = place.start();
    let path = place.drop_file("0.fit", Run { records: 2, ..Run::at(START) }.build());
    daemon.wait_for("session.parked");
    // A comparison with the server may come in between.
    let undated = |mut story: Value| {
        assert!(story.as_object_mut().unwrap().remove("lastReconcile").is_some());
        story
    };
    let with = undated(told(&place, id(0)).0);
    assert_eq!(undated(told(&place, &path).0["sessions"][0].take()), session_in(&with));
    daemon.terminate();
    assert_eq!(undated(told(&place, id(0)).0), with, "without a daemon");
    assert_eq!(
        (&with["state"], &with["waits"]["state"], &with["remote"]),
        (&json!("parked"), &json!("parked"), &Value::Null)
    );
    let attempts = with["attempts"].as_array().unwrap();
    assert_eq!(attempts.iter().map(|attempt| &attempt["outcome"]).collect::<Vec<_>>(), ["retry", "parked"]);
    assert!(attempts[1]["reason"].as_str().unwrap().contains("no such sport"), "{with}");
    assert!(next(&with).contains(&format!("fitferry outbox retry {}", id(0))), "{with}");
    let shown = text(&place, id(0));
    assert!(shown.contains("no such sport") && shown.contains("attempts") && !shown.contains('\u{1b}'), "{shown}");

    assert!(place.run(&["outbox", "discard", &id(0)]).status.success());
    assert!(next(&told(&place, id(0)).0).starts_with("you let it go"));
}

#[test]
fn a_word_is_followed_to_its_type() {
    let place = Place::new();
    configure(&place, "");
    let path = place.drop_file("a.gpx", xml::gpx(1_775_975_415, 3600, 10, "zorbing"));
    import(&place, &path);
    let other = json!({"number": 108, "name": "Other (unclassified fitness activity)"});
    let sport = |place: &Place| told(place, SESSION).0["records"][0]["sport"].take();
    assert_eq!(sport(&place), json!({"word": "gpx:zorbing", "builtIn": null, "setting": null, "becomes": other}));
    assert!(next(&told(&place, SESSION).0).contains("\"gpx:zorbing\" = NUMBER under [types]"));
    configure(&place, "types = {'gpx:Zorbing' = 87}\n");
    assert_eq!(sport(&place)["becomes"]["number"], 87);
    let (outdated, _) = told(&place, SESSION);
    assert!(next(&outdated).contains("settings have changed") && !next(&outdated).contains("NUMBER"), "{outdated}");
    place.start().wait_for_sessions(&place, 1);
    let (session, _) = told(&place, SESSION);
    assert_eq!((&session["outdated"], &session["session"]["activityType"]), (&json!(false), &json!(87)));
    let shown = text(&place, &path);
    assert!(shown.contains("\"gpx:zorbing\" → the built-in map does not know it → [types] \"gpx:zorbing\""), "{shown}");
}

#[test]
fn a_folder_counts_its_verdicts() {
    let place = Place::new();
    configure(&place, "");
    let folder = place.folder();
    let (unseen, code) = told(&place, &folder);
    assert_eq!((&unseen["kind"], &unseen["accounts"], code), (&json!("folder"), &json!([]), Some(0)));
    place.drop_file("a.fit", Run::default().build());
    let bad = place.drop_file("bad.fit", &Run::default().build()[..60]);
    place.run(&["import", folder.to_str().unwrap()]);
    let (seen, code) = told(&place, &folder);
    assert_eq!(code, Some(1));
    let known = &seen["accounts"][0];
    assert_eq!(known["verdicts"], json!([{"verdict": "queued", "files": 1}, {"verdict": "rejected", "files": 1}]));
    assert_eq!(known["problems"][0]["file"], bad.to_str().unwrap());
    assert!(next(&seen).contains(&format!("fitferry explain {}", bad.display())), "{seen}");
    assert!(text(&place, &folder).contains("me: 1 queued, 1 rejected"));
    let (above, _) = told(&place, place.dir.path());
    assert!(!next(&above).contains("not watched") && above["accounts"] == seen["accounts"], "{above}");
    let aside = place.dir.path().join("aside");
    fs::create_dir(&aside).unwrap();
    assert!(next(&told(&place, &aside).0).contains("it is not watched"));
}

#[test]
fn two_people_each_have_their_story() {
    let place = Place::new();
    let account = |name: &str| {
        let folder = place.dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        format!("[[account]]\nname = '{name}'\nfolders = ['{}']\n", folder.display())
    };
    let settings = account("anna") + &account("ben");
    fs::write(place.config(), settings).unwrap();
    let path = place.dir.path().join("run.fit");
    fs::write(&path, Run::default().build()).unwrap();
    for name in ["anna", "ben"] {
        assert!(place.run(&["import", "--account", name, path.to_str().unwrap()]).status.success());
    }
    let accounts = |subject: &str| {
        let stories = place.json(&["explain", "--json", subject]);
        stories.iter().map(|story| story["account"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(accounts(SESSION), ["anna", "ben"]);
    assert_eq!(accounts(path.to_str().unwrap()), ["anna", "ben"]);
    let only = place.json(&["explain", "--json", "--account", "ben", SESSION]);
    assert_eq!((only.len(), &only[0]["account"]), (1, &json!("ben")));
}

#[test]
fn a_file_that_is_closed_is_told_of_as_far_as_it_goes() {
    let place = Place::new();
    let path = place.drop_file("a.fit", Run::default().build());
    chmod(&path, 0o000);
    let mut command = Nobody::of(&place, &[]).command(&place);
    let output = command.args(["explain", "--json"]).arg(&path).output().unwrap();
    let story = lines(&output.stdout).remove(0);
    assert_eq!((&story["now"], output.status.code()), (&Value::Null, Some(1)), "{story}");
    assert!(
        story["unreadable"].as_str().unwrap().contains("denied") && next(&story).contains("let whoever runs"),
        "{story}"
    );
}

/// Whoever has only the package is led to the page in it.
#[test]
fn the_page_about_formats_is_the_one_that_is_installed() {
    let place = Place::new();
    let file = place.drop_file("recipe.txt", "two eggs");
    assert!(text(&place, &file).contains("or see docs/formats.md"));
    let root = place.dir.path().join("usr");
    let (program, page) = (root.join("bin/fitferry"), root.join("share/doc/fitferry/docs/formats.md"));
    for path in [&program, &page] {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
    }
    fs::copy(env!("CARGO_BIN_EXE_fitferry"), &program).unwrap();
    fs::write(&page, "").unwrap();
    let output = place.command_of(&program).arg("explain").arg(&file).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains(&format!("or see {}", page.display())), "{said}");
}
