//! What unpacking may cost: the limits that bombs run into.

use std::cell::Cell;
use std::io;

/// Bytes that anything may unpack to, however small it is.
const LEAST_UNPACKED: u64 = 16 << 20;

/// Bytes out of one packed byte. Deflate can make 1,032 of one; health exports, the most repetitive files people have,
/// stay below 60.
const MOST_RATIO: u64 = 250;

/// Files in one archive, with those in archives inside it; the largest account exports have some ten thousand.
pub const MOST_MEMBERS: usize = 100_000;

/// Bytes of the names that are remembered at once.
pub const LONGEST_NAMES: usize = 16 << 20;

/// Characters of a name that are kept.
pub const LONGEST_NAME: usize = 1024;

/// Archives inside one another; vendors go as far as two.
pub const DEEPEST: usize = 3;

/// Bytes that the header of a tar member may have, with long names and extensions.
pub const LONGEST_TAR_HEADER: u64 = 1 << 20;

/// A limit that was run into. It travels as the cause of an [`io::Error`].
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum Exceeded {
    #[error("it unpacks to more than {MOST_RATIO} times its size")]
    Ratio,
    #[error("all in all it unpacks to more than {MOST_RATIO} times the size of the file")]
    Total,
    #[error("the header of a member is longer than {LONGEST_TAR_HEADER} bytes")]
    Header,
}

impl From<Exceeded> for io::Error {
    fn from(exceeded: Exceeded) -> Self {
        Self::other(exceeded)
    }
}

impl Exceeded {
    /// The limit that caused an error, if one did.
    pub fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().copied()
    }
}

/// What so many packed bytes may unpack to.
pub fn allowance(packed: u64) -> u64 {
    LEAST_UNPACKED.saturating_add(packed.saturating_mul(MOST_RATIO))
}

/// What a file may still unpack to: over all members and levels, and each time that one is unpacked anew.
#[derive(Debug)]
pub struct Ration(Cell<u64>);

impl Ration {
    pub fn for_file(len: u64) -> Self {
        Self(Cell::new(allowance(len)))
    }

    pub fn take(&self, bytes: usize) -> Result<(), Exceeded> {
        let left = self.0.get().checked_sub(bytes as u64);
        self.0.set(left.unwrap_or(0));
        left.map(drop).ok_or(Exceeded::Total)
    }

    pub fn is_spent(&self) -> bool {
        self.0.get() == 0
    }
}
