//! People who want something while what is queued cannot be looked up.

use super::comparison::{Comparison, Left, Want};
use super::disk::{Disk, Outcome};
use super::folder::Folder;
use super::plan::Plan;
use fastrand::Rng;
use fitferry::destination::{Failure, Listing};
use fitferry::intake::{self, Person, Seen};
use fitferry::rules::Rules;
use fitferry::store::{Account, accounts};
use fitferry::sync::Now;
use fitferry::sync::pace::Pace;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

struct Bench {
    disk: Disk,
    plan: Plan,
    account: Account,
    comparison: Comparison,
    now: Now,
}

impl Bench {
    /// One session is queued, and every question fails like this.
    fn new(failure: &Failure) -> Self {
        let disk = Disk::new(None);
        let account = accounts::ensure(&disk.connection, "me", "there").unwrap();
        let mut rng = Rng::with_seed(1);
        let mut plan = Plan::of(&mut rng);
        plan.limits.rate = None;
        plan.limits.daily = None;
        let now = Now { wall: Timestamp::from_second(1_790_000_000).unwrap(), steady: Duration::ZERO };
        let mut folder = Folder::new(2);
        folder.change(&mut rng, 1);
        let (path, file) = folder.files.first_key_value().unwrap();
        let mut reading = file.reading();
        let assessment = intake::assess(&mut reading, now.wall);
        let seen = Seen::new(path.as_ref(), file.stamp, reading, assessment);
        let person = Person { name: "me".into(), account, rules: Rules::of(TimeZone::UTC).into() };
        intake::record(&disk.connection, &person, &seen, now.wall).unwrap();
        let pace = Rc::new(RefCell::new(Pace::new(plan.limits.clone(), None, None, now)));
        let comparison = Comparison::start(&plan, account, pace, 1, now, None);
        let mut bench = Self { disk, plan, account, comparison, now };
        bench.begin(failure);
        bench
    }

    /// The folder is looked through, and then what is queued is looked up, once.
    fn begin(&mut self, failure: &Failure) {
        let left = self.comparison.poll(self.now);
        self.attend(left, failure);
        self.comparison.scanned();
        // What arrives together is gathered first.
        assert_eq!(self.go_on(failure), 0);
        self.now.steady += Duration::from_secs(1);
        assert_eq!(self.go_on(failure), 1);
    }

    /// Another process takes over.
    fn restart(&mut self, failure: &Failure) {
        accounts::set_wary(&self.disk.connection, self.account, true).unwrap();
        let pace = Rc::new(RefCell::new(Pace::new(self.plan.limits.clone(), None, None, self.now)));
        self.comparison = Comparison::start(&self.plan, self.account, pace, 1, self.now, None);
        self.begin(failure);
    }

    /// Time passes.
    fn pass(&mut self, hours: u64, failure: &Failure) {
        let until = self.now.steady + Duration::from_secs(hours * 3600);
        while let Some(alarm) = self.comparison.sleep.filter(|alarm| *alarm < until) {
            self.now.steady = self.now.steady.max(alarm);
            self.go_on(failure);
        }
        self.now.steady = until;
    }

    fn may_be_sent(&self) -> bool {
        self.disk.connection.query_row("SELECT checked FROM outbox", [], |row| row.get(0)).unwrap()
    }

    /// Does what the comparison wants until only time, or somebody, brings more. Returns how much was asked.
    fn attend(&mut self, mut left: Left, failure: &Failure) -> u32 {
        let mut asked = 0;
        loop {
            left = match left.want {
                Some(Want::Work(work)) => {
                    let Outcome::Worked { made, .. } = work.run(&self.disk.connection).unwrap() else {
                        panic!("it made nothing");
                    };
                    self.comparison.worked(Ok(made), self.now)
                }
                Some(Want::Ask(_)) => {
                    asked += 1;
                    self.comparison.listed(Err::<Listing, _>(failure.clone()), self.now)
                }
                _ => return asked,
            }
        }
    }

    /// Goes on if there is a reason to.
    fn go_on(&mut self, failure: &Failure) -> u32 {
        let mut asked = 0;
        while self.comparison.can_go_on(self.now) {
            let left = self.comparison.go_on(self.now);
            asked += self.attend(left, failure);
        }
        asked
    }
}

fn down(after: Option<Duration>) -> Failure {
    Failure::Retry { after, of_server: true, reason: "nobody answers".to_owned() }
}

#[test]
fn whoever_orders_is_told_what_fails_and_asks_nothing() {
    let failure = down(Some(Duration::from_secs(90)));
    let mut bench = Bench::new(&failure);
    bench.comparison.order(true);
    assert_eq!(bench.go_on(&failure), 0);
    let told = bench.comparison.ordered.as_mut().unwrap().try_recv().unwrap().unwrap_err();
    assert!(
        matches!(&told, Failure::Retry { reason, .. } if reason.contains("nobody answers; tried again in 90 s")),
        "{told:?}"
    );
    // The look itself is made when its time has come.
    bench.now.steady += Duration::from_secs(90);
    assert_eq!(bench.go_on(&failure), 1);
}

#[test]
fn whoever_asks_to_try_again_is_heard_but_not_before_the_server_wants_it() {
    for asked_for in [None, Some(Duration::from_secs(7200))] {
        let failure = down(asked_for);
        let mut bench = Bench::new(&failure);
        bench.comparison.probed(bench.now);
        assert_eq!(bench.go_on(&failure), u32::from(asked_for.is_none()), "{asked_for:?}");
        bench.now.steady += Duration::from_secs(7200);
        assert_eq!(bench.go_on(&failure), 1);
    }
}

/// What nobody waits for any more is not done later.
#[test]
fn an_order_of_somebody_who_left_is_dropped() {
    let failure = down(None);
    let mut bench = Bench::new(&failure);
    bench.disk.connection.execute("DELETE FROM outbox", []).unwrap();
    bench.now.steady += Duration::from_secs(600);
    bench.go_on(&failure);
    for is_there in [true, false] {
        bench.comparison.order(false);
        if !is_there {
            bench.comparison.ordered = None;
        }
        assert_eq!(bench.go_on(&failure) > 0, is_there);
    }
}

/// Each start looks again; a server that has no lists would never get anything from a machine that is started every day.
#[test]
fn a_server_without_lists_is_not_waited_for_anew_after_each_start() {
    let failure = Failure::Park { reason: "there are no lists".to_owned() };
    let mut bench = Bench::new(&failure);
    bench.pass(13, &failure);
    assert!(!bench.may_be_sent());
    bench.restart(&failure);
    bench.pass(8, &failure);
    assert!(!bench.may_be_sent());
    bench.pass(4, &failure);
    assert!(bench.may_be_sent());
}
