//! What strace wrote, as system calls with a beginning and an end.

/// One system call of any thread.
#[derive(Debug)]
pub struct Call {
    pub name: String,
    /// What stands between the parentheses; strings in it are hexadecimal.
    arguments: String,
    /// What it returned; `None` if the process ended before it did.
    pub result: Option<i64>,
    /// The lines on which it began and ended.
    pub begin: usize,
    pub end: usize,
}

impl Call {
    /// What the call returned, if it succeeded.
    pub fn success(&self) -> Option<i64> {
        self.result.filter(|result| *result >= 0)
    }

    /// An argument that is a number; `None` for anything else, such as `AT_FDCWD`.
    pub fn number(&self, index: usize) -> Option<i64> {
        self.argument(index).and_then(|text| text.parse().ok())
    }

    /// An argument as it is written.
    pub fn argument(&self, index: usize) -> Option<&str> {
        // Strings hold neither commas nor brackets: all their bytes are hexadecimal.
        let mut depth = 0;
        let separators = self.arguments.char_indices().filter(|(_, letter)| {
            match letter {
                '[' | '{' | '(' => depth += 1,
                ']' | '}' | ')' => depth -= 1,
                _ => {}
            }
            *letter == ',' && depth == 0
        });
        let mut begin = 0;
        let mut count = 0;
        for (place, _) in separators {
            if count == index {
                return Some(self.arguments[begin..place].trim());
            }
            count += 1;
            begin = place + 1;
        }
        (count == index).then(|| self.arguments[begin..].trim())
    }

    /// The bytes of all strings among the arguments, in order; the parts of a vector are one string each.
    pub fn strings(&self) -> Vec<Vec<u8>> {
        let mut strings = Vec::new();
        let mut rest = self.arguments.as_str();
        while let Some((_, after)) = rest.split_once('"') {
            let (text, after) = after.split_once('"').expect("a closing quote");
            assert!(!after.starts_with("..."), "line {}: strace was told to write strings in full", self.begin);
            strings.push(bytes(text));
            rest = after;
        }
        strings
    }
}

/// `\x66\x66` is two bytes.
fn bytes(text: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).expect("a digit");
    let pairs = text.as_bytes().chunks_exact(4);
    assert!(pairs.remainder().is_empty(), "strace was told to write hexadecimal strings: {text}");
    pairs.map(|pair| digit(pair[2]) << 4 | digit(pair[3])).collect()
}

/// The calls of one process from its start to its end, ordered by their beginning.
#[derive(Debug, Default)]
pub struct Trace {
    pub calls: Vec<Call>,
    /// With status 0, and not by a signal.
    pub succeeded: bool,
}

impl Trace {
    pub fn parse(text: &str) -> Self {
        let mut trace = Self::default();
        // By thread: what is written of a call that another thread's line interrupted.
        let mut unfinished: Vec<(&str, usize, String)> = Vec::new();
        for (line, text) in text.lines().enumerate() {
            let (thread, text) = text.split_once(' ').expect("a thread");
            let text = text.trim_start();
            if text.starts_with("--- ") {
                continue;
            }
            if let Some(end) = text.strip_prefix("+++ ") {
                trace.succeeded = end.starts_with("exited with 0");
                continue;
            }
            let (mut begin, mut text) = (line, text.to_owned());
            if text.starts_with("<... ") {
                let (_, rest) = text.split_once(" resumed>").expect("a call that goes on");
                let place = unfinished.iter().position(|(other, ..)| *other == thread).expect("a call that had begun");
                let (_, first, start) = unfinished.swap_remove(place);
                (begin, text) = (first, start + rest);
            }
            match text.strip_suffix(" <unfinished ...>") {
                Some(start) => unfinished.push((thread, begin, start.to_owned())),
                None => trace.calls.push(call(&text, begin, line)),
            }
        }
        for (_, begin, start) in unfinished {
            trace.calls.push(call(&format!("{start}) = ?"), begin, usize::MAX));
        }
        trace.calls.sort_by_key(|call| call.begin);
        trace
    }
}

fn call(text: &str, begin: usize, end: usize) -> Call {
    let (name, rest) = text.split_once('(').unwrap_or_else(|| panic!("line {begin}: no call: {text}"));
    let (arguments, result) = rest.rsplit_once(" = ").unwrap_or_else(|| panic!("line {begin}: no result: {text}"));
    let arguments = arguments.trim_end().strip_suffix(')').unwrap_or(arguments).to_owned();
    let result = result.split(' ').next().and_then(|word| word.parse().ok());
    Call { name: name.to_owned(), arguments, result, begin, end }
}

#[test]
fn calls_of_several_threads_are_told_apart() {
    let trace = Trace::parse(
        "7 openat(AT_FDCWD, \"\\x61\\x2f\", O_RDWR|O_CREAT, 0600) = 5\n\
         8 fsync(5 <unfinished ...>\n\
         7 pwrite64(5, \"\\x00\\xff\", 2, 4096 <unfinished ...>\n\
         7 <... pwrite64 resumed>)           = 2\n\
         --- SIGTERM {si_signo=SIGTERM, si_pid=1} ---\n\
         7 writev(9, [{iov_base=\"\\x61\", iov_len=1}, {iov_base=\"\\x62\", iov_len=1}], 2) = -1 EPIPE (Broken pipe)\n\
         7 recvfrom(6,  <unfinished ...>\n\
         8 <... fsync resumed>)              = 0\n\
         7 <... recvfrom resumed>\"\\x7a\", 8192, 0, NULL, NULL) = 1\n\
         8 close(5 <unfinished ...>\n\
         8 +++ exited with 0 +++\n\
         7 +++ killed by SIGKILL +++\n"
            .replace("--- SIGTERM", "7 --- SIGTERM")
            .as_str(),
    );
    let seen: Vec<(&str, Option<i64>, usize, usize)> =
        trace.calls.iter().map(|call| (call.name.as_str(), call.result, call.begin, call.end)).collect();
    assert_eq!(
        seen,
        [
            ("openat", Some(5), 0, 0),
            ("fsync", Some(0), 1, 7),
            ("pwrite64", Some(2), 2, 3),
            ("writev", Some(-1), 5, 5),
            ("recvfrom", Some(1), 6, 8),
            ("close", None, 9, usize::MAX),
        ]
    );
    let [open, sync, write, vector, receive, _] = &trace.calls[..] else { panic!("six calls") };
    assert_eq!((open.strings(), open.argument(2)), (vec![b"a/".to_vec()], Some("O_RDWR|O_CREAT")));
    assert_eq!((sync.number(0), open.number(0)), (Some(5), None));
    assert_eq!((write.strings(), write.number(3), write.number(4)), (vec![vec![0, 255]], Some(4096), None));
    assert_eq!((vector.strings(), vector.number(2)), (vec![b"a".to_vec(), b"b".to_vec()], Some(2)));
    assert_eq!(receive.strings(), [b"z"]);
    assert!(!trace.succeeded);
}
