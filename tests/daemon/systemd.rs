//! Under a stand-in for systemd: READY, signs of life, a clean stop.

use crate::support::fit::Run;
use crate::support::program::Place;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

#[test]
fn ready_comes_first_and_a_stop_is_clean() {
    let place = Place::new();
    let path = place.dir.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let hear = || {
        let mut buffer = [0; 256];
        let length = socket.recv(&mut buffer).expect("a notification");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    };
    let mut daemon = place.spawn(&[], &[("NOTIFY_SOCKET", path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")]);
    assert_eq!(hear().trim(), "READY=1");
    daemon.wait_for("daemon.ready");
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    daemon.wait_for_sessions(&place, 1);
    assert_eq!(hear().trim(), "WATCHDOG=1");
    let (took, events) = daemon.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(events.last().unwrap()["event"], "daemon.stopped");
    let last = std::iter::from_fn(|| Some(hear())).find(|said| !said.contains("WATCHDOG"));
    assert_eq!(last.unwrap().trim(), "STOPPING=1");
}

#[test]
fn the_server_alone_is_a_service_too() {
    let place = Place::new();
    let path = place.dir.path().join("notify.sock");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("NOTIFY_SOCKET", &path).env("FITFERRY_LOG__FORMAT", "json");
    let mut server = crate::support::program::Daemon::spawn(&mut command);
    let mut buffer = [0; 256];
    let length = socket.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"READY=1\n");
    server.wait_for("daemon.ready");
    assert!(server.sessions(&place).is_empty());
    let (took, _) = server.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
}
