//! By how much the wall clock was set since somebody last looked: times that were written down by it are set as well.

use jiff::{SignedDuration, Timestamp};
use rustix::time::{ClockId, clock_gettime};

/// What may be corrected little by little between two looks.
const DRIFT: SignedDuration = SignedDuration::from_secs(60);

/// The time of the last look, by both clocks.
#[derive(Debug, Default)]
pub struct Clock(Option<(SignedDuration, Timestamp)>);

impl Clock {
    /// Looks at the clocks: by how much one was set, if it was.
    pub fn jump(&mut self) -> Option<SignedDuration> {
        // It goes on while the machine is asleep.
        let steady = clock_gettime(ClockId::Boottime);
        let nanos = i32::try_from(steady.tv_nsec).unwrap_or_default();
        self.looked(SignedDuration::new(steady.tv_sec, nanos), Timestamp::now())
    }

    fn looked(&mut self, steady: SignedDuration, wall: Timestamp) -> Option<SignedDuration> {
        let (since, then) = self.0.replace((steady, wall))?;
        let jump = wall.duration_since(then) - (steady - since);
        (jump.abs() > DRIFT).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_once() {
        let mut clock = Clock::default();
        let looks = [(0, 1_000), (3_600, 4_600), (7_200, 8_230), (7_260, 3_000_000), (7_320, 3_000_060), (7_380, 60)];
        let found = looks.map(|(steady, wall)| {
            clock.looked(SignedDuration::from_secs(steady), Timestamp::from_second(wall).unwrap())
        });
        let jump = |seconds| Some(SignedDuration::from_secs(seconds));
        assert_eq!(found, [None, None, None, jump(2_991_710), None, jump(-3_000_060)]);
    }
}
