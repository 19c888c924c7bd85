//! What the server has lost is put again.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::http;
use crate::support::program::Place;
use crate::support::wait;
use std::fs;

#[test]
fn a_session_that_is_gone_is_put_again() {
    let place = Place::new();
    let mut daemon = place.start_with(&[], &[("FITFERRY_RECONCILE__EVERY", "1s")]);
    let recent = jiff::Timestamp::now().as_second() - 86_400;
    let path = place.drop_file("a.fit", Run::at(recent).build());
    daemon.wait_for_sessions(&place, 1);
    let expected = place.normalized(&[&path]);
    let id = expected.keys().next().unwrap();
    let gone =
        http::request(daemon.address(), "DELETE", &format!("/fitness/v1/users/me/sessions/{id}"), &place.token(), "");
    assert_eq!(gone.unwrap().status, 200);
    assert_eq!(daemon.wait_for("session.missing")["session"], id.as_str());
    assert_eq!(daemon.wait_for_sessions(&place, 1), expected);
}

/// Only what is really missing is put: nothing that is there, in flight, or outside the window.
#[test]
fn what_is_there_is_left_alone() {
    let server = FaultServer::start("right");
    let place = Place::new();
    let token = place.dir.path().join("token");
    fs::write(&token, "right").unwrap();
    let config = format!(
        "folders = ['{}']\n{}reconcile.every = '1s'\nreconcile.recent = '2d'\n",
        place.folder().display(),
        server.destination(&token)
    );
    fs::write(place.config(), config).unwrap();
    let mut daemon = place.start();
    let now = jiff::Timestamp::now().as_second();
    for (name, start) in [("recent.fit", now - 86_400), ("old.fit", now - 30 * 86_400)] {
        place.drop_file(name, Run::at(start).build());
    }
    wait::until_true("both sessions", || server.sessions().len() == 2);
    let old = place.normalized(&[&place.folder().join("old.fit")]).into_keys().next().unwrap();
    server.forget(&old);
    daemon.wait_for_where("reconcile.done", |event| event["compared"] == 1);
    daemon.wait_for_where("reconcile.done", |event| event["compared"] == 1);
    assert!(daemon.events("session.missing").is_empty());
    assert_eq!(server.puts().values().sum::<u32>(), 2);
    let recent = place.normalized(&[&place.folder().join("recent.fit")]).into_keys().next().unwrap();
    server.forget(&recent);
    daemon.wait_for("session.missing");
    wait::until_true("it to be back", || server.sessions().contains_key(&recent));
    assert_eq!(server.puts()[&recent], 2);
}
