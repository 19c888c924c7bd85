//! A state directory on a disk that is full: nothing is lost, and everything goes on once there is room.

use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use crate::support::small_disk;
use std::fs;

#[test]
fn a_full_disk_delays_and_loses_nothing() {
    let place = Place::new();
    let script = "exec \"$PROGRAM\" run --state-dir \"$STATE\" --watch \"$WATCH\" --listen 127.0.0.1:0";
    let Some(mut command) = small_disk::command(&place, script) else { return };
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
    crate::support::wait::until_true("every session", || {
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
    crate::support::wait::until_true("the end of it", || {
        place.drop_file("0.fit", Run::at(1_600_000_000).build());
        !daemon.events("store.works").is_empty()
    });
}
