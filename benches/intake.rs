//! The writer's part of a whole history: 20,000 workouts in one file, dropped, dropped again, grown, and made anew by other
//! rules.
//!
//! `cargo bench --bench intake`. Calls the intake on a store of its own, without files and network. Linux only, as it asks
//! `/proc` for the processor time, which says more on a busy machine.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark prints its figures, and fails loudly")]

use fitferry::formats::Reading;
use fitferry::intake::{self, Assessment, Person, Progress, Receipt, Seen};
use fitferry::rules::Rules;
use fitferry::store::{Stamp, Store, accounts};
use fitferry::workout::{ActivityType, Format, Key, Workout};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::path::Path;
use std::time::Instant;

const WORKOUTS: i64 = 20_000;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(dir.path()).unwrap();
    let account = store.call_blocking(|c| accounts::ensure(c, "me", "embedded")).unwrap();
    let mut person = Person { name: "me".into(), account, rules: Rules::of(TimeZone::UTC).into() };
    let history: Vec<Workout> = (0..=WORKOUTS).map(workout).collect();
    let (known, grown) = (&history[1..], &history[..]);
    println!("\n{WORKOUTS} workouts in one file");
    for (what, path, workouts) in [
        ("all new", "/w/history.csv", known),
        ("all known", "/w/history.csv", known),
        ("one new, in front", "/w/history.csv", grown),
        ("all known, another file", "/w/history-2.csv", grown),
    ] {
        let clock = Clock::start();
        let changed = take(&store, &person, path, workouts).changed.len();
        clock.print(what, changed);
    }
    person.rules = Rules::of(TimeZone::get("Europe/Berlin").unwrap()).into();
    let clock = Clock::start();
    let mut progress = Progress::default();
    loop {
        let writer = person.clone();
        let group = move |c: &_| Ok((intake::rederive(c, &writer, &mut progress, Timestamp::now())?, progress));
        let (is_done, far) = store.call_blocking(group).unwrap();
        progress = far;
        if is_done {
            break;
        }
    }
    clock.print("another time zone", progress.changed);
}

/// Time that passed, and time that all threads computed.
struct Clock {
    began: Instant,
    ticks: u32,
}

impl Clock {
    fn start() -> Self {
        Self { began: Instant::now(), ticks: Self::ticks() }
    }

    fn print(&self, what: &str, changed: usize) {
        let (seconds, computed) = (self.began.elapsed().as_secs_f64(), f64::from(Self::ticks() - self.ticks) / 100.0);
        println!("  {what:24} {seconds:7.3} s, computing {computed:6.2} s   {changed} changed");
    }

    /// Hundredths of a second in user and system mode.
    fn ticks() -> u32 {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        fields[11..13].iter().map(|ticks| ticks.parse::<u32>().unwrap()).sum()
    }
}

fn take(store: &Store, person: &Person, path: &str, workouts: &[Workout]) -> Receipt {
    let mut reading = Reading::new(Format::Strong);
    workouts.iter().cloned().for_each(|workout| reading.add(workout));
    let stamp = Stamp { size: 1, mtime_ns: 2, inode: 3, ctime_ns: 0 };
    let seen = Seen::new(Path::new(path), stamp, reading, Assessment::Take(None));
    let person = person.clone();
    store.call_blocking(move |c| intake::record(c, &person, &seen, Timestamp::now())).unwrap()
}

fn workout(index: i64) -> Workout {
    let start = Timestamp::from_second(1_700_000_000 - index * 40_000).unwrap();
    let mut workout = Workout::new(Format::Strong, start, start + SignedDuration::from_mins(40 + index % 30));
    workout.key = Some(Key { vendor: "strong".to_owned(), id: format!("{start} Legs") });
    workout.activity_type = ActivityType::new(80).unwrap();
    workout.source.title = Some("Legs".to_owned());
    workout.source.notes = Some("3 sets of 10".to_owned());
    workout.source.assumed_zone = Some("UTC".to_owned());
    workout
}
