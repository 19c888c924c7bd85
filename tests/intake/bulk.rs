//! A bulk export in an archive: read where it lies in one pass, its files joined with their rows, and delivered once.

use crate::support::fault_server::FaultServer;
use crate::support::foreign;
use crate::support::program::Place;
use crate::support::strava::Export;
use crate::support::wait;
use crate::sync::deliver::place_for;
use serde_json::json;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ACTIVITIES: i64 = 300;

#[test]
fn each_activity_is_one_session_as_its_person_called_it_and_a_second_time_is_no_request() {
    let (export, server) = (Export::of(ACTIVITIES), FaultServer::start("right"));
    let place = place_for(&server, "");
    let mut daemon = place.start();
    place.drop_file("export.zip", export.zip());
    let ids = export.session_ids();
    let queued = daemon.wait_for("file.queued");
    assert_eq!(queued["changed"], ids.len(), "{queued}");
    wait::until_true("every session", || server.sessions().len() == ids.len());
    let sessions = server.sessions();
    assert_eq!(sessions.keys().collect::<BTreeSet<_>>(), ids.iter().collect());
    for (index, activity) in export.activities.iter().enumerate() {
        let session = &sessions[&activity.session_id()];
        assert_eq!((&session["name"], &session["activityType"]), (&json!(activity.title), &json!(activity.sport.1)));
        assert_eq!(session["endTimeMillis"], export.end_millis(index).to_string(), "{session}");
        let description = session["description"].as_str().unwrap();
        let notes = activity.notes.as_deref().unwrap_or_default();
        assert_eq!(description.split(" · ").next() == Some(notes), activity.notes.is_some(), "{description}");
    }
    has_one_bad_member(&place, &export);
    wait_until_settled(&place);

    let before = server.seen().len();
    place.drop_file("export (1).zip", export.zip());
    assert_eq!(daemon.wait_for("file.known")["sessions"], queued["sessions"]);
    // Whatever the second one had queued would be sent before or beside this.
    place.drop_file("export.zip", Export::of(ACTIVITIES + 1).zip());
    let grown = daemon.wait_for("file.queued");
    assert_eq!(grown["changed"], 1, "{grown}");
    wait_until_settled(&place);
    let requests: Vec<_> = server.seen().split_off(before).into_iter().map(|request| request.method).collect();
    // One of them may look first: nothing says yet that the folder was not empty for want of a disk.
    assert_eq!(requests.iter().filter(|method| *method != "GET").collect::<Vec<_>>(), ["PUT"]);
    assert!(requests.len() <= 2, "{requests:?}");
    assert_eq!(server.sessions().len(), ids.len() + 1);
}

/// The one that cannot be read is named, with its reason, and its row is a session all the same.
fn has_one_bad_member(place: &Place, export: &Export) {
    let file = place.json(&["files", "list", "--json"]).remove(0);
    let members = file["members"].as_array().unwrap();
    assert_eq!((&file["verdict"], members.len()), (&json!("queued"), 1), "{file}");
    assert_eq!((&members[0]["name"], &members[0]["verdict"]), (&json!(export.broken_file()), &json!("rejected")));
    assert!(members[0]["reason"].as_str().unwrap().starts_with("truncated"), "{file}");
    let reason = file["reason"].as_str().unwrap();
    assert!(reason.contains(&format!("1 rejected: {}: truncated", export.broken_file())), "{reason}");
}

fn wait_until_settled(place: &Place) {
    wait::until_true("an empty queue", || place.json(&["status", "--json"])[0]["accounts"][0]["queued"] == 0);
}

/// Every call by which a file can be read or written, as it is called on any machine.
const CALLS: &str = "trace=?open,openat,?openat2,?creat,?memfd_create,read,pread64,readv,preadv,write,pwrite64,writev,pwritev,\
    sendfile,splice,copy_file_range";

#[test]
fn an_archive_is_read_in_one_pass_and_unpacked_nowhere() {
    if !foreign::can_trace() {
        return;
    }
    let place = Place::new();
    let zip = place.drop_file("export.zip", Export::of(ACTIVITIES).zip());
    let traces = place.dir.path().join("traces");
    fs::create_dir(&traces).unwrap();
    // A file for each thread, so that no call is told in two pieces.
    let mut strace = Command::new("strace");
    strace.args(["-ff", "-y", "-s", "0", "-e", CALLS, "-o"]).arg(traces.join("thread"));
    strace.arg(env!("CARGO_BIN_EXE_fitferry"));
    let output = place.complete(strace).arg("import").arg(&zip).stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{output:?}");

    let calls = calls(&traces);
    let read: u64 = calls.iter().filter(|call| call.reads(&zip)).map(|call| call.result).sum();
    let len = zip.metadata().unwrap().len();
    // Once, and the beginning of each member once before, to see what it is.
    assert!((len..len * 2).contains(&read), "{read} bytes of {len}");
    let written: BTreeSet<_> = calls.iter().filter_map(Call::writes).collect();
    assert!(written.iter().any(|path| path.ends_with("outbox.db-wal")), "{written:?}");
    for path in &written {
        assert!(path.starts_with(place.state()), "{}", path.display());
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_ours = name.contains(".db") || name.starts_with("server-token") || ["lock", "run.draft"].contains(&name);
        assert!(is_ours, "{name}");
    }
    for call in &calls {
        assert!(!call.text.contains("O_TMPFILE") && !call.text.starts_with("memfd_create"), "{}", call.text);
    }
}

/// A system call that succeeded.
struct Call {
    text: String,
    result: u64,
}

impl Call {
    /// The file that it is about, where it is one with a name.
    fn file(&self) -> Option<PathBuf> {
        let (_, path) = self.text.split_once('<')?;
        path.starts_with('/').then(|| PathBuf::from(path.split('>').next().unwrap_or_default()))
    }

    fn is_one_of(&self, names: &[&str]) -> bool {
        self.text.split_once('(').is_some_and(|(name, _)| names.contains(&name))
    }

    fn reads(&self, file: &Path) -> bool {
        self.is_one_of(&["read", "pread64", "readv", "preadv", "sendfile", "splice", "copy_file_range"])
            && self.file().as_deref() == Some(file)
    }

    /// The file that it makes or writes to.
    fn writes(&self) -> Option<PathBuf> {
        // Within the directory that is named by its descriptor.
        let made = || Some(self.file().unwrap_or_default().join(self.text.split('"').nth(1)?));
        match () {
            () if self.text.contains("O_CREAT") || self.text.starts_with("creat(") => made(),
            () if self.is_one_of(&["write", "pwrite64", "writev", "pwritev"]) => self.file(),
            () => None,
        }
        .filter(|path| path != Path::new("/dev/null"))
    }
}

fn calls(traces: &Path) -> Vec<Call> {
    let threads = fs::read_dir(traces).unwrap().map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let call = |line: &str| {
        let (text, result) = line.rsplit_once(" = ")?;
        let digits: String = result.chars().take_while(char::is_ascii_digit).collect();
        Some(Call { text: text.to_owned(), result: digits.parse().ok()? })
    };
    threads.flat_map(|thread| thread.lines().filter_map(call).collect::<Vec<_>>()).collect()
}
