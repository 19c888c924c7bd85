//! What the journal is told where stderr goes there: fields that one can ask for, and a message that says it all.

use crate::support::fit::Run;
use crate::support::foreign;
use crate::support::incident;
use crate::support::program::Place;
use crate::support::wait;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

type Entry = BTreeMap<String, String>;

/// As the journal reads what it is sent.
fn entry(mut bytes: &[u8]) -> Entry {
    let mut entry = Entry::new();
    while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'=' | b'\n')) {
        let (name, value) = (String::from_utf8(bytes[..end].to_vec()).unwrap(), &bytes[end + 1..]);
        let (value, rest) = if bytes[end] == b'=' {
            value.split_at(value.iter().position(|byte| *byte == b'\n').unwrap())
        } else {
            let length = u64::from_le_bytes(value[..8].try_into().unwrap());
            value[8..].split_at(length.try_into().unwrap())
        };
        assert!(entry.insert(name.clone(), String::from_utf8(value.to_vec()).unwrap()).is_none(), "{name} twice");
        bytes = rest.strip_prefix(b"\n").unwrap();
    }
    entry
}

/// A place in which the journal is ours.
struct Ours {
    place: Place,
    dir: PathBuf,
}

impl Ours {
    /// Nothing where this user may not mount anything.
    fn new() -> Option<Self> {
        let place = Place::new();
        let dir = place.dir.path().join("journal");
        fs::create_dir(&dir).unwrap();
        let ours = Self { place, dir };
        let may_mount = ours.enter("true").status();
        foreign::given(may_mount.is_ok_and(|status| status.success()), "this user may not mount anything")
            .then_some(ours)
    }

    fn enter(&self, program: &str) -> Command {
        let script = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind \"$0\" /run/systemd/journal \
                      && exec \"$@\"";
        let mut command = Command::new("unshare");
        command.args(["-rm", "sh", "-c", script]).arg(&self.dir).arg(program);
        command
    }

    /// The journal itself, as it is started, or started anew.
    fn listen(&self) -> Journal {
        let _ = fs::remove_file(self.dir.join("socket"));
        let socket = UnixDatagram::bind(self.dir.join("socket")).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        Journal { socket, seen: Vec::new() }
    }

    fn start(&self) -> Child {
        let stderr = File::create(self.place.dir.path().join("stderr")).unwrap();
        let metadata = stderr.metadata().unwrap();
        let mut command = self.place.complete(self.enter(env!("CARGO_BIN_EXE_fitferry")));
        command.args(["run", "--listen", "127.0.0.1:0", "--watch"]).arg(self.place.folder()).env("PATH", env!("PATH"));
        command.env("JOURNAL_STREAM", format!("{}:{}", metadata.dev(), metadata.ino()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap()
    }

    fn drop_run(&self, day: i64) {
        let run = Run { start: Run::default().start - day * 86_400, ..Run::default() };
        self.place.drop_file(&format!("run {day}.fit"), run.build());
    }

    fn wait_for_sessions(&self, count: usize) {
        wait::until_true("the sessions to be delivered", || {
            let account = &self.place.json(&["status", "--json"])[0]["accounts"][0];
            account["sessions"] == count && account["queued"] == 0
        });
    }
}

struct Journal {
    socket: UnixDatagram,
    seen: Vec<Entry>,
}

impl Journal {
    fn next(&mut self) -> Entry {
        let mut buffer = vec![0; 1 << 16];
        let length = self.socket.recv(&mut buffer).expect("an entry");
        self.seen.push(entry(&buffer[..length]));
        self.seen.last().unwrap().clone()
    }

    fn find(&mut self, event: &str) -> Entry {
        std::iter::from_fn(|| Some(self.next())).find(|entry| entry["EVENT"] == event).unwrap()
    }
}

fn stop(mut child: Child) {
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    let status = wait::until("it to end", || child.try_wait().unwrap());
    assert!(status.success(), "{status}");
}

#[test]
fn each_field_is_one_of_the_journals() {
    let Some(ours) = Ours::new() else { return };
    let mut journal = ours.listen();
    let child = ours.start();
    let place = &ours.place;
    assert_eq!(journal.find("daemon.ready")["MESSAGE"], "ready");
    place.drop_file("a run.fit", Run::default().build());
    let queued = journal.find("file.queued");
    assert_eq!((queued["PRIORITY"].as_str(), queued["SYSLOG_IDENTIFIER"].as_str()), ("6", "fitferry"));
    assert!(queued["FILE"].ends_with("/a run.fit"), "{queued:?}");
    assert!(queued["MESSAGE"].starts_with("sessions queued account=me file=\"/"), "{queued:?}");
    let delivered = journal.find("session.delivered");
    assert_eq!((delivered["ACCOUNT"].as_str(), delivered["ATTEMPTS"].as_str()), ("me", "1"));
    fs::rename(place.folder(), place.dir.path().join("elsewhere")).unwrap();
    journal.find("folder.away");
    stop(child);
    journal.find("daemon.stopped");
    let mut seen = journal.seen;
    assert_eq!(fs::read_to_string(place.dir.path().join("stderr")).unwrap(), "", "nothing is told twice");
    // Others write to the journal as well: systemd of the unit, or a library.
    seen.push([("MESSAGE".to_owned(), "Started fitferry.service".to_owned())].into());
    let records: Vec<_> = seen.iter().map(|entry| serde_json::to_value(entry).unwrap()).collect();
    let Some(passes) = incident::vector_passes(&records) else { return };
    let passed: Vec<_> =
        seen.iter().zip(passes).filter(|(_, passes)| *passes).map(|(entry, _)| &entry["EVENT"]).collect();
    assert_eq!(passed, ["folder.away"], "what needs a person, and nothing else");
}

/// Nothing waits for whoever reads too slowly or not at all, and all of it is there to be read in the end.
#[test]
fn a_full_journal_holds_up_nobody() {
    let Some(ours) = Ours::new() else { return };
    let mut journal = ours.listen();
    let child = ours.start();
    journal.find("daemon.ready");
    // Each of them is told of twice; of the system's queue, ten are usual.
    let days = 300;
    (0..days).for_each(|day| ours.drop_run(day));
    ours.wait_for_sessions(days.try_into().unwrap());
    let delivered: Vec<String> = (0..days).map(|_| journal.find("session.delivered")["SESSION"].clone()).collect();
    assert_eq!(delivered.iter().collect::<BTreeSet<_>>().len(), delivered.len(), "one is told of twice");
    // What is read while it ends is heard to its end.
    let reading = std::thread::spawn(move || journal.find("daemon.stopped"));
    stop(child);
    reading.join().unwrap();
}

/// What is logged while there is no journal is told to the next one.
#[test]
fn a_journal_that_is_started_anew_hears_the_rest() {
    let Some(ours) = Ours::new() else { return };
    let mut journal = ours.listen();
    let child = ours.start();
    journal.find("daemon.ready");
    drop(journal);
    fs::remove_file(ours.dir.join("socket")).unwrap();
    ours.drop_run(0);
    ours.wait_for_sessions(1);
    let mut journal = ours.listen();
    assert!(journal.find("session.delivered")["SESSION"].starts_with("fitferry-"));
    drop(journal);
    // It is there again before anybody has tried.
    let mut journal = ours.listen();
    ours.drop_run(1);
    journal.find("session.delivered");
    let reading = std::thread::spawn(move || journal.find("daemon.stopped"));
    stop(child);
    reading.join().unwrap();
}
