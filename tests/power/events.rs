//! What system calls did to the state directory, and what was promised to others meanwhile, in one order.

use super::calls::{Call, Trace};
use super::promises::{self, Promise};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// A file or directory that ever was; names come and go. 0 is the directory in which everything happens: it was there
/// before, and its own name is safe.
pub type Node = usize;

pub const ROOT: Node = 0;

/// Something that happened, as far as a disk can tell.
#[derive(Clone, Debug)]
pub enum Event {
    /// From here on the change may be on the disk, any part of it.
    Write {
        node: Node,
        offset: usize,
        bytes: Vec<u8>,
    },
    Resize {
        node: Node,
        length: usize,
    },
    /// Entries of one directory that change together.
    Names {
        node: Node,
        entries: Vec<(String, Option<Node>)>,
    },
    /// The change that began with that step is over, so that a sync that begins later includes it.
    Done {
        begun: usize,
    },
    SyncBegin {
        node: Node,
    },
    /// The sync that began with that step has succeeded.
    SyncEnd {
        begun: usize,
    },
    /// From here on somebody may rely on it.
    Promise(Promise),
}

#[derive(Clone, Debug)]
pub struct Step {
    /// Where it is recorded: which process, by number, and the line of its trace.
    pub life: usize,
    pub line: usize,
    pub event: Event,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    Directory,
    /// With the last part of its first name.
    File(String),
}

impl Kind {
    /// SQLite's index of the log is shared memory, which may hold anything after a power cut.
    pub fn is_shared_memory(&self) -> bool {
        self.is_file(&|name| name.ends_with("-shm"))
    }

    pub fn is_file(&self, is_it: &impl Fn(&str) -> bool) -> bool {
        matches!(self, Self::File(name) if is_it(name))
    }
}

struct Open {
    node: Node,
    offset: usize,
}

/// Reads traces of processes that ran one after the other.
pub struct Reader {
    /// The directory that is [`ROOT`].
    root: PathBuf,
    pub kinds: Vec<Kind>,
    pub steps: Vec<Step>,
    names: BTreeMap<PathBuf, Node>,
    life: usize,
    line: usize,
    /// By number of the descriptor.
    files: HashMap<i64, Open>,
    /// What came in by a socket and was not answered.
    requests: HashMap<i64, Vec<u8>>,
}

impl Reader {
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_path_buf(),
            kinds: vec![Kind::Directory],
            steps: Vec::new(),
            names: BTreeMap::from([(root.to_path_buf(), ROOT)]),
            life: 0,
            line: 0,
            files: HashMap::new(),
            requests: HashMap::new(),
        }
    }

    /// Adds the next process. `at_success` is what it promises by ending with status 0.
    pub fn read(&mut self, trace: &Trace, at_success: Vec<Promise>) {
        let mut moments: Vec<(usize, bool, &Call)> = Vec::with_capacity(trace.calls.len() * 2);
        moments.extend(trace.calls.iter().map(|call| (call.begin, false, call)));
        moments.extend(trace.calls.iter().map(|call| (call.end, true, call)));
        moments.sort_by_key(|(line, is_end, _)| (*line, *is_end));
        let programs = trace.calls.iter().filter(|call| call.name == "execve").count();
        assert_eq!(programs, 1, "another program's descriptors are its own");
        // The steps that a call began with, by its line.
        let mut begun: HashMap<usize, Vec<usize>> = HashMap::new();
        for (line, is_end, call) in moments {
            self.line = line;
            if !is_end {
                let first = self.steps.len();
                self.begin(call);
                begun.insert(call.begin, (first..self.steps.len()).collect());
                continue;
            }
            for begun in begun.remove(&call.begin).unwrap_or_default() {
                match self.steps[begun].event {
                    Event::SyncBegin { .. } => self.push(Event::SyncEnd { begun }),
                    Event::Write { .. } | Event::Resize { .. } | Event::Names { .. } => {
                        self.push(Event::Done { begun });
                    }
                    _ => {}
                }
            }
            self.end(call);
        }
        if trace.succeeded {
            at_success.into_iter().for_each(|promise| self.push(Event::Promise(promise)));
        }
        self.life += 1;
        self.files.clear();
        self.requests.clear();
    }

    fn push(&mut self, event: Event) {
        self.steps.push(Step { life: self.life, line: self.line, event });
    }

    fn unknown(&self, call: &Call) -> ! {
        panic!("trace {}, line {}: {} on a file of ours is not understood", self.life, self.line + 1, call.name)
    }

    fn begin(&mut self, call: &Call) {
        match call.name.as_str() {
            "write" | "writev" | "sendto" | "sendmsg" => self.begin_write(call),
            "openat" => self.begin_open(call),
            "mkdir" | "mkdirat" if call.success().is_some() => {
                let path = self.paths(call).remove(0);
                self.create(&path, Kind::Directory);
            }
            "link" | "linkat" if call.success().is_some() => {
                if let [from, to] = &self.paths(call)[..]
                    && let Some(node) = self.names.get(from)
                {
                    self.rename(&[(to, Some(*node))]);
                }
            }
            "unlink" | "unlinkat" | "rmdir" if call.success().is_some() => {
                let path = self.paths(call).remove(0);
                if self.names.contains_key(&path) {
                    self.rename(&[(&path, None)]);
                }
            }
            "rename" | "renameat" | "renameat2" if call.success().is_some() => {
                if let [from, to] = &self.paths(call)[..]
                    && let Some(node) = self.names.get(from).copied()
                {
                    self.rename(&[(from, None), (to, Some(node))]);
                }
            }
            "close" => {
                // Here and not at its end: by then another thread may have been given the number.
                let number = call.number(0).unwrap_or(-1);
                self.files.remove(&number);
                self.requests.remove(&number);
            }
            // Those that failed.
            "mkdir" | "mkdirat" | "link" | "linkat" | "unlink" | "unlinkat" | "rmdir" | "rename" | "renameat"
            | "renameat2" => {}
            _ => self.begin_on_file(call),
        }
    }

    /// Calls that name a descriptor first and matter if it is one of our files.
    fn begin_on_file(&mut self, call: &Call) {
        let Some(Open { node, .. }) = call.number(0).and_then(|number| self.files.get(&number)) else { return };
        let node = *node;
        match call.name.as_str() {
            "pwrite64" => self.write(call, node, call.number(3)),
            "ftruncate" => {
                assert_eq!(call.result, Some(0), "a file was cut while the process ended, or not at all");
                let length = usize::try_from(call.number(1).expect("a length")).unwrap();
                self.push(Event::Resize { node, length });
            }
            "fsync" | "fdatasync" if call.success().is_some() => self.push(Event::SyncBegin { node }),
            // Less than a sync, or what only reads, or looks at nothing but the descriptor.
            "fsync" | "fdatasync" | "sync_file_range" | "read" | "pread64" | "lseek" | "flock" => {}
            "fcntl" if !call.argument(1).is_some_and(|verb| verb.starts_with("F_DUPFD")) => {}
            _ => self.unknown(call),
        }
    }

    fn end(&mut self, call: &Call) {
        let (number, result) = (call.number(0), call.success());
        match (call.name.as_str(), result) {
            ("openat", Some(opened)) => {
                if let Some(node) = self.names.get(&self.paths(call)[0]).copied() {
                    self.files.insert(opened, Open { node, offset: 0 });
                }
            }
            ("lseek", Some(place)) => {
                if let Some(open) = number.and_then(|number| self.files.get_mut(&number)) {
                    open.offset = usize::try_from(place).unwrap();
                }
            }
            ("read" | "recvfrom", Some(length)) => {
                let Some(number) = number else { return };
                match self.files.get_mut(&number) {
                    Some(open) => open.offset += usize::try_from(length).unwrap(),
                    None => self.requests.entry(number).or_default().extend(call.strings().concat()),
                }
            }
            ("mmap", _) => {
                let shared = call.argument(3).is_some_and(|flags| flags.contains("MAP_SHARED"));
                let node = call.number(4).and_then(|number| self.files.get(&number)).map(|open| open.node);
                if shared && node.is_some_and(|node| !self.kinds[node].is_shared_memory()) {
                    self.unknown(call);
                }
            }
            _ => {}
        }
    }

    fn begin_open(&mut self, call: &Call) {
        if call.success().is_none() {
            return;
        }
        let path = self.paths(call).remove(0);
        let flags = call.argument(2).unwrap_or_default();
        match self.names.get(&path).copied() {
            Some(_) if flags.contains("O_APPEND") => self.unknown(call),
            Some(node) if flags.contains("O_TRUNC") => self.push(Event::Resize { node, length: 0 }),
            None if flags.contains("O_CREAT") && path.starts_with(&self.root) => {
                let name = path.file_name().expect("a name").to_string_lossy().into_owned();
                self.create(&path, Kind::File(name));
            }
            _ => {}
        }
    }

    /// Writes to a file at its own place, to the log, or to somebody who asked something.
    fn begin_write(&mut self, call: &Call) {
        let Some(number) = call.number(0) else { return };
        if let Some(open) = self.files.get(&number) {
            let (node, offset) = (open.node, i64::try_from(open.offset).unwrap());
            if call.name != "write" {
                self.unknown(call);
            }
            self.write(call, node, Some(offset));
            let written = usize::try_from(call.result.unwrap_or_default()).unwrap();
            self.files.entry(number).and_modify(|open| open.offset += written);
            return;
        }
        let bytes = call.strings().concat();
        let promises = match (number, self.requests.remove(&number)) {
            (1, _) => promises::of_output(&bytes),
            (2, _) => promises::of_log(&bytes),
            (_, Some(request)) => promises::of_answer(&request, &bytes),
            (_, None) => Vec::new(),
        };
        promises.into_iter().for_each(|promise| self.push(Event::Promise(promise)));
    }

    fn write(&mut self, call: &Call, node: Node, offset: Option<i64>) {
        // What failed, or was cut off, may have been written in part; recordings are made so that this does not occur.
        let Some(written) = call.success() else { self.unknown(call) };
        let written = usize::try_from(written).unwrap();
        let mut bytes = call.strings().remove(0);
        bytes.truncate(written);
        let offset = usize::try_from(offset.expect("an offset")).unwrap();
        self.push(Event::Write { node, offset, bytes });
    }

    fn create(&mut self, path: &Path, kind: Kind) {
        if path.starts_with(&self.root) {
            let node = self.kinds.len();
            self.kinds.push(kind);
            self.rename(&[(path, Some(node))]);
        }
    }

    fn rename(&mut self, entries: &[(&Path, Option<Node>)]) {
        let parent = entries[0].0.parent().expect("a directory");
        assert!(entries.iter().all(|(path, _)| path.parent() == Some(parent)), "names moved between directories");
        let node = self.names[parent];
        let name = |path: &Path| path.file_name().expect("a name").to_string_lossy().into_owned();
        self.push(Event::Names { node, entries: entries.iter().map(|(path, to)| (name(path), *to)).collect() });
        for (path, to) in entries {
            match to {
                Some(to) => self.names.insert(path.to_path_buf(), *to),
                None => self.names.remove(*path),
            };
        }
    }

    /// The paths that a call names. Processes are started in the root.
    fn paths(&self, call: &Call) -> Vec<PathBuf> {
        let is_at = call.name.ends_with("at") || call.name.ends_with("at2");
        let path = |(index, bytes): (usize, Vec<u8>)| {
            // Each has the descriptor of a directory in front of it.
            let number = if is_at { call.number(2 * index) } else { None };
            let base = number.map_or(self.root.as_path(), |number| self.directory(number));
            base.join(String::from_utf8_lossy(&bytes).into_owned())
        };
        call.strings().into_iter().enumerate().map(path).collect()
    }

    /// The directory that is open as a descriptor.
    fn directory(&self, number: i64) -> &Path {
        let node = self.files.get(&number).map(|open| open.node);
        let of_node = self.names.iter().find(|(_, named)| Some(**named) == node);
        of_node.map_or(Path::new("/not/ours"), |(path, _)| path)
    }
}
