//! `kill -9` at random instants, in a network that fails in every way: nothing is lost, nothing doubled, nothing is ever in
//! flight twice at once, and nothing older replaces anything newer.
//!
//! `KILLS` says how often (100 if not set), `KILLS_SEED` what the instants and the faults are drawn by.

use crate::support::fault_server::{Reply, Seen};
use crate::support::fit::Run;
use crate::support::http::{self, Answer};
use crate::support::program::{Daemon, Place};
use crate::support::proxy::{Proxy, cut, whole};
use crate::support::{foreign, wait};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

const CONCURRENCY: usize = 4;

fn start(day: i64) -> i64 {
    1_500_000_000 + day * 86_400
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number: {value}")))
}

/// What passes between the daemon and the server.
struct Wire {
    random: fastrand::Rng,
    faulty: bool,
    /// Each life of the daemon has a token of its own; what a dead one sent and nobody has read yet never arrives.
    life: u64,
    requests: usize,
    changes: usize,
    in_flight: BTreeMap<String, usize>,
    twice: BTreeSet<String>,
    /// What the server took: ids, and when the workouts end.
    taken: Vec<(String, i64)>,
    deletes: usize,
    /// How often the server took something and the daemon did not learn of it.
    hidden: usize,
}

#[derive(Clone, Copy)]
enum Fault {
    Nothing,
    Slow(u64),
    LostBefore,
    LostAfter,
    Cut,
    Answer(u16, &'static str, &'static str),
}

impl Fault {
    fn draw(random: &mut fastrand::Rng) -> Self {
        match random.u8(..24) {
            0..2 => Self::LostBefore,
            2..4 => Self::LostAfter,
            4..6 => Self::Cut,
            6..9 => Self::Slow(random.u64(1..20)),
            9 => Self::Answer(500, "", "<html>Oops</html>"),
            10 => Self::Answer(503, "Retry-After: 0\r\n", "busy"),
            11 => Self::Answer(502, "", ""),
            12 => Self::Answer(200, "Content-Type: text/html\r\n", "<html>Please log in</html>"),
            13 => Self::Answer(429, "Retry-After: 0\r\n", ""),
            _ => Self::Nothing,
        }
    }
}

#[derive(Clone)]
struct Network {
    upstream: SocketAddr,
    token: String,
    wire: Arc<(Mutex<Wire>, Condvar)>,
}

impl Network {
    fn pass(&self, request: &Seen) -> Option<Reply> {
        let (lock, condition) = &*self.wire;
        let id = request.path.split('?').next().unwrap().rsplit('/').next().unwrap().to_owned();
        let key = format!("{} {id}", request.method);
        let is_change = request.method != "GET";
        let flight = if is_change { id.clone() } else { key };
        let fault = {
            let mut wire = lock.lock().unwrap();
            if request.token != format!("life-{}", wire.life) {
                return None;
            }
            wire.requests += 1;
            wire.changes += usize::from(is_change);
            let count = wire.in_flight.entry(flight.clone()).or_default();
            *count += 1;
            if is_change && *count > 1 {
                wire.twice.insert(flight.clone());
            }
            // A look that fails is repeated after seconds, and before it nothing is sent: few lives are that long.
            let is_spared = !is_change && wire.random.u8(..8) > 0;
            let fault = if wire.faulty && !is_spared { Fault::draw(&mut wire.random) } else { Fault::Nothing };
            condition.notify_all();
            fault
        };
        let reply = match fault {
            Fault::LostBefore => None,
            Fault::Answer(status, headers, body) => Some(Reply::Whole(status, headers, body.to_owned())),
            Fault::Nothing => Some(whole(self.ask(request, &id, false))),
            Fault::Slow(pause) => {
                let answer = self.ask(request, &id, false);
                std::thread::park_timeout(Duration::from_millis(pause));
                Some(whole(answer))
            }
            Fault::LostAfter => {
                self.ask(request, &id, true);
                None
            }
            Fault::Cut => Some(cut(&self.ask(request, &id, true))),
        };
        let mut wire = lock.lock().unwrap();
        let count = wire.in_flight.get_mut(&flight).unwrap();
        *count -= 1;
        if *count == 0 {
            wire.in_flight.remove(&flight);
        }
        condition.notify_all();
        reply
    }

    /// Asks the real server.
    fn ask(&self, request: &Seen, id: &str, hidden: bool) -> Answer {
        let Seen { method, path, body, .. } = request;
        let answer =
            http::request(self.upstream, method, path, &self.token, body).expect("an answer of the real server");
        let mut wire = self.wire.0.lock().unwrap();
        if method == "PUT" {
            assert_eq!(answer.status, 200, "{}", answer.body);
            let session: Value = serde_json::from_str(body).unwrap();
            wire.taken.push((id.to_owned(), session["endTimeMillis"].as_str().unwrap().parse().unwrap()));
            wire.hidden += usize::from(hidden);
        }
        wire.deletes += usize::from(method == "DELETE");
        answer
    }

    /// Waits until so many more have come of what is counted so, but not for ever.
    fn wait_for(&self, count: usize, counted: impl Fn(&Wire) -> usize) {
        let (lock, condition) = &*self.wire;
        let wire = lock.lock().unwrap();
        let enough = counted(&wire) + count;
        drop(condition.wait_timeout_while(wire, Duration::from_secs(1), |wire| counted(wire) < enough).unwrap());
    }

    /// Begins another life once what was sent in the last one has arrived or is lost.
    fn next_life(&self) -> u64 {
        let (lock, condition) = &*self.wire;
        let mut wire = condition.wait_while(lock.lock().unwrap(), |wire| !wire.in_flight.is_empty()).unwrap();
        wire.life += 1;
        wire.life
    }

    fn wire<T>(&self, look: impl FnOnce(&mut Wire) -> T) -> T {
        look(&mut self.wire.0.lock().unwrap())
    }
}

/// The daemon, its folder, and the server behind the network.
struct World {
    place: Place,
    network: Network,
    random: fastrand::Rng,
    /// How often each day's file was written.
    versions: Vec<u32>,
    _proxy: Proxy,
}

impl World {
    fn new(server: &Daemon, token: String, seed: u64) -> Self {
        let wire = Wire {
            random: fastrand::Rng::with_seed(seed),
            faulty: false,
            life: 0,
            requests: 0,
            changes: 0,
            in_flight: BTreeMap::new(),
            twice: BTreeSet::new(),
            taken: Vec::new(),
            deletes: 0,
            hidden: 0,
        };
        let network = Network { upstream: server.address(), token, wire: Arc::new((Mutex::new(wire), Condvar::new())) };
        let passing = network.clone();
        let proxy = Proxy::start(server.address(), move |_, request, _| passing.pass(request));
        let place = Place::new();
        let config = format!(
            "folders = ['{}']\ndestination = {{ url = 'http://{}/fitness/v1', token_file = '{}' }}\n\
             delivery.concurrency = {CONCURRENCY}\ndelivery.retry_first = '10ms'\ndelivery.retry_longest = '50ms'\n\
             reconcile.every = '1s'\nwatch.scan_every = '1h'\n",
            place.folder().display(),
            proxy.address,
            place.dir.path().join("token").display()
        );
        fs::write(place.config(), config).unwrap();
        let random = fastrand::Rng::with_seed(seed ^ 0x5eed);
        Self { place, network, random, versions: Vec::new(), _proxy: proxy }
    }

    fn write(&mut self, day: usize) {
        let version = self.versions[day];
        self.versions[day] += 1;
        let number = i64::try_from(day).unwrap();
        let run = Run { seconds: 3600 + 60 * version, records: 2, ..Run::at(start(number)) };
        self.place.drop_file(&format!("{day}.fit"), run.build());
    }

    /// Some files come, and some are written anew.
    fn files_come(&mut self) {
        for _ in 0..self.random.usize(0..=4) {
            self.versions.push(0);
            self.write(self.versions.len() - 1);
        }
        if !self.versions.is_empty() && self.random.bool() {
            let day = self.random.usize(..self.versions.len());
            self.write(day);
        }
    }

    fn spawn(&mut self) -> Daemon {
        let life = self.network.next_life();
        fs::write(self.place.dir.path().join("token"), format!("life-{life}\n")).unwrap();
        self.place.spawn(&[], &[("FITFERRY_LOG__LEVEL", "debug")])
    }

    /// A first life that nothing disturbs: who knows nothing of a server looks at it for a while before anything is sent.
    fn begin(&mut self) {
        self.versions.push(0);
        self.write(0);
        let mut daemon = self.spawn();
        daemon.wait_for("session.delivered");
        daemon.terminate();
        self.network.wire(|wire| wire.faulty = true);
    }

    fn micros(&mut self, most: u64) -> Duration {
        Duration::from_micros(self.random.u64(..most))
    }

    /// One life, up to some instant. That instant is what this is about: it is drawn, and nothing is waited for.
    fn live_and_die(&mut self) {
        self.files_come();
        let mut daemon = self.spawn();
        match self.random.u8(..8) {
            // While it starts and looks through its folder.
            0..2 => {
                let instant = self.micros(40_000);
                daemon.listen(instant);
            }
            // Between requests.
            2..4 => {
                self.files_come();
                let (requests, instant) = (self.random.usize(1..=6), self.micros(3_000));
                self.network.wait_for(requests, |wire| wire.requests);
                daemon.listen(instant);
            }
            // Between sessions, however long it took to begin with them.
            4..6 => {
                let (changes, instant) = (self.random.usize(1..=8), self.micros(3_000));
                self.network.wait_for(changes, |wire| wire.changes);
                daemon.listen(instant);
            }
            // While files come.
            6 => {
                daemon.wait_for("daemon.ready");
                self.files_come();
                let instant = self.micros(10_000);
                daemon.listen(instant);
            }
            // While it stops.
            _ => {
                daemon.wait_for("daemon.ready");
                daemon.signal("TERM");
                let instant = self.micros(10_000);
                daemon.listen(instant);
            }
        }
        daemon.kill();
    }

    fn expected(&self) -> BTreeMap<String, Value> {
        let paths: Vec<PathBuf> =
            (0..self.versions.len()).map(|day| self.place.folder().join(format!("{day}.fit"))).collect();
        self.place.normalized(&paths.iter().map(PathBuf::as_path).collect::<Vec<&Path>>())
    }
}

fn serve(place: &Place) -> Daemon {
    let mut command = place.command();
    command.args(["serve", "--listen", "127.0.0.1:0"]).env("FITFERRY_LOG__FORMAT", "json");
    let mut server = Daemon::spawn(&mut command);
    server.wait_for("daemon.ready");
    server
}

#[test]
fn killed_at_any_instant_it_loses_nothing_and_doubles_nothing() {
    let (kills, seed) = (variable("KILLS", 100), variable("KILLS_SEED", 1));
    let began = Instant::now();
    let cloud = Place::new();
    let server = serve(&cloud);
    let mut world = World::new(&server, cloud.token(), seed);
    world.begin();
    for _ in 0..kills {
        world.live_and_die();
    }
    let killing = began.elapsed();
    let early = world.network.wire(|wire| {
        wire.faulty = false;
        wire.taken.len()
    });
    let daemon = world.spawn();
    let count = world.versions.len();
    wait::until_true("everything to be delivered", || {
        let account = &world.place.json(&["status", "--json"])[0]["accounts"][0];
        account["sessions"] == count && account["queued"] == 0
    });
    daemon.terminate();
    assert_eq!(server.sessions(&cloud), world.expected(), "seed {seed}");
    let states = world.place.json(&["sessions", "list", "--json", "--state", "delivered"]);
    assert_eq!(states.len(), count);

    let (taken, hidden) = world.network.wire(|wire| {
        assert_eq!((&wire.twice, wire.deletes), (&BTreeSet::new(), 0), "seed {seed}");
        (wire.taken.clone(), wire.hidden)
    });
    let mut newest: BTreeMap<&String, i64> = BTreeMap::new();
    for (id, end) in &taken {
        let before = newest.insert(id, *end).unwrap_or_default();
        assert!(before <= *end, "an older revision of {id} came after a newer one, seed {seed}");
    }
    assert!(early > count / 4, "only {early} of {count} sessions were sent while it was killed");
    let needless = taken.len() - taken.iter().collect::<BTreeSet<_>>().len();
    let most = hidden + CONCURRENCY * usize::try_from(kills).unwrap();
    assert!(needless <= most, "{needless} sent once more, {hidden} answers were lost, seed {seed}");

    // Once more, and nothing is left to do.
    let mut daemon = world.spawn();
    daemon.wait_for("scan.done");
    daemon.wait_for("reconcile.done");
    daemon.terminate();
    assert_eq!(world.network.wire(|wire| wire.taken.len()), taken.len(), "a restart sends nothing");
    foreign::say(&format!(
        "{kills} kills in {:.1} s, seed {seed}: {count} sessions, {} requests, {} times taken, {early} of them before the last life, {needless} once more; {hidden} answers lost",
        killing.as_secs_f64(),
        world.network.wire(|wire| wire.requests),
        taken.len()
    ));
}
