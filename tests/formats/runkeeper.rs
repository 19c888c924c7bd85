//! Runkeeper's table, old and new.

use super::{key, outline, read, read_in_berlin, sounds};
use fitferry::workout::Format;

pub const EXAMPLE: &str = "Activity Id,Date,Type,Route Name,Distance (km),Duration,Average Pace,Average Speed (km/h),Calories Burned,\
    Climb (m),Average Heart Rate (bpm),Friend's Tagged,Notes,GPX File\n\
    7d7f-1,2019-05-04 16:35:09,Running,Park,10.00,1:06:06,6:37,9.08,899.0,142.6,141,,\"Nice, steady\",2019-05-04-163509.gpx\n\
    7d7f-2,2019-05-05 16:35:09,Arc Trainer,,0.00,26:42,,,,,,,,\n";

const OLD: &str = "Date,Type,Route Name,Distance (mi),Duration,Average Pace,Average Speed (mph),Calories Burned,Climb (ft),\
    Average Heart Rate (bpm),Notes,GPX File\r\n2013-12-29 11:36:13,Running,,3.02,26:42,8:50,6.79,384.0,100,,Whoooo,2013-12-29-1136.gpx\r\n";

#[test]
fn an_export_of_today() {
    let reading = read_in_berlin(EXAMPLE.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Runkeeper), "{reading:?}");
    let [run, arc] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(outline(run), ("2019-05-04T14:35:09Z".to_owned(), 3966, 8, "Park"));
    assert_eq!((key(run).as_str(), run.source.notes.as_deref()), ("runkeeper/7d7f-1", Some("Nice, steady")));
    let metrics = &run.metrics;
    assert_eq!((metrics.distance_meters, metrics.energy_kcal), (Some(10_000.0), Some(899)));
    assert_eq!((metrics.ascent_meters, metrics.average_heart_rate), (Some(143), Some(141)));
    assert_eq!(outline(arc), ("2019-05-05T14:35:09Z".to_owned(), 1602, 25, ""));
    let [(file, of)] = &reading.companions[..] else { panic!("{reading:?}") };
    assert_eq!((file.as_str(), Some(of)), ("2019-05-04-163509.gpx", run.key.as_ref()));
}

#[test]
fn an_old_export_has_no_numbers_and_may_have_miles() {
    let reading = read(OLD.as_bytes());
    let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(outline(run), ("2013-12-29T11:36:13Z".to_owned(), 1602, 8, ""));
    // Of another giver than the numbers, as it may be the same workout.
    assert_eq!(key(run), "runkeeper-clock/2013-12-29T11:36:13 Running");
    assert_eq!((run.metrics.distance_meters, run.metrics.ascent_meters), (Some(3.02 * 1609.344), Some(30)));
}
