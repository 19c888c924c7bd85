//! A daemon that knows its folders, and finds changes everywhere when it is started: new files, newer versions, files that
//! are gone, and sessions that vanished from the server.

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
const FOLDERS: i64 = 3;

/// What became of a file since the daemon stopped; each folder has one of each.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Nothing, but the server has lost its session.
    Vanished,
    /// Long ago, and noticed.
    Removed,
    /// A moment ago: its session stays for the time being.
    Missed,
    Changed,
    New,
    Kept,
}

impl Fate {
    const ALL: [Self; 6] = [Self::Vanished, Self::Removed, Self::Missed, Self::Changed, Self::New, Self::Kept];
}

fn run(folder: i64, fate: Fate) -> Run {
    // So far apart that each folder's sessions are compared in a window of their own, and near enough for one pass.
    Run { records: 2, ..Run::at(START + (35 * folder + fate as i64) * DAY) }
}

struct Changes {
    place: Place,
    /// Another's server; nothing if it is the embedded one.
    server: Option<FaultServer>,
    /// What was there in the beginning, on that server.
    before: BTreeMap<String, serde_json::Value>,
    expected: Sessions,
    removed: BTreeSet<String>,
    kept: BTreeSet<String>,
    /// Changes that the embedded server has seen in the beginning.
    changes: u64,
    lives: u32,
}

pub fn away() -> Box<dyn Stage> {
    Box::new(Changes::new(Some(FaultServer::start("*"))))
}

pub fn at_home() -> Box<dyn Stage> {
    Box::new(Changes::new(None))
}

impl Changes {
    fn new(server: Option<FaultServer>) -> Self {
        let place = Place::new();
        let mut stage = Self {
            place,
            server,
            before: BTreeMap::new(),
            expected: Sessions::new(),
            removed: BTreeSet::new(),
            kept: BTreeSet::new(),
            changes: 0,
            lives: 0,
        };
        stage.configure();
        stage.deliver_what_was();
        stage.change_everything();
        stage
    }

    fn configure(&self) {
        let token = self.place.dir.path().join("token");
        fs::write(&token, "life-0\n").unwrap();
        let mut folders = Vec::new();
        for folder in 0..FOLDERS {
            fs::create_dir(self.folder(folder)).unwrap();
            folders.push(format!("{{ path = '{}', on_removed = 'delete' }}", self.folder(folder).display()));
        }
        let destination = self.server.as_ref().map(|server| server.destination(&token)).unwrap_or_default();
        let config = format!(
            "folders = [{}]\n{destination}delivery.concurrency = 2\ndelivery.retry_first = '10ms'\n\
             delivery.retry_longest = '20ms'\nreconcile.every = '1s'\nwatch.scan_every = '1h'\nwatch.settle = '100ms'\nwatch.removed_grace = '30m'\n",
            folders.join(", ")
        );
        fs::write(self.place.config(), config).unwrap();
    }

    fn folder(&self, number: i64) -> PathBuf {
        self.place.dir.path().join(format!("folder-{number}"))
    }

    fn file(&self, folder: i64, fate: Fate) -> PathBuf {
        self.folder(folder).join(format!("{}.fit", fate as i64))
    }

    fn write(&self, folder: i64, fate: Fate, run: Run) {
        fs::write(self.file(folder, fate), run.build()).unwrap();
    }

    fn ids(&self, fate: Fate) -> BTreeSet<String> {
        let paths: Vec<PathBuf> = (0..FOLDERS).map(|folder| self.file(folder, fate)).collect();
        self.place.normalized(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>()).into_keys().collect()
    }

    /// Everything is delivered; then some files are missed, and it stops.
    fn deliver_what_was(&mut self) {
        let olds = [Fate::Vanished, Fate::Removed, Fate::Missed, Fate::Changed, Fate::Kept];
        (0..FOLDERS).for_each(|folder| olds.iter().for_each(|fate| self.write(folder, *fate, run(folder, *fate))));
        let end = home::live(&self.place, &[], |_| {
            self.there().is_some_and(|there| there.len() == 15) && home::waiting(&self.place) == Some(0)
        });
        assert_eq!(end, End::Done);
        self.removed = self.ids(Fate::Removed);
        self.kept = self.ids(Fate::Kept);
        (0..FOLDERS).for_each(|folder| fs::remove_file(self.file(folder, Fate::Removed)).unwrap());
        let end = home::live(&self.place, &[], |daemon| daemon.events("file.missed").len() == 3);
        assert_eq!(end, End::Done);
        // That was an hour ago.
        let outbox = rusqlite::Connection::open(self.place.state().join("outbox.db")).unwrap();
        let sql = "UPDATE file SET gone_watched_ms = gone_watched_ms - 3600000 WHERE gone_ms NOT NULL";
        let missed = outbox.execute(sql, []).unwrap();
        assert_eq!(missed, 3);
        outbox.execute("UPDATE account SET reconciled_ms = NULL", []).unwrap();
    }

    fn change_everything(&mut self) {
        let vanished = self.ids(Fate::Vanished);
        for folder in 0..FOLDERS {
            self.write(folder, Fate::Changed, Run { seconds: 4000, ..run(folder, Fate::Changed) });
            self.write(folder, Fate::New, run(folder, Fate::New));
        }
        if let Some(server) = &self.server {
            vanished.iter().for_each(|id| server.forget(id));
            self.before = server.sessions();
        } else {
            let stored = rusqlite::Connection::open(self.place.state().join("server/sessions.db")).unwrap();
            for id in &vanished {
                assert_eq!(stored.execute("DELETE FROM session WHERE id = ?1", [id]).unwrap(), 1);
            }
            drop(stored);
            self.changes = home::changes(&self.place);
        }
        let paths: Vec<PathBuf> = (0..FOLDERS)
            .flat_map(|folder| Fate::ALL.into_iter().map(move |fate| (folder, fate)))
            .filter(|(_, fate)| *fate != Fate::Removed)
            .map(|(folder, fate)| self.file(folder, fate))
            .collect();
        self.expected = self.place.normalized(&paths.iter().map(PathBuf::as_path).collect::<Vec<_>>());
        (0..FOLDERS).for_each(|folder| fs::remove_file(self.file(folder, Fate::Missed)).unwrap());
        home::replace(&self.place.state(), &self.template());
    }

    fn template(&self) -> PathBuf {
        self.place.dir.path().join("template")
    }

    /// What the server has.
    fn there(&self) -> Option<Sessions> {
        match &self.server {
            Some(server) => Some(home::bare(server.sessions().into_values())),
            None => home::stored(&self.place, "me"),
        }
    }

    fn is_complete(&self) -> bool {
        self.there().as_ref() == Some(&self.expected) && home::waiting(&self.place) == Some(0)
    }

    /// How often something was asked of the server that changes it, or, of the embedded one, did.
    fn writes(&self) -> u64 {
        match &self.server {
            Some(server) => {
                server.puts().values().chain(server.deletes().values()).map(|count| u64::from(*count)).sum()
            }
            None => home::changes(&self.place) - self.changes,
        }
    }
}

impl Stage for Changes {
    fn reset(&mut self) {
        home::replace(&self.template(), &self.place.state());
        if let Some(server) = &self.server {
            server.reset(self.before.clone());
        }
    }

    fn live(&mut self, environment: &[(&str, &str)]) -> End {
        // Requests of different lives are told apart by it.
        self.lives += 1;
        fs::write(self.place.dir.path().join("token"), format!("life-{}\n", self.lives)).unwrap();
        home::live(&self.place, environment, |_| self.is_complete() && home::is_compared(&self.place))
    }

    fn judge(&mut self, crashes: u32) {
        assert_eq!(self.there().as_ref(), Some(&self.expected));
        // What was in flight when it died may be sent again, but nothing else.
        let most = 12 + 2 * u64::from(crashes);
        let record = self.server.as_ref().map(|server| (server.puts(), server.deletes()));
        assert!((12..=most).contains(&self.writes()), "{} after {crashes} crashes: {record:#?}", self.writes());
        if let Some(server) = &self.server {
            let (puts, deletes) = (server.puts(), server.deletes());
            assert!(puts.keys().all(|id| !self.kept.contains(id) && !self.removed.contains(id)), "{puts:?}");
            assert!(deletes.keys().eq(&self.removed), "{deletes:?}");
            assert!(!server.saw_one_twice_at_once());
        }
        assert_eq!(home::count(&self.place, "file"), Some(15));
        assert_eq!(home::count(&self.place, "session"), Some(18));
        assert_eq!(home::count(&self.place, "session WHERE wanted"), Some(15));
        // What is known to be there is there, in the revision of today.
        let known = "session JOIN remote ON session_row = session.id AND remote.revision = session.revision";
        assert_eq!(home::count(&self.place, known), Some(15));
    }

    fn rest(&mut self) {
        home::make_curious(&self.place);
        let before = self.writes();
        let end = home::live(&self.place, &[("FITFERRY_LOG__LEVEL", "debug")], |daemon| {
            home::has_looked(daemon, 3, 1) && self.is_complete()
        });
        assert_eq!((end, self.writes()), (End::Done, before), "a restart sends nothing");
    }
}
