//! Garmin Connect's list of activities, in English and in others' languages.

use super::{key, outline, read, read_in_berlin, sounds};
use fitferry::workout::Format;

pub const EXAMPLE: &str = "Activity Type,Date,Favorite,Title,Distance,Calories,Time,Avg HR,Max HR,Aerobic TE,Total Ascent,\
    Training Stress Score®,Best Lap Time,Moving Time,Elapsed Time\r\n\
    Trail Running,2025-08-14 08:40:21,false,\"Cracow, evening\",\"12,39\",\"1.768\",\"01:10:20\",\"127\",\"157\",\"3,0\",\"1.030\",\"0,0\",\
    \"00:05:31,1\",\"01:09:35\",\"01:26:41,5\"\r\n\
    Treadmill Running,2025-08-15 08:40:21,false,Treadmill Running,\"3,40\",\"255\",\"00:17:01\",--,--,--,--,--,--,--,--\r\n";

#[test]
fn local_times_and_numbers_of_the_accounts_language() {
    let reading = read_in_berlin(EXAMPLE.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::GarminActivities), "{reading:?}");
    let [run, treadmill] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(outline(run), ("2025-08-14T06:40:21Z".to_owned(), 5201, 8, "Cracow, evening"));
    assert_eq!(run.duration().as_millis(), 5_201_500);
    assert_eq!(run.active_millis, Some(4_220_000));
    assert_eq!(run.source.assumed_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(key(run), "garmin-activities/2025-08-14T08:40:21 Cracow, evening");
    let metrics = &run.metrics;
    assert_eq!(
        (metrics.distance_meters, metrics.energy_kcal, metrics.ascent_meters),
        (Some(12_390.0), Some(1768), Some(1030))
    );
    assert_eq!((metrics.average_heart_rate, metrics.max_heart_rate), (Some(127), Some(157)));
    assert_eq!(outline(treadmill), ("2025-08-15T06:40:21Z".to_owned(), 1021, 58, "Treadmill Running"));
}

/// The zone is not part of what a workout is: corrected, it moves the same ones.
#[test]
fn a_corrected_zone_keeps_the_keys() {
    let (utc, berlin) = (read(EXAMPLE.as_bytes()), read_in_berlin(EXAMPLE.as_bytes()));
    for (utc, berlin) in utc.workouts.iter().zip(&berlin.workouts) {
        assert_eq!(utc.key, berlin.key);
        assert_eq!(utc.start.duration_since(berlin.start).as_hours(), 2);
    }
}

#[test]
fn kilometres_are_believed_where_a_decimal_comma_proves_them() {
    let american = EXAMPLE.replace("\"12,39\"", "7.70").replace("\"1.768\"", "\"1,768\"");
    let run = &read(american.as_bytes()).workouts[0];
    assert_eq!(
        (run.metrics.distance_meters, run.metrics.ascent_meters, run.metrics.energy_kcal),
        (None, None, Some(1768))
    );
}

#[test]
fn lists_in_other_languages() {
    for list in [
        "Aktivitätstyp,Datum,Favorit,Titel,Distanz,Kalorien,Zeit,Ø Herzfrequenz,Verstrichene Zeit\nLaufen,2026-02-28 22:10:05,false,X,\"5,25\",1,\"30:00,75\",145,01:00:00\n",
        "Type d'activité,Date,Favori,Titre,Distance,Calories,Durée,Fréquence cardiaque moyenne,Temps écoulé\nCourse à pied,2026-02-28 22:10:05,false,X,\"5,25\",1,\"00:30:00.75\",145,01:00:00\n",
        "Tipo di attività,Data,Preferita,Titolo,Distanza,Calorie,Tempo,FC Media,Tempo trascorso\nCorsa,2026-02-28 22:10:05,false,X,\"5,25\",1,\"00:30:00,75\",145,01:00:00\n",
        "Aktivnost,Datum,Favorit,Naslov,Razdalja,Kalorije,Čas,Body Battery\nRunning,2026-02-28 22:10:05,false,X,\"5,25\",1,\"01:00:00\",145\n",
    ] {
        let reading = read(list.as_bytes());
        let [run] = &reading.workouts[..] else { panic!("{reading:?}") };
        assert_eq!(outline(run), ("2026-02-28T22:10:05Z".to_owned(), 3600, 8, "X"), "{list}");
        assert_eq!(run.metrics.distance_meters, Some(5250.0));
    }
}
