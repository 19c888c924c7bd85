//! What a session is called: by the first template of the rules whose fields are all known.

use super::{description, one_line};
use crate::rules::{Field, Part, Rules, Template};
use crate::workout::Workout;
use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

const LONGEST_NAME: usize = 200;

/// By default the title of the source, else "Morning run" by the local time of its start.
pub fn of(workout: &Workout, rules: &Rules) -> String {
    let named = rules.names.iter().find_map(|template| fill(template, workout, rules));
    named.or_else(|| fill(&Template::last_resort(), workout, rules)).unwrap_or_default()
}

/// Nothing if a field is not known.
fn fill(template: &Template, workout: &Workout, rules: &Rules) -> Option<String> {
    let mut name = String::new();
    for part in &template.0 {
        match part {
            Part::Text(text) => name += text,
            Part::Field(field) => {
                let value = value(*field, workout, rules)?;
                if value.trim().is_empty() {
                    return None;
                }
                name += &value;
            }
        }
    }
    let name = one_line(&name, LONGEST_NAME);
    (!name.is_empty()).then_some(name)
}

fn value(field: Field, workout: &Workout, rules: &Rules) -> Option<String> {
    let clock = || local(workout, &rules.zone);
    match field {
        Field::Title => {
            let title = workout.source.title.as_deref().filter(|_| rules.privacy.title)?;
            Some(one_line(title, LONGEST_NAME))
        }
        Field::TimeOfDay => Some(time_of_day(clock().hour()).to_owned()),
        Field::Sport => Some(workout.activity_type.noun().to_owned()),
        Field::Date => Some(clock().date().to_string()),
        Field::Time => Some(clock().strftime("%H:%M").to_string()),
        Field::Distance => workout.metrics.distance_meters.map(description::distance),
        Field::Duration => Some(description::duration(workout)),
        Field::Device => workout.source.device.clone(),
    }
}

fn local(workout: &Workout, zone: &TimeZone) -> DateTime {
    let offset = workout.utc_offset_seconds.and_then(|seconds| Offset::from_seconds(seconds).ok());
    let assumed = workout.source.assumed_zone.as_ref().and_then(|name| TimeZone::get(name).ok());
    let zone = offset.map(Offset::to_time_zone).or(assumed).unwrap_or_else(|| zone.clone());
    zone.to_datetime(workout.start)
}

fn time_of_day(hour: i8) -> &'static str {
    match hour {
        4..=11 => "Morning",
        12..=16 => "Afternoon",
        17..=21 => "Evening",
        _ => "Night",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::Privacy;
    use crate::workout::{ActivityType, Format};

    #[test]
    fn local_time_decides() {
        let at = |hour| format!("2026-04-12T{hour:02}:30:00Z").parse().unwrap();
        let mut workout = Workout::new(Format::Gpx, at(20), at(21));
        workout.activity_type = ActivityType::new(1).unwrap();
        let utc = Rules::of(TimeZone::UTC);
        let tokyo = Rules::of(TimeZone::get("Asia/Tokyo").unwrap());
        assert_eq!(of(&workout, &utc), "Evening ride");
        assert_eq!(of(&workout, &tokyo), "Morning ride");
        workout.source.assumed_zone = Some("America/New_York".to_owned());
        assert_eq!(of(&workout, &tokyo), "Afternoon ride");
        workout.utc_offset_seconds = Some(3 * 3600);
        assert_eq!(of(&workout, &tokyo), "Night ride");
        workout.source.title = Some(" \n ".to_owned());
        assert_eq!(of(&workout, &utc), "Night ride");
        workout.source.title = Some("Round the\nlake".to_owned());
        assert_eq!(of(&workout, &utc), "Round the lake");
    }

    #[test]
    fn the_first_template_that_can_be_filled_counts() {
        let at = |hour| format!("2026-04-12T{hour:02}:30:00Z").parse().unwrap();
        let mut workout = Workout::new(Format::Gpx, at(6), at(7));
        let names = ["{title} ({device})", "{distance} on {date} at {time}", "{duration} of {sport}"];
        let names = names.map(|text| Template::parse(text).unwrap()).to_vec();
        let mut rules = Rules { names, ..Rules::of(TimeZone::UTC) };
        assert_eq!(of(&workout, &rules), "1:00:00 of workout");
        workout.metrics.distance_meters = Some(10_234.0);
        assert_eq!(of(&workout, &rules), "10.23 km on 2026-04-12 at 06:30");
        workout.source.title = Some("Round the lake".to_owned());
        workout.source.device = Some("Edge".to_owned());
        assert_eq!(of(&workout, &rules), "Round the lake (Edge)");
        rules.privacy = Privacy { title: false, ..rules.privacy };
        assert_eq!(of(&workout, &rules), "10.23 km on 2026-04-12 at 06:30");
        rules.names = Template::defaults();
        assert_eq!(of(&workout, &rules), "Morning workout");
        rules.names.clear();
        assert_eq!(of(&workout, &rules), "Morning workout");
    }
}
