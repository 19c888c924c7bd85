//! One of the two servers of a pull, and the patience with it.

use super::{Error, Job, Tell, Told};
use crate::api::{Client, Page};
use crate::destination::{Failure, Stop, Window};
use crate::session::Session;
use crate::sync::retry;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Nobody watches a pull that looks for a server only once an hour.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A server that is asked until it answers.
pub struct Peer {
    client: Client,
    /// What people are told.
    name: String,
    /// The pauses between attempts, at most.
    first: Duration,
    longest: Duration,
    /// How long it may fail without any success in between.
    patience: Duration,
    /// Since when it fails.
    failing: Mutex<Option<Instant>>,
    tell: Tell,
}

/// A server's words about something that it will never do.
pub type Refusal = String;

impl Peer {
    pub fn new(client: Client, name: String, job: &Job<'_>, tell: Tell) -> Self {
        let (delivery, patience) = (&job.config.settings.delivery, job.patience);
        let (first, longest) = (delivery.retry_first.get(), delivery.retry_longest.get().min(LONGEST_PAUSE));
        Self { client, name, first, longest, patience, failing: Mutex::default(), tell }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// A page of a window, as soon as there is one.
    pub async fn page(&self, window: Window, token: Option<&str>) -> Result<Result<Page, Refusal>, Error> {
        let mut failures = 0;
        loop {
            let result = self.client.page(window, token).await;
            if let Some(answer) = self.settled(result, &mut failures).await? {
                return Ok(answer);
            }
        }
    }

    /// Puts a session, which is durable then.
    pub async fn put(&self, id: &str, body: &str) -> Result<Result<Session, Refusal>, Error> {
        let mut failures = 0;
        loop {
            let result = self.client.put(id, body.to_owned()).await;
            if let Some(answer) = self.settled(result, &mut failures).await? {
                return Ok(answer);
            }
        }
    }

    /// What came of an attempt; nothing, after a pause, if it is to be repeated.
    async fn settled<T>(
        &self,
        result: Result<T, Failure>,
        failures: &mut u32,
    ) -> Result<Option<Result<T, Refusal>>, Error> {
        let failure = match result {
            Ok(answer) => {
                self.recovered();
                return Ok(Some(Ok(answer)));
            }
            Err(failure) => failure,
        };
        match failure {
            Failure::Retry { after, reason, .. } => {
                *failures += 1;
                let pause = self.pause(*failures, after.unwrap_or_default(), &reason)?;
                (self.tell)(Told::Waiting { server: self.name.clone(), reason, pause });
                tokio::time::sleep(pause).await;
                Ok(None)
            }
            Failure::Park { reason } => {
                self.recovered();
                Ok(Some(Err(reason)))
            }
            Failure::Stop { why: Stop::Credentials | Stop::Permission, reason } => {
                Err(Error::Credentials { server: self.name.clone(), reason })
            }
            Failure::Stop { why: Stop::Closed, reason } => Err(Error::Later { server: self.name.clone(), reason }),
        }
    }

    /// How long to wait, unless that is longer than there is patience left.
    fn pause(&self, failures: u32, after: Duration, reason: &str) -> Result<Duration, Error> {
        let mut failing = self.failing.lock().unwrap_or_else(PoisonError::into_inner);
        let left = self.patience.saturating_sub(failing.get_or_insert_with(Instant::now).elapsed());
        if left.is_zero() || after > left {
            let asked = if after > left { format!(" (asks to wait for {} s)", after.as_secs()) } else { String::new() };
            return Err(Error::Later { server: self.name.clone(), reason: format!("{reason}{asked}") });
        }
        Ok(retry::pause(failures, self.first, self.longest, fastrand::f64()).min(left).max(after))
    }

    fn recovered(&self) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
