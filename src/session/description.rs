//! One line of what was measured, because the session resource has no fields for it.

use super::one_line;
use crate::rules::Privacy;
use crate::workout::Workout;

const LONGEST_DESCRIPTION: usize = 1000;

/// Notes of the person, then distance, time, energy, heart rate, ascent and device, as far as known.
pub fn of(workout: &Workout, privacy: Privacy) -> Option<String> {
    if !privacy.description {
        return None;
    }
    let metrics = &workout.metrics;
    let parts = [
        workout.source.notes.clone().filter(|_| privacy.notes),
        metrics.distance_meters.map(distance),
        Some(duration(workout)),
        metrics.energy_kcal.map(|kcal| format!("{kcal} kcal")),
        heart_rate(metrics.average_heart_rate, metrics.max_heart_rate),
        metrics.ascent_meters.filter(|meters| *meters > 0).map(|meters| format!("{meters} m up")),
        workout.source.device.clone(),
    ];
    let line = parts.into_iter().flatten().filter(|part| !part.trim().is_empty()).collect::<Vec<_>>().join(" · ");
    (!line.is_empty()).then(|| one_line(&line, LONGEST_DESCRIPTION))
}

pub fn distance(meters: f64) -> String {
    format!("{:.2} km", meters / 1000.0)
}

/// Time without pauses where that is known.
pub fn duration(workout: &Workout) -> String {
    clock(workout.active_millis.unwrap_or_else(|| saturating_millis(workout)))
}

fn saturating_millis(workout: &Workout) -> i64 {
    i64::try_from(workout.duration().as_millis()).unwrap_or(i64::MAX)
}

fn heart_rate(average: Option<u16>, max: Option<u16>) -> Option<String> {
    match (average, max) {
        (Some(average), Some(max)) => Some(format!("{average} bpm, max {max}")),
        (Some(average), None) => Some(format!("{average} bpm")),
        (None, Some(max)) => Some(format!("max {max} bpm")),
        (None, None) => None,
    }
}

fn clock(millis: i64) -> String {
    let seconds = millis / 1000;
    format!("{}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workout::{Format, Metrics};

    #[test]
    fn only_what_is_known_is_told() {
        let start = "2026-04-12T06:30:00Z".parse().unwrap();
        let mut workout = Workout::new(Format::Gpx, start, "2026-04-12T07:31:05Z".parse().unwrap());
        let open = Privacy { title: true, notes: true, description: true };
        let of = |workout: &Workout| of(workout, open);
        assert_eq!(of(&workout).as_deref(), Some("1:01:05"));
        workout.source.notes = Some("Windy.\nGood legs".to_owned());
        workout.source.device = Some("Garmin Edge".to_owned());
        workout.metrics = Metrics {
            distance_meters: Some(30_126.0),
            energy_kcal: Some(612),
            average_heart_rate: Some(148),
            max_heart_rate: Some(171),
            ascent_meters: Some(120),
        };
        assert_eq!(
            of(&workout).as_deref(),
            Some("Windy. Good legs · 30.13 km · 1:01:05 · 612 kcal · 148 bpm, max 171 · 120 m up · Garmin Edge")
        );
        let discreet = Privacy { notes: false, ..open };
        assert!(super::of(&workout, discreet).is_some_and(|line| line.starts_with("30.13 km")));
        assert_eq!(super::of(&workout, Privacy { description: false, ..open }), None);
    }
}
