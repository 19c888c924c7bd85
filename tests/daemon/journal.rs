//! What the journal is told where stderr goes there: fields that one can ask for, and a message that says it all.

use crate::support::fit::Run;
use crate::support::foreign;
use crate::support::incident;
use crate::support::program::Place;
use crate::support::wait;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
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

#[test]
fn each_field_is_one_of_the_journals() {
    let place = Place::new();
    let journal = place.dir.path().join("journal");
    fs::create_dir(&journal).unwrap();
    let socket = UnixDatagram::bind(journal.join("socket")).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    // In a place of its own, where the journal is ours.
    let script = "mount -t tmpfs none /run && mkdir -p /run/systemd/journal && mount --bind \"$0\" /run/systemd/journal \
                  && exec \"$@\"";
    let may_mount = Command::new("unshare").args(["-rm", "sh", "-c", script]).arg(&journal).arg("true").status();
    if !foreign::given(may_mount.is_ok_and(|status| status.success()), "this user may not mount anything") {
        return;
    }
    let stderr = File::create(place.dir.path().join("stderr")).unwrap();
    let metadata = stderr.metadata().unwrap();
    let mut command = Command::new("unshare");
    command.args(["-rm", "sh", "-c", script]).arg(&journal).arg(env!("CARGO_BIN_EXE_fitferry"));
    let mut command = place.complete(command);
    command.args(["run", "--listen", "127.0.0.1:0", "--watch"]).arg(place.folder()).env("PATH", env!("PATH"));
    command.env("JOURNAL_STREAM", format!("{}:{}", metadata.dev(), metadata.ino()));
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn().unwrap();
    let mut seen = Vec::new();
    let mut entries = std::iter::from_fn(|| {
        let mut buffer = vec![0; 1 << 16];
        let length = socket.recv(&mut buffer).expect("an entry");
        seen.push(entry(&buffer[..length]));
        seen.last().cloned()
    });
    let mut find = |event: &str| entries.find(|entry| entry["EVENT"] == event).unwrap();
    assert_eq!(find("daemon.ready")["MESSAGE"], "ready");
    place.drop_file("a run.fit", Run::default().build());
    let queued = find("file.queued");
    assert_eq!((queued["PRIORITY"].as_str(), queued["SYSLOG_IDENTIFIER"].as_str()), ("6", "fitferry"));
    assert!(queued["FILE"].ends_with("/a run.fit"), "{queued:?}");
    assert!(queued["MESSAGE"].starts_with("sessions queued account=me file=\"/"), "{queued:?}");
    let delivered = find("session.delivered");
    assert_eq!((delivered["ACCOUNT"].as_str(), delivered["ATTEMPTS"].as_str()), ("me", "1"));
    fs::rename(place.folder(), place.dir.path().join("elsewhere")).unwrap();
    find("folder.away");
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    find("daemon.stopped");
    wait::until("it to end", || child.try_wait().unwrap());
    assert_eq!(fs::read_to_string(place.dir.path().join("stderr")).unwrap(), "", "nothing is told twice");
    // Others write to the journal as well: systemd of the unit, or a library.
    seen.push([("MESSAGE".to_owned(), "Started fitferry.service".to_owned())].into());
    let records: Vec<_> = seen.iter().map(|entry| serde_json::to_value(entry).unwrap()).collect();
    let Some(passes) = incident::vector_passes(&records) else { return };
    let passed: Vec<_> =
        seen.iter().zip(passes).filter(|(_, passes)| *passes).map(|(entry, _)| &entry["EVENT"]).collect();
    assert_eq!(passed, ["folder.away"], "what needs a person, and nothing else");
}
