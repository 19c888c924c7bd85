//! Addresses that settings move while it runs: taken where nobody else has them, and left as they were where somebody has.

use super::reload::{configure, is_alive, workout};
use crate::support::fault_server::FaultServer;
use crate::support::program::{Daemon, Place};
use crate::support::{http, ports};
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// A daemon that listens where its configuration says.
fn start_there(place: &Place) -> Daemon {
    let mut command = place.command();
    command.arg("run").env("FITFERRY_LOG__FORMAT", "json");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    daemon
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    configure(&place, &place.folder(), "server.listen = '127.0.0.1:0'\n");
    let mut daemon = start_there(&place);
    for key in ["server", "monitor"] {
        configure(&place, &place.folder(), &format!("{key}.listen = '{address}'\n"));
        daemon.signal("HUP");
        let refused = daemon.wait_for("config.refused");
        assert!(refused["error"].as_str().unwrap().contains(&address.to_string()), "{refused}");
        assert!(is_alive(daemon.address()));
    }
    configure(&place, &place.folder(), "server.listen = '127.0.0.2:0'\nmonitor.listen = '127.0.0.2:0'\n");
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    for ready in ["server.ready", "monitor.ready"] {
        let address = daemon.events(ready).pop().unwrap()["address"].as_str().unwrap().parse().unwrap();
        assert!(is_alive(address), "{ready} {address}");
    }
    daemon.terminate();
}

/// Whether the embedded server, and nothing else, answers there.
fn serves(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    http::request(address, "GET", "/$discovery/rest", "", "").is_some_and(|answer| answer.status == 200)
}

fn monitors(port: u16) -> bool {
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    http::request(address, "GET", "/metrics", "", "").is_some_and(|answer| answer.status == 200)
}

/// Nobody but the daemon itself is in its way, and it works at each address.
#[test]
fn an_address_of_its_own_is_taken_over() {
    let place = Place::new();
    let [a, b] = ports::free();
    configure(&place, &place.folder(), &format!("server.listen = '127.0.0.1:{a}'\n"));
    let mut daemon = start_there(&place);
    for (day, (server, monitor)) in [
        (format!("0.0.0.0:{a}"), None),
        (format!("127.0.0.1:{a}"), Some(b)),
        (format!("[::]:{a}"), Some(b)),
        (format!("127.0.0.1:{b}"), Some(a)),
        (format!("127.0.0.1:{a}"), Some(b)),
        (format!("127.0.0.1:{b}"), None),
    ]
    .into_iter()
    .enumerate()
    {
        let monitor_listen = monitor.map(|port| format!("monitor.listen = '127.0.0.1:{port}'\n")).unwrap_or_default();
        configure(&place, &place.folder(), &format!("server.listen = '{server}'\n{monitor_listen}"));
        daemon.signal("HUP");
        daemon.wait_for_where("server.ready", |event| event["address"] == server.as_str());
        daemon.wait_for("daemon.reloaded");
        place.drop_file(&format!("{day}.fit"), workout(i64::try_from(day).unwrap()));
        daemon.wait_for("session.delivered");
        let port = server.rsplit_once(':').unwrap().1.parse().unwrap();
        assert!(serves(port), "{server}");
        assert!(monitor.is_none_or(monitors), "{server} {monitor:?}");
    }
    assert_eq!(daemon.events("config.refused"), Vec::<serde_json::Value>::new());
    daemon.terminate();
}

/// Whoever comes while the address becomes wider or narrower finds somebody there.
#[test]
fn clients_of_an_address_that_is_taken_over_are_not_turned_away() {
    const MOVES: usize = 4;
    let place = Place::new();
    let [port] = ports::free();
    let listen = |ip: &str| configure(&place, &place.folder(), &format!("server.listen = '{ip}:{port}'\n"));
    listen("127.0.0.1");
    let mut daemon = start_there(&place);
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let address = SocketAddr::from(([127, 0, 0, 1], port));
    let client = std::thread::spawn(move || {
        let (mut answers, mut unheard) = (0, 0);
        while stopped.try_recv().is_err() {
            drop(TcpStream::connect(address).expect("nobody is refused"));
            match http::request(address, "GET", "/healthz", "", "") {
                Some(answer) if answer.status == 200 => answers += 1,
                Some(answer) => panic!("{answer:?}"),
                // It was too slow to say anything before the old server left.
                None => unheard += 1,
            }
        }
        (answers, unheard)
    });
    for number in 0..MOVES {
        listen(["0.0.0.0", "127.0.0.1"][number % 2]);
        daemon.signal("HUP");
        daemon.wait_for("daemon.reloaded");
    }
    stop.send(()).unwrap();
    let (answers, unheard) = client.join().unwrap();
    assert!(answers > MOVES && unheard <= MOVES, "{answers} answers, {unheard} times none");
    daemon.terminate();
}

/// Where somebody else is in the way, too, all stays as it is, and so does what fails later.
#[test]
fn an_address_that_cannot_be_taken_over_leaves_all_as_it_is() {
    let place = Place::new();
    let [a, b] = ports::free();
    let _theirs = TcpListener::bind(("127.0.0.2", a)).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let _taken = TcpListener::bind(taken).unwrap();
    let good = format!("server.listen = '127.0.0.1:{a}'\nmonitor.listen = '127.0.0.1:{b}'\n");
    configure(&place, &place.folder(), &good);
    let mut daemon = start_there(&place);
    for bad in [
        format!("server.listen = '0.0.0.0:{a}'\nmonitor.listen = '127.0.0.1:{b}'\n"),
        format!("server.listen = '127.0.0.1:{b}'\nmonitor.listen = '{taken}'\n"),
        format!("server.listen = '127.0.0.1:{a}'\nmonitor.listen = '127.0.0.1:{a}'\n"),
    ] {
        configure(&place, &place.folder(), &bad);
        daemon.signal("HUP");
        daemon.wait_for("config.refused");
        assert!(serves(a) && monitors(b), "{bad}");
    }
    // The addresses are good, and what comes after them fails: they are given back.
    place.drop_file("a.fit", workout(0));
    daemon.wait_for("session.delivered");
    let memory = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    memory.execute("UPDATE record SET workout = 'no workout'", []).unwrap();
    let swapped = format!("server.listen = '127.0.0.1:{b}'\nmonitor.listen = '127.0.0.1:{a}'\n");
    configure(&place, &place.folder(), &format!("{swapped}rules.description = false\n"));
    daemon.signal("HUP");
    daemon.wait_for_where("server.ready", |event| event["address"] == format!("127.0.0.1:{a}").as_str());
    // It is said when it is so.
    daemon.wait_for("config.refused");
    assert!(serves(a) && monitors(b));
    place.drop_file("b.fit", workout(1));
    daemon.wait_for("session.delivered");
    daemon.terminate();
}

/// A reload that fails where what ran before cannot be resumed either, until the token's file is one again.
#[test]
fn an_address_that_is_left_is_nobody_elses_until_the_next_settings_run() {
    let (place, elsewhere) = (Place::new(), FaultServer::start("right"));
    let [port] = ports::free();
    configure(&place, &place.folder(), &format!("server.listen = '127.0.0.1:{port}'\n"));
    let mut daemon = start_there(&place);
    place.drop_file("a.fit", workout(0));
    daemon.wait_for("session.delivered");
    let memory = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    memory.execute("UPDATE record SET workout = 'no workout'", []).unwrap();
    let (token, aside) = (place.state().join("server-token"), place.dir.path().join("aside"));
    fs::write(place.dir.path().join("token"), "right\n").unwrap();
    let destination = elsewhere.destination(&place.dir.path().join("token"));
    configure(&place, &place.folder(), &format!("rules.description = false\n{destination}"));
    for is_mended in [true, false] {
        fs::rename(&token, &aside).unwrap();
        fs::create_dir(&token).unwrap();
        daemon.signal("HUP");
        let stuck = daemon.wait_for("config.stuck").to_string();
        assert!(stuck.contains("the new configuration cannot be used: ") && stuck.contains("server-token"), "{stuck}");
        let stranger = TcpListener::bind(("127.0.0.1", port));
        assert_eq!(stranger.unwrap_err().kind(), std::io::ErrorKind::AddrInUse);
        if is_mended {
            assert!(daemon.events("config.refused").is_empty(), "it is not as it was yet");
            fs::remove_dir(&token).unwrap();
            fs::rename(&aside, &token).unwrap();
            daemon.wait_for("config.refused");
            assert!(serves(port));
        }
    }
    let (took, events) = daemon.terminate();
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(events.last().unwrap()["event"], "daemon.stopped");
}
