//! The first start of all: three people, everything has to be made, and their workouts go to the embedded server.

use super::campaign::{End, Stage};
use super::home::{self, Sessions};
use crate::support::fit::Run;
use crate::support::program::Place;
use crate::support::xml;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

const PEOPLE: [&str; 3] = ["anna", "ben", "cleo"];
const START: i64 = 1_600_000_000;

struct First {
    place: Place,
    /// Ids are what is looked at.
    expected: BTreeMap<&'static str, Sessions>,
    /// What the server had in the end the first time.
    told: BTreeMap<&'static str, Sessions>,
}

pub fn stage() -> Box<dyn Stage> {
    let place = Place::new();
    let mut config = "delivery.concurrency = 2\ndelivery.retry_first = '10ms'\ndelivery.retry_longest = '20ms'\n\
                      watch.scan_every = '1h'\n"
        .to_owned();
    let mut expected = BTreeMap::new();
    for (number, name) in (0..).zip(PEOPLE) {
        let folder = place.dir.path().join(name);
        fs::create_dir(&folder).unwrap();
        config += &format!("[[account]]\nname = '{name}'\nfolders = ['{}']\n", folder.display());
        let mut paths: Vec<PathBuf> = Vec::new();
        for day in 0..2 {
            let run = Run { records: 2, ..Run::at(START + (number * 50 + day) * 86_400) };
            paths.push(folder.join(format!("{day}.fit")));
            fs::write(&paths[paths.len() - 1], run.build()).unwrap();
        }
        // The same as the second, from another program.
        fs::write(folder.join("z.tcx"), xml::tcx(START + (number * 50 + 1) * 86_400, 3600, 3, "Running")).unwrap();
        let paths: Vec<&std::path::Path> = paths.iter().map(PathBuf::as_path).collect();
        expected.insert(name, place.normalized(&paths));
    }
    fs::write(place.config(), config).unwrap();
    Box::new(First { place, expected, told: BTreeMap::new() })
}

impl First {
    fn is_complete(&self) -> bool {
        let is_there = |(name, expected): (&&str, &Sessions)| {
            home::stored(&self.place, name).is_some_and(|stored| stored.keys().eq(expected.keys()))
        };
        self.expected.iter().all(is_there) && home::waiting(&self.place) == Some(0)
    }
}

impl Stage for First {
    fn reset(&mut self) {
        let _ = fs::remove_dir_all(self.place.state());
    }

    fn live(&mut self, environment: &[(&str, &str)]) -> End {
        let environment = [environment, &[("FITFERRY_LOG__LEVEL", "debug")]].concat();
        home::live(&self.place, &environment, |daemon| {
            let is_scanned = daemon.events("scan.done").len() >= PEOPLE.len();
            is_scanned && self.is_complete() && home::is_compared(&self.place)
        })
    }

    fn judge(&mut self, crashes: u32) {
        for (name, expected) in &self.expected {
            let stored = home::stored(&self.place, name).unwrap();
            assert!(stored.keys().eq(expected.keys()), "{stored:#?}");
            // The one with two sources says more than either, and the same each time.
            assert_eq!(*self.told.entry(name).or_insert_with(|| stored.clone()), stored);
        }
        assert_eq!(home::count(&self.place, "file WHERE verdict IN ('queued', 'known')"), Some(9));
        assert_eq!(home::count(&self.place, "session"), Some(6));
        // The second session of each may be sent when it is known from one of its files only, and again from both.
        let most = 9 + 2 * 3 * u64::from(crashes);
        let changes = home::changes(&self.place);
        assert!((6..=most).contains(&changes), "{changes} changes on the server after {crashes} crashes");
    }

    fn rest(&mut self) {
        home::make_curious(&self.place);
        let before = home::changes(&self.place);
        let end = home::live(&self.place, &[("FITFERRY_LOG__LEVEL", "debug")], |daemon| {
            home::has_looked(daemon, PEOPLE.len(), PEOPLE.len()) && self.is_complete()
        });
        assert_eq!((end, home::changes(&self.place)), (End::Done, before), "a restart sends nothing");
    }
}
