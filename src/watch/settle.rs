//! When a file is complete enough to be read, from what was seen of it so far. Pure: time is a parameter.

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
    /// A file that is truncated or damaged, and may still be growing.
    pub salvage_after: Duration,
    /// How often everything is looked at.
    pub scan_every: Duration,
}

/// How the reading of a candidate went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It has its verdict.
    Settled,
    /// Its format could not prove it complete; a last call will come when it has rested.
    Unproven,
    /// It breaks off or is damaged; a last call will come when nobody can still be writing it.
    Unfinished,
    /// It changed while it was read.
    Changed,
    /// It could not be read for now.
    Failed(io::ErrorKind),
    /// It is not there any more.
    Gone,
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
    pub fn closed(stamp: Stamp, now: Duration) -> Self {
        Self { stamp, since: now, stage: Stage::Closed }
    }

    pub fn growing(stamp: Stamp, now: Duration) -> Self {
        Self { stamp, since: now, stage: Stage::Growing }
    }

    pub fn unproven(stamp: Stamp, now: Duration) -> Self {
        Self { stamp, since: now, stage: Stage::Unproven }
    }

    /// `age` is how long ago the file says it was changed: one that broke off last week does not wait again.
    pub fn unfinished(stamp: Stamp, now: Duration, age: Duration) -> Self {
        Self { stamp, since: now, stage: Stage::Unfinished { age } }
    }

    pub fn failed(stamp: Stamp, now: Duration, pause: Duration) -> Self {
        Self { stamp, since: now, stage: Stage::Failed { pause } }
    }

    pub fn has_failed(&self) -> bool {
        matches!(self.stage, Stage::Failed { .. })
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

    /// Whether the reading that is due takes whatever is there.
    pub fn is_last_call(&self) -> bool {
        matches!(self.stage, Stage::Unproven | Stage::Unfinished { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        settle: Duration::from_secs(2),
        salvage_after: Duration::from_secs(600),
        scan_every: Duration::from_secs(3600),
    };

    #[test]
    fn each_stage_has_its_time() {
        let stamp = Stamp { size: 1, mtime_ns: 1, inode: 1 };
        let seconds = Duration::from_secs;
        let now = seconds(100);
        for (track, due, last_call) in [
            (Track::closed(stamp, now), 100, false),
            (Track::growing(stamp, now), 102, false),
            (Track::unproven(stamp, now), 102, true),
            (Track::unfinished(stamp, now, seconds(0)), 700, true),
            (Track::unfinished(stamp, now, seconds(590)), 110, true),
            (Track::unfinished(stamp, now, seconds(86_400)), 102, true),
            (Track::failed(stamp, now, seconds(30)), 130, false),
        ] {
            assert_eq!((track.due(&RULES), track.is_last_call()), (seconds(due), last_call), "{track:?}");
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
