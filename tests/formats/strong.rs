//! Strong's tables of sets: of both apps, of all years.

use super::{key, outline, read, read_in_berlin, sounds};
use fitferry::formats::Outcome;
use fitferry::workout::Format;

pub const EXAMPLE: &str = "Date,Workout Name,Duration,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,Notes,Workout Notes,RPE\n\
    2021-07-07 18:35:21,\" Push, heavy\",1h 19m,Bench Press (Barbell),1,80,5,0,0,,\"felt\ngood\",8\n\
    2021-07-07 18:35:21,\" Push, heavy\",1h 19m,Bench Press (Barbell),Rest Timer,,,,90,,,\n\
    2021-07-09 18:35:21,Pull,35m,Row,W,40,8,0,0,,,\n";

const OTHERS: &[&str] = &[
    // Android of today, with units.
    "Date;Workout Name;Exercise Name;Set Order;Weight;Weight Unit;Reps;RPE;Distance;Distance Unit;Seconds;Notes;Workout Notes;Workout Duration\n\
    2021-07-07 18:35:21; Push, heavy;Bench Press (Barbell);1;80;kg;5;;;;0;;\"felt\ngood\";1h 19m\n\
    2021-07-09 18:35:21;Pull;Row;1;40;kg;8;;;;0;;;35m\n",
    // Android of 2019 and 2025, with a number for each workout.
    "\"Workout #\";\"Date\";\"Workout Name\";\"Duration (sec)\";\"Exercise Name\";\"Set Order\";\"Weight (kg)\";\"Reps\";\"RPE\";\"Distance (meters)\";\"Seconds\";\"Notes\";\"Workout Notes\"\n\
    \"1\";\"2021-07-07 18:35:21\";\"Push, heavy\";\"4740\";\"Bench Press (Barbell)\";\"1\";\"80\";\"5\";\"\";\"\";\"0\";\"\";\"felt\ngood\"\n\
    \"2\";\"2021-07-09 18:35:21\";\"Pull\";\"2100\";\"Row\";\"1\";\"40\";\"8\";\"\";\"\";\"0\";\"\";\"\"\n",
    // In German.
    "Datum;Workout-Name;Name der Übung;Reihenfolge festlegen;Gewicht;Wiederh.;RPE;Entfernung;Sekunden;Notizen;Workout-Notizen;Workout-Dauer\n\
    2021-07-07 18:35:21;Push, heavy;Bankdrücken;1;80;5;;;0;;\"felt\ngood\";1 Std. 19 Min.\n\
    2021-07-09 18:35:21;Pull;Rudern;1;40;8;;;0;;;35 Min.\n",
];

#[test]
fn sets_of_one_start_and_name_are_one_workout() {
    let reading = read_in_berlin(EXAMPLE.as_bytes());
    assert!(sounds(&reading) && reading.format == Some(Format::Strong), "{reading:?}");
    let [push, pull] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(outline(push), ("2021-07-07T16:35:21Z".to_owned(), 4740, 80, "Push, heavy"));
    assert_eq!(push.source.notes.as_deref(), Some("felt\ngood"));
    assert_eq!(key(push), "strong/2021-07-07T18:35:21 Push, heavy");
    assert_eq!(outline(pull), ("2021-07-09T16:35:21Z".to_owned(), 2100, 80, "Pull"));
}

#[test]
fn all_variants_tell_the_same() {
    for variant in OTHERS {
        assert_eq!(read(variant.as_bytes()).workouts, read(EXAMPLE.as_bytes()).workouts, "{variant}");
    }
}

#[test]
fn exports_without_lengths_are_refused_with_what_to_do() {
    let old = "Date,Workout Name,Exercise Name,Set Order,Weight,Reps,Distance,Seconds,Notes,Workout Notes\n\
        2017-07-07 18:35:21,Push,Bench,1,80,5,0,0,,\n2017-07-07 18:35:21,Push,Bench,2,80,5,0,0,,\n2017-07-09 18:35:21,Pull,Row,1,80,5,0,0,,\n";
    let reading = read(old.as_bytes());
    assert_eq!(reading.refused.len(), 2);
    assert!(reading.refused[0].starts_with("row 1 (line 2): no length"), "{:?}", reading.refused);
    assert!(reading.refused[1].starts_with("row 3 (line 4): no length"), "{:?}", reading.refused);
    assert!(matches!(reading.outcome(), Outcome::Error(why) if why.contains("newer version of the app")));
}

#[test]
fn ten_thousand_sets_of_four_hundred_workouts() {
    let (header, _) = EXAMPLE.split_once('\n').unwrap();
    let row =
        |workout: i32| format!("2021-07-07 {:02}:{:02}:00,Push,5m,Bench,1,80,5,0,0,,,8\n", workout / 60, workout % 60);
    let rows: String = (0..10_000).map(|set| row(set / 25)).collect();
    let reading = read(format!("{header}\n{rows}").as_bytes());
    assert_eq!((reading.workouts.len(), reading.refused.len()), (400, 0));
}
