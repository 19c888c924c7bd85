//! What becomes of the sessions of files that are removed, where a folder wants them deleted.

mod folders;

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::incident::Log;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use crate::sync::deliver::{START, drop_runs, id};
use serde_json::{Value, json};
use std::fs;
use std::path::PathBuf;

/// A place whose removed files lose their sessions after so long.
fn place_for(server: &FaultServer, on_removed: &str, grace: &str) -> Place {
    let place = Place::new();
    let token = place.dir.path().join("token");
    fs::write(&token, "right\n").unwrap();
    let config = format!(
        "folders = [{{ path = '{}', on_removed = '{on_removed}' }}]\n{}delivery.retry_first = '20ms'\n\
         [watch]\nscan_every = '1s'\nremoved_grace = '{grace}'\nremoved_most = 3\n",
        place.folder().display(),
        server.destination(&token)
    );
    fs::write(place.config(), config).unwrap();
    place
}

/// With so many runs delivered.
fn start(place: &Place, server: &FaultServer, count: usize) -> Daemon {
    drop_runs(place, i64::try_from(count).unwrap());
    start_again(place, server, count)
}

fn start_again(place: &Place, server: &FaultServer, count: usize) -> Daemon {
    let daemon = place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    wait::until_true("all sessions", || server.sessions().len() == count);
    wait::until_true("an empty outbox", || place.json(&["outbox", "list", "--json"]).is_empty());
    daemon
}

fn file(place: &Place, day: i64) -> PathBuf {
    place.folder().join(format!("{day}.fit"))
}

/// Lets so many whole scans pass, of which each could have drawn consequences.
fn scans(daemon: &mut Daemon, count: usize) {
    // What was found until now may be of a scan that began before.
    daemon.events("scan.done");
    for _ in 0..=count {
        daemon.wait_for("scan.done");
    }
}

fn of_session(place: &Place, day: i64) -> Value {
    let sessions = place.json(&["sessions", "list", "--json"]);
    sessions.into_iter().find(|session| session["id"] == id(day)).unwrap()
}

fn forget(place: &Place, paths: &[&PathBuf]) -> (Option<i32>, Value, String) {
    let output = place.command().args(["files", "forget", "--json"]).args(paths).output().unwrap();
    let answer = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
    (output.status.code(), answer, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_removed_file_loses_its_session_after_the_grace_and_gets_it_back() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "2s");
    let mut daemon = start(&place, &server, 3);
    let content = fs::read(file(&place, 1)).unwrap();
    fs::remove_file(file(&place, 1)).unwrap();
    let missed = daemon.wait_for("file.missed");
    assert_eq!((missed["file"].as_str(), &missed["seconds"]), (file(&place, 1).to_str(), &json!(2)));
    assert!(server.deletes().is_empty(), "not before the grace is over");
    let gone = place.json(&["files", "list", "--json"]).into_iter().find(|file| file["goneSince"].is_string());
    assert_eq!(gone.unwrap()["sessions"][0], id(1));
    assert_eq!(daemon.wait_for("file.forgotten")["deleted"], 1);
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(1));
    assert_eq!(server.deletes(), [(id(1), 1)].into());
    assert!(!server.sessions().contains_key(&id(1)) && server.sessions().len() == 2);
    let session = of_session(&place, 1);
    assert_eq!((&session["state"], &session["reason"]), (&json!("deleted"), &json!("its files are gone")));
    assert_eq!(place.json(&["status", "--json"])[0]["accounts"][0]["deleted"], 1);
    // A restart does not bring it back, nor delete it again.
    daemon.terminate();
    let mut daemon = start_again(&place, &server, 2);
    scans(&mut daemon, 1);
    place.drop_file("under another name.fit", content);
    assert_eq!(daemon.wait_for("session.delivered")["session"], id(1));
    assert_eq!((server.sessions().len(), server.puts()[&id(1)], server.deletes()[&id(1)]), (3, 2, 1));
    assert_eq!(of_session(&place, 1)["state"], "delivered");
    assert!(!server.saw_one_twice_at_once());
}

fn memory(place: &Place) -> rusqlite::Connection {
    rusqlite::Connection::open(place.state().join("outbox.db")).unwrap()
}

/// Nor is a clock asked: for the memory, one that was wrong before, or is now, is a file that was missed at any other time.
#[test]
fn the_time_of_grace_is_what_somebody_saw_pass() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "1d");
    let mut daemon = start(&place, &server, 4);
    fs::remove_file(file(&place, 1)).unwrap();
    daemon.wait_for("file.missed");
    daemon.terminate();
    let watched = || {
        let sql = "SELECT gone_watched_ms, watched_ms FROM file JOIN account ON account.id = account_id WHERE gone_ms NOT NULL";
        let row = |row: &rusqlite::Row<'_>| Ok::<(i64, i64), _>((row.get(0)?, row.get(1)?));
        memory(&place).query_row(sql, [], row).unwrap()
    };
    let (missed, before) = watched();
    let years = 400 * 86_400_000_i64;
    for (run, gone) in [(2, -years), (3, years)] {
        let moved = memory(&place).execute("UPDATE file SET gone_ms = gone_ms + ?1 WHERE gone_ms NOT NULL", [gone]);
        assert_eq!(moved.unwrap(), 1);
        let mut daemon = start_again(&place, &server, 4);
        if run == 2 {
            fs::remove_file(file(&place, run)).unwrap();
            daemon.wait_for("file.missed");
            fs::write(file(&place, run), Run { records: 2, ..Run::at(START + run * 86_400) }.build()).unwrap();
            daemon.wait_for("file.back");
        }
        scans(&mut daemon, 2);
        assert!(daemon.events("file.forgotten").is_empty());
        daemon.terminate();
    }
    assert!(server.deletes().is_empty());
    // What is seen in each run adds up.
    let (still, after) = watched();
    assert!(still == missed && missed <= before && after >= before + 2000, "{missed} {before} {after}");
    let day = "UPDATE account SET watched_ms = watched_ms + 86400000";
    assert_eq!(memory(&place).execute(day, []).unwrap(), 1);
    let mut daemon = place.start();
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(1));
    assert_eq!(server.deletes().len(), 1);
}

/// Where nothing follows from it any more, nobody is asked, and what comes back is there.
#[test]
fn whoever_keeps_sessions_after_all_is_asked_no_more() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "1d");
    let mut daemon = start(&place, &server, 5);
    let away = place.dir.path().join("away");
    fs::remove_file(file(&place, 4)).unwrap();
    daemon.wait_for("file.missed");
    fs::rename(place.folder(), &away).unwrap();
    fs::create_dir(place.folder()).unwrap();
    daemon.wait_for("folder.doubted");
    daemon.terminate();
    fs::remove_dir(place.folder()).unwrap();
    fs::rename(&away, place.folder()).unwrap();
    fs::remove_file(file(&place, 3)).unwrap();
    let config = fs::read_to_string(place.config()).unwrap();
    fs::write(place.config(), config.replace("'delete'", "'keep'")).unwrap();
    let _daemon = start_again(&place, &server, 5);
    let account = || place.json(&["status", "--json"])[0]["accounts"][0].clone();
    let counts = || ["missedFiles", "doubtedFiles", "absentFiles"].map(|name| account()[name].clone());
    wait::until_true("all to be known for what they are", || counts() == [json!(0), json!(0), json!(2)]);
    assert!(server.deletes().is_empty());
}

/// Also without the setting, and for a file that comes back in time.
#[test]
fn what_is_kept_or_comes_back_is_not_deleted() {
    for (on_removed, grace) in [("keep", "100ms"), ("delete", "1h")] {
        let server = FaultServer::start("right");
        let place = place_for(&server, on_removed, grace);
        let mut daemon = start(&place, &server, 3);
        let aside = place.dir.path().join("aside.fit");
        fs::rename(file(&place, 1), &aside).unwrap();
        if on_removed == "delete" {
            daemon.wait_for("file.missed");
            fs::rename(&aside, file(&place, 1)).unwrap();
            assert_eq!(daemon.wait_for("file.back")["file"].as_str(), file(&place, 1).to_str());
            assert!(place.json(&["files", "list", "--json"]).iter().all(|file| file["goneSince"].is_null()));
        }
        scans(&mut daemon, 2);
        assert!(daemon.events("file.forgotten").is_empty());
        assert!(server.deletes().is_empty() && server.sessions().len() == 3);
    }
}

#[test]
fn a_session_stays_as_long_as_a_file_tells_of_it() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    let content = |day: i64| Run { records: 2, ..Run::at(START + day * 86_400) }.build();
    place.drop_file("copy.fit", content(1));
    let mut daemon = start(&place, &server, 3);
    fs::remove_file(file(&place, 1)).unwrap();
    // A file that is only renamed tells of it under its new name.
    fs::create_dir(place.folder().join("old")).unwrap();
    fs::rename(file(&place, 2), place.folder().join("old/renamed.fit")).unwrap();
    for _ in 0..2 {
        assert_eq!(daemon.wait_for("file.forgotten")["deleted"], 0);
    }
    scans(&mut daemon, 1);
    assert!(server.deletes().is_empty() && server.sessions().len() == 3);
    assert_eq!(server.puts().values().sum::<u32>(), 3, "nothing has new content");
    fs::remove_file(place.folder().join("copy.fit")).unwrap();
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(1));
}

/// However many there are: no session is at stake, and nobody is asked. What is known of the old names is forgotten.
#[test]
fn a_renamed_folder_is_nobodys_business() {
    for on_removed in ["delete", "keep"] {
        let server = FaultServer::start("right");
        let place = place_for(&server, on_removed, "100ms");
        fs::create_dir(place.folder().join("old")).unwrap();
        for day in 10..22 {
            place.drop_file(&format!("old/{day}.fit"), Run::at(START + day * 86_400).build());
        }
        let mut daemon = start_again(&place, &server, 12);
        fs::rename(place.folder().join("old"), place.folder().join("new")).unwrap();
        let names = || {
            let files = place.json(&["files", "list", "--json"]);
            files.iter().map(|file| file["file"].as_str().unwrap().contains("/new/")).collect::<Vec<_>>()
        };
        wait::until_true("the old names to be forgotten", || names() == [true; 12]);
        assert!(daemon.events("folder.doubted").is_empty(), "{on_removed}");
        // What nothing else tells of is remembered, and said to be absent.
        if on_removed == "keep" {
            fs::remove_file(place.folder().join("new/10.fit")).unwrap();
            let absent = || place.json(&["status", "--json"])[0]["accounts"][0]["absentFiles"] == 1;
            wait::until_true("it to be noticed", absent);
            scans(&mut daemon, 2);
            let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
            assert!(text.contains("1 of them not there any more"), "{text}");
            place.drop_file("new/10.fit", Run::at(START + 10 * 86_400).build());
            let back = || place.json(&["status", "--json"])[0]["accounts"][0]["absentFiles"] == 0;
            wait::until_true("it to be noticed", back);
        }
        assert!(server.deletes().is_empty() && server.sessions().len() == 12);
        assert_eq!(server.puts().values().sum::<u32>(), 12, "nothing has new content");
    }
}

#[test]
fn an_emptied_or_unmounted_folder_deletes_nothing() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    let mut daemon = start(&place, &server, 3);
    // Away, and back.
    let aside = place.dir.path().join("unmounted");
    fs::rename(place.folder(), &aside).unwrap();
    daemon.wait_for("folder.away");
    fs::rename(&aside, place.folder()).unwrap();
    daemon.wait_for("folder.back");
    scans(&mut daemon, 1);
    assert!(daemon.events("file.missed").is_empty() && daemon.events("folder.doubted").is_empty());
    // The mount point is left, and empty.
    fs::rename(place.folder(), &aside).unwrap();
    fs::create_dir(place.folder()).unwrap();
    let doubted = daemon.wait_for("folder.doubted");
    assert_eq!((&doubted["missed"], &doubted["reason"]), (&json!(3), &json!("the folder is empty")));
    scans(&mut daemon, 2);
    assert_eq!(place.json(&["status", "--json"])[0]["accounts"][0]["doubtedFiles"], 3);
    // Another disk, with a file of its own.
    place.drop_file("other.fit", Run::at(START + 50 * 86_400).build());
    wait::until_true("its session", || server.sessions().len() == 4);
    scans(&mut daemon, 2);
    assert_eq!(daemon.events("folder.doubted").len(), 1, "said once");
    // The right one again, with one file less: what was doubted waits for a person.
    fs::remove_dir_all(place.folder()).unwrap();
    fs::rename(&aside, place.folder()).unwrap();
    fs::remove_file(file(&place, 2)).unwrap();
    let doubted = || {
        let files = place.json(&["files", "list", "--json"]);
        files.iter().filter(|file| file["doubted"] == true).map(|file| file["sessions"][0].clone()).collect::<Vec<_>>()
    };
    wait::until_true("the others to be found", || doubted() == [id(2), id(50)]);
    scans(&mut daemon, 2);
    assert!(server.deletes().is_empty() && server.sessions().len() == 4);
}

#[test]
fn what_was_on_a_disk_inside_is_not_taken_for_removed() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    fs::create_dir_all(place.folder().join("usb/deep")).unwrap();
    place.drop_file("usb/deep/a.fit", Run::at(START + 50 * 86_400).build());
    drop_runs(&place, 3);
    let mut daemon = start_again(&place, &server, 4);
    fs::remove_dir_all(place.folder().join("usb/deep")).unwrap();
    let doubted = daemon.wait_for("folder.doubted");
    assert!(doubted["reason"].as_str().unwrap().contains("was a disk mounted there"), "{doubted}");
    // Others are removed meanwhile as ever.
    fs::remove_file(file(&place, 0)).unwrap();
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(0));
    scans(&mut daemon, 1);
    assert_eq!(server.deletes().len(), 1);
}

#[test]
fn many_at_once_need_a_person() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    let mut daemon = start(&place, &server, 10);
    for day in 0..4 {
        fs::rename(file(&place, day), place.dir.path().join(format!("{day}.aside"))).unwrap();
    }
    // A scan in the middle of it may have believed the first of them.
    let doubted = daemon.wait_for("folder.doubted");
    assert!(doubted["reason"].as_str().unwrap().contains("removed_most"), "{doubted}");
    scans(&mut daemon, 2);
    assert_eq!(daemon.events("folder.doubted").len(), 1, "said once");
    assert!(server.deletes().is_empty(), "{:?}", server.deletes());
    let text = String::from_utf8(place.run(&["status"]).stdout).unwrap();
    assert!(text.contains("of which 4 wait for you"), "{text}");
    let check = place.run(&["status", "--check"]);
    let line = String::from_utf8(check.stdout).unwrap();
    assert!(check.status.code() == Some(1) && line.contains("4 files are gone, and wait for a person"), "{line}");
    let mut log = Log::default();
    log.hear(0, &mut daemon);
    let alert = "FitferryFilesDoubted for me /workouts: 0 to 24";
    log.fires(&place, &["folder.doubted"], &[alert], &["folder.doubted"]);
    // As many again are news, though it is for the same reason.
    let aside = place.dir.path().join("aside");
    fs::create_dir(&aside).unwrap();
    (4..8).for_each(|day| fs::rename(file(&place, day), aside.join(day.to_string())).unwrap());
    assert!(daemon.wait_for("folder.doubted")["missed"].as_u64().unwrap() > 4);
    scans(&mut daemon, 2);
    assert!(server.deletes().is_empty(), "{:?}", server.deletes());
    (4..8).for_each(|day| fs::rename(aside.join(day.to_string()), file(&place, day)).unwrap());
    // One is put back, two are confirmed by name, the last by its folder, without a daemon.
    fs::rename(place.dir.path().join("0.aside"), file(&place, 0)).unwrap();
    scans(&mut daemon, 1);
    let (code, answer, error) = forget(&place, &[&file(&place, 1), &file(&place, 2), &file(&place, 0), &"x".into()]);
    assert_eq!((code, &answer), (Some(1), &json!({"files": 2, "deleted": 2})), "{error}");
    assert!(error.contains("0.fit is still there") && error.contains("x is not known"), "{error}");
    daemon.wait_for("session.deleted");
    daemon.wait_for("session.deleted");
    daemon.terminate();
    let (code, answer, error) = forget(&place, &[&place.folder()]);
    assert_eq!((code, &answer), (Some(0), &json!({"files": 1, "deleted": 1})), "{error}");
    assert!(server.sessions().contains_key(&id(3)), "nothing is sent by the command");
    let mut daemon = place.start();
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(3));
    assert_eq!(server.sessions().len(), 7);
}

/// The request that is on its way is waited for, and what it put is deleted.
#[test]
fn a_file_that_goes_while_its_session_is_put() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    let mut daemon = start(&place, &server, 2);
    server.slow_down(std::time::Duration::from_millis(1500));
    let path = place.drop_file("5.fit", Run::at(START + 5 * 86_400).build());
    wait::until_true("it on its way", || server.puts().contains_key(&id(5)));
    fs::remove_file(&path).unwrap();
    let (code, ..) = forget(&place, &[&path]);
    assert_eq!(code, Some(0));
    assert_eq!(daemon.wait_for("session.deleted")["session"], id(5));
    assert_eq!((server.sessions().len(), server.deletes()), (2, [(id(5), 1)].into()));
    assert!(!server.saw_one_twice_at_once());
}

/// A table is not believed before it has rested: until then nobody knows what it tells of.
#[test]
fn what_comes_back_under_another_name_is_read_before_anything_is_deleted() {
    let server = FaultServer::start("right");
    let place = place_for(&server, "delete", "100ms");
    let config = fs::read_to_string(place.config()).unwrap();
    fs::write(place.config(), config.replace("[watch]\n", "[watch]\nsettle = '1500ms'\n")).unwrap();
    let daemon = start(&place, &server, 4);
    let table = place.drop_file("old.csv", crate::formats::hevy::EXAMPLE);
    let count = place.normalized(&[&table]).len() + 4;
    wait::until_true("all sessions", || server.sessions().len() == count);
    wait::until_true("an empty outbox", || place.json(&["outbox", "list", "--json"]).is_empty());
    let away = place.dir.path().join("away.csv");
    fs::rename(&table, &away).unwrap();
    daemon.terminate();
    fs::rename(&away, place.folder().join("new.csv")).unwrap();
    let mut daemon = start_again(&place, &server, count);
    scans(&mut daemon, 5);
    assert_eq!((server.sessions().len(), server.deletes().len()), (count, 0));
}
