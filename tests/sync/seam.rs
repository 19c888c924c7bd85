//! Any destination will do: the real loops deliver to one in memory that often fails, and find what others did.

use crate::sim::destination::{self, Answer, Flavour};
use fastrand::Rng;
use fitferry::config::{DeliverySettings, Limits, ReconcileSettings};
use fitferry::destination::{self as seam, Failure, Listing, Window};
use fitferry::formats::Reading;
use fitferry::intake::{self, Person, Seen};
use fitferry::rules::Rules;
use fitferry::session::Session;
use fitferry::store::{Account, Stamp, Store, accounts};
use fitferry::sync::pace::Pace;
use fitferry::sync::reconcile::{Order, Report};
use fitferry::sync::{Clock, Heard, Progress, Route, deliver, reconcile};
use fitferry::workout::{ActivityType, Format, Workout};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot, watch};

const WORKOUTS: i64 = 60;

/// Of a thousand sessions and questions, so many fail; a question is tried again after seconds.
const FAULTS: u32 = 500;
const FAULTS_OF_QUESTIONS: u32 = 50;

/// A destination that is nobody's API.
struct Memory(Mutex<(destination::Destination, Rng)>);

impl Memory {
    fn new() -> Self {
        let flavour = Flavour { has_feed: true, ends: true, most: 1000, page: 10, adds: true };
        Self(Mutex::new((destination::Destination::new(flavour), Rng::with_seed(1))))
    }

    fn lock(&self) -> MutexGuard<'_, (destination::Destination, Rng)> {
        self.0.lock().unwrap()
    }

    /// What goes wrong, unless it is for a person.
    fn trouble(&self, faults: u32) -> Option<(bool, Failure)> {
        let (destination, rng) = &mut *self.lock();
        let (has_effect, answer) = destination.trouble(rng, faults)?;
        match answer {
            Answer::Broken(what) => Some((has_effect, Failure::unreachable(what))),
            _ => None,
        }
    }
}

impl seam::Destination for Memory {
    fn put<'a>(&'a self, _id: &'a str, body: String) -> seam::Answer<'a, Session> {
        let trouble = self.trouble(FAULTS);
        let is_taken = trouble.as_ref().is_none_or(|(has_effect, _)| *has_effect);
        let echo = is_taken.then(|| self.lock().0.put(&body, Timestamp::now()));
        Box::pin(async move { trouble.map_or_else(|| Ok(echo.unwrap()), |(_, failure)| Err(failure)) })
    }

    fn list(&self, window: Window) -> seam::Answer<'_, Listing> {
        let refused = Failure::Park { reason: "too much".to_owned() };
        let listing = self
            .trouble(FAULTS_OF_QUESTIONS)
            .map_or_else(|| self.lock().0.list(window).ok_or(refused), |(_, failure)| Err(failure));
        Box::pin(async move { listing })
    }

    fn changes<'a>(&'a self, continues: Option<&'a str>) -> seam::Answer<'a, Listing> {
        let refused = Failure::Park { reason: "no such token".to_owned() };
        let listing = self
            .trouble(FAULTS_OF_QUESTIONS)
            .map_or_else(|| self.lock().0.changes(continues).ok_or(refused), |(_, failure)| Err(failure));
        Box::pin(async move { listing })
    }

    fn delete<'a>(&'a self, id: &'a str) -> seam::Answer<'a, ()> {
        self.lock().0.delete(id);
        Box::pin(async { Ok(()) })
    }

    fn settle(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

fn take_in(connection: &rusqlite::Connection, person: &Person, number: i64) {
    let start = Timestamp::from_second(1_700_000_000 + number * 86_400).unwrap();
    let mut workout = Workout::new(Format::Gpx, start, start + SignedDuration::from_mins(40));
    workout.activity_type = ActivityType::new(8).unwrap();
    let mut reading = Reading::new(Format::Gpx);
    reading.add(workout);
    let assessment = intake::assess(&mut reading, Timestamp::now());
    let stamp = Stamp { size: number, mtime_ns: number, inode: number, ctime_ns: 0 };
    let seen = Seen::new(format!("/w/{number}").as_ref(), stamp, reading, assessment);
    intake::record(connection, person, &seen, Timestamp::now()).unwrap();
}

fn fill(dir: &std::path::Path) -> Account {
    let connection = fitferry::store::connect(dir).unwrap();
    let account = accounts::ensure(&connection, "me", "memory").unwrap();
    let person = Person { name: "me".into(), account, rules: Arc::new(Rules::of(TimeZone::UTC)) };
    (0..WORKOUTS).for_each(|number| take_in(&connection, &person, number));
    account
}

fn route(store: Store, account: Account, destination: Arc<Memory>) -> (Route, Mail) {
    let limits = Limits { concurrency: 4, rate: None, burst: 1.0, daily: None, zone: TimeZone::UTC };
    let ((courier, events), (orders, ordered)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let clock = Clock::default();
    let quick = Duration::from_millis(5);
    let route = Route {
        name: "me".into(),
        account,
        store,
        destination,
        bell: Arc::default(),
        courier,
        turn: Arc::default(),
        progress: broadcast::channel(4096).0,
        halted: watch::channel(None).0,
        clock,
        pace: Arc::new(Mutex::new(Pace::new(limits.clone(), None, None, clock.now()))),
        limits,
        done: Arc::default(),
        probe: Arc::default(),
        heard: watch::channel(Heard::default()).0,
        hindrance: watch::channel(None).0,
        scanned: watch::channel(true).0,
        complete: Arc::default(),
        room: Arc::default(),
        orders,
        delivery: DeliverySettings {
            retry_first: quick.into(),
            retry_longest: quick.into(),
            ..DeliverySettings::default()
        },
        reconcile: ReconcileSettings::default(),
    };
    (route, Mail { events, ordered })
}

struct Mail {
    events: mpsc::UnboundedReceiver<fitferry::sync::courier::Event>,
    ordered: mpsc::UnboundedReceiver<Order>,
}

/// Waits until so many different sessions are told as delivered.
async fn delivered(progress: &mut broadcast::Receiver<Progress>, count: i64) {
    let mut rows = BTreeSet::new();
    while i64::try_from(rows.len()).unwrap() < count {
        if let Progress::Delivered(row) = progress.recv().await.unwrap() {
            rows.insert(row);
        }
    }
}

/// Orders a comparison until one gets through.
async fn compared(route: &Route) -> Report {
    loop {
        let (done, report) = oneshot::channel();
        let order = Order { from: Timestamp::UNIX_EPOCH, to: Timestamp::now(), dry_run: false, done };
        route.orders.send(order).unwrap();
        if let Ok(report) = report.await.unwrap() {
            return report;
        }
    }
}

#[test]
fn any_destination_will_do() {
    let dir = tempfile::tempdir().unwrap();
    let account = fill(dir.path());
    let (store, thread) = Store::open(dir.path()).unwrap();
    let memory = Arc::new(Memory::new());
    let (route, mail) = route(store.clone(), account, Arc::clone(&memory));
    let (stop, stopped) = watch::channel(false);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut progress = route.progress.subscribe();
        let deliver = tokio::spawn(deliver::run(route.clone(), mail.events, stopped.clone()));
        let reconcile = tokio::spawn(reconcile::run(route.clone(), mail.ordered, false, stopped));
        delivered(&mut progress, WORKOUTS).await;
        let ids: Vec<String> = memory.lock().0.sessions.keys().cloned().collect();
        assert_eq!(i64::try_from(ids.len()).unwrap(), WORKOUTS);
        compared(&route).await;
        {
            let server = &mut memory.lock().0;
            ids[..3].iter().for_each(|id| server.delete(id));
            ids[3..6].iter().for_each(|id| server.lose(id));
            let mut theirs = server.sessions[&ids[6]].session.clone();
            theirs.name = "somebody's".to_owned();
            server.put_by_others(theirs, Timestamp::now());
            // What was deleted is not taken for lost, although the list of changes has to be begun anew.
            server.forget_tokens();
        }
        compared(&route).await;
        delivered(&mut progress, 3).await;
        // Nothing differs any more.
        assert_eq!(compared(&route).await.differences, []);
        stop.send_replace(true);
        deliver.await.unwrap();
        reconcile.await.unwrap();
    });
    let sessions = &memory.lock().0.sessions;
    let expected: Vec<&String> = sessions.keys().collect();
    assert!(sessions.values().any(|stored| stored.session.name == "somebody's"));
    assert_eq!(i64::try_from(expected.len()).unwrap(), WORKOUTS - 3);
    store.close();
    thread.join().unwrap();
}
