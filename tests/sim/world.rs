//! One run: a seed picks, step by step, what happens next in the folder, the daemon, the network and the server.

use super::comparison::{Comparison, Left, Want};
use super::destination::Weather;
use super::disk::{Disk, Job};
use super::folder::Folder;
use super::network::{self, Heard, Network};
use super::oracle::Oracle;
use super::plan::{Plan, chance, pick};
use super::planted::Bug;
use super::shell::Shell;
use super::telling;
use fastrand::Rng;
use fitferry::intake::Person;
use fitferry::rules::Rules;
use fitferry::store::accounts;
use fitferry::sync::Now;
use fitferry::sync::courier::Event;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// When simulated time begins, Unix seconds.
const EPOCH: i64 = 1_790_000_000;

/// How often the folder is scanned, events or not.
pub const SCAN_EVERY: Duration = Duration::from_secs(1800);

pub struct World<'a> {
    pub rng: Rng,
    /// Of what befalls the folder's disk: others would be other stories without it.
    pub of_disks: Rng,
    pub plan: Plan,
    pub bug: Option<Bug>,
    pub disk: &'a mut Disk,
    pub folder: Folder,
    pub network: Network,
    pub oracle: Oracle,
    pub shell: Shell,
    pub comparison: Comparison,
    /// Whether the account has its other server now.
    pub is_elsewhere: bool,
    /// What waits for the writing thread.
    pub queue: VecDeque<Job>,
    pub person: Person,
    pub steady: Duration,
    /// How far the clock on the wall is from the truth, seconds.
    wall_error: i64,
    pub next_scan: Duration,
    /// Whether faults happen.
    pub is_rough: bool,
    pub steps: u32,
    pub trace: Option<Vec<String>>,
}

impl<'a> World<'a> {
    pub fn new(seed: u64, bug: Option<Bug>, disk: &'a mut Disk, is_traced: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let plan = Plan::of(&mut rng);
        disk.clear();
        let now = at(Duration::ZERO, 0);
        let account = accounts::ensure(&disk.connection, "me", "there").unwrap();
        let shell = Shell::start(&plan, &disk.connection, account, now, bug);
        let comparison = Comparison::start(&plan, account, Rc::clone(&shell.pace), rng.u64(..), now, bug);
        let mut world = Self {
            oracle: Oracle::new(&plan, account),
            network: Network::new(&plan),
            folder: Folder::new(plan.spacing),
            shell,
            comparison,
            is_elsewhere: false,
            rng,
            of_disks: Rng::with_seed(!seed),
            plan,
            bug,
            disk,
            queue: VecDeque::new(),
            person: Person { name: "me".into(), account, rules: Rules::of(TimeZone::UTC).into() },
            steady: Duration::ZERO,
            wall_error: 0,
            next_scan: SCAN_EVERY,
            is_rough: true,
            steps: 0,
            trace: is_traced.then(Vec::new),
        };
        let left = world.comparison.poll(now);
        world.attend(left);
        if world.plan.first_weather == Weather::Strict {
            // It is known by many at once.
            world.network.destination().weather = Weather::Strict;
            (0..60).for_each(|_| world.change());
        }
        world
    }

    /// The time of day that everybody else has.
    pub fn truth(&self) -> Timestamp {
        at(self.steady, 0).wall
    }

    pub fn now(&self) -> Now {
        at(self.steady, self.wall_error)
    }

    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>4} {:>10.3}s  {}", self.steps, self.steady.as_secs_f64(), line()));
        }
    }

    /// Does one thing of those that can be done now. Returns false if only time can bring another.
    pub fn step(&mut self) -> bool {
        self.steps += 1;
        if self.is_rough && self.trouble() {
            return true;
        }
        let mut choices: Vec<fn(&mut Self)> = Vec::with_capacity(16);
        let mut offer = |weight: usize, is_possible: bool, choice: fn(&mut Self)| {
            choices.extend(std::iter::repeat_n(choice, if is_possible { weight } else { 0 }));
        };
        offer(4, !self.shell.events.is_empty(), Self::hear);
        offer(2, self.shell.wake, |world| {
            world.shell.wake = false;
            world.feed(Event::Queued);
        });
        offer(2, self.shell.alarm.is_some_and(|alarm| alarm <= self.steady), |world| world.feed(Event::Woken));
        offer(3, !self.queue.is_empty(), Self::commit);
        offer(3, self.network.next().is_some_and(|next| next <= self.steady), Self::arrive);
        offer(2, !self.folder.hints.is_empty(), Self::read);
        offer(2, self.comparison.can_go_on(self.now()), Self::compare);
        offer(2, !self.comparison.is_scanned() && self.is_looked_through(), |world| {
            world.comparison.scanned();
            if !world.folder.is_away {
                world.complete();
            }
        });
        let is_back = self.comparison.is_scanned() && !self.oracle.is_complete && !self.folder.is_away;
        offer(2, is_back && self.is_looked_through(), Self::complete);
        offer(1, self.is_rough, Self::change);
        let is_busy = !choices.is_empty();
        if is_busy {
            pick(&mut self.rng, &choices)(self);
        }
        is_busy
    }

    /// All that was in the folder is on the disk, and it was there.
    fn complete(&mut self) {
        self.comparison.completed();
        self.oracle.is_complete = true;
    }

    /// The disk of the folder comes back.
    fn bring_back(&mut self) {
        self.note(|| "the folder is there".to_owned());
        self.folder.is_away = false;
        self.scan();
    }

    /// Something goes wrong, perhaps.
    fn trouble(&mut self) -> bool {
        if self.folder.is_away && chance(&mut self.of_disks, 50) {
            self.bring_back();
            return true;
        }
        let roll = self.rng.u32(..1000);
        let Plan { crashes, weather, weathers, clock_jumps, meddling, mishaps, .. } = self.plan;
        if roll < crashes {
            self.crash();
        } else if roll < crashes + weather {
            let weather = *pick(&mut self.rng, weathers);
            self.network.destination().weather = weather;
            self.note(|| format!("weather: {weather:?}"));
        } else if roll < crashes + weather + clock_jumps {
            let error = *pick(&mut self.rng, &[0, 0, 3600, -3600, 100_000, -100_000, 400_000_000, -300_000_000]);
            self.set_clock(error);
        } else if roll < crashes + weather + clock_jumps + crashes / 3 {
            self.stop();
        } else if roll < crashes + weather + clock_jumps + crashes / 3 + 5 {
            self.note(|| "somebody asks to try again".to_owned());
            self.feed(Event::Probe);
            let now = self.now();
            self.comparison.probed(now);
        } else if chance(&mut self.rng, meddling) {
            self.meddle();
        } else if chance(&mut self.rng, mishaps) {
            if self.rng.bool() { self.mishap() } else { self.back_up() }
        } else if chance(&mut self.rng, meddling / 8) && self.comparison.ordered.is_none() {
            let dry_run = self.rng.bool();
            self.note(|| format!("somebody orders a comparison, dry {dry_run}"));
            self.comparison.order(dry_run);
        } else {
            return false;
        }
        true
    }

    fn change(&mut self) {
        if chance(&mut self.rng, 300) {
            return self.pass();
        }
        let (what, paths) = self.folder.change(&mut self.rng, self.plan.workouts);
        self.note(|| format!("folder: {what} {paths:?}"));
        for path in paths {
            if self.rng.u32(..100) >= self.plan.lost_hints && !self.folder.is_away {
                self.folder.hints.insert(path);
            }
        }
    }

    /// Lets a while pass, whatever waits.
    fn pass(&mut self) {
        let seconds = *pick(&mut self.rng, &[1, 5, 60, 600]);
        self.steady += Duration::from_millis(self.rng.u64(1..seconds * 1000));
        self.note(|| "time passes".to_owned());
    }

    pub fn hear(&mut self) {
        if let Some(event) = self.shell.events.pop_front() {
            self.feed(event);
        }
    }

    pub fn feed(&mut self, event: Event) {
        self.note(|| format!("courier hears {}", telling::event(&event)));
        let now = self.now();
        let before = self.queue.len();
        let jobs = self.shell.feed(event, &mut self.oracle, &mut self.network, &mut self.rng, now);
        self.queue.extend(jobs);
        if self.trace.is_some() {
            let jobs: Vec<String> =
                self.queue.iter().skip(before).map(|job| format!("    wants {}", telling::job(job))).collect();
            let in_flight = self.shell.in_flight();
            jobs.into_iter().for_each(|job| self.note(|| job));
            self.note(|| format!("    {in_flight} in flight"));
        }
        self.comparison.halted(self.shell.halted.clone());
    }

    /// Whether what was in the folder at the start is on the disk.
    fn is_looked_through(&self) -> bool {
        self.folder.hints.is_empty() && !self.queue.iter().any(|job| matches!(job, Job::Intake { .. }))
    }

    fn compare(&mut self) {
        let now = self.now();
        let left = self.comparison.go_on(now);
        self.attend(left);
    }

    /// Does what the comparison wants.
    pub fn attend(&mut self, left: Left) {
        let now = self.now();
        self.oracle.asked(left.asked, now);
        left.heard.into_iter().for_each(|heard| self.shell.tell(Event::Heard(heard)));
        self.shell.wake |= left.freed;
        if self.comparison.is_told() {
            self.note(|| "somebody is told what a comparison found".to_owned());
        }
        if self.comparison.has_obeyed() {
            self.oracle.mass.forget();
        }
        match left.want {
            Some(Want::Ask(mut question)) => {
                self.note(|| format!("comparison asks {question:?}"));
                if let Some(bug) = self.bug {
                    bug.ask(&mut question);
                }
                self.network.ask(question, &mut self.rng, now);
            }
            Some(Want::Work(work)) => {
                self.oracle.manners.works();
                self.queue.push_back(Job::Work(work));
            }
            _ => {}
        }
    }

    pub fn arrive(&mut self) {
        let (now, faults) = (self.now(), if self.is_rough { self.plan.request_faults } else { 0 });
        let truth = self.truth();
        match self.network.arrive(&mut self.rng, faults, &mut self.oracle, now, truth) {
            None => {}
            Some(Heard::OfSession { due, answer, echo }) => {
                self.note(|| format!("server says {answer:?} to {}", telling::due(&due)));
                self.oracle.said(&due, &answer);
                let event = network::event(due, &answer, echo, &mut self.rng, now, self.bug);
                self.shell.tell(event);
            }
            Some(Heard::OfQuestion { question, answer, listing }) => {
                self.note(|| format!("server says {answer:?} to {question:?}: {}", telling::listing(&listing)));
                if !self.comparison.is_over {
                    self.oracle.manners.told(&answer, now);
                }
                let listing = network::listing(&answer, listing, now, self.bug);
                let left = self.comparison.listed(listing, now);
                self.attend(left);
            }
        }
    }

    /// Looks at a file that the watcher heard of.
    fn read(&mut self) {
        let Some(path) = self.folder.hints.pop_first() else { return };
        let Some(mut file) = self.folder.files.get(&path).cloned() else { return };
        let is_underway = self.queue.iter().any(|job| job.is_of(&path, file.stamp));
        if is_underway || self.is_settled(&path) {
            return;
        }
        let records = file.records.clone();
        if let Some(bug) = self.bug {
            bug.read(&mut file);
        }
        let mut reading = file.reading();
        let assessment = fitferry::intake::assess(&mut reading, self.now().wall);
        let seen = fitferry::intake::Seen::new(path.as_ref(), file.stamp, reading, assessment);
        self.note(|| format!("reads {path} {:?}", seen.assessment));
        if self.bug == Some(Bug::SeenBeforeQueued) {
            self.queue.push_back(Job::SeenOnly { seen: seen.clone() });
            // Not with it in one transaction.
            self.commit();
        }
        self.queue.push_back(Job::Intake { path, seen, records });
    }

    fn is_settled(&self, path: &str) -> bool {
        let stamp = self.folder.files[path].stamp;
        let version = fitferry::formats::READER_VERSION;
        let account = self.person.account;
        fitferry::store::files::settled(&self.disk.connection, account, path.as_ref(), stamp, version)
            .unwrap()
            .is_some()
    }

    /// Whether the folder holds something that is not on the disk.
    pub fn is_unread(&self) -> bool {
        self.folder.files.iter().any(|(path, file)| !self.oracle.has(path, file.stamp))
    }

    pub fn scan(&mut self) {
        self.next_scan = self.steady + SCAN_EVERY;
        if self.bug != Some(Bug::NoScan) && !self.folder.is_away {
            let paths: Vec<String> = self.folder.files.keys().cloned().collect();
            let unknown: Vec<String> = paths.into_iter().filter(|path| !self.is_settled(path)).collect();
            self.folder.hints.extend(unknown);
        }
    }

    pub fn set_clock(&mut self, error: i64) {
        self.note(|| format!("the clock is {error} s off"));
        if self.wall_error != error {
            self.wall_error = error;
            self.oracle.clock_set();
        }
    }

    pub fn calm_down(&mut self) {
        self.note(|| "calm".to_owned());
        self.is_rough = false;
        if self.folder.is_away {
            self.bring_back();
        }
        self.network.destination().weather = Weather::Fair;
        self.set_clock(0);
    }
}

fn at(steady: Duration, wall_error: i64) -> Now {
    let truth = Timestamp::from_second(EPOCH).unwrap() + SignedDuration::try_from(steady).unwrap();
    Now { wall: truth + SignedDuration::from_secs(wall_error), steady }
}
