//! GPX 1.0 and 1.1: tracks with timed points are workouts; routes and waypoints are not.
//!
//! Facts: the GPX 1.1 schema (topografix.com/GPX/1/1) and what real writers make of it. The schema knows no sport, no
//! pauses and no distance: the sport is read from `type`, the distance is measured along the points.

mod recording;

use super::reading::{MOST_WORKOUTS, Reading};
use super::track::Track;
use super::xml::{self, Attributes, Document};
use super::{Options, sport_words};
use crate::workout::{ActivityType, Format, Key, Workout};
use jiff::Timestamp;
use std::io::{self, Read};

/// Reads a GPX document; `head` is the beginning of what `source` will yield.
pub fn read(head: &[u8], source: impl Read, options: &Options) -> io::Result<Reading> {
    let mut gpx = Gpx {
        reading: Reading::new(Format::Gpx),
        options,
        creator: None,
        file_title: None,
        tracks: Vec::new(),
        track: Track::default(),
    };
    gpx.reading.explain("a route or waypoints without times");
    let condition = xml::walk(head, source, &mut gpx)?;
    gpx.finish();
    Ok(gpx.reading.in_condition(condition))
}

struct Gpx<'o> {
    reading: Reading,
    options: &'o Options,
    creator: Option<String>,
    /// `metadata/name` of 1.1, or `gpx/name` of 1.0.
    file_title: Option<String>,
    tracks: Vec<Track>,
    track: Track,
}

/// Where in the document an element stands.
#[derive(Clone, Copy, Default, PartialEq)]
enum Element {
    #[default]
    Outside,
    Gpx,
    Metadata,
    FileTitle,
    Track,
    Title,
    Notes,
    Sport,
    TrackExtensions,
    TrackId,
    Segment,
    Point,
    Time,
    PointExtensions,
    HeartRate,
    Other,
}

impl Document for Gpx<'_> {
    type Element = Element;

    fn open(&mut self, parent: Element, name: &str, attributes: &Attributes<'_>) -> Element {
        match (parent, name) {
            (Element::Segment, "trkpt") => {
                let [latitude, longitude] = attributes.numbers(["lat", "lon"]);
                self.track.begin_point(latitude, longitude);
                Element::Point
            }
            (Element::Point, "time") => Element::Time,
            (Element::Point, "extensions") => Element::PointExtensions,
            (Element::PointExtensions, "hr" | "heartrate") => Element::HeartRate,
            // Vendors wrap theirs once more: TrackPointExtension, Apple's and Suunto's own.
            (Element::PointExtensions, "TrackPointExtension") => Element::PointExtensions,
            (Element::Outside, "gpx") => {
                self.finish();
                self.creator = attributes.get("creator").filter(|creator| !creator.is_empty());
                Element::Gpx
            }
            (Element::Gpx, "metadata") => Element::Metadata,
            (Element::Gpx | Element::Metadata, "name") => Element::FileTitle,
            (Element::Gpx, "trk") => {
                self.track = Track::begin();
                Element::Track
            }
            (Element::Track, "name") => Element::Title,
            (Element::Track, "desc" | "cmt") => Element::Notes,
            (Element::Track, "type") => Element::Sport,
            (Element::Track, "extensions") => Element::TrackExtensions,
            (Element::TrackExtensions, "trackid") => Element::TrackId,
            (Element::Track, "trkseg") => {
                self.track.begin_segment();
                Element::Segment
            }
            _ => Element::Other,
        }
    }

    fn has_text(element: Element) -> bool {
        use Element::{FileTitle, HeartRate, Notes, Sport, Time, Title, TrackId};
        matches!(element, Time | HeartRate | FileTitle | Title | Notes | Sport | TrackId)
    }

    fn close(&mut self, element: Element, text: &str) {
        let given = || (!text.is_empty()).then(|| text.to_owned());
        match element {
            Element::Time => self.track.time(text, self.options.zone_of(Format::Gpx)),
            Element::HeartRate => self.track.heart_rate(text),
            Element::Track => self.finish_track(),
            Element::FileTitle => self.file_title = given(),
            Element::Title => self.track.title = given(),
            Element::Notes if self.track.notes.is_none() => self.track.notes = given(),
            Element::Sport => self.track.sport = given(),
            Element::TrackId => self.track.id = given(),
            _ => {}
        }
    }
}

impl Gpx<'_> {
    fn finish_track(&mut self) {
        let track = std::mem::take(&mut self.track);
        // One more than there may be, so that it is noticed.
        if track.span().is_some() && self.tracks.len() <= MOST_WORKOUTS {
            self.tracks.push(track);
        }
    }

    /// A document has ended.
    fn finish(&mut self) {
        if self.track.is_open() {
            self.finish_track();
        }
        let tracks = std::mem::take(&mut self.tracks);
        let tracks = if tracks.len() > MOST_WORKOUTS { tracks } else { recording::joined(tracks) };
        for track in tracks {
            if let Some(span) = track.span() {
                let workout = self.workout(track, span);
                self.reading.add(workout);
            }
        }
        self.file_title = None;
    }

    fn workout(&self, track: Track, (start, end): (Timestamp, Timestamp)) -> Workout {
        let mut workout = Workout::new(Format::Gpx, start, end);
        workout.utc_offset_seconds = track.utc_offset_seconds();
        workout.metrics = track.metrics();
        workout.source.assumed_zone = track.zone_assumed().then(|| self.options.zone_name(Format::Gpx));
        workout.key = track.id.map(|id| Key { vendor: "opentracks".to_owned(), id });
        let meaning = track.sport.as_deref().and_then(|word| self.activity_type(word));
        workout.set_sport(track.sport, meaning);
        workout.source.title = track.title.or_else(|| self.file_title.clone());
        workout.source.notes = track.notes;
        workout.source.device.clone_from(&self.creator);
        workout
    }

    fn activity_type(&self, word: &str) -> Option<ActivityType> {
        let by_strava = self.creator.as_ref().is_some_and(|creator| creator.contains("Strava"));
        let number = word.parse().ok().filter(|_| by_strava);
        number.and_then(sport_words::strava_number).or_else(|| sport_words::activity_type(word))
    }
}
