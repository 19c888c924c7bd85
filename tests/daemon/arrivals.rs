//! How files get into a folder.

use crate::support::archive::Zip;
use crate::support::fit::Run;
use crate::support::program::{ALL, Place, sessions};
use crate::support::{http, wait, xml};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;

const START: i64 = 1_775_975_415;

#[test]
fn a_dropped_file_becomes_a_session_at_once() {
    let place = Place::new();
    let mut daemon = place.start();
    let path = place.drop_file("run.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    let sessions = daemon.sessions(&place);
    assert_eq!(sessions, place.normalized(&[&path]));
    assert_eq!(sessions["fitferry-20260412T063015Z"]["name"], "Morning run");
}

#[test]
fn files_that_were_there_before_are_found() {
    let place = Place::new();
    fs::create_dir_all(place.folder().join("2026/april")).unwrap();
    fs::write(place.folder().join("2026/april/run.gpx"), xml::gpx(START, 60, 9, "running")).unwrap();
    let daemon = place.start();
    daemon.wait_for_sessions(&place, 1);
}

#[test]
fn new_folders_are_watched_and_moved_in_trees_are_searched() {
    let place = Place::new();
    let mut daemon = place.start();
    let made = place.folder().join("new/deep");
    fs::create_dir_all(&made).unwrap();
    fs::write(made.join("a.fit"), Run::at(START).build()).unwrap();
    daemon.wait_for_sessions(&place, 1);

    let outside = place.dir.path().join("tree/below");
    fs::create_dir_all(&outside).unwrap();
    fs::write(outside.join("b.fit"), Run::at(START + 86_400).build()).unwrap();
    fs::rename(place.dir.path().join("tree"), place.folder().join("tree")).unwrap();
    daemon.wait_for_sessions(&place, 2);

    // Both are listened to from now on.
    fs::write(made.join("c.fit"), Run::at(START + 2 * 86_400).build()).unwrap();
    daemon.wait_for_sessions(&place, 3);
    fs::write(place.folder().join("tree/below/d.fit"), Run::at(START + 3 * 86_400).build()).unwrap();
    daemon.wait_for_sessions(&place, 4);
    assert!(daemon.events("file.rejected").is_empty());
}

/// Whatever the pieces, a growing file is one session, complete, and never called broken.
#[test]
fn files_that_arrive_in_pieces_are_taken_when_they_are_whole() {
    let place = Place::new();
    let mut daemon = place.start();
    let contents = [
        ("a.fit", Run { records: 50, ..Run::at(START) }.build()),
        ("b.gpx", xml::gpx(START + 86_400, 3600, 50, "cycling").into_bytes()),
        ("c.tcx", xml::tcx(START + 2 * 86_400, 3600, 50, "Running").into_bytes()),
    ];
    for (name, content) in &contents {
        let mut file = File::create(place.folder().join(name)).unwrap();
        for piece in content.chunks(content.len().div_ceil(7)) {
            file.write_all(piece).unwrap();
            file.sync_all().unwrap();
        }
    }
    let sessions = daemon.wait_for_sessions(&place, 3);
    assert_eq!(sessions, place.normalized(&[&place.folder()]));
    assert!(daemon.events("file.rejected").is_empty());
}

#[test]
fn a_file_closed_in_the_middle_waits_for_its_rest() {
    let place = Place::new();
    let mut daemon = place.start();
    let content = xml::gpx(START, 3600, 50, "cycling");
    let path = place.folder().join("a.gpx");
    fs::write(&path, &content[..content.len() / 2]).unwrap();
    let waiting = daemon.wait_for("file.waiting");
    assert!(waiting["reason"].as_str().unwrap().contains("truncated"), "{waiting}");
    let status = place.json(&["status", "--json"]).remove(0);
    assert_eq!(status["problemFiles"][0]["verdict"], "waiting");
    File::options().append(true).open(&path).unwrap().write_all(&content.as_bytes()[content.len() / 2..]).unwrap();
    let sessions = daemon.wait_for_sessions(&place, 1);
    assert_eq!(sessions, place.normalized(&[&path]));
}

#[test]
fn a_member_that_is_not_whole_is_what_an_archive_waits_for() {
    let place = Place::new();
    let mut daemon = place.start();
    let content = xml::gpx(START, 3600, 50, "cycling");
    place.drop_file("a.zip", Zip::new().lie("a.gpx", content.as_bytes(), |entry| entry.crc ^= 1).build());
    let waiting = daemon.wait_for("file.waiting");
    assert!(waiting["reason"].as_str().unwrap().starts_with("a.gpx: "), "{waiting}");
}

#[test]
fn a_file_that_stays_truncated_is_salvaged_and_a_whole_copy_replaces_it() {
    let place = Place::new();
    let environment = [("FITFERRY_WATCH__SALVAGE_AFTER", "300ms"), ("FITFERRY_WATCH__SETTLE", "100ms")];
    let mut daemon = place.start_with(&[], &environment);
    let content = xml::gpx(START, 3600, 50, "cycling");
    place.drop_file("a.gpx", &content[..content.len() / 2]);
    let queued = daemon.wait_for("file.queued");
    assert!(queued["reason"].as_str().unwrap().contains("salvaged"), "{queued}");
    let half = daemon.wait_for_sessions(&place, 1);
    let path = place.drop_file("a.gpx", &content);
    daemon.wait_for_where("session.delivered", |event| event["revision"] == 2);
    let whole = daemon.sessions(&place);
    assert_ne!(whole, half);
    assert_eq!(whole, place.normalized(&[&path]));
}

/// Half a copy over the whole one, a disk that fails: what was known is not worth less for it.
#[test]
fn a_whole_file_that_breaks_off_later_takes_nothing_back() {
    let place = Place::new();
    let environment = [("FITFERRY_WATCH__SALVAGE_AFTER", "300ms"), ("FITFERRY_WATCH__SETTLE", "100ms")];
    let mut daemon = place.start_with(&[], &environment);
    let content = xml::gpx(START, 3600, 50, "cycling");
    let path = place.drop_file("a.gpx", &content);
    daemon.wait_for("session.delivered");
    let whole = daemon.sessions(&place);
    place.drop_file("a.gpx", &content[..content.len() / 2]);
    let rejected = daemon.wait_for("file.rejected");
    assert!(rejected["reason"].as_str().unwrap().contains("when it was whole stays"), "{rejected}");
    // Another workout under its name is one of its own, whatever its condition.
    let other = xml::gpx(START + 86_400, 3600, 50, "cycling");
    place.drop_file("a.gpx", &other[..other.len() / 2]);
    daemon.wait_for("session.delivered");
    let mut sessions = daemon.sessions(&place);
    sessions.retain(|id, _| whole.contains_key(id));
    assert_eq!(sessions, whole);
    fs::write(&path, &other).unwrap();
    daemon.wait_for_where("session.delivered", |event| event["revision"] == 2);
    assert_eq!(daemon.sessions(&place).len(), 2);
}

#[test]
fn litter_and_files_in_flight_are_not_touched() {
    let place = Place::new();
    let mut daemon = place.start();
    let content = Run::default().build();
    for name in [".hidden.fit", "run.fit.part", "~syncthing~run.fit.tmp", "._run.fit"] {
        place.drop_file(name, &content);
    }
    fs::create_dir(place.folder().join("__MACOSX")).unwrap();
    place.drop_file("__MACOSX/run.fit", &content);
    // As synchronizers do: the whole content under another name, then its own.
    fs::rename(place.folder().join("run.fit.part"), place.folder().join("run.fit")).unwrap();
    daemon.wait_for("session.delivered");
    let files = place.json(&["files", "list", "--json"]);
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(files[0]["file"].as_str().unwrap().ends_with("/run.fit"));
}

#[test]
fn what_is_no_workout_gets_its_verdict_after_it_has_settled() {
    let place = Place::new();
    let environment = [("FITFERRY_WATCH__SALVAGE_AFTER", "300ms"), ("FITFERRY_WATCH__SETTLE", "100ms")];
    let mut daemon = place.start_with(&[], &environment);
    place.drop_file("photo.fit", b"\xff\xd8\xff\xe0 not what its name says");
    assert!(daemon.wait_for("file.ignored")["reason"].as_str().unwrap().contains("JPEG"));
    place.drop_file("empty.gpx", "");
    assert!(daemon.wait_for("file.ignored")["reason"].as_str().unwrap().contains("empty"));
    place.drop_file("route.gpx", "<gpx><rte/></gpx>");
    daemon.wait_for("file.no_session");
    place.drop_file("future.gpx", xml::gpx(4_000_000_000, 60, 9, "running"));
    assert!(daemon.wait_for("file.waiting")["reason"].as_str().unwrap().contains("future"));
    let status = place.json(&["status", "--json"]).remove(0);
    let counts = status["accounts"][0]["files"].clone();
    assert_eq!(counts["ignored"], 2, "{counts}");
    assert_eq!(counts["no-session"], 1);
    assert_eq!(counts["waiting"], 1);
    assert!(daemon.sessions(&place).is_empty());
}

/// Whoever throws a broken file away is not told of it any more, whether the daemon sees that or not.
#[test]
fn a_bad_file_that_is_removed_is_forgotten() {
    let place = Place::new();
    let environment = [("FITFERRY_WATCH__SALVAGE_AFTER", "100ms"), ("FITFERRY_WATCH__SETTLE", "100ms")];
    let mut daemon = place.start_with(&[], &environment);
    place.drop_file("good.fit", Run::default().build());
    fs::create_dir(place.folder().join("folder")).unwrap();
    let bad = ["removed.fit", "renamed.fit", "folder/moved.fit", "later.fit"];
    for name in bad {
        place.drop_file(name, &Run::default().build()[..40]);
    }
    let problems = || {
        let status = place.json(&["status", "--json"]).remove(0);
        let problems = status["problemFiles"].as_array().unwrap().clone();
        let names = problems.iter().map(|file| file["file"].as_str().unwrap().rsplit('/').next().unwrap().to_owned());
        names.collect::<BTreeSet<_>>()
    };
    bad.iter().for_each(|_| assert_eq!(daemon.wait_for("file.rejected")["event"], "file.rejected"));
    assert_eq!(problems(), bad.map(|name| name.trim_start_matches("folder/").to_owned()).into());
    fs::remove_file(place.folder().join("removed.fit")).unwrap();
    fs::rename(place.folder().join("renamed.fit"), place.dir.path().join("aside.fit")).unwrap();
    fs::rename(place.folder().join("folder"), place.dir.path().join("folder")).unwrap();
    wait::until_true("one bad file", || problems() == ["later.fit".to_owned()].into());
    daemon.terminate();
    fs::remove_file(place.folder().join("later.fit")).unwrap();
    let daemon = place.start_with(&[], &environment);
    wait::until_true("no bad file", || problems().is_empty());
    assert_eq!(daemon.wait_for_sessions(&place, 1).len(), 1);
}

#[test]
fn names_that_are_not_utf8_are_as_good_as_others() {
    use std::os::unix::ffi::OsStrExt;
    let place = Place::new();
    let daemon = place.start();
    let name = std::ffi::OsStr::from_bytes(b"l\xe4uft \n.fit");
    fs::write(place.folder().join(name), Run::default().build()).unwrap();
    daemon.wait_for_sessions(&place, 1);
    assert_eq!(place.json(&["files", "list", "--json"]).len(), 1);
}

/// Each has a session of it then: the first one's is not taken away by a rename.
#[test]
fn a_file_that_moves_from_one_persons_folder_to_anothers() {
    let place = Place::new();
    let folders = ["anna", "ben"].map(|name| place.folder().join(name));
    let account = |folder: &PathBuf| {
        fs::create_dir(folder).unwrap();
        format!("[[account]]\nname = '{}'\nfolders = ['{}']\n", folder.file_name().unwrap().display(), folder.display())
    };
    fs::write(place.config(), folders.iter().map(account).collect::<String>()).unwrap();
    let mut daemon = place.start();
    let [annas, bens] = folders.map(|folder| folder.join("run.fit"));
    place.drop_file("anna/run.fit", Run::default().build());
    let delivered = daemon.wait_for("session.delivered");
    fs::rename(&annas, &bens).unwrap();
    let delivered_again = daemon.wait_for("session.delivered");
    assert_eq!([&delivered["account"], &delivered_again["account"]], ["anna", "ben"]);
    let expected = place.normalized(&[&bens]);
    for name in ["anna", "ben"] {
        let token = fs::read_to_string(place.state().join(format!("server-token-{name}"))).unwrap();
        let path = format!("/fitness/v1/users/me/sessions?{ALL}");
        let answer = http::request(daemon.address(), "GET", &path, token.trim(), "").unwrap();
        assert_eq!(sessions(&answer), expected, "{name}");
    }
}

/// A download that breaks off, and then the whole file under another name: one session, and the whole one.
#[test]
fn the_whole_recording_wins_over_a_part_of_it() {
    let place = Place::new();
    let whole = Run { records: 200, ..Run::default() }.build();
    let mut daemon =
        place.start_with(&[], &[("FITFERRY_WATCH__SALVAGE_AFTER", "100ms"), ("FITFERRY_WATCH__SETTLE", "100ms")]);
    place.drop_file("run.fit", &whole[..whole.len() / 2]);
    daemon.wait_for("session.delivered");
    let path = place.drop_file("run (1).fit", &whole);
    daemon.wait_for_where("session.delivered", |event| event["revision"] == 2);
    let expected = place.normalized(&[&path]);
    assert_eq!(daemon.sessions(&place), expected);
}

/// Nothing in a table tells that it is whole: it rests, and only then is it believed.
#[test]
fn a_table_that_grows_row_by_row_is_read_when_it_has_settled() {
    let place = Place::new();
    let mut daemon = place.start_with(&[], &[("FITFERRY_WATCH__SETTLE", "300ms")]);
    let header = "Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps\n";
    let set = |day: u8| format!("2021-07-{day:02} 18:35:21,Push,35m,Bench Press,1,80,5\n");
    place.drop_file("strong.csv", format!("{header}{}{}", set(7), set(9)));
    assert_eq!(daemon.wait_for("file.queued")["sessions"], 2);
    place.drop_file("strong.csv", format!("{header}{}{}{}", set(7), set(9), set(11)));
    let queued = daemon.wait_for("file.queued");
    assert_eq!((&queued["sessions"], &queued["changed"]), (&3.into(), &1.into()), "{queued}");
    daemon.wait_for_sessions(&place, 3);
}
