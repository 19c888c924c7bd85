//! What `sync::deliver` is in the daemon: hands the courier its events, and does what it says.

use super::disk::Job;
use super::network::Network;
use super::oracle::Oracle;
use super::plan::Plan;
use super::planted::Bug;
use fastrand::Rng;
use fitferry::config::Limits;
use fitferry::store::{Account, accounts, halts};
use fitferry::sync::Now;
use fitferry::sync::courier::{Action, Courier, Event, Halt, News};
use fitferry::sync::pace::Pace;
use rusqlite::Connection;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// One process's delivery.
pub struct Shell {
    courier: Courier,
    /// All requests go by it, the questions too.
    pub pace: Rc<RefCell<Pace>>,
    /// Why nothing is sent for longer than a moment, if so.
    pub halted: Option<Halt>,
    /// On their way to the courier.
    pub events: VecDeque<Event>,
    /// Told that something was queued, and not yet listened.
    pub wake: bool,
    /// When the courier wants to be woken.
    pub alarm: Option<Duration>,
    bug: Option<Bug>,
}

impl Shell {
    /// What a starting process does before it delivers.
    pub fn start(plan: &Plan, connection: &Connection, account: Account, now: Now, bug: Option<Bug>) -> Self {
        let spent = accounts::spent(connection, account).unwrap();
        let rest = halts::rest(connection, account).unwrap();
        let limits = match bug {
            Some(Bug::NoRate) => Limits { rate: None, ..plan.limits.clone() },
            _ => plan.limits.clone(),
        };
        Self {
            courier: Courier::new(plan.schedule, &limits),
            pace: Rc::new(RefCell::new(Pace::new(limits, spent, rest, now))),
            halted: None,
            events: VecDeque::from([Event::Woken]),
            wake: false,
            alarm: None,
            bug,
        }
    }

    pub fn in_flight(&self) -> usize {
        self.courier.in_flight()
    }

    /// Puts an event on its way.
    pub fn tell(&mut self, event: Event) {
        if !self.bug.is_some_and(|bug| bug.loses(self.events.len())) {
            self.events.push_back(event);
        }
    }

    /// Hands the courier an event; returns what is to be written.
    pub fn feed(
        &mut self,
        event: Event,
        oracle: &mut Oracle,
        network: &mut Network,
        rng: &mut Rng,
        now: Now,
    ) -> Vec<Job> {
        oracle.heard(&event, now);
        let actions = self.courier.handle(event, &mut self.pace.borrow_mut(), now);
        let asked = now.steady + stall(now);
        let pause = self.courier.alarm(Now { wall: now.wall + stall(now), steady: asked });
        self.alarm = pause.map(|pause| asked + pause);
        let mut jobs = Vec::new();
        for action in actions {
            oracle.wanted(&action, now);
            match &action {
                Action::Halt(halt) => self.halted = Some(halt.clone()),
                Action::Resume => self.halted = None,
                Action::Send(due) => oracle.meets(due, network.destination().sessions.get(&due.session_id)),
                _ => {}
            }
            let action = match self.bug {
                Some(bug) => bug.act(action),
                None => Some(action),
            };
            if let Some(action) = action {
                self.act(action, network, rng, now, &mut jobs);
            }
        }
        for job in &jobs {
            if let Job::Record { due, .. } = job {
                oracle.records(due);
            }
        }
        jobs
    }

    fn act(&mut self, action: Action, network: &mut Network, rng: &mut Rng, now: Now, jobs: &mut Vec<Job>) {
        let now_of_day = now.wall;
        match action {
            Action::Fetch { limit, latest, first } => {
                jobs.push(Job::Fetch { limit, latest, first, now: now_of_day });
            }
            Action::Send(due) => {
                if self.bug == Some(Bug::SentTwiceAtOnce) {
                    self.tell(Event::Recorded { row: due.row, news: News::Delivered { due: due.clone() } });
                }
                network.send(due, rng, now, self.bug);
            }
            Action::Record { due, verdict, news } => {
                if self.bug == Some(Bug::DoneBeforeCommit) {
                    self.tell(Event::Recorded { row: due.row, news: news.clone() });
                }
                let spent = self.pace.borrow().spent().filter(|_| self.bug != Some(Bug::ForgetBudget));
                jobs.push(Job::Record { due, verdict, news, spent, now: now_of_day });
            }
            Action::PutBack(rows) => jobs.push(Job::PutBack { rows, now: now_of_day }),
            Action::Hasten => jobs.push(Job::Hasten { now: now_of_day }),
            Action::Rest(rest) => jobs.push(Job::Rest(rest)),
            Action::Halt(_) | Action::Prolong(_) | Action::Withheld(_) | Action::Pong(_) => {}
            Action::Resume => jobs.push(Job::Rest(None)),
        }
    }
}

/// How long a busy machine takes from an event to the question when to wake.
fn stall(now: Now) -> Duration {
    Duration::from_millis(if now.steady.subsec_millis().is_multiple_of(4) { 1500 } else { 0 })
}
