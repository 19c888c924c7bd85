//! Who looks from outside: `/healthz`, `/metrics`, `status --check`, and the sign that all is well.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use crate::support::{foreign, http, wait};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

/// A daemon that can be looked at, for a server that knows this token; ours is "right".
fn watched(token: &str, more: &str) -> (Place, FaultServer, Daemon, SocketAddr) {
    let (place, server) = (Place::new(), FaultServer::start(token));
    fs::write(place.dir.path().join("token"), "right\n").unwrap();
    let destination = server.destination(&place.dir.path().join("token"));
    let folder = place.folder().display().to_string();
    fs::write(place.config(), format!("folders = ['{folder}']\nmonitor.listen = '127.0.0.1:0'\n{more}\n{destination}"))
        .unwrap();
    let mut daemon = place.start();
    let address = daemon.events("monitor.ready")[0]["address"].as_str().unwrap().parse().unwrap();
    (place, server, daemon, address)
}

fn get(address: SocketAddr, path: &str) -> (u16, String) {
    let answer = http::request(address, "GET", path, "", "").expect("an answer");
    (answer.status, answer.body)
}

fn check(place: &Place) -> (Option<i32>, String) {
    let output = place.run(&["status", "--check"]);
    (output.status.code(), String::from_utf8(output.stdout).unwrap())
}

/// Values by metric and labels, as they are written.
fn metrics(address: SocketAddr) -> BTreeMap<String, f64> {
    let (status, page) = get(address, "/metrics");
    assert_eq!(status, 200, "{page}");
    let values = page.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap());
    values.map(|(name, value)| (name.to_owned(), value.parse().unwrap())).collect()
}

#[test]
fn all_is_well_until_it_is_not() {
    let (place, server, mut daemon, address) = watched("right", "");
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    assert_eq!(get(address, "/healthz"), (200, "ok\n".to_owned()));
    assert_eq!(check(&place), (Some(0), "ok: 1 delivered, 0 queued\n".to_owned()));
    let good = metrics(address);
    assert_eq!(good["fitferry_sessions{account=\"me\",state=\"delivered\"}"], 1.0);
    assert_eq!(good["fitferry_login_needed{account=\"me\"}"], 0.0);
    assert_eq!(good["fitferry_deliveries_total{account=\"me\"}"], 1.0);
    let folder = format!("fitferry_folder_up{{account=\"me\",folder=\"{}\"}}", place.folder().display());
    assert_eq!(good[&folder], 1.0);

    server.set_token("another");
    place.drop_file("b.fit", Run { start: Run::default().start + 86_400, ..Run::default() }.build());
    daemon.wait_for("account.stopped");
    wait::until_true("the stop to be written down", || {
        metrics(address)["fitferry_login_needed{account=\"me\"}"] == 1.0
    });
    let (status, said) = get(address, "/healthz");
    assert_eq!((status, said.starts_with("me: login needed: ")), (503, true), "{said}");
    let (code, line) = check(&place);
    assert_eq!((code, line.lines().count()), (Some(1), 1), "{line}");
    assert!(line.contains("login needed"), "{line}");
    fs::rename(place.folder(), place.dir.path().join("elsewhere")).unwrap();
    wait::until_true("the folder to be missed", || metrics(address)[&folder] == 0.0);
    assert!(check(&place).1.contains("is away"), "{}", check(&place).1);
    daemon.terminate();
    assert!(check(&place).1.starts_with("fitferry is not running; "), "{}", check(&place).1);
}

#[test]
fn the_page_of_metrics_is_one() {
    if !foreign::has("promtool", "--version") {
        return;
    }
    let (place, _server, mut daemon, address) = watched("right", "");
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    daemon.wait_for("reconcile.done");
    let (_, page) = get(address, "/metrics");
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().unwrap();
    promtool.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}\n{page}");
}

/// Somebody elsewhere hears of each comparison, and the log of it when nobody does.
#[test]
fn the_sign_that_all_is_well_follows_each_comparison() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let beat =
        format!("monitor.heartbeat = 'http://{}/secret'\nreconcile.every = '1s'\n", listener.local_addr().unwrap());
    let (place, _server, mut daemon, _) = watched("right", &beat);
    place.drop_file("a.fit", Run::default().build());
    daemon.wait_for("session.delivered");
    daemon.wait_for("reconcile.done");
    listener.set_nonblocking(true).unwrap();
    let (mut stream, _) = wait::until("the sign", || listener.accept().ok());
    stream.set_nonblocking(false).unwrap();
    let mut request = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(stream.try_clone().unwrap()), &mut request).unwrap();
    assert_eq!(request, "GET /secret HTTP/1.1\r\n");
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").unwrap();
    drop((stream, listener));
    let failed = daemon.wait_for("heartbeat.failed");
    assert!(failed["error"].as_str().unwrap().contains("Connection refused"), "{failed}");
    assert!(!failed.to_string().contains("secret"), "{failed}");
    daemon.terminate();
}

/// Somebody who says the same to whoever comes.
fn speaking(words: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map(Result::unwrap) {
            let mut first = [0; 1024];
            assert!(stream.read(&mut first).unwrap() > 0);
            stream.write_all(words.as_bytes()).unwrap();
        }
    });
    address
}

/// Why nobody heard, without the address, which is a secret: whoever knows it can give the sign.
#[test]
fn a_sign_that_nobody_heard_says_why() {
    let http = speaking("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let no_tls = speaking("no TLS\r\n");
    // Too long for a name, so that no name server is asked, who might be silent.
    let no_name = "n".repeat(64);
    for (address, words) in [
        (format!("http://{http}/secret"), "HTTP 404"),
        (format!("https://{no_tls}/secret"), "cannot connect: "),
        (format!("http://{no_name}/secret"), "cannot connect: "),
    ] {
        let beat = format!("monitor.heartbeat = '{address}'\nreconcile.every = '1s'\n");
        let (_place, _server, mut daemon, _) = watched("right", &beat);
        let failed = daemon.wait_for("heartbeat.failed");
        let said = failed["error"].as_str().unwrap();
        assert!(said.starts_with(words) && said.len() > words.len(), "{failed}");
        assert!(!failed.to_string().contains("secret") && !said.contains("error sending"), "{failed}");
    }
}

/// What is asked for besides is told what there is, in words of the monitor's own.
#[test]
fn what_is_not_there_is_told_so() {
    let (_place, _server, _daemon, address) = watched("right", "");
    let (status, said) = get(address, "/nope");
    assert_eq!((status, said.contains("/healthz and /metrics")), (404, true), "{said}");
    let answer = http::raw(address, "DELETE /metrics HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 405 ") && head.to_lowercase().contains("\r\nallow: get,head"), "{answer}");
    assert!(body.contains("GET"), "{answer}");
    for answer in [said, answer] {
        assert!(!answer.contains("is not HTTP"), "{answer}");
    }
}

/// What a socket of the file system answers; nothing if nobody listens there.
fn look_at(path: &Path, page: &str) -> Option<String> {
    let mut stream = UnixStream::connect(path).ok()?;
    write!(stream, "GET {page} HTTP/1.1\r\nHost: fitferry\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    Some(answer)
}

fn configure(place: &Place, listen: &str) {
    let folder = place.folder().display().to_string();
    fs::write(place.config(), format!("folders = ['{folder}']\nmonitor.listen = '{listen}'\n")).unwrap();
}

/// A socket of the file system is there while the daemon runs, at the path of the settings of the moment, and then gone.
#[test]
fn a_socket_is_as_good_as_an_address() {
    let place = Place::new();
    let [first, second] = ["first.sock", "second.sock"].map(|name| place.dir.path().join(name));
    let unix = |path: &Path| format!("unix:{}", path.display());
    configure(&place, &unix(&first));
    let mut daemon = place.start();
    assert_eq!(daemon.events("monitor.ready")[0]["address"], unix(&first).as_str());
    assert!(look_at(&first, "/healthz").unwrap().ends_with("\r\n\r\nok\n"));
    assert!(look_at(&first, "/metrics").unwrap().contains("fitferry_build_info"));
    assert_eq!(fs::metadata(&first).unwrap().permissions().mode() & 0o777, 0o660);
    // The same, another one, one that cannot be, none, and a socket again.
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    assert!(look_at(&first, "/healthz").is_some());
    configure(&place, &unix(&second));
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    assert!(look_at(&second, "/healthz").is_some() && !first.exists());
    configure(&place, &unix(&place.folder()));
    daemon.signal("HUP");
    let refused = daemon.wait_for("config.refused");
    assert!(refused["error"].as_str().unwrap().contains("`monitor.listen`"), "{refused}");
    assert!(look_at(&second, "/healthz").is_some() && place.folder().exists());
    configure(&place, "127.0.0.1:0");
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    assert!(!second.exists());
    configure(&place, &unix(&first));
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    assert!(look_at(&first, "/healthz").is_some());
    daemon.terminate();
    assert!(!first.exists());
}

/// One that died leaves its socket behind; one that lives is not pushed aside.
#[test]
fn a_socket_that_was_left_behind_is_replaced() {
    let place = Place::new();
    let path = place.dir.path().join("monitor.sock");
    configure(&place, &format!("unix:{}", path.display()));
    place.start().kill();
    assert!(path.exists() && look_at(&path, "/healthz").is_none());
    let daemon = place.start();
    assert!(look_at(&path, "/healthz").is_some());
    let other = Place::new();
    configure(&other, &format!("unix:{}", path.display()));
    let output = other.run(&["run", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("another process listens there"), "{said}");
    assert!(look_at(&path, "/healthz").is_some());
    daemon.terminate();
}

#[test]
fn nobody_looks_where_nobody_is_to() {
    let place = Place::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = place.folder().display().to_string();
    let address = taken.local_addr().unwrap();
    fs::write(place.config(), format!("folders = ['{folder}']\nmonitor.listen = '{address}'\n")).unwrap();
    let output = place.run(&["run", "--listen", "127.0.0.1:0"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("monitor.listen"), "{said}");
}
