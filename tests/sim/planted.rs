//! Bugs that the simulation plants in itself, to show that its oracle would see them in the product.

use super::destination::Answer;
use super::disk::Job;
use super::folder::File;
use fitferry::destination::Failure;
use fitferry::sync::courier::{Action, Event};
use fitferry::workout::Format;
use jiff::{SignedDuration, Timestamp};

/// `docs/reliability.md` says what each is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    DoneBeforeCommit,
    MarkOnTimeout,
    RetryOnRefusal,
    ParkOnOutage,
    ParkOnStop,
    NoJitter,
    NoPause,
    OlderOverNewer,
    DropOnOverflow,
    NormalSync,
    IgnoreRetryAfter,
    ForgetRest,
    NoRate,
    ForgetBudget,
    SeenBeforeQueued,
    SettledByOlder,
    SentTwiceAtOnce,
    ForgetDelivered,
    NoScan,
    LostWake,
    WrongZone,
    WrongClockForEver,
    FullDiskIsFine,
    LosePutBack,
}

pub const ALL: [Bug; 24] = [
    Bug::DoneBeforeCommit,
    Bug::MarkOnTimeout,
    Bug::RetryOnRefusal,
    Bug::ParkOnOutage,
    Bug::ParkOnStop,
    Bug::NoJitter,
    Bug::NoPause,
    Bug::OlderOverNewer,
    Bug::DropOnOverflow,
    Bug::NormalSync,
    Bug::IgnoreRetryAfter,
    Bug::ForgetRest,
    Bug::NoRate,
    Bug::ForgetBudget,
    Bug::SeenBeforeQueued,
    Bug::SettledByOlder,
    Bug::SentTwiceAtOnce,
    Bug::ForgetDelivered,
    Bug::NoScan,
    Bug::LostWake,
    Bug::WrongZone,
    Bug::WrongClockForEver,
    Bug::FullDiskIsFine,
    Bug::LosePutBack,
];

/// Events that wait at most, for [`Bug::DropOnOverflow`].
const OVERFLOW: usize = 2;

impl Bug {
    /// What it does to the store.
    pub fn sql(self) -> &'static str {
        match self {
            Self::NormalSync => "PRAGMA synchronous = NORMAL",
            Self::SettledByOlder => {
                "CREATE TEMP TRIGGER IF NOT EXISTS new AFTER INSERT ON main.remote
                     BEGIN DELETE FROM outbox WHERE session_row = new.session_row; END;
                 CREATE TEMP TRIGGER IF NOT EXISTS known AFTER UPDATE ON main.remote
                     BEGIN DELETE FROM outbox WHERE session_row = new.session_row; END;"
            }
            _ => "",
        }
    }

    /// What it does to the store before anything is sent.
    pub fn sql_at_start(self) -> &'static str {
        if self == Self::ForgetDelivered { "DELETE FROM remote" } else { "" }
    }

    /// What it makes of an answer.
    pub fn hear(self, answer: &Answer, result: &mut Result<Vec<u8>, Failure>, random: &mut f64) {
        match (self, &result) {
            (Self::MarkOnTimeout, _) if *answer == Answer::Broken("timed out") => *result = Ok(Vec::new()),
            (Self::RetryOnRefusal, Err(Failure::Park { reason })) => {
                *result = Err(Failure::Retry { after: None, of_server: false, reason: reason.clone() });
            }
            (Self::ParkOnOutage, Err(Failure::Retry { of_server: true, reason, .. }))
            | (Self::ParkOnStop, Err(Failure::Stop { reason, .. })) => {
                *result = Err(Failure::Park { reason: reason.clone() });
            }
            (Self::IgnoreRetryAfter, Err(Failure::Retry { after: Some(_), of_server, reason })) => {
                *result = Err(Failure::Retry { after: None, of_server: *of_server, reason: reason.clone() });
            }
            _ => {}
        }
        match self {
            Self::NoJitter => *random = 1.0,
            Self::NoPause => *random = 0.0,
            _ => {}
        }
    }

    /// What it makes of what the courier wants; nothing if that is not done at all.
    pub fn act(self, mut action: Action) -> Option<Action> {
        match (self, &mut action) {
            (Self::ForgetRest, Action::Rest(_)) | (Self::LosePutBack, Action::PutBack(_)) => return None,
            (Self::WrongClockForEver, Action::Fetch { latest, .. }) => *latest = Timestamp::MAX,
            _ => {}
        }
        Some(action)
    }

    /// What a full disk is told as.
    pub fn failed(self, job: &Job) -> Option<Event> {
        match (self, job) {
            (Self::FullDiskIsFine, Job::Record { due, news, .. }) => {
                Some(Event::Recorded { row: due.row, news: news.clone() })
            }
            _ => None,
        }
    }

    /// How it reads a file.
    pub fn read(self, file: &mut File) {
        for record in &mut file.records {
            if self == Self::WrongZone && record.workout.source.format == Format::Gpx {
                record.workout.start += SignedDuration::from_hours(1);
                record.workout.end += SignedDuration::from_hours(1);
            }
        }
    }

    /// Whether an event is lost for all those that wait.
    pub fn loses(self, waiting: usize) -> bool {
        self == Self::DropOnOverflow && waiting >= OVERFLOW
    }
}
