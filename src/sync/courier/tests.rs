//! What the courier decides, step by step.

use super::*;
use crate::config::Limits;
use jiff::tz::TimeZone;

/// A courier with a clock of its own, whose outbox always holds the same sessions.
struct Bench {
    courier: Courier,
    pace: Pace,
    steady: Duration,
    sessions: Vec<Due>,
}

impl Bench {
    fn new(sessions: i64, concurrency: usize) -> Self {
        let limits = Limits { concurrency, rate: None, burst: 1.0, daily: None, zone: TimeZone::UTC };
        let schedule = Schedule {
            retry_first: Duration::from_secs(2),
            retry_longest: Duration::from_secs(3600),
            first: First::Oldest,
        };
        let due = |row| Due { row, session_id: row.to_string(), revision: 1, body: Some(String::new()), attempts: 0 };
        let now = Self::at(Duration::ZERO);
        Self {
            courier: Courier::new(schedule, &limits, None, now),
            pace: Pace::new(limits, None, now),
            steady: Duration::ZERO,
            sessions: (0..sessions).map(due).collect(),
        }
    }

    fn at(steady: Duration) -> Now {
        Now { wall: "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap() + steady, steady }
    }

    /// Feeds an event, and answers what can be answered at once; returns what was sent and told.
    fn feed(&mut self, event: Event) -> (Vec<Due>, Vec<Action>) {
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.courier.handle(event, &mut self.pace, Self::at(self.steady)) {
                match action {
                    Action::Fetch { first, .. } => {
                        let mut due = self.sessions.clone();
                        if first == First::LeastTried {
                            due.sort_by_key(|due| due.attempts);
                        }
                        events.push_back(Event::Fetched(Fetched { due, more: false, next: None }));
                    }
                    Action::Send(due) => sent.push(due),
                    Action::Record { due, verdict, news } => {
                        match verdict {
                            Verdict::Retry { .. } => {
                                self.sessions
                                    .iter_mut()
                                    .filter(|other| other.row == due.row)
                                    .for_each(|due| due.attempts += 1);
                            }
                            _ => self.sessions.retain(|other| other.row != due.row),
                        }
                        events.push_back(Event::Recorded { row: due.row, news });
                    }
                    other => told.push(other),
                }
            }
        }
        (sent, told)
    }

    fn answer(&mut self, due: &Due, result: Result<Vec<u8>, Failure>) -> (Vec<Due>, Vec<Action>) {
        self.feed(Event::Answered { due: due.clone(), result, random: 1.0 })
    }

    /// Lets the time pass for which the courier wants to wait; returns what is sent then.
    fn wait(&mut self) -> (Duration, Vec<Due>) {
        let pause = self.courier.alarm(Self::at(self.steady)).expect("an alarm");
        self.steady += pause;
        (pause, self.feed(Event::Woken).0)
    }
}

fn closed() -> Result<Vec<u8>, Failure> {
    Err(Failure::Stop { why: Stop::Closed, reason: "closed".to_owned() })
}

fn down(after: Option<Duration>) -> Result<Vec<u8>, Failure> {
    Err(Failure::Retry { after, of_server: true, reason: "down".to_owned() })
}

fn down_alone() -> Result<Vec<u8>, Failure> {
    Err(Failure::Retry { after: None, of_server: false, reason: "busy".to_owned() })
}

/// Answers to what was sent before the API was closed do not open it again.
#[test]
fn late_answers_do_not_end_a_stop() {
    let mut bench = Bench::new(10, 4);
    let (sent, _) = bench.feed(Event::Woken);
    assert_eq!(sent.len(), 4);
    let (instead, _) = bench.answer(&sent[0], closed());
    let (_, told) = bench.answer(&sent[1], closed());
    assert!(matches!(&told[..], [Action::Halt(Halt { stopped: true, .. })]), "{told:?}");
    for late in sent[2..].iter().chain(&instead) {
        let (more, told) = bench.answer(late, Ok(vec![1]));
        assert!(more.is_empty() && told.is_empty(), "{told:?}");
    }
    let (pause, probe) = bench.wait();
    assert_eq!((pause, probe.len()), (CLOSED_PAUSE, 1));
    let (more, told) = bench.answer(&probe[0], Ok(vec![1]));
    assert!(matches!(&told[..], [Action::Resume]) && more.len() == 4, "{told:?}");
}

/// While nobody answers, one session at a time is tried, never the same one again and again, and not ever more rarely.
#[test]
fn an_outage_is_probed_and_not_stormed() {
    let mut bench = Bench::new(100, 16);
    let (wave, _) = bench.feed(Event::Woken);
    assert_eq!(wave.len(), 16);
    for due in &wave {
        assert!(bench.answer(due, down(None)).0.is_empty());
    }
    let mut pauses = Vec::new();
    let mut probed = HashSet::new();
    for _ in 0..50 {
        let (pause, probe) = bench.wait();
        let [probe] = &probe[..] else { panic!("{probe:?}") };
        assert!(probed.insert(probe.row), "{probe:?} again");
        pauses.push(pause.as_secs());
        bench.answer(probe, down(None));
    }
    assert_eq!(pauses[..9], [2, 4, 8, 16, 32, 64, 128, 256, 300], "doubling up to five minutes");
    let (_, probe) = bench.wait();
    let (flush, _) = bench.answer(&probe[0], Ok(vec![1]));
    assert!(flush.len() >= 2, "all lanes that are open: {}", flush.len());
}

#[test]
fn the_server_knows_best_when_to_come_back() {
    let mut bench = Bench::new(3, 1);
    let (sent, _) = bench.feed(Event::Woken);
    let (_, told) = bench.answer(&sent[0], down(Some(Duration::from_secs(600))));
    assert!(matches!(&told[..], [Action::Rest(_), Action::Halt(Halt { stopped: false, .. })]), "{told:?}");
    assert!(bench.feed(Event::Queued).0.is_empty(), "nothing new is worth breaking the promise");
    assert_eq!(bench.wait().0, Duration::from_secs(600));
}

/// Answers to what was sent before, and new sessions, do not shorten what the server asked for.
#[test]
fn the_longest_pause_counts() {
    let mut bench = Bench::new(4, 4);
    let (sent, _) = bench.feed(Event::Woken);
    bench.answer(&sent[0], down(Some(Duration::from_secs(6000))));
    let (_, told) = bench.answer(&sent[1], down(Some(Duration::from_secs(100))));
    let until = Bench::at(Duration::from_secs(6000)).wall;
    assert!(matches!(&told[..], [Action::Rest(rest)] if *rest == until), "{told:?}");
    bench.answer(&sent[2], closed());
    bench.answer(&sent[2], closed());
    assert!(bench.feed(Event::Queued).0.is_empty(), "whatever is in doubt");
    assert!(bench.wait().0 >= Duration::from_secs(6000));
}

/// A rest that the server asked for outlasts a restart, but not a clock that was years ahead.
#[test]
fn a_rest_is_remembered_within_reason() {
    let mut bench = Bench::new(1, 1);
    let now = Bench::at(Duration::ZERO);
    for (rest, left) in [(600, 600), (-5, 0), (10 * 365 * 86_400, 25 * 3600)] {
        let schedule = bench.courier.schedule;
        let limits = Limits { concurrency: 1, rate: None, burst: 1.0, daily: None, zone: TimeZone::UTC };
        let until = now.wall.saturating_add(SignedDuration::from_secs(rest)).unwrap();
        bench.courier = Courier::new(schedule, &limits, Some(until), now);
        let (sent, _) = bench.feed(Event::Woken);
        assert_eq!(sent.is_empty(), left > 0);
        assert!(left == 0 || bench.courier.alarm(now) == Some(Duration::from_secs(left)), "{rest}");
    }
}

#[test]
fn new_credentials_are_tried_at_once() {
    let mut bench = Bench::new(3, 2);
    let (sent, _) = bench.feed(Event::Woken);
    let refused = || Err(Failure::Stop { why: Stop::Credentials, reason: "who?".to_owned() });
    let (_, told) = bench.answer(&sent[0], refused());
    assert!(matches!(&told[..], [Action::Halt(Halt { credentials: true, .. })]), "{told:?}");
    assert!(bench.answer(&sent[1], refused()).1.is_empty(), "said once");
    assert_eq!(bench.feed(Event::Probe).0.len(), 1);
}

/// An account that stopped on the word of one session is tried with the next that comes.
#[test]
fn one_word_is_no_proof() {
    let mut bench = Bench::new(1, 4);
    let (sent, _) = bench.feed(Event::Woken);
    let (again, _) = bench.answer(&sent[0], closed());
    assert!(again.is_empty());
    let (again, told) = bench.answer(&sent[0], closed());
    assert!(again.is_empty() && matches!(&told[..], [Action::Halt(_)]), "{told:?}");
    // For want of others it is asked itself, when the time has come.
    let (pause, probe) = bench.wait();
    assert_eq!((pause, probe.len()), (CLOSED_PAUSE, 1));
    bench.answer(&probe[0], closed());
    bench.sessions.push(Due { row: 99, attempts: 0, ..sent[0].clone() });
    let (probe, _) = bench.feed(Event::Queued);
    assert_eq!(probe.iter().map(|due| due.row).collect::<Vec<_>>(), [99]);
    let (_, told) = bench.answer(&probe[0], Ok(vec![1]));
    assert!(told.iter().any(|action| matches!(action, Action::Resume)), "{told:?}");
}

/// What is in flight is waited for; neither what was fetched before nor what is fetched meanwhile is sent.
#[test]
fn what_somebody_decides_about_is_not_sent() {
    let mut bench = Bench::new(4, 2);
    let (sent, _) = bench.feed(Event::Woken);
    assert_eq!(sent.iter().map(|due| due.row).collect::<Vec<_>>(), [0, 1]);
    let (ready, _) = std::sync::mpsc::channel();
    let (more, told) = bench.feed(Event::Withhold { rows: vec![1, 2], ready });
    assert!(more.is_empty() && told.is_empty(), "one of them is in flight: {told:?}");
    let (more, _) = bench.answer(&sent[0], Ok(vec![1]));
    assert_eq!(more.iter().map(|due| due.row).collect::<Vec<_>>(), [3]);
    let (_, told) = bench.answer(&sent[1], down_alone());
    assert!(matches!(&told[..], [Action::Withheld(_)]), "{told:?}");
    assert!(bench.feed(Event::Queued).0.is_empty());
    bench.sessions.retain(|due| due.row != 2);
    let (more, told) = bench.feed(Event::Release);
    assert_eq!((more.iter().map(|due| due.row).collect::<Vec<_>>(), told.len()), (vec![1], 0));
}

#[test]
fn a_store_that_fails_is_left_alone_for_a_while() {
    let mut bench = Bench::new(3, 1);
    let (sent, _) = bench.feed(Event::Woken);
    let actions =
        bench.courier.handle(Event::NotRecorded { row: sent[0].row }, &mut bench.pace, Bench::at(bench.steady));
    assert!(actions.is_empty(), "{actions:?}");
    let (pause, sent) = bench.wait();
    assert_eq!((pause, sent.len()), (STORE_PAUSE, 1));
}

/// What the server asked for is kept, however welcome our questions are meanwhile.
#[test]
fn a_welcome_does_not_shorten_a_rest() {
    let mut bench = Bench::new(2, 1);
    let (sent, _) = bench.feed(Event::Woken);
    bench.answer(&sent[0], down(Some(Duration::from_secs(6000))));
    bench.feed(Event::Heard(Heard::Refused(Stop::Credentials, "who?".to_owned())));
    let (sent, told) = bench.feed(Event::Heard(Heard::Welcome));
    assert!(sent.is_empty() && told.is_empty(), "{told:?}");
    assert_eq!(bench.wait().0, Duration::from_secs(6000));
}
