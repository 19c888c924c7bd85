//! Takes a session of ours apart again: the name and description that were made for it, back into what they were made of.

use crate::workout::Workout;

/// Undoes [`Session::of`](crate::session::Session::of), as far as the wire form keeps what it was made from.
pub fn take_apart(workout: &mut Workout) {
    let noun = workout.activity_type.noun();
    let is_made = |title: &str| {
        let rest = title.split_once(' ').filter(|(time, _)| TIMES_OF_DAY.contains(time));
        rest.is_some_and(|(_, rest)| rest == noun)
    };
    workout.source.title = workout.source.title.take().filter(|title| !is_made(title));
    let Some(description) = workout.source.notes.take() else { return };
    let parts: Vec<&str> = description.split(SEPARATOR).collect();
    // The time without pauses is always there, unless the notes were so long that the rest was cut off.
    let Some(clock) = parts.iter().rposition(|part| is_clock(part)) else {
        workout.source.notes = Some(description);
        return;
    };
    let (before, after) = (&parts[..clock], &parts[clock + 1..]);
    let metrics = &mut workout.metrics;
    let kilometers = before.last().and_then(|part| number(part, "", " km"));
    metrics.distance_meters = kilometers.map(|kilometers: f64| kilometers * 1000.0);
    let notes = &before[..before.len() - usize::from(kilometers.is_some())];
    workout.source.notes = Some(notes.join(SEPARATOR)).filter(|notes| !notes.is_empty());
    let mut after = after.iter().copied().peekable();
    metrics.energy_kcal = after.peek().and_then(|part| number(part, "", " kcal"));
    after.next_if(|_| metrics.energy_kcal.is_some());
    let (average, max) = after.peek().map(|part| heart_rates(part)).unwrap_or_default();
    (metrics.average_heart_rate, metrics.max_heart_rate) = (average, max);
    after.next_if(|_| average.is_some() || max.is_some());
    metrics.ascent_meters = after.peek().and_then(|part| number(part, "", " m up"));
    after.next_if(|_| metrics.ascent_meters.is_some());
    let device = after.collect::<Vec<_>>().join(SEPARATOR);
    workout.source.device = Some(device).filter(|device| !device.is_empty());
}

const TIMES_OF_DAY: &[&str] = &["Morning", "Afternoon", "Evening", "Night"];

const SEPARATOR: &str = " · ";

/// `1:02:03`.
fn is_clock(part: &str) -> bool {
    let mut fields = part.split(':');
    let is_number = |field: &str| !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_digit());
    let hours = fields.next().is_some_and(is_number);
    hours && fields.clone().count() == 2 && fields.all(|field| field.len() == 2 && is_number(field))
}

fn number<T: std::str::FromStr>(part: &str, before: &str, after: &str) -> Option<T> {
    part.strip_prefix(before)?.strip_suffix(after)?.parse().ok()
}

/// `148 bpm, max 171`, or one of the two: `148 bpm`, `max 171 bpm`.
fn heart_rates(part: &str) -> (Option<u16>, Option<u16>) {
    match part.split_once(", ") {
        Some((average, max)) => (number(average, "", " bpm"), number(max, "max ", "")),
        None => (number(part, "", " bpm"), number(part, "max ", " bpm")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Rules;
    use crate::session::Session;
    use crate::workout::{ActivityType, Format};
    use jiff::tz::TimeZone;

    /// Whatever a session of ours was made of, taking it apart and making it again changes nothing.
    #[test]
    fn what_is_put_together_again_is_the_same() {
        let start = "2026-04-12T06:30:15Z".parse().unwrap();
        let mut told = 0;
        for bits in 0..256_u32 {
            let has = |bit: u32| bits & (1 << bit) != 0;
            let mut workout = Workout::new(Format::Fit, start, "2026-04-12T07:30:15Z".parse().unwrap());
            workout.activity_type = ActivityType::known(8);
            workout.active_millis = Some(3_540_000);
            workout.source.title = has(0).then(|| "Round the lake".to_owned());
            workout.source.notes = has(1).then(|| "Windy · 5.00 km to go · 0:10:00".to_owned());
            workout.source.device = has(2).then(|| "Watch".to_owned());
            workout.metrics.distance_meters = has(3).then_some(10_234.5);
            workout.metrics.energy_kcal = has(4).then_some(612);
            workout.metrics.average_heart_rate = has(5).then_some(148);
            workout.metrics.max_heart_rate = has(6).then_some(171);
            workout.metrics.ascent_meters = has(7).then_some(120);
            let session = Session::of(&workout, "fitferry-x".to_owned(), &Rules::of(TimeZone::UTC));
            let mut again = Workout::new(Format::Sessions, workout.start, workout.end);
            again.activity_type = workout.activity_type;
            again.active_millis = session.active_time_millis;
            again.source.title = Some(session.name.clone());
            again.source.notes.clone_from(&session.description);
            take_apart(&mut again);
            assert_eq!(again.source.title, workout.source.title);
            assert_eq!(again.source.notes, workout.source.notes);
            assert_eq!(again.source.device, workout.source.device);
            assert_eq!(again.metrics.max_heart_rate, workout.metrics.max_heart_rate);
            assert_eq!(Session::of(&again, session.id.clone(), &Rules::of(TimeZone::UTC)), session);
            told += 1;
        }
        assert_eq!(told, 256);
    }
}
