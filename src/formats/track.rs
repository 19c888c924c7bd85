//! One recorded track while its points go by: its span in time, the way along it, and the heart.

use crate::formats::time::{self, Instant};
use crate::workout::Metrics;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Mean radius of the earth in metres (IUGG).
const EARTH_RADIUS: f64 = 6_371_008.8;

#[derive(Default)]
pub struct Track {
    pub title: Option<String>,
    pub notes: Option<String>,
    pub sport: Option<String>,
    /// The recording program's own identity of the track.
    pub id: Option<String>,
    open: bool,
    /// What the first timed point says of the zone; the others follow it.
    first: Option<Instant>,
    earliest: Option<Timestamp>,
    latest: Option<Timestamp>,
    /// The last point of this segment, in radians.
    position: Option<(f64, f64)>,
    meters: f64,
    heart_rate_sum: u64,
    heart_rates: u64,
    heart_rate_max: u16,
}

impl Track {
    pub fn begin() -> Self {
        Self { open: true, ..Self::default() }
    }

    /// Whether the document broke off inside the track.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The way between two segments was not recorded, so it does not count.
    pub fn begin_segment(&mut self) {
        self.position = None;
    }

    /// Takes a position in degrees; a point without one still has its time.
    pub fn begin_point(&mut self, latitude: Option<f64>, longitude: Option<f64>) {
        let (Some(latitude), Some(longitude)) = (latitude, longitude) else { return };
        let here = (latitude.to_radians(), longitude.to_radians());
        if let Some(before) = self.position {
            let way = distance(before, here);
            if way.is_finite() {
                self.meters += way;
            }
        }
        self.position = Some(here);
    }

    /// Takes the time of a point. Points may go back in time by a second, and some have none.
    pub fn time(&mut self, text: &str, zone: &TimeZone) {
        let at = match &self.first {
            Some(first) if !first.zone_assumed => time::instant(text),
            _ => {
                let instant = time::parse(text, zone);
                if self.first.is_none() {
                    self.first.clone_from(&instant);
                }
                instant.map(|instant| instant.at)
            }
        };
        let Some(at) = at else { return };
        self.earliest = Some(self.earliest.map_or(at, |earliest| earliest.min(at)));
        self.latest = Some(self.latest.map_or(at, |latest| latest.max(at)));
    }

    /// Takes beats per minute; a strap that lost contact reports 0.
    pub fn heart_rate(&mut self, text: &str) {
        if let Ok(rate @ 1..=255) = text.parse::<u16>() {
            self.heart_rate_sum += u64::from(rate);
            self.heart_rates += 1;
            self.heart_rate_max = self.heart_rate_max.max(rate);
        }
    }

    /// First and last instant, if any point has a time.
    pub fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.earliest.zip(self.latest)
    }

    /// Goes on with a track that begins later. One that also ends before this one was recorded at the same time, by another
    /// device or as a part of it: its way is no further one.
    pub fn join(mut self, later: Self) -> Self {
        if later.latest > self.latest {
            self.latest = later.latest;
            self.meters += later.meters;
            self.heart_rate_sum += later.heart_rate_sum;
            self.heart_rates += later.heart_rates;
            self.heart_rate_max = self.heart_rate_max.max(later.heart_rate_max);
        }
        self.title = self.title.or(later.title);
        self.notes = self.notes.or(later.notes);
        self.sport = self.sport.or(later.sport);
        self.id = self.id.or(later.id);
        self
    }

    pub fn utc_offset_seconds(&self) -> Option<i32> {
        self.first.as_ref()?.utc_offset_seconds
    }

    pub fn zone_assumed(&self) -> bool {
        self.first.as_ref().is_some_and(|first| first.zone_assumed)
    }

    pub fn metrics(&self) -> Metrics {
        let average = self.heart_rate_sum.checked_div(self.heart_rates);
        Metrics {
            distance_meters: (self.meters > 0.0).then_some((self.meters * 10.0).round() / 10.0),
            average_heart_rate: average.and_then(|rate| u16::try_from(rate).ok()),
            max_heart_rate: (self.heart_rates > 0).then_some(self.heart_rate_max),
            ..Metrics::default()
        }
    }
}

/// Great-circle distance in metres between two positions in radians (haversine).
fn distance(from: (f64, f64), to: (f64, f64)) -> f64 {
    let half_latitude = ((to.0 - from.0) / 2.0).sin();
    let half_longitude = ((to.1 - from.1) / 2.0).sin();
    let h = half_latitude * half_latitude + from.0.cos() * to.0.cos() * half_longitude * half_longitude;
    2.0 * EARTH_RADIUS * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_degree_of_latitude_is_a_sixtieth_of_a_nautical_quadrant() {
        let way = distance((0.0, 0.0), (1.0_f64.to_radians(), 0.0));
        assert!((way - 111_195.0).abs() < 1.0, "{way}");
    }

    #[test]
    fn gaps_between_segments_do_not_count() {
        let mut track = Track::begin();
        for latitude in [50.0, 50.001] {
            track.begin_point(Some(latitude), Some(8.0));
        }
        track.begin_segment();
        track.begin_point(Some(52.0), Some(8.0));
        assert_eq!(track.metrics().distance_meters, Some(111.2));
    }
}
