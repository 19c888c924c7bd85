//! When a file is complete enough to be read, from what was seen of it so far. Pure: time is a parameter.

use crate::intake::Proof;
use crate::store::Stamp;
use std::io;
use std::time::Duration;

/// How long a file that could not be read, or not be recorded, is left alone at first.
pub const FIRST_PAUSE: Duration = Duration::from_secs(10);

/// How long files have to rest.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// A file whose format cannot prove it complete.
    pub settle: Duration,
    /// A file that is truncated, damaged or of no known format, and may still be growing.
    pub salvage_after: Duration,
    /// How often everything is looked at.
    pub scan_every: Duration,
    /// The same where events do not tell everything.
    pub poll_every: Duration,
}

impl Rules {
    /// No folder is left alone for longer.
    pub fn longest(&self) -> Duration {
        self.scan_every.max(self.poll_every)
    }
}

/// How the reading of a candidate went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It has its verdict.
    Settled,
    /// Its format could not prove it complete; it is read again when it has rested.
    Unproven,
    /// It breaks off, is damaged or makes no sense; a last call will come when nobody can still be writing it.
    Unfinished,
    /// It changed while it was read.
    Changed,
    /// It could not be read for now.
    Failed(io::ErrorKind),
    /// It is not there any more.
    Gone,
}

/// How long a file had been as it is when it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nobody knows.
    None,
    /// For the time of a file whose format cannot prove it complete.
    Short,
    /// So long that nobody can still be writing it.
    Long,
}

impl Finding {
    /// What a reading that went well means. Only good news is believed after a short rest.
    pub fn of(proof: Proof, rest: Rest) -> Self {
        match (proof, rest) {
            (Proof::Sensible, Rest::None) => Self::Unproven,
            (Proof::Doubtful, Rest::None | Rest::Short) => Self::Unfinished,
            (Proof::Complete | Proof::Sensible, _) | (Proof::Doubtful, Rest::Long) => Self::Settled,
        }
    }
}

/// Why a file could not be read, and how long it is left alone until the next time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Failure {
    pub kind: io::ErrorKind,
    pub pause: Duration,
}

impl Failure {
    /// Each pause is twice as long as the one before, up to the time between scans.
    pub fn after(previous: Option<Self>, kind: io::ErrorKind, rules: &Rules) -> Self {
        let pause = previous.map_or(FIRST_PAUSE, |previous| previous.pause.saturating_mul(2));
        Self { kind, pause: pause.min(rules.scan_every) }
    }
}

/// A file that has to be looked at again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// What it was when its rest began.
    pub stamp: Stamp,
    /// Its content was written to since it got its verdict. The stamp need not tell: its times are coarse, and can be set.
    pub is_written: bool,
    /// Whoever wrote it has closed it, and no event told of writing since.
    pub is_closed: bool,
    since: Duration,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    /// Whoever wrote it has closed it.
    Closed,
    /// Somebody writes to it, or did a moment ago.
    Growing,
    Unproven,
    Unfinished {
        age: Duration,
    },
    Failed {
        pause: Duration,
    },
}

impl Track {
    fn new(stamp: Stamp, now: Duration, stage: Stage) -> Self {
        Self { stamp, is_written: false, is_closed: false, since: now, stage }
    }

    pub fn closed(stamp: Stamp, now: Duration) -> Self {
        Self::new(stamp, now, Stage::Closed).shut(true)
    }

    pub fn growing(stamp: Stamp, now: Duration) -> Self {
        Self::new(stamp, now, Stage::Growing)
    }

    pub fn unproven(stamp: Stamp, now: Duration) -> Self {
        // Nothing was written down of what was read.
        Self::new(stamp, now, Stage::Unproven).written(true)
    }

    /// `age` is how long ago the file was changed: one that broke off last week does not wait again.
    pub fn unfinished(stamp: Stamp, now: Duration, age: Duration) -> Self {
        Self::new(stamp, now, Stage::Unfinished { age })
    }

    pub fn failed(stamp: Stamp, now: Duration, pause: Duration) -> Self {
        Self::new(stamp, now, Stage::Failed { pause })
    }

    /// The same, of a file that was perhaps written to.
    pub fn written(self, is_written: bool) -> Self {
        Self { is_written, ..self }
    }

    /// The same, of a file that was closed, or was not.
    pub fn shut(self, is_closed: bool) -> Self {
        Self { is_closed, ..self }
    }

    pub fn has_failed(&self) -> bool {
        matches!(self.stage, Stage::Failed { .. })
    }

    /// Since when it is as it is, as far as we saw.
    pub fn since(&self) -> Duration {
        self.since
    }

    /// When it is to be read, if it has not changed until then.
    pub fn due(&self, rules: &Rules) -> Duration {
        self.since
            + match self.stage {
                Stage::Closed => Duration::ZERO,
                Stage::Growing | Stage::Unproven => rules.settle,
                Stage::Unfinished { age } => rules.salvage_after.saturating_sub(age).max(rules.settle),
                Stage::Failed { pause } => pause,
            }
    }

    /// How long it will have rested when it is due.
    pub fn rest(&self) -> Rest {
        match self.stage {
            Stage::Closed | Stage::Growing | Stage::Failed { .. } => Rest::None,
            Stage::Unproven => Rest::Short,
            Stage::Unfinished { .. } => Rest::Long,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        settle: Duration::from_secs(2),
        salvage_after: Duration::from_secs(600),
        scan_every: Duration::from_secs(3600),
        poll_every: Duration::from_secs(60),
    };

    #[test]
    fn each_stage_has_its_time() {
        let stamp = Stamp { size: 1, mtime_ns: 1, inode: 1, ctime_ns: 0 };
        let seconds = Duration::from_secs;
        let now = seconds(100);
        for (track, due, rest) in [
            (Track::closed(stamp, now), 100, Rest::None),
            (Track::growing(stamp, now), 102, Rest::None),
            (Track::unproven(stamp, now), 102, Rest::Short),
            (Track::unfinished(stamp, now, seconds(0)), 700, Rest::Long),
            (Track::unfinished(stamp, now, seconds(590)), 110, Rest::Long),
            (Track::unfinished(stamp, now, seconds(86_400)), 102, Rest::Long),
            (Track::failed(stamp, now, seconds(30)), 130, Rest::None),
        ] {
            assert_eq!((track.due(&RULES), track.rest()), (seconds(due), rest), "{track:?}");
        }
    }

    #[test]
    fn the_less_is_proven_the_longer_it_rests() {
        use Finding::{Settled, Unfinished, Unproven};
        for (proof, findings) in [
            (Proof::Complete, [Settled, Settled, Settled]),
            (Proof::Sensible, [Unproven, Settled, Settled]),
            (Proof::Doubtful, [Unfinished, Unfinished, Settled]),
        ] {
            assert_eq!([Rest::None, Rest::Short, Rest::Long].map(|rest| Finding::of(proof, rest)), findings);
        }
    }

    #[test]
    fn failures_pause_longer_and_longer() {
        let kind = io::ErrorKind::PermissionDenied;
        let mut failure = None;
        let pauses = [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600].map(Duration::from_secs);
        for pause in pauses {
            failure = Some(Failure::after(failure, kind, &RULES));
            assert_eq!(failure, Some(Failure { kind, pause }));
        }
        let often = Rules { scan_every: Duration::from_secs(1), ..RULES };
        assert_eq!(Failure::after(None, kind, &often).pause, Duration::from_secs(1));
    }
}
