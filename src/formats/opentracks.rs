//! OpenTracks' KML: every placemark with a recorded track is one workout; places and drawn lines are none.
//!
//! Facts: the KML 2.2 extension `gx:Track` and KML 2.3, where the same elements have no prefix, and what the app's
//! exporter writes since its version 3: the track's UUID, an icon that names the sport in every language, and the sport's
//! name in the language of the phone. The GPX of the same app tells the same UUID.

use super::reading::Reading;
use super::track::Track;
use super::xml::{self, Attributes, Document};
use super::{Options, sport_words};
use crate::workout::{ActivityType, Format, Key, Workout};
use std::io::{self, Read};

/// Reads a KML document; `head` is the beginning of what `source` will yield.
pub fn read(head: &[u8], source: impl Read, options: &Options) -> io::Result<Reading> {
    let mut kml = Kml { reading: Reading::new(Format::OpenTracks), options, creator: None, placemark: None };
    kml.reading.explain("a map without a recorded track");
    let condition = xml::walk(head, source, &mut kml)?;
    kml.finish();
    Ok(kml.reading.in_condition(condition))
}

struct Kml<'o> {
    reading: Reading,
    options: &'o Options,
    creator: Option<String>,
    placemark: Option<Placemark>,
}

#[derive(Default)]
struct Placemark {
    track: Track,
    /// What the icon is called: a sport, in English.
    icon: Option<String>,
}

#[derive(Clone, Copy, Default, PartialEq)]
enum Element {
    #[default]
    Outside,
    /// Documents, folders and what else only wraps.
    Wrapper,
    Generator,
    Placemark,
    Title,
    Notes,
    Icon,
    TrackId,
    Data,
    Sport,
    MultiTrack,
    Track,
    Time,
    Position,
    Samples,
    HeartRates,
    HeartRate,
    Other,
}

impl Document for Kml<'_> {
    type Element = Element;

    fn open(&mut self, parent: Element, name: &str, attributes: &Attributes<'_>) -> Element {
        use Element::{Data, HeartRates, MultiTrack, Outside, Samples, Wrapper};
        match (parent, name) {
            (Element::Track, "when") => Element::Time,
            (Element::Track, "coord") => Element::Position,
            (HeartRates, "value") => Element::HeartRate,
            (Outside, "kml") | (Wrapper, "Document" | "Folder") => Wrapper,
            (Wrapper, "generator") => Element::Generator,
            (Wrapper, "Placemark") => {
                self.placemark = Some(Placemark { track: Track::begin(), ..Placemark::default() });
                Element::Placemark
            }
            (Element::Placemark, "name") => Element::Title,
            (Element::Placemark, "description") => Element::Notes,
            (Element::Placemark, "icon") => Element::Icon,
            (Element::Placemark, "trackid") => Element::TrackId,
            (Element::Placemark, "ExtendedData") => Data,
            (Data, "Data") if attributes.get("name").as_deref() == Some("type") => Data,
            (Data, "value") => Element::Sport,
            (Element::Placemark, "MultiTrack") => MultiTrack,
            (Element::Placemark | MultiTrack, "Track") => {
                if let Some(placemark) = &mut self.placemark {
                    placemark.track.begin_segment();
                }
                Element::Track
            }
            (Element::Track, "ExtendedData") | (Samples, "SchemaData") => Samples,
            (Samples, "SimpleArrayData") if attributes.get("name").as_deref() == Some("heart_rate") => HeartRates,
            _ => Element::Other,
        }
    }

    fn has_text(element: Element) -> bool {
        use Element::{Generator, HeartRate, Icon, Notes, Position, Sport, Time, Title, TrackId};
        matches!(element, Time | Position | HeartRate | Generator | Title | Notes | Icon | TrackId | Sport)
    }

    fn close(&mut self, element: Element, text: &str) {
        let given = || (!text.is_empty()).then(|| text.to_owned());
        if element == Element::Generator {
            self.creator = given();
        }
        let Some(placemark) = &mut self.placemark else { return };
        match element {
            Element::Time => placemark.track.time(text, self.options.zone_of(Format::OpenTracks)),
            Element::Position => {
                let mut numbers = text.split_ascii_whitespace().map(|number| number.parse().ok());
                let (longitude, latitude) = (numbers.next().flatten(), numbers.next().flatten());
                placemark.track.begin_point(latitude, longitude);
            }
            // Whole beats, printed with a decimal.
            Element::HeartRate => placemark.track.heart_rate(text.split('.').next().unwrap_or_default()),
            Element::Title => placemark.track.title = given().filter(|title| !is_date(title)),
            Element::Notes => placemark.track.notes = given(),
            Element::Icon => placemark.icon = given(),
            Element::TrackId => placemark.track.id = given(),
            Element::Sport => placemark.track.sport = given(),
            Element::Placemark => self.finish(),
            _ => {}
        }
    }
}

impl Kml<'_> {
    fn finish(&mut self) {
        let Some(Placemark { track, icon, .. }) = self.placemark.take() else { return };
        let Some((start, end)) = track.span() else { return };
        let mut workout = Workout::new(Format::OpenTracks, start, end);
        workout.utc_offset_seconds = track.utc_offset_seconds();
        workout.metrics = track.metrics();
        workout.source.assumed_zone = track.zone_assumed().then(|| self.options.zone_name(Format::OpenTracks));
        workout.key = track.id.map(|id| Key { vendor: "opentracks".to_owned(), id });
        let by_word = track.sport.as_deref().and_then(sport_words::activity_type);
        let meaning = by_word.or_else(|| icon.as_deref().and_then(activity_type_of_icon));
        workout.set_sport(track.sport.or(icon), meaning);
        workout.source.title = track.title;
        workout.source.notes = track.notes;
        workout.source.device.clone_from(&self.creator);
        self.reading.add(workout);
    }
}

/// The name that the app gives a track by itself: when it was begun.
fn is_date(title: &str) -> bool {
    title.chars().all(|c| c.is_ascii_digit() || " -:./T+Z".contains(c))
}

/// The app's icons. One stands for several sports, so the word goes before it.
fn activity_type_of_icon(icon: &str) -> Option<ActivityType> {
    let (_, number) = ICONS.iter().find(|(name, _)| icon.eq_ignore_ascii_case(name))?;
    Some(ActivityType::known(*number))
}

const ICONS: &[(&str, u8)] = &[
    ("RUN", 8),
    ("WALK", 7),
    ("BIKE", 1),
    ("MOUNTAIN_BIKE", 15),
    ("SKI", 65),
    ("SNOW_BOARDING", 73),
    ("CLIMBING", 52),
    ("KAYAK", 40),
    ("INLINE_SKATING", 64),
    ("SKATE_BOARDING", 61),
    ("SAILING", 59),
    ("SWIMMING", 82),
    ("SWIMMING_OPEN", 84),
    ("KICKSCOOTER", 108),
    ("WORKOUT", 108),
    ("UNKNOWN", 108),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_of_the_api() {
        assert!(ICONS.iter().all(|(_, number)| ActivityType::new(i64::from(*number)).is_some()));
    }
}
