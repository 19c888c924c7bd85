//! Which tracks of a file are one workout: many programs begin a new track at every lap or after a pause.

use crate::formats::track::Track;
use crate::workout::{self, Format, Workout};
use jiff::{SignedDuration, Timestamp};

/// A break that still belongs to the workout.
const LONGEST_BREAK: SignedDuration = SignedDuration::from_hours(4);

/// One track where all of them follow upon one another, else the tracks as they were: a file with longer breaks is a
/// collection, and the tracks of a collection are meant as they stand.
pub fn joined(mut tracks: Vec<Track>) -> Vec<Track> {
    if tracks.len() < 2 || !is_one_workout(&tracks) {
        return tracks;
    }
    tracks.sort_by_key(Track::span);
    tracks.into_iter().reduce(Track::join).into_iter().collect()
}

fn is_one_workout(tracks: &[Track]) -> bool {
    let mut spans: Vec<_> = tracks.iter().filter_map(Track::span).collect();
    spans.sort_unstable();
    // Tracks that say that they are different ones are believed.
    agree(tracks.iter().map(|track| track.sport.as_deref()))
        && agree(tracks.iter().map(|track| track.id.as_deref()))
        && whole(&spans).is_some_and(|(start, end)| workout::check(&Workout::new(Format::Gpx, start, end)).is_ok())
}

/// From the first to the last instant of sorted spans, if no break between them is too long.
fn whole(spans: &[(Timestamp, Timestamp)]) -> Option<(Timestamp, Timestamp)> {
    let (first, rest) = spans.split_first()?;
    rest.iter().try_fold(*first, |(start, end), next| {
        (next.0.duration_since(end) <= LONGEST_BREAK).then_some((start, end.max(next.1)))
    })
}

/// Whether those that say something say the same.
fn agree<'a>(words: impl Iterator<Item = Option<&'a str>>) -> bool {
    let mut words = words.flatten();
    let first = words.next();
    words.all(|word| first.is_some_and(|first| first.eq_ignore_ascii_case(word)))
}
