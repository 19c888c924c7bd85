//! Peloton's table of workouts.

use super::{key, outline, read_in_berlin, sounds};
use fitferry::workout::Format;

pub const EXAMPLE: &str = "Workout Timestamp,Live/On-Demand,Instructor Name,Length (minutes),Fitness Discipline,Type,Title,Class Timestamp,\
    Total Output,Avg. Watts,Avg. Resistance,Avg. Cadence (RPM),Avg. Speed (mph),Distance (mi),Calories Burned,Avg. Heartrate,Avg. Incline,\
    Avg. Pace (min/mi)\n\
    2019-06-17 23:01 (PDT),On Demand,Jo,20,Cycling,Theme,20 min Ride,2019-04-15 13:19 (PDT),303,169,47%,82,19.6,10,279,151.78,,\n\
    2023-11-08 12:04 (-06),On Demand,Jo,10,Stretching,Stretch,10 min Stretch,,,,,,,,,,,\n\
    2023-11-08 12:04 (-06),On Demand,Jo,5,Stretching,Stretch,5 min Stretch,,,,,,,,,,,\n\
    2023-11-09 12:04 (UTC),,,None,Cycling,,Just Ride,,0,10,30%,20,2.75,0.01,0,,,\n\
    2023-11-10 12:04 (LHST),,,30,Yoga,,30 min Yoga,,,,,,,,,,,\n";

#[test]
fn classes_with_the_zone_they_are_printed_in() {
    let reading = read_in_berlin(EXAMPLE.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Peloton), "{reading:?}");
    let outlines: Vec<_> = reading.workouts.iter().map(outline).collect();
    assert_eq!(
        outlines,
        [
            ("2019-06-18T06:01:00Z".to_owned(), 1200, 17, "20 min Ride"),
            ("2023-11-08T18:04:00Z".to_owned(), 600, 108, "10 min Stretch"),
            ("2023-11-08T18:04:00Z".to_owned(), 300, 108, "5 min Stretch"),
            // A zone nobody told us: that of the account.
            ("2023-11-10T11:04:00Z".to_owned(), 1800, 100, "30 min Yoga"),
        ]
    );
    let zones: Vec<_> = reading.workouts.iter().map(|workout| workout.source.assumed_zone.as_deref()).collect();
    assert_eq!(zones, [None, None, None, Some("Europe/Berlin")]);
    let metrics = &reading.workouts[0].metrics;
    assert_eq!(
        (metrics.distance_meters, metrics.energy_kcal, metrics.average_heart_rate),
        (Some(16_093.44), Some(279), Some(152))
    );
    assert_eq!(reading.refused, ["row 4 (line 5): no length: a ride or run without a class"]);
}

/// In summer and in winter the same workouts are printed with other clocks.
#[test]
fn the_season_of_the_export_changes_no_key() {
    let winter = EXAMPLE.replace("2019-06-17 23:01 (PDT)", "2019-06-17 22:01 (PST)");
    let keys = |text: &str| read_in_berlin(text.as_bytes()).workouts.iter().map(key).collect::<Vec<_>>();
    assert_eq!(keys(&winter), keys(EXAMPLE));
}
