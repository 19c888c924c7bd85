//! A daemon that moves what it has delivered, in a folder whose removed files lose their sessions.

use super::campaign::{End, Stage};
use super::home::{self, Sessions};
use crate::support::fault_server::FaultServer;
use crate::support::fit::Run;
use crate::support::program::Place;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

const START: i64 = 1_600_000_000;
const DAY: i64 = 86_400;

/// Two of them have the same name.
const FILES: [&str; 4] = ["0.fit", "1.fit", "a/0.fit", "a/2.fit"];

struct Moves {
    place: Place,
    server: FaultServer,
    expected: Sessions,
    contents: BTreeSet<Vec<u8>>,
    lives: u32,
}

pub fn stage() -> Box<dyn Stage> {
    let place = Place::new();
    let server = FaultServer::start("*");
    let token = place.dir.path().join("token");
    fs::write(&token, "life-0\n").unwrap();
    let config = format!(
        "folders = [{{ path = '{}', on_done = 'move', on_removed = 'delete' }}]\n{}delivery.concurrency = 2\n\
         delivery.retry_first = '10ms'\ndelivery.retry_longest = '20ms'\nwatch.removed_grace = '100ms'\n",
        place.folder().display(),
        server.destination(&token)
    );
    fs::write(place.config(), config).unwrap();
    let mut stage = Moves { place, server, expected: Sessions::new(), contents: BTreeSet::new(), lives: 0 };
    stage.reset();
    let paths = FILES.map(|name| stage.place.folder().join(name));
    stage.expected = stage.place.normalized(&paths.each_ref().map(PathBuf::as_path));
    stage.contents = paths.iter().map(|path| fs::read(path).unwrap()).collect();
    assert_eq!((stage.expected.len(), stage.contents.len()), (FILES.len(), FILES.len()));
    Box::new(stage)
}

impl Moves {
    /// The names of the files, without the month, and what is in them.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = walkdir::WalkDir::new(self.place.folder()).into_iter().map(Result::unwrap);
        let files = entries.filter(|entry| entry.file_type().is_file());
        let named = files.map(|entry| {
            let name = entry.path().strip_prefix(self.place.folder()).unwrap().to_str().unwrap();
            let parts: Vec<&str> = name.split('/').collect();
            let name = if let ["done", _, name] = parts[..] { format!("done/{name}") } else { name.to_owned() };
            (name, fs::read(entry.path()).unwrap())
        });
        named.collect()
    }

    fn is_complete(&self) -> bool {
        home::waiting(&self.place) == Some(0)
            && home::count(&self.place, "file WHERE instr(path, '/done/')") == Some(4)
            && home::bare(self.server.sessions().into_values()) == self.expected
    }
}

impl Stage for Moves {
    fn reset(&mut self) {
        let _ = fs::remove_dir_all(self.place.state());
        fs::remove_dir_all(self.place.folder()).unwrap();
        for (day, name) in (0..).zip(FILES) {
            let path = self.place.folder().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, Run { records: 2, ..Run::at(START + day * DAY) }.build()).unwrap();
        }
        self.server.reset(BTreeMap::new());
    }

    fn live(&mut self, environment: &[(&str, &str)]) -> End {
        // Requests of different lives are told apart by it.
        self.lives += 1;
        fs::write(self.place.dir.path().join("token"), format!("life-{}\n", self.lives)).unwrap();
        home::live(&self.place, environment, |_| self.is_complete())
    }

    fn judge(&mut self, crashes: u32) {
        assert!(self.is_complete());
        let files = self.files();
        let names: Vec<&str> = files.keys().map(String::as_str).collect();
        assert_eq!(names, ["done/0 (2).fit", "done/0.fit", "done/1.fit", "done/2.fit"]);
        assert_eq!(files.into_values().collect::<BTreeSet<_>>(), self.contents);
        // What was in flight when it died may be sent again, but nothing else.
        let puts: u32 = self.server.puts().values().sum();
        assert!((4..=4 + 2 * crashes).contains(&puts), "{puts} after {crashes} crashes");
        assert!(self.server.deletes().is_empty() && !self.server.saw_one_twice_at_once());
        // Nobody has to be asked whether the files of old are gone.
        assert_eq!(home::count(&self.place, "file"), Some(4));
        assert_eq!(home::count(&self.place, "session WHERE wanted"), Some(4));
    }

    fn rest(&mut self) {
        let puts = self.server.puts();
        let environment = [("FITFERRY_LOG__LEVEL", "debug"), ("FITFERRY_WATCH__SCAN_EVERY", "1s")];
        let end = home::live(&self.place, &environment, |daemon| {
            let is_quiet = |event: &str| daemon.events(event).is_empty();
            assert!(["file.queued", "file.known", "file.moved", "file.missed"].into_iter().all(is_quiet));
            daemon.events("scan.done").len() >= 2
        });
        assert_eq!(end, End::Done);
        assert_eq!((self.server.puts(), self.server.deletes()), (puts, BTreeMap::new()));
        self.judge(u32::MAX / 4);
    }
}
