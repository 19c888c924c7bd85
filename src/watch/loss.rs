//! Why events were lost, and what a person can do about it. A scan finds what they told of.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The system's queue ran over.
    Overflow,
    /// Ours did.
    TooMany,
    /// The system's queue could not be read.
    Failed,
}

impl Loss {
    pub fn reason(self) -> &'static str {
        match self {
            Self::Overflow => "the system's event queue overflowed: too many files were written or read at once",
            Self::TooMany => "too many events at once",
            Self::Failed => "the watcher failed",
        }
    }

    pub fn hint(self) -> &'static str {
        match self {
            Self::Overflow => "if it happens often, raise the limit: sysctl fs.inotify.max_queued_events=131072",
            Self::TooMany | Self::Failed => "nothing is to be done: the scan finds what they told of",
        }
    }
}
