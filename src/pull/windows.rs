//! Walks over a span of time by windows: long where there are few sessions, short where there are many. Pure.

use crate::destination::Window;
use jiff::{SignedDuration, Timestamp};

/// A window this short is believed whatever it holds.
const BELIEVED: SignedDuration = SignedDuration::from_hours(1);

/// A server that refuses even this has another reason than the length of the list.
const SHORTEST: SignedDuration = SignedDuration::from_secs(1);

const FIRST: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What is left of the span, and how long the next window is.
#[derive(Debug)]
pub struct Walk {
    at: Timestamp,
    end: Timestamp,
    length: SignedDuration,
    /// Where the present window ends, if not after that length.
    cut: Option<Timestamp>,
    /// A window with more sessions is asked for again in parts.
    most: usize,
}

impl Walk {
    pub fn new(from: Timestamp, to: Timestamp, most: usize) -> Self {
        Self { at: from, end: to, length: FIRST, cut: None, most }
    }

    /// The window to ask for now, unless the end is reached.
    pub fn window(&self) -> Option<Window> {
        let end = self.cut.unwrap_or_else(|| self.at.saturating_add(self.length).unwrap_or(Timestamp::MAX));
        (self.at < self.end).then_some(Window { start: self.at, end: end.min(self.end) })
    }

    /// Whether so many sessions are more than is believed of the present window.
    pub fn is_too_many(&self, sessions: usize) -> bool {
        sessions > self.most && self.span() > BELIEVED
    }

    /// Goes on after a window whose sessions ended at these times. Returns its end; nothing if it has to be asked for in
    /// parts.
    pub fn listed(&mut self, ends: &mut [Timestamp]) -> Option<Timestamp> {
        if self.is_too_many(ends.len()) {
            let longest = half(self.span());
            ends.sort_unstable();
            // A part with half as many as are believed, and then others of the same density.
            let (first, middle) = (ends.first()?, ends.get(self.most / 2)?);
            self.length = middle.duration_since(*first).clamp(BELIEVED.min(longest), longest);
            let part = whole_seconds(middle.duration_since(self.at)).clamp(SHORTEST, longest);
            self.cut = Some(self.at.saturating_add(part).unwrap_or(Timestamp::MAX));
            return None;
        }
        self.at = self.window()?.end;
        self.cut = None;
        if ends.len() < self.most / 4 {
            self.length = self.length.saturating_add(self.length);
        }
        Some(self.at)
    }

    /// Shortens the window that the server refused. False if it cannot be shorter.
    pub fn refused(&mut self) -> bool {
        let span = self.span();
        self.length = half(span);
        self.cut = None;
        span > SHORTEST
    }

    fn span(&self) -> SignedDuration {
        self.window().map_or(SignedDuration::ZERO, |window| window.end.duration_since(window.start))
    }
}

fn half(span: SignedDuration) -> SignedDuration {
    whole_seconds(span / 2).max(SHORTEST)
}

/// Some servers know no parts of seconds.
fn whole_seconds(span: SignedDuration) -> SignedDuration {
    SignedDuration::from_secs(span.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::vec;
    use proptest::prelude::*;

    const MOST: usize = 1000;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// So many sessions, one a second from the start of the present window.
    fn some(walk: &Walk, count: usize) -> Vec<Timestamp> {
        let start = walk.window().unwrap().start.as_second();
        (start..).take(count).map(at).collect()
    }

    #[test]
    fn windows_follow_what_they_hold() {
        let day = 86_400;
        let mut walk = Walk::new(at(0), at(1000 * day), MOST);
        let end = |walk: &Walk| walk.window().unwrap().end;
        assert_eq!(end(&walk), at(30 * day));
        assert_eq!(walk.listed(&mut []), Some(at(30 * day)));
        assert_eq!(end(&walk), at(90 * day), "twice as long");
        assert!(walk.refused());
        assert_eq!(end(&walk), at(60 * day), "half");
        // One an hour, after ten days of nothing.
        let mut hourly: Vec<Timestamp> = (0..=1000).rev().map(|hour| at(40 * day + hour * 3600)).collect();
        assert_eq!(walk.listed(&mut hourly), None);
        assert_eq!(walk.window().unwrap().start, at(30 * day), "again");
        assert_eq!(end(&walk), at(45 * day), "at most half");
        assert_eq!(walk.listed(&mut hourly[..500]), Some(at(45 * day)));
        assert_eq!(end(&walk), at(60 * day), "as long as half a thousand of them, and no longer than half");
        let mut dense = some(&walk, MOST + 1);
        assert_eq!(walk.listed(&mut dense), None);
        assert_eq!(end(&walk), at(45 * day + 500));
        assert_eq!(walk.listed(&mut dense[..501]), Some(at(45 * day + 500)));
        assert_eq!(end(&walk), at(45 * day + 500 + 3600), "no shorter than what is believed anyway");
    }

    #[test]
    fn what_is_refused_for_ever_ends() {
        let mut walk = Walk::new(Timestamp::MIN, Timestamp::MAX, MOST);
        let refusals = std::iter::repeat_with(|| walk.refused()).take_while(|again| *again).count();
        assert!(refusals < 30, "{refusals}");
        let mut short = Walk::new(at(0), at(1), MOST);
        let mut many = some(&short, MOST * 50);
        assert_eq!(short.listed(&mut many), Some(at(1)), "believed");
        assert_eq!(short.window(), None);
    }

    proptest! {
        /// Every second is in exactly one of the windows that counted, whatever the server says.
        #[test]
        fn no_gap_and_no_overlap(length in 1_i64..200_000_000, answers in vec((0_usize..12, 0_i64..100), 1..50)) {
            let most = 8;
            let mut walk = Walk::new(at(0), at(length), most);
            let mut reached = at(0);
            for (step, (count, place)) in (0..2000).zip(answers.iter().cycle()) {
                let Some(window) = walk.window() else { break };
                prop_assert_eq!(window.start, reached);
                prop_assert!(window.end > window.start && window.end <= at(length));
                let span = window.end.duration_since(window.start);
                // Anywhere in the window, and a little beside it.
                let end = window.start.saturating_add(span * i32::try_from(*place).unwrap() / 90).unwrap();
                let before = walk.span();
                if step % 5 == 4 {
                    walk.refused();
                } else if let Some(end) = walk.listed(&mut vec![end; *count]) {
                    prop_assert_eq!(end, window.end);
                    reached = end;
                } else {
                    prop_assert!(walk.span() <= half(before), "it always becomes shorter");
                }
            }
        }
    }
}
