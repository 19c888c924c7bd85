//! Sessions of a Google Takeout of Fit: one object per file, in UTC.
//!
//! Follows what importers of the export read: `fitnessActivity` holds a constant of Fit's `FitnessActivities`, sums stand
//! under `aggregate`. There is neither an id nor a title. Several apps may have written one workout, so there is no key:
//! equal intervals are what makes two of these the same.

use super::json::{self, Layout, Node, Refusal};
use super::number::{millis, rounded};
use super::reading::Reading;
use super::{Options, time};
use crate::workout::{ActivityType, Format, Workout};
use jiff::Timestamp;
use std::io::{self, Read};

const LAYOUT: Layout = Layout {
    path: &[],
    bare: false,
    names: &[
        "fitnessActivity",
        "startTime",
        "endTime",
        "duration",
        "aggregate",
        "metricName",
        "floatValue",
        "intValue",
    ],
};

pub fn read(_head: &[u8], source: impl Read, _options: &Options) -> io::Result<Reading> {
    json::read(Format::GoogleFit, source, &LAYOUT, |session| vec![workout(session)])
}

fn workout(session: &Node) -> Result<Workout, Refusal> {
    let activity = session.get("fitnessActivity").owned().ok_or("without fitnessActivity")?;
    if is_no_workout(&activity) {
        return Err(Refusal::NoWorkout(format!("{activity}, not a workout")));
    }
    let start = instant(session, "startTime")?;
    let mut workout = Workout::new(Format::GoogleFit, start, instant(session, "endTime")?);
    workout.active_millis = session.get("duration").text().and_then(seconds).and_then(millis);
    let sum = |metric: &str| {
        let metrics = session.get("aggregate").items();
        let metric = metrics.iter().find(|node| node.get("metricName").text() == Some(metric))?;
        metric.any(&["floatValue", "intValue"]).positive()
    };
    workout.metrics.energy_kcal = sum("com.google.calories.expended").and_then(rounded);
    workout.metrics.distance_meters = sum("com.google.distance.delta");
    let meaning = activity_type(&activity);
    workout.set_sport(Some(activity), meaning);
    Ok(workout)
}

fn instant(session: &Node, name: &str) -> Result<Timestamp, String> {
    let text = session.get(name).text().ok_or_else(|| format!("without {name}"))?;
    time::instant(text).ok_or_else(|| format!("{name} is no time: {text}"))
}

/// `674.186s`.
fn seconds(text: &str) -> Option<f64> {
    text.strip_suffix('s')?.parse().ok()
}

/// What Fit notes besides workouts: sleep and its stages, and what the phone saw of a day.
fn is_no_workout(activity: &str) -> bool {
    activity == "sleep" || activity.starts_with("sleep.") || matches!(activity, "in_vehicle" | "still" | "tilting")
}

fn activity_type(activity: &str) -> Option<ActivityType> {
    ACTIVITIES.iter().find(|(_, known)| *known == activity).map(|(number, _)| ActivityType::known(*number))
}

/// The constants of Fit; the numbers are those of the sessions API.
const ACTIVITIES: &[(u8, &str)] = &[
    // "Unknown" means that Fit detected nothing; it is a workout all the same.
    (108, "unknown"),
    (108, "other"),
    (0, "in_vehicle"),
    (1, "biking"),
    (2, "on_foot"),
    (3, "still"),
    (5, "tilting"),
    (7, "walking"),
    (8, "running"),
    (9, "aerobics"),
    (10, "badminton"),
    (11, "baseball"),
    (12, "basketball"),
    (13, "biathlon"),
    (14, "biking.hand"),
    (15, "biking.mountain"),
    (16, "biking.road"),
    (17, "biking.spinning"),
    (18, "biking.stationary"),
    (19, "biking.utility"),
    (20, "boxing"),
    (21, "calisthenics"),
    (22, "circuit_training"),
    (23, "cricket"),
    (24, "dancing"),
    (25, "elliptical"),
    (26, "fencing"),
    (27, "football.american"),
    (28, "football.australian"),
    (29, "football.soccer"),
    (30, "frisbee_disc"),
    (31, "gardening"),
    (32, "golf"),
    (33, "gymnastics"),
    (34, "handball"),
    (35, "hiking"),
    (36, "hockey"),
    (37, "horseback_riding"),
    (38, "housework"),
    (39, "jump_rope"),
    (40, "kayaking"),
    (41, "kettlebell_training"),
    (42, "kickboxing"),
    (43, "kitesurfing"),
    (44, "martial_arts"),
    (45, "meditation"),
    (46, "martial_arts.mixed"),
    (47, "p90x"),
    (48, "paragliding"),
    (49, "pilates"),
    (50, "polo"),
    (51, "racquetball"),
    (52, "rock_climbing"),
    (53, "rowing"),
    (54, "rowing.machine"),
    (55, "rugby"),
    (56, "running.jogging"),
    (57, "running.sand"),
    (58, "running.treadmill"),
    (59, "sailing"),
    (60, "scuba_diving"),
    (61, "skateboarding"),
    (62, "skating"),
    (63, "skating.cross"),
    (64, "skating.inline"),
    (65, "skiing"),
    (66, "skiing.back_country"),
    (67, "skiing.cross_country"),
    (68, "skiing.downhill"),
    (69, "skiing.kite"),
    (70, "skiing.roller"),
    (71, "sledding"),
    (73, "snowboarding"),
    (74, "snowmobile"),
    (75, "snowshoeing"),
    (76, "squash"),
    (77, "stair_climbing"),
    (78, "stair_climbing.machine"),
    (79, "standup_paddleboarding"),
    (80, "strength_training"),
    (81, "surfing"),
    (82, "swimming"),
    (83, "swimming.pool"),
    (84, "swimming.open_water"),
    (85, "table_tennis"),
    (86, "team_sports"),
    (87, "tennis"),
    (88, "treadmill"),
    (89, "volleyball"),
    (90, "volleyball.beach"),
    (91, "volleyball.indoor"),
    (92, "wakeboarding"),
    (93, "walking.fitness"),
    (94, "walking.nordic"),
    (95, "walking.treadmill"),
    (96, "water_polo"),
    (97, "weightlifting"),
    (98, "wheelchair"),
    (99, "windsurfing"),
    (100, "yoga"),
    (101, "zumba"),
    (102, "diving"),
    (103, "ergometer"),
    (104, "ice_skating"),
    (105, "skating.indoor"),
    (106, "curling"),
    (112, "sleep"),
    (113, "crossfit"),
    (114, "interval_training.high_intensity"),
    (115, "interval_training"),
    (116, "walking.stroller"),
    (117, "elevator"),
    (118, "escalator"),
    (119, "archery"),
    (120, "softball"),
    (122, "guided_breathing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_is_one_of_the_api() {
        for (number, activity) in ACTIVITIES {
            assert!(ActivityType::new((*number).into()).is_some(), "{activity}");
        }
    }
}
