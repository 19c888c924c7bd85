//! Other settings while it runs: taken when they are good, left when they are not, and nobody is turned away meanwhile.

use crate::support::fit::Run;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use std::fs;
use std::net::TcpStream;
use std::path::PathBuf;

fn configure(place: &Place, folder: &PathBuf, more: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(place.config(), format!("folders = ['{}']\n{more}", folder.display())).unwrap();
}

fn other(place: &Place) -> PathBuf {
    place.dir.path().join("other")
}

fn workout(day: i64) -> Vec<u8> {
    Run { start: Run::default().start + day * 86_400, ..Run::default() }.build()
}

fn is_alive(daemon: &Daemon) -> bool {
    crate::support::http::request(daemon.address(), "GET", "/healthz", "", "")
        .is_some_and(|answer| answer.status == 200)
}

/// Those that a daemon has once each.
const OURS: [&str; 5] = ["control", "folder", "server", "store", "stuck"];

fn threads(daemon: &Daemon) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{}/task", daemon.id())).unwrap();
    // One may end meanwhile.
    let names = tasks.filter_map(|task| fs::read_to_string(task.unwrap().path().join("comm")).ok());
    let mut names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
    names.retain(|name| OURS.contains(&name.as_str()));
    names.sort();
    names
}

#[test]
fn good_settings_are_taken_and_bad_ones_are_not() {
    let place = Place::new();
    configure(&place, &place.folder(), "");
    let mut daemon = place.start();
    place.drop_file("a.fit", workout(0));
    daemon.wait_for("session.delivered");
    let address = daemon.address();

    fs::write(place.config(), "folderz = ['nowhere']\n").unwrap();
    daemon.signal("HUP");
    let refused = daemon.wait_for("config.refused");
    assert!(refused["error"].as_str().unwrap().contains("folderz"), "{refused}");
    place.drop_file("b.fit", workout(1));
    daemon.wait_for("session.delivered");

    configure(&place, &other(&place), "state_dir = 'elsewhere'\n");
    daemon.signal("HUP");
    // The command line says where the state is, whatever the file says.
    daemon.wait_for("daemon.reloaded");
    fs::write(other(&place).join("c.fit"), workout(2)).unwrap();
    daemon.wait_for("session.delivered");
    assert_eq!(daemon.wait_for_sessions(&place, 3).len(), 3);
    assert_eq!(daemon.address(), address);
    // What it watched before is nothing to it any more.
    place.drop_file("d.fit", workout(3));
    fs::write(other(&place).join("e.fit"), workout(4)).unwrap();
    assert_eq!(daemon.wait_for("session.delivered")["session"], "fitferry-20260416T063015Z");
    daemon.terminate();
}

const RELOADS: usize = 3;

/// Whoever connects while there is no server waits for the next one.
#[test]
fn clients_are_not_turned_away() {
    let place = Place::new();
    configure(&place, &place.folder(), "");
    let mut daemon = place.start();
    let address = daemon.address();
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let client = std::thread::spawn(move || {
        let (mut answers, mut unheard) = (0, 0);
        while stopped.try_recv().is_err() {
            drop(TcpStream::connect(address).expect("nobody is refused"));
            match crate::support::http::request(address, "GET", "/healthz", "", "") {
                Some(answer) => {
                    assert_eq!(answer.status, 200);
                    answers += 1;
                }
                // It was too slow to say anything before the old server left.
                None => unheard += 1,
            }
        }
        (answers, unheard)
    });
    for _ in 0..RELOADS {
        daemon.signal("HUP");
        daemon.wait_for("daemon.reloaded");
    }
    wait::until_true("nothing of before to be left", || threads(&daemon) == OURS);
    stop.send(()).unwrap();
    let (answers, unheard) = client.join().unwrap();
    assert!(answers > RELOADS && unheard <= RELOADS, "{answers} answers, {unheard} times none");
    assert!(is_alive(&daemon));
    daemon.terminate();
}

#[test]
fn an_address_that_is_taken_is_refused() {
    let place = Place::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    configure(&place, &place.folder(), "server.listen = '127.0.0.1:0'\n");
    let mut command = place.command();
    command.arg("run").env("FITFERRY_LOG__FORMAT", "json");
    let mut daemon = Daemon::spawn(&mut command);
    daemon.wait_for("daemon.ready");
    let address = taken.local_addr().unwrap();
    configure(&place, &place.folder(), &format!("server.listen = '{address}'\n"));
    daemon.signal("HUP");
    let refused = daemon.wait_for("config.refused");
    assert!(refused["error"].as_str().unwrap().contains(&address.to_string()), "{refused}");
    assert!(is_alive(&daemon));
    drop(taken);
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    wait::until_true("the other address", || {
        crate::support::http::request(address, "GET", "/healthz", "", "").is_some_and(|answer| answer.status == 200)
    });
    daemon.terminate();
}
