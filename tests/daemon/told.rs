//! What the log says in cases that are nobody else's.

use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use crate::support::{http, wait};
use rusqlite::Connection;
use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;

#[test]
fn who_speaks_nonsense_is_not_served() {
    let place = Place::new();
    let mut daemon = place.start();
    let mut stream = UnixStream::connect(place.state().join("control.sock")).unwrap();
    stream.write_all(b"open the door\n").unwrap();
    daemon.wait_for("control.failed");
    daemon.terminate();
}

#[test]
fn a_server_that_runs_already_is_used() {
    let place = Place::new();
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
    let mut server = Daemon::spawn(&mut command);
    server.wait_for("daemon.ready");
    let mut daemon = place.start();
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    let elsewhere = daemon.events("server.elsewhere");
    assert_eq!(elsewhere[0]["address"], server.address().to_string());
    assert_eq!(server.wait_for_sessions(&place, 1).len(), 1);
    daemon.terminate();
}

/// A row that holds no session is a mistake of ours, and not the client's.
#[test]
fn a_mistake_of_the_server_is_told() {
    let place = Place::new();
    let mut daemon = place.start();
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    let database = Connection::open(place.state().join("server/sessions.db")).unwrap();
    database.execute("UPDATE session SET body = 'no session'", []).unwrap();
    assert_eq!(daemon.get(&place, crate::support::program::ALL).status, 500);
    daemon.wait_for("server.fault");
    daemon.terminate();
}

#[test]
fn what_is_ignored_is_told_once_aloud() {
    let place = Place::new();
    let mut daemon = place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    for (photo, level) in [(&b"\xff\xd8\xff\xe0 a face"[..], "INFO"), (b"\xff\xd8\xff\xe0 a better one", "DEBUG")] {
        fs::write(place.folder().join("photo.jpg"), photo).unwrap();
        assert_eq!(daemon.wait_for("file.ignored")["level"], level);
    }
    daemon.terminate();
}

/// Somebody puts back what was deleted, as its file is gone.
#[test]
fn what_is_unwanted_there_is_told() {
    let place = Place::new();
    let folder = place.folder().display().to_string();
    let settings = "watch = { removed_grace = '100ms', scan_every = '1s' }\n";
    fs::write(place.config(), format!("folders = [{{ path = '{folder}', on_removed = 'delete' }}]\n{settings}"))
        .unwrap();
    let start = jiff::Timestamp::now().as_second() - 86_400;
    let [gone, stays] = [0, 1].map(|day| place.drop_file(&format!("{day}.fit"), Run::at(start - day * 86_400).build()));
    assert!(stays.exists());
    let mut daemon = place.start();
    let sessions = daemon.wait_for_sessions(&place, 2);
    daemon.wait_for("reconcile.done");
    fs::remove_file(gone).unwrap();
    let id = daemon.wait_for("session.deleted")["session"].as_str().unwrap().to_owned();
    wait::until_true("its deletion", || daemon.sessions(&place).len() == 1);
    let path = format!("/fitness/v1/users/me/sessions/{id}");
    let put = http::request(daemon.address(), "PUT", &path, &place.token(), &sessions[&id].to_string()).unwrap();
    assert_eq!(put.status, 200);
    assert!(place.run(&["reconcile"]).status.success());
    assert_eq!(daemon.wait_for("session.unwanted")["session"], id);
    wait::until_true("its deletion", || daemon.sessions(&place).len() == 1);
    daemon.terminate();
}

/// As a program that saves the same every few seconds.
#[test]
fn what_is_known_is_told_once_aloud() {
    let place = Place::new();
    let mut daemon = place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    let content = Run::default().build();
    place.drop_file("a.fit", &content);
    daemon.wait_for("file.queued");
    for level in ["INFO", "DEBUG", "DEBUG"] {
        place.drop_file("a.fit", &content);
        assert_eq!(daemon.wait_for("file.known")["level"], level);
    }
    daemon.terminate();
}

/// Who tidies up a folder removes nothing.
#[test]
fn a_renamed_folder_is_one_line() {
    const FILES: i64 = 5;
    let place = Place::new();
    let folder = place.folder();
    let config = format!(
        "folders = [{{ path = '{}', on_removed = 'delete' }}]\n[watch]\nscan_every = '1s'\nremoved_grace = '100ms'\n",
        folder.display(),
    );
    fs::write(place.config(), config).unwrap();
    let mut daemon = place.start_with(&[], &[("FITFERRY_LOG__LEVEL", "debug")]);
    fs::create_dir(folder.join("old")).unwrap();
    for day in 0..FILES {
        place.drop_file(&format!("old/{day}.fit"), Run::at(1_600_000_000 + day * 86_400).build());
        daemon.wait_for("session.delivered");
    }
    fs::rename(folder.join("old"), folder.join("new")).unwrap();
    let renamed = daemon.wait_for("file.renamed");
    assert_eq!((renamed["folder"].as_str(), &renamed["files"]), (folder.join("old").to_str(), &FILES.into()));
    for _ in 0..FILES {
        assert_eq!(daemon.wait_for("file.forgotten")["level"], "DEBUG");
    }
    assert!(daemon.events("file.missed").is_empty() && daemon.events("session.deleted").is_empty());
    assert_eq!(daemon.events("file.renamed").len(), 1);
    daemon.terminate();
}
