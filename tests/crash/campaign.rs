//! Tells one story again and again, each time with the program dying somewhere else.

use crate::support::foreign;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

/// Stories are told by so many threads.
const WORKERS: usize = 2;

/// How a life of the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It died where it should.
    Crashed,
    /// There was nothing more to do.
    Done,
}

/// Where a story is told, by one thread.
pub trait Stage {
    /// Everything is as at the beginning.
    fn reset(&mut self);
    /// One life of the program, until it dies or has nothing more to do. The variables are the program's.
    fn live(&mut self, environment: &[(&str, &str)]) -> End;
    /// Fails unless everything is as it should be after a life that was done, and so many that were not.
    fn judge(&mut self, crashes: u32);
    /// One more life, in which nothing is sent.
    fn rest(&mut self);
}

#[derive(Clone, Copy)]
pub struct Scene {
    pub name: &'static str,
    pub stage: fn() -> Box<dyn Stage>,
    /// What the points are called that it is told for.
    pub about: &'static str,
}

/// The points at which the lives of one story end, as `CRASH_AT` has them.
type Story = Vec<String>;

/// Names the story if a test fails in it.
struct Telling<'a>(&'a str, &'a Story);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("scene {:?}, dying at {:?}", self.0, self.1);
        }
    }
}

impl Scene {
    /// How often each point is reached at least in one life that nothing disturbs.
    pub fn census(&self) -> BTreeMap<String, u32> {
        let mut stage = (self.stage)();
        let mut lives = (0..3).map(|_| {
            stage.reset();
            let log = tempfile::NamedTempFile::new().unwrap();
            let end = stage.live(&[("CRASH_LOG", log.path().to_str().unwrap())]);
            assert_eq!(end, End::Done);
            stage.judge(0);
            stage.rest();
            count(log.path())
        });
        let mut census = lives.next().unwrap();
        for other in lives {
            census.retain(|name, hits| {
                other.get(name).is_some_and(|others| {
                    *hits = (*hits).min(*others);
                    true
                })
            });
        }
        census
    }

    pub fn each_three_times(&self, census: &BTreeMap<String, u32>) {
        let began = Instant::now();
        let mut stories: Vec<Story> = Vec::new();
        for (name, hits) in census.iter().filter(|(name, _)| name.starts_with(self.about)) {
            for hit in 1..=3 {
                // What happens once in a life is survived in several lives.
                let is_often = hit <= *hits;
                let story = vec![format!("{name}:{hit}")];
                stories.push(if is_often { story } else { in_several_lives(&story) });
            }
        }
        let mut reached = self.tell(&stories, true);
        // How often a life comes by depends on its luck: what this one did not reach is survived in several, too.
        let missed: Vec<usize> = (0..stories.len()).filter(|story| reached[*story] == 0).collect();
        let again: Vec<Story> = missed.iter().map(|story| in_several_lives(&stories[*story])).collect();
        for (story, crashes) in missed.into_iter().zip(self.tell(&again, true)) {
            assert!(crashes > 0, "{} did not reach {:?}", self.name, stories[story]);
            reached[story] = crashes;
        }
        self.say(&format!("{} stories, {} deaths", stories.len(), reached.iter().sum::<u32>()), began);
    }

    /// Every two points but those that were told of already.
    pub fn every_pair(&self, told: &mut BTreeSet<[String; 2]>) {
        let began = Instant::now();
        let census = self.census();
        let pairs = census.keys().flat_map(|first| census.keys().map(move |second| [first.clone(), second.clone()]));
        let pairs: Vec<[String; 2]> = pairs.filter(|pair| told.insert(pair.clone())).collect();
        let stories: Vec<Story> =
            pairs.iter().map(|pair| pair.iter().map(|name| format!("{name}:1")).collect()).collect();
        let reached = self.tell(&stories, false);
        assert!(reached.iter().all(|crashes| *crashes > 0));
        let both = reached.iter().filter(|crashes| **crashes == 2).count();
        self.say(&format!("{} pairs, both reached in {both}", stories.len()), began);
    }

    /// Returns how often the program died in each story. With a rest, one more life shows that nothing is left to do.
    fn tell(&self, stories: &[Story], rest: bool) -> Vec<u32> {
        let next = Mutex::new(stories.iter().enumerate());
        let reached = Mutex::new(vec![0; stories.len()]);
        std::thread::scope(|scope| {
            for _ in 0..WORKERS {
                scope.spawn(|| {
                    let mut stage = (self.stage)();
                    loop {
                        let Some((index, story)) = next.lock().unwrap().next() else { return };
                        let telling = Telling(self.name, story);
                        reached.lock().unwrap()[index] = tell(stage.as_mut(), story, rest);
                        drop(telling);
                    }
                });
            }
        });
        reached.into_inner().unwrap()
    }

    fn say(&self, what: &str, began: Instant) {
        foreign::say(&format!("crash points, {}: {what}, {:.1} s", self.name, began.elapsed().as_secs_f64()));
    }
}

fn tell(stage: &mut dyn Stage, story: &Story, rest: bool) -> u32 {
    stage.reset();
    let mut crashes = 0;
    for armed in story {
        crashes += u32::from(stage.live(&[("CRASH_AT", armed)]) == End::Crashed);
    }
    assert_eq!(stage.live(&[]), End::Done);
    stage.judge(crashes);
    if rest {
        stage.rest();
    }
    crashes
}

fn count(log: &Path) -> BTreeMap<String, u32> {
    let mut hits = BTreeMap::new();
    for line in fs::read_to_string(log).unwrap().lines() {
        *hits.entry(line.to_owned()).or_default() += 1;
    }
    hits
}

/// Dying at the first hit in each of several lives, instead of at a later one in one life.
fn in_several_lives(story: &Story) -> Story {
    let (name, hit) = story[0].rsplit_once(':').unwrap();
    vec![format!("{name}:1"); hit.parse().unwrap()]
}
