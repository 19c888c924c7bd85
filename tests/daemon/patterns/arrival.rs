//! One file on its way into a watched folder, and what the daemon says of it meanwhile.

use super::contents::Kind;
use serde_json::Value;
use std::collections::HashMap;
use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Condvar, Mutex};
use std::time::{Duration, SystemTime};

/// Longer than anything takes.
const BOUND: Duration = Duration::from_secs(60);

/// What is told, and how often of each file.
#[derive(Default)]
pub struct Log {
    events: Mutex<Vec<Value>>,
    told: Mutex<HashMap<PathBuf, usize>>,
    more: Condvar,
}

impl Log {
    pub fn add(&self, event: Value) {
        if let Some(file) = event["file"].as_str() {
            *self.told.lock().unwrap().entry(PathBuf::from(file)).or_default() += 1;
            self.more.notify_all();
        }
        self.events.lock().unwrap().push(event);
    }

    fn count(&self, path: &Path) -> usize {
        self.told.lock().unwrap().get(path).copied().unwrap_or_default()
    }

    /// Waits until more was told of a file than that.
    fn wait_beyond(&self, path: &Path, count: usize) {
        let told = self.told.lock().unwrap();
        let is_silent = |told: &mut HashMap<PathBuf, usize>| told.get(path).is_none_or(|told| *told <= count);
        let (_told, waited) = self.more.wait_timeout_while(told, BOUND, is_silent).unwrap();
        assert!(!waited.timed_out(), "after {count} events nothing was said of {}", path.display());
    }

    pub fn into_events(self) -> Vec<Value> {
        self.events.into_inner().unwrap()
    }
}

pub struct Arrival<'a> {
    /// Distinguishes its workouts from all others.
    pub number: i64,
    pub kind: Kind,
    /// Its own folder inside the watched one.
    pub folder: PathBuf,
    /// Its own folder that nobody watches, on the same disk.
    pub aside: PathBuf,
    /// The folder of files that only tell that time has passed.
    pub probes: PathBuf,
    pub content: Vec<u8>,
    pub pieces: usize,
    pub log: &'a Log,
}

impl Arrival<'_> {
    pub fn path(&self) -> PathBuf {
        self.folder.join(self.kind.file_name())
    }

    /// Under its name with something before and behind it.
    pub fn named(&self, before: &str, behind: &str) -> PathBuf {
        self.folder.join(format!("{before}{}{behind}", self.kind.file_name()))
    }

    /// The whole file, where nobody watches.
    pub fn original(&self) -> PathBuf {
        let path = self.aside.join(self.kind.file_name());
        fs::write(&path, &self.content).unwrap();
        path
    }

    /// The older version of the file is there, and was read.
    pub fn begin_with_older(&self) {
        self.until_told(&self.path(), || fs::write(self.path(), self.kind.content_before(self.number)).unwrap());
    }

    /// The file holds other workouts, and was read.
    pub fn begin_with_another(&self) {
        self.until_told(&self.path(), || fs::write(self.path(), self.kind.content_of_another(self.number)).unwrap());
    }

    /// The content in pieces, with the place of each.
    pub fn parts(&self) -> Vec<(u64, &[u8])> {
        let size = self.content.len().div_ceil(self.pieces);
        self.content.chunks(size).enumerate().map(|(index, part)| ((index * size) as u64, part)).collect()
    }

    /// The same in an order that is different for every arrival.
    pub fn shuffled(&self) -> Vec<(u64, &[u8])> {
        let mut parts = self.parts();
        fastrand::Rng::with_seed(self.number.unsigned_abs()).shuffle(&mut parts);
        parts
    }

    pub fn write_all(&self, file: &mut File) {
        for (_, part) in self.parts() {
            file.write_all(part).unwrap();
        }
    }

    /// Does something to a file, and then leaves it alone until the daemon has read it.
    pub fn until_told(&self, path: &Path, act: impl FnOnce()) {
        let count = self.log.count(path);
        act();
        self.log.wait_beyond(path, count);
    }

    /// The same, and leaves it alone for so long that whatever rests for the settle time has been judged: a file that arrives
    /// later, and has to rest, has its verdict.
    pub fn until_rested(&self, path: &Path, act: impl FnOnce()) {
        self.until_told(path, act);
        let probe = self.probes.join(format!("{}.jpeg", self.number));
        self.until_told(&probe, || fs::write(&probe, [&b"\xff\xd8\xff"[..], &self.content].concat()).unwrap());
    }

    /// As long as the content, and nothing of it there yet.
    pub fn preallocated(&self, path: &Path) -> File {
        let file = File::create(path).unwrap();
        file.set_len(self.content.len() as u64).unwrap();
        file
    }

    /// Runs a program of others that has to succeed.
    pub fn run(&self, command: &mut Command) {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{command:?}: {output:?}");
    }
}

/// Writes some parts where they belong.
pub fn write_parts(file: &File, parts: &[(u64, &[u8])]) {
    for (offset, part) in parts {
        file.write_all_at(part, *offset).unwrap();
    }
}

/// The year 1970, 2019 or 2100, as the time of the file's last change.
pub fn set_year(file: &File, year: u64) {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600);
    file.set_times(FileTimes::new().set_modified(time)).unwrap();
}
