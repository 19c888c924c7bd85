//! Under a stand-in for systemd: READY, signs of life, a clean stop.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixDatagram, UnixListener};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// What would be systemd.
struct Manager {
    path: PathBuf,
    socket: UnixDatagram,
}

impl Manager {
    fn of(place: &Place) -> Self {
        let path = place.dir.path().join("notify.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Self { path, socket }
    }

    fn hear(&self) -> String {
        let mut buffer = [0; 1024];
        let length = self.socket.recv(&mut buffer).expect("a notification");
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    /// The next notification of this kind, with whatever else it says.
    fn wait_for(&self, what: &str) -> String {
        std::iter::from_fn(|| Some(self.hear())).find(|said| said.lines().any(|line| line.starts_with(what))).unwrap()
    }

    fn environment(&self) -> [(&str, &str); 2] {
        [("NOTIFY_SOCKET", self.path.to_str().unwrap()), ("WATCHDOG_USEC", "200000")]
    }
}

#[test]
fn ready_comes_first_and_a_stop_is_clean() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let mut daemon = place.spawn(&[], &manager.environment());
    assert_eq!(manager.hear().trim(), "READY=1");
    daemon.wait_for("daemon.ready");
    assert_eq!(manager.wait_for("STATUS=").trim(), "STATUS=0 queued, 0 parked");
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    daemon.wait_for_sessions(&place, 1);
    manager.wait_for("WATCHDOG=1");
    let (took, events) = daemon.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(events.last().unwrap()["event"], "daemon.stopped");
    assert_eq!(manager.wait_for("STOPPING=").trim(), "STOPPING=1");
}

#[test]
fn the_status_says_what_waits_and_why() {
    let (place, server) = (Place::new(), FaultServer::start("another"));
    fs::write(place.dir.path().join("token"), "right\n").unwrap();
    let destination = server.destination(&place.dir.path().join("token"));
    fs::write(place.config(), format!("folders = ['{}']\n{destination}", place.folder().display())).unwrap();
    let manager = Manager::of(&place);
    let mut daemon = place.spawn(&[], &manager.environment());
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("account.stopped");
    let said = manager.wait_for("STATUS=1 queued, 0 parked; me: ");
    assert!(said.contains("bad token"), "{said}");
    daemon.terminate();
}

#[test]
fn a_reload_is_announced_and_its_end_too() {
    let place = Place::new();
    fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
    let manager = Manager::of(&place);
    let mut daemon = place.spawn(&[], &manager.environment());
    daemon.wait_for("daemon.ready");
    manager.wait_for("READY=1");
    daemon.signal("HUP");
    let reloading = manager.wait_for("RELOADING=1");
    assert!(reloading.lines().any(|line| line.starts_with("MONOTONIC_USEC=")), "{reloading}");
    manager.wait_for("READY=1");
    daemon.terminate();
}

/// Whoever looks later sees it, too, until it is mended.
#[test]
fn a_refused_reload_is_in_the_status_until_one_is_taken() {
    let place = Place::new();
    let configure =
        |more: &str| fs::write(place.config(), format!("folders = ['{}']\n{more}", place.folder().display()));
    configure("").unwrap();
    let manager = Manager::of(&place);
    let mut daemon = place.spawn(&[], &manager.environment());
    daemon.wait_for("daemon.ready");
    configure("nonsense = 1\n").unwrap();
    daemon.signal("HUP");
    let refused = manager.wait_for("STATUS=the new configuration is refused");
    assert!(refused.contains("nonsense") && refused.contains("; 0 queued"), "{refused}");
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    let later = manager.wait_for("STATUS=");
    assert!(later.contains("nonsense"), "{later}");
    configure("").unwrap();
    daemon.signal("HUP");
    manager.wait_for("STATUS=0 queued, 0 parked");
    daemon.terminate();
}

/// What the unit has systemd do, which hears of a failure by its end alone.
#[test]
fn whoever_reloads_is_told_that_it_is_refused() {
    let unit = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/systemd/fitferry.service")).unwrap();
    let commands = unit.lines().filter_map(|line| line.strip_prefix("ExecReload="));
    let script =
        commands.collect::<Vec<_>>().join("\n").replace("fitferry ", concat!(env!("CARGO_BIN_EXE_fitferry"), " "));
    let place = Place::new();
    fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
    let mut daemon = place.spawn(&[], &[]);
    daemon.wait_for("daemon.ready");
    let reload = || {
        let mut command = Command::new("sh");
        command.args(["-euc", &script]).env("MAINPID", daemon.id().to_string());
        command.env("FITFERRY_CONFIG", place.config()).env("STATE_DIRECTORY", place.state()).output().unwrap()
    };
    let taken = reload();
    assert!(taken.status.success(), "{taken:?}");
    fs::write(place.config(), "nonsense = 1\n").unwrap();
    let refused = reload();
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(refused.status.code() == Some(2) && said.contains("nonsense"), "{refused:?}");
    daemon.wait_for("config.refused");
    daemon.terminate();
}

/// The signs of life end while the memory cannot be written, and begin again.
#[test]
fn who_hangs_gives_no_sign_of_life() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let mut daemon = place.spawn(&[], &manager.environment());
    daemon.wait_for("daemon.ready");
    manager.wait_for("WATCHDOG=1");
    let holder = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    // Ten times a second otherwise.
    manager.socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut buffer = [0; 1024];
    let heard = std::iter::from_fn(|| manager.socket.recv(&mut buffer).ok()).take(20).count();
    assert!(heard < 20, "it is fed all the same");
    holder.execute_batch("ROLLBACK").unwrap();
    manager.socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    manager.wait_for("WATCHDOG=1");
    daemon.terminate();
}

/// Whoever is stopped in the middle is ended by the manager, and knows everything when it is started again.
#[test]
fn who_is_ended_for_its_silence_goes_on_afterwards() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let mut daemon = place.spawn(&[], &manager.environment());
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    manager.wait_for("WATCHDOG=1");
    daemon.signal("STOP");
    manager.socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut buffer = [0; 1024];
    let heard = std::iter::from_fn(|| manager.socket.recv(&mut buffer).ok()).take(600).count();
    assert!(heard < 600, "it is fed all the same");
    daemon.kill();
    manager.socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let mut daemon = place.spawn(&[], &manager.environment());
    manager.wait_for("READY=1");
    place.drop_file("b.fit", Run { start: Run::default().start + 86_400, ..Run::default() }.build());
    // The first is not sent again.
    assert_eq!(daemon.wait_for("session.delivered")["session"], "fitferry-20260413T063015Z");
    assert_eq!(daemon.wait_for_sessions(&place, 2).len(), 2);
    daemon.terminate();
}

/// In a container, the manager outside listens in the abstract namespace, which no path leads to.
#[test]
fn a_manager_without_a_path_is_heard() {
    let place = Place::new();
    let name = format!("fitferry-test-{}", std::process::id());
    let socket = UnixDatagram::bind_addr(&UnixAddress::from_abstract_name(&name).unwrap()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let manager = Manager { path: PathBuf::from(format!("@{name}")), socket };
    let daemon = place.spawn(&[], &manager.environment());
    assert_eq!(manager.hear().trim(), "READY=1");
    manager.wait_for("WATCHDOG=1");
    daemon.terminate();
}

/// Signs of life come again and again, the word that nobody hears them does not.
#[test]
fn a_manager_that_does_not_hear_is_told_of_once() {
    let place = Place::new();
    fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
    let manager = Manager::of(&place);
    let mut daemon = place.spawn(&[], &manager.environment());
    daemon.wait_for("daemon.ready");
    manager.wait_for("WATCHDOG=1");
    fs::remove_file(&manager.path).unwrap();
    let failed = daemon.wait_for("notify.failed");
    assert!(failed["error"].as_str().unwrap().contains("NOTIFY_SOCKET"), "{failed}");
    // Each would be told something, too.
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    assert_eq!(daemon.events("notify.failed").len(), 1);
    // Once it is heard again, the next time is another one.
    let heard = UnixDatagram::bind(&manager.path).unwrap();
    heard.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    heard.recv(&mut [0; 1024]).expect("a sign of life");
    fs::remove_file(&manager.path).unwrap();
    daemon.wait_for("notify.failed");
    let (_, events) = daemon.terminate();
    assert_eq!(events.iter().filter(|event| event["event"] == "notify.failed").count(), 2, "once each");
    assert!(events.iter().all(|event| event["event"] != "control.failed"));
}

/// One that is busy holds nobody up, however much there is to be told.
#[test]
fn a_manager_that_does_not_read_is_not_waited_for() {
    let place = Place::new();
    fs::write(place.config(), format!("folders = ['{}']\n", place.folder().display())).unwrap();
    let manager = Manager::of(&place);
    let others = UnixDatagram::unbound().unwrap();
    others.set_nonblocking(true).unwrap();
    while others.send_to(b"STATUS=busy", &manager.path).is_ok() {}
    let mut daemon = place.spawn(&[], &manager.environment());
    daemon.wait_for("daemon.ready");
    fs::write(place.config(), "nonsense = 1\n").unwrap();
    for _ in 0..20 {
        daemon.signal("HUP");
        daemon.wait_for("config.refused");
    }
    let (took, events) = daemon.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(events.iter().filter(|event| event["event"] == "notify.failed").count(), 1, "{events:#?}");
}

/// The program as a service manager starts it; `shell` arranges its descriptors, of which the first is the given one.
fn handed(place: &Place, shell: &str) -> Command {
    let mut command = Command::new("sh");
    // The process is the one that they are meant for.
    command.args(["-c", &format!("{shell}; export LISTEN_PID=$$; exec \"$0\" \"$@\"")]);
    command.arg(env!("CARGO_BIN_EXE_fitferry"));
    let mut command = place.complete(command);
    command.arg("run").env("FITFERRY_LOG__FORMAT", "json");
    if !place.config().exists() {
        command.arg("--watch").arg(place.folder());
    }
    command
}

#[test]
fn a_socket_that_cannot_serve_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let unix = UnixListener::bind(dir.path().join("sock")).unwrap();
    let one = "exec 3<&0 0</dev/null; export LISTEN_FDS=1";
    for (shell, given, words) in [
        (one, OwnedFd::from(connected), "nobody can connect to it"),
        (one, OwnedFd::from(unix), "fd 3 is not a valid tcp socket"),
        (one, OwnedFd::from(fs::File::open("/dev/null").unwrap()), "fd 3 is not a socket"),
        ("exec 3<&- 0</dev/null; export LISTEN_FDS=1", OwnedFd::from(listener.try_clone().unwrap()), "fd 3 is not a"),
        ("exec 3<&0 4<&0 0</dev/null; export LISTEN_FDS=2", OwnedFd::from(listener), "there are 2"),
    ] {
        let place = Place::new();
        let (status, said) = Daemon::spawn_with(&mut handed(&place, shell), given.into()).end();
        let said = said.last().unwrap().to_string();
        assert!(status.code() == Some(2) && said.contains(words), "{words}: {said}");
        assert!(said.contains("ListenStream=") && !said.contains("cannot use the state directory"), "{said}");
    }
}

/// A start would take it, whatever the settings say, and so does a reload.
#[test]
fn a_socket_that_was_given_stays() {
    let place = Place::new();
    let configure = |listen: &str| {
        let folder = place.folder();
        fs::write(place.config(), format!("folders = ['{}']\nserver.listen = '{listen}'\n", folder.display())).unwrap();
    };
    configure("127.0.0.1:0");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = handed(&place, "exec 3<&0 0</dev/null; export LISTEN_FDS=1");
    // As the manager does, too.
    let _held = listener.try_clone().unwrap();
    let mut daemon = Daemon::spawn_with(&mut command, OwnedFd::from(listener).into());
    daemon.wait_for("daemon.ready");
    configure(&format!("0.0.0.0:{}", address.port()));
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    let ready = daemon.events("server.ready").pop().unwrap();
    assert_eq!(ready["address"], address.to_string().as_str());
    daemon.terminate();
}

/// The service manager listens, and hands that over: the first request starts the daemon, and waits for it.
#[test]
fn the_server_takes_the_socket_that_it_is_given() {
    let place = Place::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let mut command = handed(&place, "exec 3<&0 0</dev/null; export LISTEN_FDS=1");
    let mut daemon = Daemon::spawn_with(&mut command, OwnedFd::from(listener).into());
    daemon.wait_for("daemon.ready");
    assert_eq!(daemon.address(), address);
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for_sessions(&place, 1);
    daemon.terminate();
}

#[test]
fn the_server_alone_is_a_service_too() {
    let place = Place::new();
    let manager = Manager::of(&place);
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).envs(manager.environment()).env("FITFERRY_LOG__FORMAT", "json");
    let mut server = Daemon::spawn(&mut command);
    assert_eq!(manager.hear().trim(), "READY=1");
    server.wait_for("daemon.ready");
    assert!(server.sessions(&place).is_empty());
    let (took, _) = server.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
}
