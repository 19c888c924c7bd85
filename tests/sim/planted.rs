//! Bugs that the simulation plants in itself, to show that its oracle would see them in the product.

use super::destination::Answer;
use super::disk::Job;
use super::folder::File;
use fitferry::config::{OnDeleted, OnEdited, ReconcileSettings};
use fitferry::destination::{Failure, Listing};
use fitferry::sync::courier::{Action, Event};
use fitferry::sync::reconcile::Question;
use fitferry::workout::Format;
use jiff::SignedDuration;

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
    DeafQuestions,
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
    RacedIsMissing,
    RestoresForEver,
    ForgetsDeletion,
    ForgetsTheirs,
    ForgetsHistory,
    TombstonesIgnored,
    MassIgnored,
    DeletionIgnored,
    EditIgnored,
    RefusedListIsEmpty,
    NoMargin,
    Unsurveyed,
    BackupUnnoticed,
    MassForgotten,
}

pub const ALL: [Bug; 39] = [
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
    Bug::DeafQuestions,
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
    Bug::RacedIsMissing,
    Bug::RestoresForEver,
    Bug::ForgetsDeletion,
    Bug::ForgetsTheirs,
    Bug::ForgetsHistory,
    Bug::TombstonesIgnored,
    Bug::MassIgnored,
    Bug::DeletionIgnored,
    Bug::EditIgnored,
    Bug::RefusedListIsEmpty,
    Bug::NoMargin,
    Bug::Unsurveyed,
    Bug::BackupUnnoticed,
    Bug::MassForgotten,
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
            Self::RacedIsMissing => {
                "CREATE TEMP TRIGGER IF NOT EXISTS new AFTER INSERT ON main.remote
                     BEGIN UPDATE remote SET seq = 0 WHERE session_row = new.session_row; END;
                 CREATE TEMP TRIGGER IF NOT EXISTS known AFTER UPDATE OF seq ON main.remote WHEN new.seq != 0
                     BEGIN UPDATE remote SET seq = 0 WHERE session_row = new.session_row; END;"
            }
            Self::RestoresForEver => {
                "CREATE TEMP TRIGGER IF NOT EXISTS restored AFTER UPDATE OF restored ON main.remote WHEN new.restored != 0
                     BEGIN UPDATE remote SET restored = 0 WHERE session_row = new.session_row; END;"
            }
            Self::ForgetsDeletion => {
                "CREATE TEMP TRIGGER IF NOT EXISTS deleted AFTER UPDATE OF standing ON main.remote
                     WHEN new.standing = 'deleted'
                     BEGIN UPDATE remote SET standing = 'ours' WHERE session_row = new.session_row; END;"
            }
            Self::ForgetsTheirs => {
                "CREATE TEMP TRIGGER IF NOT EXISTS theirs AFTER UPDATE OF echo ON main.remote
                     WHEN new.standing = 'theirs' AND new.echo != x'00'
                     BEGIN UPDATE remote SET echo = x'00' WHERE session_row = new.session_row; END;"
            }
            Self::MassForgotten => {
                "CREATE TEMP TRIGGER IF NOT EXISTS repaired AFTER UPDATE OF repaired ON main.account WHEN new.repaired != 0
                     BEGIN UPDATE account SET repaired = 0 WHERE id = new.id; END;"
            }
            Self::WrongClockForEver => {
                "CREATE TEMP TRIGGER IF NOT EXISTS wrong AFTER UPDATE OF due_ms ON main.outbox
                     WHEN new.due_ms < old.due_ms - 60000 AND new.state = old.state AND new.attempts = old.attempts
                     BEGIN UPDATE outbox SET due_ms = old.due_ms WHERE session_row = new.session_row; END;"
            }
            Self::ForgetsHistory => {
                "CREATE TEMP TRIGGER IF NOT EXISTS history AFTER UPDATE OF history_ms ON main.account
                     WHEN new.history_ms < 4000000000000
                     BEGIN UPDATE account SET history_ms = 4000000000000 WHERE id = new.id; END;"
            }
            _ => "",
        }
    }

    /// What it makes of the settings of comparisons.
    pub fn set(self, settings: &mut ReconcileSettings) {
        match self {
            Self::MassIgnored => settings.mass = usize::MAX,
            Self::DeletionIgnored => settings.on_deleted = OnDeleted::Restore,
            Self::EditIgnored => settings.on_edited = OnEdited::Restore,
            _ => {}
        }
    }

    /// What it asks instead.
    pub fn ask(self, question: &mut Question) {
        if let (Self::NoMargin, Question::Window(window)) = (self, question) {
            window.start += SignedDuration::from_hours(6 * 24);
            window.end -= SignedDuration::from_hours(6 * 24);
        }
    }

    /// What it makes of a list.
    pub fn list(self, listing: &mut Listing, failure: &mut Option<Failure>) {
        match (self, &failure) {
            (Self::TombstonesIgnored, _) => listing.deleted.clear(),
            (Self::DeafQuestions, Some(Failure::Retry { after: Some(_), of_server, reason })) => {
                let (of_server, reason) = (*of_server, reason.clone());
                *failure = Some(Failure::Retry { after: None, of_server, reason });
            }
            (Self::RefusedListIsEmpty, Some(Failure::Park { .. })) => *failure = None,
            _ => {}
        }
    }

    /// What it does to the store before anything is sent.
    pub fn sql_at_start(self) -> &'static str {
        match self {
            Self::ForgetDelivered => "DELETE FROM remote",
            Self::Unsurveyed => "UPDATE account SET wary = 0; UPDATE outbox SET checked = 1",
            _ => "",
        }
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
    pub fn act(self, action: Action) -> Option<Action> {
        match (self, &action) {
            (Self::ForgetRest, Action::Rest(Some(_))) | (Self::LosePutBack, Action::PutBack(_)) => return None,
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
