//! Other settings while it runs: taken when they are good, left when they are not, and nobody is turned away meanwhile.

use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::incident::Log;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

pub fn configure(place: &Place, folder: &PathBuf, more: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(place.config(), format!("folders = ['{}']\n{more}", folder.display())).unwrap();
}

fn other(place: &Place) -> PathBuf {
    place.dir.path().join("other")
}

pub fn workout(day: i64) -> Vec<u8> {
    Run { start: Run::default().start + day * 86_400, ..Run::default() }.build()
}

pub fn is_alive(address: SocketAddr) -> bool {
    crate::support::http::request(address, "GET", "/healthz", "", "").is_some_and(|answer| answer.status == 200)
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

    // Not even what stands on the line of a mistake is told: it may be a secret.
    fs::write(place.config(), "destination.token = \"s3cret\n").unwrap();
    daemon.signal("HUP");
    let refused = daemon.wait_for("config.refused").to_string();
    assert!(refused.contains("line 1") && !refused.contains("s3cret"), "{refused}");
    fs::write(place.config(), "folderz = ['nowhere']\n").unwrap();
    daemon.signal("HUP");
    let refused = daemon.wait_for("config.refused");
    assert!(refused["error"].as_str().unwrap().contains("folderz"), "{refused}");
    let mut log = Log::default();
    log.hear(0, &mut daemon);
    place.drop_file("b.fit", workout(1));
    daemon.wait_for("session.delivered");

    configure(&place, &other(&place), "state_dir = 'elsewhere'\n");
    daemon.signal("HUP");
    // The command line says where the state is, whatever the file says.
    daemon.wait_for("daemon.reloaded");
    log.hear(4, &mut daemon);
    let alert = "FitferryConfigRefused for fitferry: 0 to 4";
    log.fires(&place, &["config.refused"], &[alert], &["config.refused"]);
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
    assert!(is_alive(daemon.address()));
    daemon.terminate();
}

/// What cannot be tried before fails while it starts: then it goes on as it did.
#[test]
fn what_fails_at_its_start_is_undone() {
    let place = Place::new();
    configure(&place, &place.folder(), "");
    let mut daemon = place.start();
    place.drop_file("a.fit", workout(0));
    daemon.wait_for("session.delivered");
    // The clock of the settings is another one, so that all sessions are made anew, and one cannot be.
    let memory = rusqlite::Connection::open(place.state().join("outbox.db")).unwrap();
    memory.execute("UPDATE record SET workout = 'no workout'", []).unwrap();
    configure(&place, &place.folder(), "rules.description = false\n");
    daemon.signal("HUP");
    daemon.wait_for("config.refused");
    place.drop_file("b.fit", workout(1));
    daemon.wait_for("session.delivered");
    assert!(daemon.events("daemon.reloaded").is_empty() && is_alive(daemon.address()));
    daemon.terminate();
}

/// Who waits for sessions is not left waiting.
#[test]
fn an_import_ends_with_what_it_waited_for() {
    let (place, server) = (Place::new(), FaultServer::start("right"));
    fs::write(place.dir.path().join("token"), "right\n").unwrap();
    let destination = server.destination(&place.dir.path().join("token"));
    configure(&place, &place.folder(), &destination);
    let mut daemon = place.start();
    server.slow_down(Duration::from_secs(600));
    let file = place.dir.path().join("a.fit");
    fs::write(&file, workout(0)).unwrap();
    let mut import = place.command();
    import.args(["import", "--json"]).arg(&file).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let import = import.spawn().unwrap();
    wait::until_true("the session to be on its way", || !server.seen().is_empty() && server.busiest() > 0);
    daemon.signal("HUP");
    daemon.wait_for("daemon.reloaded");
    let output = import.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(75), "{output:?}");
    assert!(String::from_utf8(output.stdout).unwrap().contains("fitferry is stopping"));
    daemon.kill();
}

/// Whoever asks whether all is well, at whatever moment of a reload.
#[test]
fn monitors_do_not_hear_of_reloads() {
    let place = Place::new();
    configure(&place, &place.folder(), "");
    let mut daemon = place.start();
    for _ in 0..10 {
        daemon.signal("HUP");
        (0..3).for_each(|_| {
            let checked = place.run(&["status", "--check"]);
            assert!(checked.status.success(), "{checked:?}");
        });
        daemon.wait_for("daemon.reloaded");
    }
}

/// What is said last counts, also while it still takes what was said before.
#[test]
fn a_reload_during_a_reload_is_not_lost() {
    let place = Place::new();
    configure(&place, &place.folder(), "");
    let mut daemon = place.start();
    for number in 0..10 {
        let [first, last] = ["first", "last"].map(|name| place.dir.path().join(format!("{name}{number}")));
        configure(&place, &first, "");
        daemon.signal("HUP");
        daemon.wait_for_where("folder.watched", |event| event["folder"].as_str() == first.to_str());
        daemon.signal("HUP");
        configure(&place, &last, "");
        daemon.signal("HUP");
        daemon.wait_for_where("folder.watched", |event| event["folder"].as_str() == last.to_str());
    }
}

/// Whoever has no watchdog asks, and is not told that all is well.
#[test]
fn one_that_hangs_is_not_well() {
    let place = Place::new();
    configure(&place, &place.folder(), "");
    let daemon = place.start();
    daemon.signal("STOP");
    let checked = place.run(&["status", "--check"]);
    daemon.signal("CONT");
    let said = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.code() == Some(1) && said.contains("does not answer"), "{said}");
}

/// Neither is a signal lost while another process has the lock.
#[test]
fn one_that_waits_for_its_turn_can_be_stopped() {
    let place = Place::new();
    configure(&place, &place.folder(), "");
    fs::create_dir_all(place.state()).unwrap();
    let lock = fs::File::create(place.state().join("lock")).unwrap();
    lock.lock().unwrap();
    let daemon = place.spawn(&[], &[]);
    // It listens to signals before anything else.
    let caught = |bit: u32| {
        let status = fs::read_to_string(format!("/proc/{}/status", daemon.id())).unwrap();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim().to_owned();
        u64::from_str_radix(&mask, 16).unwrap() >> (bit - 1) & 1 == 1
    };
    wait::until_true("it to listen", || caught(1) && caught(15));
    daemon.signal("HUP");
    daemon.signal("TERM");
    assert!(daemon.end().0.success());
}
