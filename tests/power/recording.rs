//! Runs the real program under strace, and keeps what it did and promised for as many power cuts as one likes.

use super::calls::Trace;
use super::disk::{self, Disk, Variant};
use super::events::{Event, Kind, Reader, Step};
use super::promises::Promise;
use crate::support::foreign;
use crate::support::program::{Daemon, Place};
use crate::support::wait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Everything that changes a file or a name, tells somebody something, or would have to be understood if it occurred.
/// A question mark: not every machine has that call.
const CALLS: &str = "trace=execve,?open,?creat,openat,?openat2,close,read,lseek,write,writev,pwrite64,pwritev,pwritev2,\
    sendto,sendmsg,recvfrom,fsync,fdatasync,sync_file_range,ftruncate,truncate,fallocate,copy_file_range,sendfile,\
    splice,mmap,?mkdir,mkdirat,?rmdir,?link,linkat,?unlink,unlinkat,?rename,?renameat,renameat2,?dup2,dup,dup3,fcntl,\
    ?io_uring_setup";

/// Longer than anything that is written at once.
const LONGEST_STRING: &str = "4194304";

/// A version of a file that was dropped.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Version {
    /// Tells it from the other versions.
    pub size: i64,
    /// When its one workout ends, unless another file decides that.
    pub end_ms: Option<i64>,
}

/// One process.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Life {
    trace: PathBuf,
    /// The files that it imports if it succeeds.
    imports: Vec<String>,
}

/// What is kept of a recording, so that it can be read again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Notes {
    root: PathBuf,
    lives: Vec<Life>,
    token: Option<String>,
    files: BTreeMap<String, Vec<Version>>,
}

/// Processes one after the other in one place.
pub struct Recorder {
    pub place: Place,
    notes: Notes,
}

impl Recorder {
    pub fn new() -> Self {
        let place = Place::new();
        let root = place.dir.path().to_path_buf();
        Self { place, notes: Notes { root, ..Notes::default() } }
    }

    /// Notes a version of a file that is about to be dropped.
    pub fn expect(&mut self, file: &Path, version: Version) {
        self.notes.files.entry(file.to_str().unwrap().to_owned()).or_default().push(version);
    }

    /// Starts a daemon. strace is its child, so that signals reach the daemon itself.
    pub fn start(&mut self, arguments: &[&str]) -> Daemon {
        let mut strace = self.strace(&["-D"], Vec::new());
        strace.args(arguments);
        let mut daemon = Daemon::spawn(&mut strace);
        daemon.wait_for("daemon.ready");
        daemon
    }

    /// Waits until all that a process did is recorded.
    pub fn ended(&self, process: u32) {
        let Life { trace, .. } = self.notes.lives.last().expect("a life");
        let process = process.to_string();
        wait::until_true("the end of the trace", || {
            let trace = std::fs::read(trace).unwrap();
            let line = trace.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap_or_default();
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            words.next() == Some(process.as_bytes()) && words.next() == Some(b"+++")
        });
    }

    /// Runs a command that must succeed.
    pub fn run(&mut self, arguments: &[&str], imports: &[&Path]) {
        let imports = imports.iter().map(|path| path.to_str().unwrap().to_owned()).collect();
        let output = self.strace(&[], imports).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }

    fn strace(&mut self, options: &[&str], imports: Vec<String>) -> std::process::Command {
        let trace = self.notes.root.join(format!("{}.strace", self.notes.lives.len()));
        let mut strace = std::process::Command::new("strace");
        strace.args(options).args(["-f", "--seccomp-bpf", "-xx", "-s", LONGEST_STRING, "-e", CALLS, "-o"]).arg(&trace);
        strace.arg(env!("CARGO_BIN_EXE_fitferry"));
        self.notes.lives.push(Life { trace, imports });
        let mut command = self.place.complete(strace);
        command.env("FITFERRY_LOG__FORMAT", "json");
        command
    }

    /// Reads what was recorded. The last process has to have ended in order.
    pub fn finish(mut self) -> Recording {
        let token = self.place.state().join("server-token");
        self.notes.token = std::fs::read_to_string(token).ok();
        let recording = Recording::read(self.notes);
        recording.is_complete(&self.place);
        Recording { place: Some(self.place), ..recording }
    }
}

/// All that was recorded in one place.
pub struct Recording {
    notes: Notes,
    /// Where it happened; not there any more if it was read again.
    pub place: Option<Place>,
    pub kinds: Vec<Kind>,
    pub steps: Vec<Step>,
    /// By path, the versions of each file in order.
    pub files: BTreeMap<String, Vec<Version>>,
    /// By session of the server, what it was after each answer that is recorded; nothing after a DELETE.
    pub answers: BTreeMap<String, Vec<Option<String>>>,
    /// What the server's token file holds.
    pub token: Option<String>,
}

impl Recording {
    /// The recording of that name: from the folder that `POWER_LOSS_RECORDING` names, if it is there, else a new one, which
    /// is left there. Nothing where processes cannot be traced.
    pub fn obtain(name: &str, record: impl FnOnce(Recorder) -> Recording) -> Option<Self> {
        let kept = std::env::var_os("POWER_LOSS_RECORDING").map(|folder| Path::new(&folder).join(name));
        match kept {
            Some(folder) if folder.exists() => {
                let notes = std::fs::read(folder.join("notes.json")).unwrap();
                let mut notes: Notes = serde_json::from_slice(&notes).unwrap();
                notes.lives.iter_mut().for_each(|life| life.trace = folder.join(life.trace.file_name().unwrap()));
                Some(Self::read(notes))
            }
            kept => {
                let recording = foreign::can_trace().then(|| record(Recorder::new()))?;
                kept.inspect(|folder| recording.keep(folder));
                Some(recording)
            }
        }
    }

    fn read(notes: Notes) -> Self {
        let mut reader = Reader::new(&notes.root);
        for life in &notes.lives {
            let trace = Trace::parse(&std::fs::read_to_string(&life.trace).unwrap());
            let imported = life.imports.iter().map(|file| Promise::Imported { file: file.clone() });
            reader.read(&trace, imported.collect());
        }
        let Reader { kinds, steps, .. } = reader;
        let mut answers: BTreeMap<String, Vec<Option<String>>> = BTreeMap::new();
        for step in &steps {
            match &step.event {
                Event::Promise(Promise::Put { session, body }) => {
                    answers.entry(session.clone()).or_default().push(Some(body.clone()));
                }
                Event::Promise(Promise::Deleted { session }) => {
                    answers.entry(session.clone()).or_default().push(None);
                }
                _ => {}
            }
        }
        let (files, token) = (notes.files.clone(), notes.token.clone());
        Self { notes, place: None, kinds, steps, files, answers, token }
    }

    /// Makes sure that nothing was missed: a disk that keeps everything holds what really is there.
    fn is_complete(&self, place: &Place) {
        let mut disk = Disk::new(&self.kinds, &self.steps);
        (0..self.steps.len()).for_each(|step| disk.apply(step));
        let image = tempfile::tempdir().unwrap();
        disk::lay(&disk.image(Variant::Kept, 0), image.path()).unwrap();
        let (rebuilt, real) = (files_below(&image.path().join("state")), files_below(&place.state()));
        assert_eq!(rebuilt.keys().collect::<Vec<_>>(), real.keys().collect::<Vec<_>>());
        for (name, bytes) in rebuilt {
            assert!(bytes == real[&name], "{} is not what was recorded", name.display());
        }
    }

    /// Copies what is needed to read it again.
    pub fn keep(&self, folder: &Path) {
        std::fs::create_dir_all(folder).unwrap();
        for life in &self.notes.lives {
            let copy = folder.join(life.trace.file_name().unwrap());
            // It may have come from there.
            if copy != life.trace {
                std::fs::copy(&life.trace, copy).unwrap();
            }
        }
        std::fs::write(folder.join("notes.json"), serde_json::to_vec(&self.notes).unwrap()).unwrap();
    }
}

fn files_below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = walkdir::WalkDir::new(folder).into_iter().map(Result::unwrap);
    let files =
        entries.filter(|entry| entry.file_type().is_file() && !entry.path().to_string_lossy().ends_with("-shm"));
    // SQLite's shared memory is not recorded; it is made anew by whoever opens a database first.
    let relative = |path: &Path| path.strip_prefix(folder).unwrap().to_path_buf();
    files.map(|file| (relative(file.path()), std::fs::read(file.path()).unwrap())).collect()
}
