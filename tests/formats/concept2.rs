//! Seasons of the Concept2 logbook.

use super::{key, outline, read_in_berlin, sounds};
use fitferry::workout::Format;

pub const EXAMPLE: &str = "Log ID,Date,Description,Work Time (Formatted),Work Time (Seconds),Rest Time (Formatted),Rest Time (Seconds),\
    Work Distance,Rest Distance,Stroke Rate/Cadence,Stroke Count,Pace,Avg Watts,Cal/Hour,Total Cal,Avg Heart Rate,Drag Factor,Age,Weight,\
    Type,Ranked,Comments,Date Entered\n\
    44023457,\"2024-06-01 07:32:00\",\"5000m row\",21:11.3,1271.3,,,5000,,21,442,2:07.1,170,886,311,148,126,42,Hwt,RowErg,No,\"easy\",x\n\
    44023458,\"2024-06-02 07:32:00\",\"4x500m/1:00r\",8:00.0,480,3:00,180,\"2,000\",50,21,442,2:07.1,170,886,130,,126,42,Hwt,BikeErg,No,,x\n";

#[test]
fn the_date_is_the_end_and_rests_belong_to_it() {
    let reading = read_in_berlin(EXAMPLE.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Concept2), "{reading:?}");
    let [row, bike] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!((row.end.to_string().as_str(), row.duration().as_millis()), ("2024-06-01T05:32:00Z", 1_271_300));
    assert_eq!((key(row).as_str(), row.activity_type.number()), ("concept2/44023457", 54));
    assert_eq!((row.source.title.as_deref(), row.source.notes.as_deref()), (None, Some("easy")));
    assert_eq!((row.metrics.distance_meters, row.metrics.energy_kcal), (Some(5000.0), Some(311)));
    assert_eq!(outline(bike), ("2024-06-02T05:21:00Z".to_owned(), 660, 18, ""));
    assert_eq!((bike.active_millis, bike.metrics.distance_meters), (Some(480_000), Some(2000.0)));
}

#[test]
fn older_seasons_call_the_number_otherwise() {
    let older = EXAMPLE.replace("Log ID", "\"ID\"").replace("RowErg", "Indoor Rower");
    assert_eq!(read_in_berlin(older.as_bytes()).workouts[0].key, read_in_berlin(EXAMPLE.as_bytes()).workouts[0].key);
}
