//! A share whose server does not answer any more.

use crate::support::fit::Run;
use crate::support::incident::Log;
use crate::support::program::{Daemon, Place};
use crate::support::{foreign, mounts, wait};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

fn run(day: i64) -> Vec<u8> {
    Run { records: 1, ..Run::at(1_600_000_000 + day * 86_400) }.build()
}

/// The process that serves the share.
struct Server(String);

impl Server {
    fn signal(&self, name: &str) {
        assert!(Command::new("kill").args(["-s", name, &self.0]).status().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-s", "KILL", &self.0]).status();
    }
}

/// A daemon that watches a share, and another folder beside it; where the files of the share lie, and who serves it.
fn start(place: &Place, options: &str) -> Option<(Daemon, [PathBuf; 2], Server)> {
    if !foreign::can_bind() {
        return None;
    }
    let [behind, share] = ["behind", "share"].map(|name| place.dir.path().join(name));
    fs::create_dir_all(&behind).unwrap();
    fs::create_dir(&share).unwrap();
    let config = format!("folders = ['{}', '{}']\n", share.display(), place.folder().display());
    fs::write(place.config(), config).unwrap();
    let script = "bindfs -f $OPTIONS \"$BEHIND\" \"$SHARE\" & echo $! > \"$HOME/server\"
        until grep -q \"$SHARE\" /proc/self/mounts; do sleep 0.05; done
        exec \"$PROGRAM\" run --config \"$CONFIG\" --state-dir \"$STATE\" --listen 127.0.0.1:0";
    let mut command = mounts::command(place, script)?;
    command
        .env("BEHIND", &behind)
        .env("SHARE", &share)
        .env("OPTIONS", options)
        .env("FITFERRY_WATCH__POLL_EVERY", "200ms");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    let server = Server(fs::read_to_string(place.dir.path().join("server")).unwrap().trim().to_owned());
    Some((daemon, [behind, share], server))
}

/// As on a mount of NFS that waits for its server: whoever asks, waits with it.
#[test]
fn a_share_that_does_not_answer_holds_up_nobody_else() {
    let place = Place::new();
    let Some((mut daemon, [behind, share], server)) = start(&place, "") else { return };
    fs::write(behind.join("0.fit"), run(0)).unwrap();
    place.drop_file("1.fit", run(1));
    daemon.wait_for_sessions(&place, 2);

    server.signal("STOP");
    let stuck = daemon.wait_for("folder.stuck");
    assert_eq!(stuck["folder"].as_str(), share.to_str());
    place.drop_file("2.fit", run(2));
    daemon.wait_for_sessions(&place, 3);
    let shown = || {
        let folders = place.json(&["status", "--json"])[0]["accounts"][0]["folders"].clone();
        let of = |folder: &std::path::Path| {
            let found = folders.as_array().unwrap().iter().find(|shown| shown["folder"].as_str() == folder.to_str());
            found.unwrap()["mode"].as_str().unwrap().to_owned()
        };
        [of(&share), of(&place.folder())]
    };
    wait::until_true("its state to be written down", || shown()[0] == "stuck");
    assert_ne!(shown()[1], "stuck");
    let check = place.run(&["status", "--check"]);
    assert!(check.status.code() == Some(1) && String::from_utf8(check.stdout).unwrap().contains("share is stuck"));
    let mut log = Log::default();
    log.hear(0, &mut daemon);

    server.signal("CONT");
    daemon.wait_for("folder.answers");
    log.hear(3, &mut daemon);
    log.fires(&place, &["folder.stuck"], &["FitferryFolderAway for me /share: 0 to 3"], &["folder.stuck"]);
    wait::until_true("its state to be written down", || shown()[0] == "polling");
    fs::write(behind.join("3.fit"), run(3)).unwrap();
    daemon.wait_for_sessions(&place, 4);

    // Those that waited for it while others took their place end in silence.
    server.signal("STOP");
    place.drop_file("4.fit", run(4));
    daemon.wait_for_sessions(&place, 5);
    for _ in 0..2 {
        daemon.signal("HUP");
        daemon.wait_for_long("daemon.reloaded");
    }
    server.signal("CONT");
    fs::write(behind.join("5.fit"), run(5)).unwrap();
    daemon.wait_for_sessions(&place, 6);
    wait::until_true("two folders to be watched", || {
        let tasks = fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap();
        let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
        names.filter(|name| name.trim() == "folder").count() == 2
    });
    let told = daemon.events("folder.watched");
    assert_eq!(told.iter().filter(|told| told["folder"].as_str() == share.to_str()).count(), 2, "{told:?}");
    assert!(daemon.events("store.failed").is_empty());

    // It is not waited for at the end either.
    server.signal("STOP");
    place.drop_file("6.fit", run(6));
    daemon.wait_for_sessions(&place, 7);
    daemon.signal("TERM");
    daemon.wait_for("daemon.stopped");
    // What asked a file system of FUSE, not even a kill ends until that has answered, or is gone.
    drop(server);
    assert!(daemon.end().0.success());
}

/// What waits is sent although nobody knows yet all that the share holds.
#[test]
fn a_share_that_is_read_for_minutes_is_not_waited_for() {
    let place = Place::new();
    let behind = place.dir.path().join("behind");
    fs::create_dir(&behind).unwrap();
    fs::write(behind.join("long.gpx"), "<?xml version='1.0'?>\n<gpx>".to_owned() + &"<a>long</a>\n".repeat(500_000))
        .unwrap();
    let Some((mut daemon, [_, share], _server)) = start(&place, "--read-rate=50k") else { return };
    place.drop_file("1.fit", run(1));
    daemon.wait_for("file.queued");
    assert_eq!(daemon.wait_for_long("folder.slow")["folder"].as_str(), share.to_str());
    daemon.wait_for_sessions(&place, 1);
    assert!(daemon.events("folder.stuck").is_empty());
}

/// Whoever asks for a file of it waits with it, and is told so.
#[test]
fn a_command_that_waits_for_a_share_says_so() {
    let place = Place::new();
    if !foreign::can_bind() {
        return;
    }
    place.drop_file("0.fit", run(0));
    let script = "mkdir \"$HOME/share\"; bindfs -f \"$WATCH\" \"$HOME/share\" 2> /dev/null & echo $! > \"$HOME/server\"
        until grep -q \"$HOME/share\" /proc/self/mounts; do sleep 0.05; done
        kill -s STOP $(cat \"$HOME/server\")
        exec \"$PROGRAM\" normalize \"$HOME/share/0.fit\"";
    let Some(mut command) = mounts::command(&place, script) else { return };
    let mut asking = Daemon::spawn(&mut command);
    asking.wait_for_event("a word", |line| line.as_str().is_some_and(|line| line.contains("still looking at")));
    let server = Server(fs::read_to_string(place.dir.path().join("server")).unwrap().trim().to_owned());
    server.signal("CONT");
    assert!(asking.end().0.success());
}

/// Neither a start nor a reload that waits for a share keeps it from ending.
#[test]
fn a_start_that_waits_for_a_share_can_be_stopped() {
    let place = Place::new();
    if !foreign::can_bind() {
        return;
    }
    let share = place.dir.path().join("share");
    fs::create_dir(&share).unwrap();
    fs::write(place.config(), format!("folders = ['{}']\n", share.display())).unwrap();
    let script = "bindfs -f \"$WATCH\" \"$HOME/share\" 2> /dev/null & echo $! > \"$HOME/server\"
        until grep -q \"$HOME/share\" /proc/self/mounts; do sleep 0.05; done
        exec \"$PROGRAM\" run --config \"$CONFIG\" --state-dir \"$STATE\" --listen 127.0.0.1:0";
    let Some(mut command) = mounts::command(&place, script) else { return };
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    let server = Server(fs::read_to_string(place.dir.path().join("server")).unwrap().trim().to_owned());
    server.signal("STOP");
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    daemon.signal("TERM");
    // In a moment, and not when it has given up waiting.
    assert_eq!(daemon.wait_for("daemon.stopping")["signal"], "SIGTERM");
    daemon.wait_for("daemon.stopped");
    assert!(daemon.events("folder.stuck").is_empty());
    drop(server);
    assert!(daemon.end().0.success());
}
