//! What the courier decides, step by step.

use super::*;
use crate::config::Limits;
use crate::destination::Failure;
use crate::store::outbox::Verdict;
use jiff::tz::TimeZone;

/// A courier with a clock of its own, whose outbox always holds the same sessions.
struct Bench {
    courier: Courier,
    pace: Pace,
    steady: Duration,
    sessions: Vec<Due>,
    parked: Vec<Due>,
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
            courier: Courier::new(schedule, &limits),
            pace: Pace::new(limits, None, None, now),
            steady: Duration::ZERO,
            sessions: (0..sessions).map(due).collect(),
            parked: Vec::new(),
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
                            due.sort_by_key(|due| (due.attempts, (due.row * 2_654_435_761) & 0xffff_ffff));
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
                            Verdict::Delivered(_) => self.sessions.retain(|other| other.row != due.row),
                            Verdict::Park { .. } => {
                                self.parked.extend(self.sessions.extract_if(.., |other| other.row == due.row));
                            }
                        }
                        events.push_back(Event::Recorded { row: due.row, news });
                    }
                    Action::PutBack(rows) => {
                        let is_back = |due: &mut Due| rows.contains(&due.row);
                        let back = self.parked.extract_if(.., is_back);
                        self.sessions.extend(back.map(|due| Due { attempts: due.attempts + 1, ..due }));
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

/// A server that fails for everybody is down, even if each answer tells of one session only.
#[test]
fn failures_of_several_sessions_in_a_row_are_an_outage() {
    let mut bench = Bench::new(100, 16);
    let (wave, _) = bench.feed(Event::Woken);
    let (instead, _) = bench.answer(&wave[0], down_alone());
    assert!(instead.is_empty(), "half as many lanes from the first one on: {instead:?}");
    for due in &wave[1..] {
        assert!(bench.answer(due, down_alone()).0.is_empty());
    }
    let mut pauses = Vec::new();
    for _ in 0..10 {
        let (pause, probe) = bench.wait();
        let [probe] = &probe[..] else { panic!("{probe:?}") };
        assert!(!wave.contains(probe), "{probe:?} again");
        pauses.push(pause.as_secs());
        bench.answer(probe, down_alone());
    }
    assert_eq!(pauses[..9], [2, 4, 8, 16, 32, 64, 128, 256, 300]);
    let (_, probe) = bench.wait();
    assert!(bench.answer(&probe[0], Ok(vec![1])).0.len() >= 2, "all lanes that are open");
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
    assert!(matches!(&told[..], [Action::Rest(Some(rest)), Action::Prolong(_)] if rest.until == until), "{told:?}");
    bench.answer(&sent[2], closed());
    bench.answer(&sent[2], closed());
    assert!(bench.feed(Event::Queued).0.is_empty(), "whatever is in doubt");
    assert!(bench.wait().0 >= Duration::from_secs(6000));
}

/// What an answer to a question asked for, or one before a restart, holds for deliveries.
#[test]
fn a_rest_that_others_heard_of_is_kept_and_told() {
    let mut bench = Bench::new(3, 1);
    bench.pace.leave_alone(Duration::from_secs(600), "busy", Bench::at(Duration::ZERO));
    let (sent, told) = bench.feed(Event::Woken);
    assert!(sent.is_empty() && matches!(&told[..], [Action::Halt(Halt { stopped: false, .. })]), "{told:?}");
    let (sent, told) = bench.feed(Event::Queued);
    assert!(sent.is_empty() && told.is_empty(), "{told:?}");
    let (pause, sent) = bench.wait();
    assert_eq!((pause, sent.len()), (Duration::from_secs(600), 1));
    let (_, told) = bench.answer(&sent[0], Ok(vec![1]));
    assert!(matches!(&told[..], [Action::Resume]), "{told:?}");
    // What was sent before such an answer does not end it.
    bench.pace.leave_alone(Duration::from_secs(600), "busy", Bench::at(bench.steady));
    let (more, told) = bench.answer(&bench.sessions[0].clone(), Ok(vec![1]));
    assert!(more.is_empty() && matches!(&told[..], [Action::Halt(_)]), "{told:?}");
    assert_eq!(bench.feed(Event::Probe).0.len(), 1, "somebody wants it all the same");
}

/// A machine that is busy, or asleep, may ask for the alarm when its time is over already.
#[test]
fn a_rest_that_is_over_before_anybody_asks_is_ended_at_once() {
    let mut bench = Bench::new(3, 1);
    let (sent, _) = bench.feed(Event::Woken);
    assert!(bench.answer(&sent[0], down(None)).0.is_empty());
    bench.steady += Duration::from_secs(3600);
    let (pause, sent) = bench.wait();
    assert_eq!((pause, sent.len()), (Duration::ZERO, 1));
}

#[test]
fn new_credentials_are_tried_at_once() {
    let mut bench = Bench::new(3, 2);
    let (sent, _) = bench.feed(Event::Woken);
    let refused = || Err(Failure::Stop { why: Stop::Credentials, reason: "who?".to_owned() });
    let (_, told) = bench.answer(&sent[0], refused());
    assert!(matches!(&told[..], [Action::Halt(Halt { credentials: true, .. })]), "{told:?}");
    let (_, told) = bench.answer(&sent[1], refused());
    assert!(matches!(&told[..], [Action::Prolong(_)]), "said once: {told:?}");
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

fn refused() -> Result<Vec<u8>, Failure> {
    Err(Failure::Park { reason: "no".to_owned() })
}

/// The first ones in the queue may be bad, and do not hold up the others.
#[test]
fn bad_ones_in_front_are_passed() {
    let mut bench = Bench::new(60, 4);
    let mut sent = VecDeque::from(bench.feed(Event::Woken).0);
    let mut taken = HashSet::new();
    while let Some(due) = sent.pop_front() {
        let is_bad = due.row < 25;
        taken.extend((!is_bad).then_some(due.row));
        let (more, told) = bench.answer(&due, if is_bad { refused() } else { Ok(vec![1]) });
        assert!(told.is_empty(), "{told:?}");
        sent.extend(more);
    }
    assert_eq!((taken.len(), bench.parked.len(), bench.sessions.len()), (35, 25, 0));
}

/// A server that refuses everything is asked rarely, blames no session for good, and is noticed when it takes one again.
#[test]
fn a_server_that_refuses_everything_is_asked_ever_more_rarely() {
    let mut bench = Bench::new(60, 4);
    let mut sent = VecDeque::from(bench.feed(Event::Woken).0);
    let mut requests = 0;
    let mut halts = Vec::new();
    while let Some(due) = sent.pop_front() {
        requests += 1;
        let (more, told) = bench.answer(&due, refused());
        sent.extend(more);
        halts.extend(told);
    }
    assert!(matches!(&halts[..], [Action::Halt(Halt { stopped: true, .. })]), "{halts:?}");
    assert!(requests <= 10 + 3 + 5 && bench.parked.is_empty() && bench.sessions.len() == 60, "{requests}");
    let mut minutes = Vec::new();
    for _ in 0..8 {
        let (pause, probe) = bench.wait();
        minutes.push(pause.as_secs() / 60);
        let [probe] = &probe[..] else { panic!("{probe:?}") };
        assert_eq!(probe.attempts, 0, "one that was not tried");
        let (_, told) = bench.answer(probe, refused());
        assert!(matches!(&told[..], [Action::Prolong(_)]), "said once: {told:?}");
    }
    assert_eq!(minutes, [5, 10, 20, 40, 80, 160, 320, 360]);
    // What is new is tried at once, but not all day, and the next turn comes when it would have come.
    bench.sessions.iter_mut().for_each(|due| due.attempts = 1);
    let mut early = 0;
    for row in 100..110 {
        assert!(bench.feed(Event::Queued).0.is_empty(), "nothing is new");
        bench.sessions.push(Due { row, attempts: 0, ..bench.sessions[0].clone() });
        bench.steady += Duration::from_secs(60);
        for probe in bench.feed(Event::Queued).0 {
            assert_eq!(probe.row, row);
            assert!(bench.answer(&probe, refused()).0.is_empty());
            early += 1;
        }
    }
    assert_eq!((early, bench.courier.alarm(Bench::at(bench.steady))), (3, Some(LONGEST_SLEEP_OF_A_STOP)));
    let (_, probe) = bench.wait();
    let (more, told) = bench.answer(&probe[0], Ok(vec![1]));
    assert!(matches!(&told[..], [Action::Resume]) && more.len() >= 2, "{told:?}");
}

/// Six hours less the ten minutes that have passed.
const LONGEST_SLEEP_OF_A_STOP: Duration = Duration::from_secs(6 * 3600 - 600);

/// What is in flight is waited for; neither what was fetched before nor what is fetched meanwhile is sent.
#[test]
fn what_somebody_decides_about_is_not_sent() {
    let mut bench = Bench::new(4, 2);
    let (sent, _) = bench.feed(Event::Woken);
    assert_eq!(sent.iter().map(|due| due.row).collect::<Vec<_>>(), [0, 1]);
    let (ready, _) = std::sync::mpsc::channel();
    let (more, told) = bench.feed(Event::Withhold { rows: vec![1, 2], ready });
    assert!(more.is_empty() && told.is_empty(), "one of them is in flight: {told:?}");
    let (third, _) = bench.answer(&sent[0], Ok(vec![1]));
    assert_eq!(third.iter().map(|due| due.row).collect::<Vec<_>>(), [3]);
    let (_, told) = bench.answer(&sent[1], down_alone());
    assert!(matches!(&told[..], [Action::Withheld(_)]), "{told:?}");
    assert!(bench.answer(&third[0], Ok(vec![1])).0.is_empty());
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

/// Whether sessions are taken is for the next one of them to show.
#[test]
fn a_welcome_does_not_end_a_stop_that_deliveries_found() {
    let mut bench = Bench::new(60, 1);
    let (sent, _) = bench.feed(Event::Woken);
    bench.feed(Event::Heard(Heard::Refused(Stop::Closed, "who?".to_owned())));
    let (mut sent, mut stop) = (VecDeque::from(sent), None);
    // More than it takes.
    for _ in 0..30 {
        let Some(due) = sent.pop_front() else { break };
        let (more, told) = bench.answer(&due, refused());
        stop = stop.or(told.into_iter().find(|action| matches!(action, Action::Halt(_))));
        let more = if more.is_empty() && stop.is_none() { bench.wait().1 } else { more };
        sent.extend(more);
    }
    let Some(Action::Halt(halt)) = stop else { panic!("no stop") };
    assert!(halt.reason.contains("refuses every session") && !halt.asked, "{halt:?}");
    let (sent, told) = bench.feed(Event::Heard(Heard::Welcome));
    assert!(sent.is_empty() && told.is_empty(), "{told:?}");
}

/// With nothing left to be sent, nothing else would show that it is over.
#[test]
fn a_pause_ends_with_its_time_when_nothing_waits_any_more() {
    let mut bench = Bench::new(1, 1);
    let (sent, _) = bench.feed(Event::Woken);
    let (_, told) = bench.answer(&sent[0], down(Some(Duration::from_secs(600))));
    assert!(told.iter().any(|action| matches!(action, Action::Halt(_))), "{told:?}");
    // Somebody discards it.
    bench.sessions.clear();
    assert!(bench.feed(Event::Woken).1.is_empty());
    bench.steady += Duration::from_secs(600);
    let (sent, told) = bench.feed(Event::Woken);
    assert!(sent.is_empty() && matches!(&told[..], [Action::Resume]), "{told:?}");
}
