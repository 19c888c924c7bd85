//! A state directory on a disk that is full: nothing is lost, and everything goes on once there is room.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::incident::Log;
use crate::support::program::{Daemon, Place, lines};
use crate::support::{small_disk, wait};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn a_full_disk_delays_and_loses_nothing() {
    let place = Place::new();
    let script = "exec \"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\" --listen 127.0.0.1:0";
    let Some(mut command) = small_disk::command(&place, 1, script) else { return };
    // Else it would not come to that.
    command.env("FITFERRY_DISK__PAUSE_BELOW", "0");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    let inside = small_disk::inside(daemon.id(), &place);
    let token = fs::read_to_string(inside.join("server-token")).unwrap();
    let ballast = small_disk::fill(&inside);
    for day in 0..20 {
        place.drop_file(&format!("{day}.fit"), Run::at(1_600_000_000 + day * 86_400).build());
    }
    let failed = daemon.wait_for_where("store.failed", |event| event["what"] == "recording files");
    assert!(failed["error"].as_str().unwrap().contains("disk"), "{failed}");
    fs::remove_file(&ballast).unwrap();
    let path = format!("/fitness/v1/users/me/sessions?{}", crate::support::program::ALL);
    wait::until_true("every session", || {
        let answer = crate::support::http::request(daemon.address(), "GET", &path, token.trim(), "");
        answer.is_some_and(|answer| crate::support::program::sessions(&answer).len() == 20)
    });
    let told = daemon.events("store.failed").into_iter().filter(|event| event["what"] == "recording files").count();
    assert_eq!(told, 1, "of twenty files that fail again and again");
    // One by one these would write more than there is room for, if what is written were not tidied up.
    for day in 20..60 {
        place.drop_file(&format!("{day}.fit"), Run::at(1_600_000_000 + day * 86_400).build());
        daemon.wait_for_where("session.delivered", |event| event["session"] == crate::sync::deliver::id(day));
    }
    wait::until_true("the end of it", || {
        place.drop_file("0.fit", Run::at(1_600_000_000).build());
        !daemon.events("store.works").is_empty()
    });
    let mut log = Log::default();
    log.add(0, &[failed]);
    log.add(5, &daemon.events("store.works")[..1]);
    log.fires(&place, &["store.failed"], &["FitferryStoreFailed for fitferry: 0 to 5"], &["store.failed"]);
}

/// As long as there is little room nothing is taken in, and what was queued goes out; then all of it is.
#[test]
fn little_room_holds_up_new_files_and_nothing_else() {
    let api = FaultServer::start("right");
    let place = Place::new();
    let script = "exec \"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\"";
    let Some(mut command) = small_disk::command(&place, 40, script) else { return };
    command.env("FITFERRY_DISK__PAUSE_BELOW", "4MB").env("FITFERRY_DELIVERY__RETRY_LONGEST", "2s");
    command.env("FITFERRY_DESTINATION__URL", format!("http://{}/fitness/v1", api.address));
    command.env("FITFERRY_DESTINATION__TOKEN", "right");
    api.set_token("another");
    let run = |day: i64| Run { records: 2, ..Run::at(1_600_000_000 + day * 86_400) }.build();
    (0..5).for_each(|day| drop(place.drop_file(&format!("{day}.fit"), run(day))));
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("account.stopped");
    let mut log = Log::from_now(&mut daemon);
    let inside = small_disk::inside(daemon.id(), &place);
    let ballast = small_disk::fill(&inside);
    let size = ballast.metadata().unwrap().len() - (2 << 20);
    fs::File::options().write(true).open(&ballast).unwrap().set_len(size).unwrap();
    (5..10).for_each(|day| drop(place.drop_file(&format!("{day}.fit"), run(day))));
    let low = daemon.wait_for("disk.low");
    let (free, limit) = (low["free"].as_u64().unwrap(), low["limit"].as_u64().unwrap());
    assert!(low["path"] == place.state().to_str().unwrap() && free < limit && limit == 4_000_000, "{low}");
    let process = daemon.id().to_string();
    let ask = |arguments: &[&str]| {
        let mut command = Command::new("nsenter");
        command.args(["--preserve-credentials", "-U", "-m", "-t", &process, env!("CARGO_BIN_EXE_fitferry")]);
        command.arg("--state-dir").arg(place.state()).args(arguments);
        command.env("FITFERRY_DISK__PAUSE_BELOW", "4MB").env("HOME", place.dir.path()).output().unwrap()
    };
    let status = ask(&["status", "--json"]);
    assert!(status.status.success(), "{status:?}");
    let status = &lines(&status.stdout)[0];
    assert_eq!((&status["lowDisk"]["limit"], &status["accounts"][0]["sessions"]), (&4_000_000.into(), &5.into()));
    let text = String::from_utf8(ask(&["status"]).stdout).unwrap();
    assert!(text.contains("below 4MB new files wait, until 5MB are free"), "{text}");
    let check = ask(&["status", "--check"]);
    let line = String::from_utf8(check.stdout).unwrap();
    assert!(check.status.code() == Some(1) && line.contains("little room: "), "{line}");
    log.hear(0, &mut daemon);
    // Beside it, what somebody names is not taken in either, and they are told.
    let import = ask(&["import", place.folder().join("9.fit").to_str().unwrap()]);
    assert!(import.status.code() == Some(75), "{import:?}");
    assert!(String::from_utf8(import.stderr).unwrap().contains("make room"));
    // What was queued goes out.
    let healed = Instant::now();
    api.set_token("right");
    assert!(ask(&["outbox", "retry", "--all"]).status.success());
    wait::until_true("the queue to go out", || api.sessions().len() == 5);
    assert_eq!(daemon.events("file.queued").len(), 5);
    fs::remove_file(&ballast).unwrap();
    daemon.wait_for("disk.ok");
    wait::until_true("the others", || api.sessions().len() == 10);
    log.hear(20, &mut daemon);
    log.fires(&place, &["disk.low"], &["FitferryDiskLow for fitferry: 0 to 20"], &["disk.low"]);
    assert!(ask(&["status", "--json"]).status.success() && daemon.events("disk.low").len() == 1);
    let taken = api.seen().iter().filter(|seen| seen.method == "PUT" && seen.at > healed).count();
    assert_eq!(taken, 10, "each of them once");
    // Who waits for room is stopped at once.
    small_disk::fill(&inside);
    place.drop_file("late.fit", run(20));
    daemon.wait_for("disk.low");
    let (took, events) = daemon.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert!(events.iter().all(|event| event["event"] != "store.failed"), "{events:?}");
}

/// Units that fail again and again end for good, so a start waits for room.
#[test]
fn a_start_on_a_full_disk_waits() {
    let place = Place::new();
    place.drop_file("a.fit", Run::default().build());
    let script = "until ! head -c 4096 /dev/zero >> \"$STATE/ballast\"; do :; done 2> /dev/null
        exec \"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\" --listen 127.0.0.1:0";
    let Some(mut command) = small_disk::command(&place, 1, script) else { return };
    command.env("FITFERRY_DISK__PAUSE_BELOW", "0");
    let mut daemon = Daemon::spawn(&mut command);
    let failed = daemon.wait_for("store.failed");
    assert_eq!(failed["what"], "starting");
    fs::remove_file(small_disk::inside(daemon.id(), &place).join("ballast")).unwrap();
    daemon.wait_for("store.works");
    daemon.wait_for("session.delivered");
}
