//! What the program does while it is recorded.

use super::recording::{Recorder, Recording, Version};
use crate::support::fit::Run;
use crate::support::http;
use crate::support::program::Daemon;
use crate::support::{wait, xml};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

const LISTEN: [&str; 2] = ["--listen", "127.0.0.1:0"];

/// Each day's run starts at the same time.
fn start(day: i64) -> i64 {
    1_500_000_000 + day * 86_400
}

fn id(day: i64) -> String {
    format!("fitferry-{}", jiff::Timestamp::from_second(start(day)).unwrap().strftime("%Y%m%dT%H%M%SZ"))
}

/// A day's run. Each version is longer than the one before, in time and in bytes.
fn run(day: i64, version: u32) -> (Vec<u8>, Version) {
    let seconds = 3600 + 60 * version;
    let bytes = Run { seconds, records: 2 + version, serial: 1, ..Run::at(start(day)) }.build();
    let end_ms = (start(day) + i64::from(seconds)) * 1000;
    let size = i64::try_from(bytes.len()).unwrap();
    (bytes, Version { size, end_ms: Some(end_ms) })
}

/// Files that are dropped while a daemon runs, over several lives of it.
struct Work {
    recorder: Recorder,
    /// The events of former lives.
    past: Vec<Value>,
    days: i64,
}

impl Work {
    fn life(&mut self) -> Daemon {
        let folder = self.recorder.place.folder();
        self.recorder.start(&["run", LISTEN[0], LISTEN[1], "--watch", folder.to_str().unwrap()])
    }

    fn drop(&mut self, name: &str, bytes: &[u8], version: Version) {
        self.recorder.expect(&self.recorder.place.folder().join(name), version);
        self.recorder.place.drop_file(name, bytes);
    }

    /// Drops the runs of the next days, some of them as another program exported them, too.
    fn batch(&mut self, daemon: &mut Daemon, days: i64) {
        let mut dropped = 0;
        for day in self.days..self.days + days {
            let (bytes, version) = run(day, 0);
            self.drop(&format!("{day}.fit"), &bytes, version);
            dropped += 1;
            if day % 5 == 0 {
                let text = xml::tcx(start(day), 3600, 3, "Running");
                let version = Version { size: i64::try_from(text.len()).unwrap(), end_ms: None };
                self.drop(&format!("{day}.tcx"), text.as_bytes(), version);
                dropped += 1;
            }
        }
        self.days += days;
        taken(daemon, dropped);
    }

    /// Replaces files by a newer version.
    fn update(&mut self, daemon: &mut Daemon, days: impl Iterator<Item = i64>, version: u32) {
        let mut dropped = 0;
        for day in days {
            let (bytes, version) = run(day, version);
            self.drop(&format!("{day}.fit"), &bytes, version);
            dropped += 1;
        }
        taken(daemon, dropped);
    }

    /// Waits until everything is delivered and said.
    fn rest(&self, daemon: &mut Daemon) {
        wait::until_true("the last revision of every session", || {
            let all = |daemon: &mut Daemon, name: &str| {
                let mut events: Vec<Value> = self.past.iter().filter(|event| event["event"] == name).cloned().collect();
                events.extend(daemon.events(name));
                events
            };
            let mut revisions: BTreeMap<String, i64> = BTreeMap::new();
            for event in all(daemon, "file.queued") {
                let day = Path::new(event["file"].as_str().unwrap()).file_stem().unwrap().to_str().unwrap().parse();
                *revisions.entry(id(day.unwrap())).or_default() += 1;
            }
            let delivered = all(daemon, "session.delivered");
            let revision = |event: &Value| (event["session"].as_str().unwrap().to_owned(), event["revision"].as_i64());
            // Later events replace earlier ones.
            let last: BTreeMap<String, Option<i64>> = delivered.iter().map(revision).collect();
            let is_last = |(id, revision): (&String, &i64)| last.get(id) == Some(&Some(*revision));
            revisions.iter().all(is_last) && !all(daemon, "reconcile.done").is_empty()
        });
    }
}

/// Waits until that many more files are taken.
fn taken(daemon: &mut Daemon, files: usize) {
    for _ in 0..files {
        let is_taken = |event: &Value| event["event"] == "file.queued" || event["event"] == "file.known";
        daemon.wait_for_event("verdict on a file", is_taken);
    }
}

/// SQLite begins its log anew once it has been copied into the database, which is when old and new could be mixed up.
/// That takes about a thousand pages, so this waits for it.
struct Log {
    path: PathBuf,
    header: [u8; 32],
}

impl Log {
    fn of(database: &Path) -> Self {
        let mut name = database.as_os_str().to_owned();
        name.push("-wal");
        let mut log = Self { path: PathBuf::from(name), header: [0; 32] };
        log.header = log.read();
        log
    }

    fn read(&self) -> [u8; 32] {
        let mut header = [0; 32];
        File::open(&self.path).unwrap().read_exact(&mut header).unwrap();
        header
    }

    fn is_begun_anew(&self) -> bool {
        self.read() != self.header
    }
}

/// Workouts arrive and change; the daemon is killed once, and stopped once; a command imports the rest. If `long`, the
/// daemon goes on after its log has been begun anew.
pub fn ferry(recorder: Recorder, sizes: [&[i64]; 2], long: bool) -> Recording {
    let mut work = Work { recorder, past: Vec::new(), days: 0 };
    let mut daemon = work.life();
    for (number, size) in sizes[0].iter().enumerate() {
        work.batch(&mut daemon, *size);
        if number % 3 == 2 {
            work.update(&mut daemon, work.days - size..work.days, 1);
        }
    }
    work.rest(&mut daemon);
    let process = daemon.id();
    work.past.append(&mut daemon.seen);
    daemon.kill();
    work.recorder.ended(process);

    let mut daemon = work.life();
    let log = Log::of(&work.recorder.place.state().join("outbox.db"));
    while long && !log.is_begun_anew() {
        assert!(work.days < 500, "the log goes on and on");
        work.batch(&mut daemon, 1);
    }
    for size in sizes[1] {
        work.batch(&mut daemon, *size);
    }
    work.update(&mut daemon, (0..work.days).step_by(4), 2);
    work.rest(&mut daemon);
    let process = daemon.id();
    work.past.extend(daemon.terminate().1);
    work.recorder.ended(process);

    let mut paths = Vec::new();
    for day in work.days..work.days + 3 {
        let (bytes, version) = run(day, 0);
        let path = work.recorder.place.dir.path().join(format!("{day}.fit"));
        std::fs::write(&path, bytes).unwrap();
        work.recorder.expect(&path, version);
        paths.push(path);
    }
    let paths: Vec<&Path> = paths.iter().map(AsRef::as_ref).collect();
    let names = paths.iter().map(|path| path.to_str().unwrap());
    let arguments: Vec<&str> = ["import"].into_iter().chain(names).collect();
    work.recorder.run(&arguments, &paths);
    work.recorder.finish()
}

/// The server alone, with several clients at once that put, put again and delete. It is killed once; the next one goes
/// on after its log has been begun anew.
pub fn serve(mut recorder: Recorder, clients: i64, requests: [i64; 2]) -> Recording {
    for (life, requests) in requests.into_iter().enumerate() {
        let server = recorder.start(&["serve", LISTEN[0], LISTEN[1]]);
        let token = recorder.place.token();
        let address = server.address();
        let log = Log::of(&recorder.place.state().join("server/sessions.db"));
        let client = |client: i64| {
            let (mut request, mut left) = (0, requests);
            while left > 0 {
                let name = format!("c{client}-{}", request % 25);
                let path = format!("/fitness/v1/users/me/sessions/{name}");
                let start = start(request) * 1000;
                let body = json!({
                    "id": name, "name": format!("{life}, {request}"), "startTimeMillis": start,
                    "endTimeMillis": start + 1000, "activityType": 8, "application": {"name": "test"},
                });
                let put = http::request(address, "PUT", &path, &token, &body.to_string()).unwrap();
                assert_eq!(put.status, 200, "{}", put.body);
                if request % 7 == 6 {
                    assert_eq!(http::request(address, "DELETE", &path, &token, "").unwrap().status, 200);
                }
                assert!(request < 1000, "the log goes on and on");
                request += 1;
                left -= i64::from(life == 0 || log.is_begun_anew());
            }
        };
        std::thread::scope(|scope| {
            (0..clients).for_each(|number| drop(scope.spawn(move || client(number))));
        });
        let process = server.id();
        // The first one cannot say good-bye.
        if life == 0 {
            server.kill();
        } else {
            server.terminate();
        }
        recorder.ended(process);
    }
    recorder.finish()
}

/// Commands that are the first ever to touch the state directory, and end at once.
pub fn commands(mut recorder: Recorder) -> Recording {
    for name in ["anna", "ben", "anna"] {
        recorder.run(&["serve", "token", "add", name], &[]);
    }
    recorder.finish()
}
