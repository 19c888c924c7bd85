//! The real loop of comparisons, polled by hand: whatever it waits for is done by the simulation, in its own time.

use super::disk::Work;
use super::plan::Plan;
use super::planted::Bug;
use fastrand::Rng;
use fitferry::destination::{Failure, Listing};
use fitferry::store::accounts::Spent;
use fitferry::store::halts::Rest;
use fitferry::store::{self, Account};
use fitferry::sync::courier::Halt;
use fitferry::sync::pace::Pace;
use fitferry::sync::reconcile::{Order, Question, Reconciler, Report, Roused, Surroundings, Wake, halted_for};
use fitferry::sync::{Heard, Hindrance, Now};
use jiff::Timestamp;
use rusqlite::Connection;
use std::any::Any;
use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::sync::oneshot;

/// What the loop waits for; only ever one thing.
pub enum Want {
    Ask(Question),
    Work(Work),
    Sleep { until: Duration },
    Rest { until: Duration },
    Wake { next: Duration },
}

enum Reply {
    Listing(Result<Listing, Failure>),
    Worked(Result<Box<dyn Any + Send>, store::Error>),
    Time,
    Roused(Roused),
    Wake(Wake),
}

/// What both sides see.
struct Desk {
    now: Now,
    is_scanned: bool,
    is_complete: bool,
    pace: Rc<RefCell<Pace>>,
    rng: Rng,
    want: Option<Want>,
    reply: Option<Reply>,
    asked: u32,
    heard: Vec<Heard>,
    freed: bool,
}

#[derive(Clone)]
struct Around(Rc<RefCell<Desk>>);

impl Around {
    async fn want(&self, want: Want) -> Reply {
        self.0.borrow_mut().want = Some(want);
        std::future::poll_fn(|_| self.0.borrow_mut().reply.take().map_or(Poll::Pending, Poll::Ready)).await
    }
}

impl Surroundings for Around {
    fn now(&self) -> Now {
        self.0.borrow().now
    }

    fn is_scanned(&self) -> bool {
        self.0.borrow().is_scanned
    }

    fn is_complete(&self) -> bool {
        self.0.borrow().is_complete
    }

    fn leave(&mut self) -> Result<(), Duration> {
        let now = self.now();
        let leave = self.0.borrow().pace.borrow_mut().take(now);
        self.0.borrow_mut().asked += u32::from(leave.is_ok());
        leave
    }

    fn is_exhausted(&self) -> bool {
        self.0.borrow().pace.borrow().exhausted(self.now()).is_some()
    }

    fn spent(&self) -> Option<Spent> {
        self.0.borrow().pace.borrow().spent()
    }

    fn resting(&self) -> Option<Failure> {
        self.0.borrow().pace.borrow().refusal(self.now())
    }

    fn leave_alone(&mut self, pause: Duration, reason: &str) -> Option<Rest> {
        self.0.borrow().pace.borrow_mut().leave_alone(pause, reason, self.now())
    }

    async fn ask(&mut self, question: Question) -> Result<Listing, Failure> {
        match self.want(Want::Ask(question)).await {
            Reply::Listing(listing) => listing,
            _ => panic!("another reply"),
        }
    }

    async fn call<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, store::Error> {
        let work = Work::new(move |connection| work(connection).map(|made| Box::new(made) as Box<dyn Any + Send>));
        match self.want(Want::Work(work)).await {
            Reply::Worked(made) => made.map(|made| *made.downcast().unwrap()),
            _ => panic!("another reply"),
        }
    }

    async fn sleep(&mut self, pause: Duration) {
        let until = self.now().steady + pause;
        self.want(Want::Sleep { until }).await;
    }

    async fn rest(&mut self, pause: Duration) -> Roused {
        let until = self.now().steady + pause;
        match self.want(Want::Rest { until }).await {
            Reply::Roused(why) => why,
            _ => panic!("another reply"),
        }
    }

    async fn wake(&mut self, next: Duration) -> Wake {
        match self.want(Want::Wake { next }).await {
            Reply::Wake(wake) => wake,
            _ => panic!("another reply"),
        }
    }

    fn random(&mut self) -> f64 {
        self.0.borrow_mut().rng.f64()
    }

    fn heard(&mut self, heard: Heard) {
        self.0.borrow_mut().heard.push(heard);
    }

    fn freed(&mut self) {
        self.0.borrow_mut().freed = true;
    }

    fn compared(&mut self) {}

    fn adopted(&mut self) {}

    fn hindered(&mut self, _hindrance: Option<Hindrance>) {}
}

/// What a poll left to be done.
#[derive(Default)]
pub struct Left {
    /// Requests for which leave was taken.
    pub asked: u32,
    pub want: Option<Want>,
    pub heard: Vec<Heard>,
    pub freed: bool,
}

/// One process's comparisons.
pub struct Comparison {
    future: Pin<Box<dyn Future<Output = ()>>>,
    desk: Rc<RefCell<Desk>>,
    /// When it wants to go on by itself.
    pub sleep: Option<Duration>,
    /// Whether somebody who wants something ends that, and whether somebody asked to try again.
    can_be_cut: bool,
    is_asked: bool,
    /// Waits for a reason to go on, or the time of the next pass.
    waking: Option<Duration>,
    /// Something was queued, or the folder was looked through.
    pub bell: bool,
    pub is_over: bool,
    /// Passes that were due until now.
    pub passes: u32,
    halted: Option<Halt>,
    order: Option<Order>,
    /// What a person ordered and was not told of yet.
    pub ordered: Option<oneshot::Receiver<Result<Report, Failure>>>,
    is_obeying: bool,
}

impl Comparison {
    pub fn start(
        plan: &Plan,
        account: Account,
        pace: Rc<RefCell<Pace>>,
        seed: u64,
        now: Now,
        bug: Option<Bug>,
    ) -> Self {
        let desk = Desk {
            now,
            is_scanned: false,
            is_complete: false,
            pace,
            rng: Rng::with_seed(seed),
            want: None,
            reply: None,
            asked: 0,
            heard: Vec::new(),
            freed: false,
        };
        let desk = Rc::new(RefCell::new(desk));
        let mut settings = plan.reconcile.clone();
        if let Some(bug) = bug {
            bug.set(&mut settings);
        }
        let reconciler = Reconciler::new("me".into(), account, settings, Around(Rc::clone(&desk)));
        Self {
            future: Box::pin(reconciler.run()),
            desk,
            sleep: None,
            can_be_cut: false,
            is_asked: false,
            waking: None,
            bell: false,
            is_over: false,
            passes: 0,
            halted: None,
            order: None,
            ordered: None,
            is_obeying: false,
        }
    }

    pub fn poll(&mut self, now: Now) -> Left {
        self.desk.borrow_mut().now = now;
        let _ = self.future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let mut desk = self.desk.borrow_mut();
        let mut left = Left {
            asked: std::mem::take(&mut desk.asked),
            want: desk.want.take(),
            heard: std::mem::take(&mut desk.heard),
            freed: std::mem::take(&mut desk.freed),
        };
        match left.want {
            Some(Want::Sleep { until }) => (self.sleep, self.can_be_cut) = (Some(until), false),
            Some(Want::Rest { until }) => (self.sleep, self.can_be_cut) = (Some(until), true),
            Some(Want::Wake { next }) => self.waking = Some(next),
            Some(Want::Ask(_) | Want::Work(_)) => return left,
            None => {}
        }
        left.want = None;
        left
    }

    fn reply(&mut self, reply: Reply, now: Now) -> Left {
        self.desk.borrow_mut().reply = Some(reply);
        (self.sleep, self.waking) = (None, None);
        self.poll(now)
    }

    pub fn listed(&mut self, listing: Result<Listing, Failure>, now: Now) -> Left {
        self.reply(Reply::Listing(listing), now)
    }

    pub fn worked(&mut self, made: Result<Box<dyn Any + Send>, store::Error>, now: Now) -> Left {
        self.reply(Reply::Worked(made), now)
    }

    /// Nothing of it goes on, and nobody hears an answer.
    pub fn stop(&mut self) {
        self.is_over = true;
        self.future = Box::pin(std::future::pending());
        // What a person ordered may still be written.
        (self.sleep, self.waking, self.order) = (None, None, None);
    }

    /// Whether whoever ordered a comparison was just told what it found, or that it takes until tomorrow.
    pub fn is_told(&mut self) -> bool {
        self.ordered.take_if(|ordered| ordered.try_recv().is_ok()).is_some()
    }

    /// Whether what somebody ordered has just ended.
    pub fn has_obeyed(&mut self) -> bool {
        self.waking.is_some() && std::mem::take(&mut self.is_obeying)
    }

    /// Whether what is done now was ordered, though nobody may wait for it any more.
    pub fn is_obeying(&self) -> bool {
        self.ordered.is_some() || self.is_obeying
    }

    /// Whether the last pass is over.
    pub fn rests(&self) -> bool {
        self.waking.is_some() && !self.bell && self.order.is_none()
    }

    pub fn halted(&mut self, halt: Option<Halt>) {
        self.halted = halt;
    }

    pub fn is_scanned(&self) -> bool {
        self.desk.borrow().is_scanned
    }

    pub fn scanned(&mut self) {
        self.desk.borrow_mut().is_scanned = true;
        self.bell = true;
    }

    pub fn completed(&mut self) {
        self.desk.borrow_mut().is_complete = true;
    }

    /// Somebody asks to try again.
    pub fn probed(&mut self, now: Now) {
        if self.can_be_cut && self.sleep.is_some() {
            (self.sleep, self.is_asked) = (Some(now.steady), true);
        }
    }

    /// Somebody wants everything to be compared now.
    pub fn order(&mut self, dry_run: bool) {
        let (done, ordered) = oneshot::channel();
        self.order = Some(Order { from: Timestamp::UNIX_EPOCH, to: Timestamp::MAX, dry_run, done });
        self.ordered = Some(ordered);
    }

    /// When the next pass is due, if nothing keeps it from it.
    fn due(&self) -> Option<Duration> {
        let next = self.waking.filter(|_| self.is_scanned())?;
        match &self.halted {
            None => Some(next),
            Some(halt) => Some(next + halted_for(halt)),
        }
    }

    pub fn alarm(&self) -> Option<Duration> {
        self.sleep.or_else(|| self.due())
    }

    pub fn can_go_on(&self, now: Now) -> bool {
        self.sleep.is_some_and(|until| until <= now.steady)
            || self.sleep.is_some() && self.can_be_cut && self.order.is_some()
            || self.waking.is_some() && (self.bell || self.order.is_some())
            || self.due().is_some_and(|due| due <= now.steady)
    }

    pub fn go_on(&mut self, now: Now) -> Left {
        if self.sleep.is_some() {
            if !self.can_be_cut {
                return self.reply(Reply::Time, now);
            }
            let is_asked = std::mem::take(&mut self.is_asked);
            let roused = match self.order.take() {
                Some(order) => Roused::Order(order),
                None if is_asked => Roused::Asked,
                None => Roused::Rested,
            };
            return self.reply(Reply::Roused(roused), now);
        }
        let wake = if std::mem::take(&mut self.bell) {
            Wake::Changed
        } else if let Some(order) = self.order.take() {
            self.is_obeying = true;
            Wake::Order(order)
        } else {
            self.passes += 1;
            Wake::Due
        };
        self.reply(Reply::Wake(wake), now)
    }
}
