//! Strava's index of an export, in the languages and shapes that it comes in.

use super::{key, outline, read, sounds};
use fitferry::formats::{Outcome, Reading};
use fitferry::workout::Format;

/// The first 18 columns of an export, of which two names occur twice, and what follows that is read.
const HEADER: &str = "Activity ID,Activity Date,Activity Name,Activity Type,Activity Description,Elapsed Time,Distance,\
    Max Heart Rate,Relative Effort,Commute,Activity Private Note,Activity Gear,Filename,Athlete Weight,Bike Weight,\
    Elapsed Time,Moving Time,Distance,Max Speed,Average Speed,Elevation Gain,Elevation Loss,Elevation Low,Elevation High,\
    Max Grade,Average Grade,Average Positive Grade,Average Negative Grade,Max Cadence,Average Cadence,Max Heart Rate,\
    Average Heart Rate,Max Watts,Average Watts,Calories,\
    \"<span class=\"\"translation_missing\"\" title=\"\"translation missing: en-US.x.type\"\">Type</span>\"\n";

const ROWS: &str = "4711,\"Jul 18, 2023, 11:15:51 PM\",Night ride,E-Bike Ride,\"Windy.\nNo \"\"lights\"\"\",1275,5.61,,,false,secret,,\
    activities/5033.fit.gz,,,1275.0,1258.0,5612.4,8.2,4.4,33.6,7,4,12,5,0,,,,,171.0,148.2,,,97.0,\n\
    4712,\"Jul 19, 2023, 6:00:00 AM\",Yoga,Yoga,,3600,0,,,false,,,,,,3600.0,,0.0,,,,,,,,,,,,,,,,,,\n";

pub fn example() -> String {
    format!("{HEADER}{ROWS}")
}

fn outlines(reading: &Reading) -> Vec<(String, i64, u8, &str)> {
    reading.workouts.iter().map(outline).collect()
}

#[test]
fn rows_are_activities_in_utc_with_what_the_person_called_them() {
    let reading = read(example().as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Strava), "{reading:?}");
    assert_eq!(
        outlines(&reading),
        [
            ("2023-07-18T23:15:51Z".to_owned(), 1275, 1, "Night ride"),
            ("2023-07-19T06:00:00Z".to_owned(), 3600, 100, "Yoga"),
        ]
    );
    let ride = &reading.workouts[0];
    assert_eq!(key(ride), "strava/4711");
    assert_eq!(ride.source.notes.as_deref(), Some("Windy.\nNo \"lights\""));
    assert_eq!((ride.active_millis, ride.source.assumed_zone.as_deref()), (Some(1_258_000), None));
    let metrics = &ride.metrics;
    assert_eq!(
        (metrics.distance_meters, metrics.energy_kcal, metrics.ascent_meters),
        (Some(5612.4), Some(97), Some(34))
    );
    assert_eq!((metrics.average_heart_rate, metrics.max_heart_rate), (Some(148), Some(171)));
    // The yoga was written down by hand, so there is no file.
    let companions: Vec<_> = reading.companions.iter().map(|(file, key)| (file.as_str(), key.to_string())).collect();
    assert_eq!(companions, [("activities/5033.fit.gz", "strava/4711".to_owned())]);
}

/// The same table in German: the header, the date and the words, and decimal commas in what the page shows.
#[test]
fn an_account_in_german_is_read_alike() {
    let german = "Aktivitäts-ID,Aktivitätsdatum,Name der Aktivität,Aktivitätsart,Aktivitätsbeschreibung,Verstrichene Zeit,Distanz,\
        Max. Herzfrequenz,Relative Leistung,Pendeln,Hinweis,Aktivitätsausrüstung,Dateiname,Sportlergewicht,Fahrradgewicht,\
        Verstrichene Zeit,Bewegungszeit,Distanz\n\
        4711,\"18.07.2023, 23:15:51\",Nachtfahrt,Radfahrt,,1275,\"5,61\",,,false,,,activities/5033.fit.gz,,,1275.0,1258.0,5612.4\n";
    let reading = read(german.as_bytes());
    assert_eq!(outlines(&reading), [("2023-07-18T23:15:51Z".to_owned(), 1275, 1, "Nachtfahrt")]);
    assert_eq!(reading.workouts[0].metrics.distance_meters, Some(5612.4));
    assert_eq!(reading.companions.len(), 1);
    let latin: Vec<u8> = german.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect();
    assert_eq!(read(&latin), reading);
}

/// Nobody told us Czech: the places of the columns tell, and the unknown word is kept.
#[test]
fn a_language_nobody_knows_is_read_by_the_places_of_the_columns() {
    let czech = "ID aktivity,Datum aktivity,Název aktivity,Typ aktivity,Popis aktivity,Uplynulý čas,Vzdálenost,Max. tep,Úsilí,\
        Dojíždění,Poznámka,Vybavení,Název souboru,Hmotnost,Hmotnost kola,Uplynulý čas,Čas pohybu,Vzdálenost\n\
        4711,1. 2. 2020 10:00:00,Dopolední jízda,Jízda,popis,3600,\"25,1\",,,,,,activities/1.gpx,,,3600.0,3500.0,25100.0\n\
        4712,2. 2. 2020 10:00:00,Večer,Cosi,,3600,0,,,,,,,,,3600.0,3500.0,0.0\n";
    let reading = read(czech.as_bytes());
    assert_eq!(
        outlines(&reading),
        [
            ("2020-02-01T10:00:00Z".to_owned(), 3600, 1, "Dopolední jízda"),
            ("2020-02-02T10:00:00Z".to_owned(), 3600, 108, "Večer"),
        ]
    );
    assert_eq!(reading.workouts[0].active_millis, Some(3_500_000));
    assert_eq!(reading.workouts[0].metrics.distance_meters, Some(25_100.0));
    let unknown = &reading.workouts[1].source;
    assert_eq!((unknown.sport.as_deref(), unknown.unknown_sport), (Some("Cosi"), true));
}

#[test]
fn a_spreadsheet_numbers_the_doubled_names() {
    let saved = example().replacen("Distance,Max Speed", "Distance.1,Max Speed", 1).replacen(
        "Weight,Elapsed Time",
        "Weight,Elapsed Time.1",
        1,
    );
    assert_eq!(read(saved.as_bytes()).workouts, read(example().as_bytes()).workouts);
}

#[test]
fn a_row_that_is_an_error_fails_no_other() {
    let rows = format!("{HEADER}#error\n4713,#error,Lost,Run,,60,1\n{ROWS}");
    let reading = read(rows.as_bytes());
    assert_eq!((reading.workouts.len(), reading.refused.len()), (2, 2));
    assert!(reading.refused[0].starts_with("row 1 (line 2): no activity number"), "{:?}", reading.refused);
    assert_eq!(reading.refused[1], "row 2 (line 3): no date");
    assert!(matches!(reading.outcome(), Outcome::Ok(None)));
}

#[test]
fn a_row_out_of_step_is_refused() {
    let reading =
        read(format!("{HEADER}1,\"Jul 18, 2023, 11:15:51 PM\",a,Run,b,60{}x\n{ROWS}", ",".repeat(40)).as_bytes());
    assert_eq!(reading.workouts.len(), 2);
    assert_eq!(reading.refused, ["row 1 (line 2): 46 cells where the header names 36"]);
}

#[test]
fn the_list_of_the_web_page_is_of_the_same_activities() {
    let list = "id,name,type,display_type,start_time,distance_raw,moving_time_raw,elapsed_time_raw,elevation_gain_raw,description\n\
        4711,Night ride,EBikeRide,E-Bike Ride,2023-07-18T23:15:51+0000,5612.4,1258,1275,33.6,\n";
    let reading = read(list.as_bytes());
    assert_eq!(outlines(&reading), [("2023-07-18T23:15:51Z".to_owned(), 1275, 1, "Night ride")]);
    assert_eq!(key(&reading.workouts[0]), "strava/4711");
    assert_eq!(reading.workouts[0].metrics.distance_meters, Some(5612.4));
}
