//! The reader of health exports: both forms, the odd files people have, and what is passed over.

use super::{read, sounds};
use fitferry::formats::{Condition, Outcome, Reading};
use fitferry::workout::{Key, Metrics};
use proptest::prelude::*;

/// Up to iOS 15: all in attributes.
const OLD: &str = r#"<Workout workoutActivityType="HKWorkoutActivityTypeWalking" duration="88.25" durationUnit="min" totalDistance="5.234"
  totalDistanceUnit="km" totalEnergyBurned="342.5" totalEnergyBurnedUnit="Cal" sourceName="Anna’s Apple Watch" sourceVersion="6.2.5"
  device="&lt;&lt;HKDevice: 0x1&gt;, name:Apple Watch&gt;" creationDate="2020-05-27 18:57:19 +0100"
  startDate="2020-05-27 17:26:15 +0100" endDate="2020-05-27 18:57:18 +0100"/>"#;

/// Since iOS 16: elements.
const NEW: &str = r#"<Workout workoutActivityType="HKWorkoutActivityTypeRunning" duration="50" durationUnit="min" sourceName="Watch"
  creationDate="2025-07-14 17:39:21 +0100" startDate="2025-07-14 16:39:21 +0100" endDate="2025-07-14 17:39:21 +0100">
  <MetadataEntry key="HKIndoorWorkout" value="0"/> <MetadataEntry key="HKTimeZone" value="Europe/Paris"/>
  <MetadataEntry key="HKElevationAscended" value="37346 cm"/> <MetadataEntry key="HKAverageMETs" value="10.58 kcal/hr·kg"/>
  <MetadataEntry key="HKWorkoutBrandName" value="Fitness+ with Cory &amp; Co"/>
  <WorkoutEvent type="HKWorkoutEventTypePause" date="2025-07-14 16:50:00 +0100"/>
  <WorkoutActivity uuid="0c822588-1111-4222-8333-444455556666" startDate="2025-07-14 16:39:21 +0100" endDate="2025-07-14 17:39:21 +0100"
    duration="50" durationUnit="min"><WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" sum="99" unit="km"/></WorkoutActivity>
  <WorkoutStatistics type="HKQuantityTypeIdentifierDistanceWalkingRunning" startDate="x" endDate="y" sum="10.9" unit="km"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierActiveEnergyBurned" sum="2092" unit="kJ"/>
  <WorkoutStatistics type="HKQuantityTypeIdentifierHeartRate" average="148.4" minimum="90" maximum="171" unit="count/min"/>
  <WorkoutRoute sourceName="Watch"><FileReference path="/workout-routes/route_2025-07-14_4.39pm.gpx"/></WorkoutRoute>
</Workout>"#;

/// As iOS 16 writes it: the document type is not well-formed, and a record holds a control character.
fn export(workouts: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!DOCTYPE HealthData [\n<!-- HealthKit Export -->\n<!ELEMENT HealthData (Record|Workout)*>\n\
         <!ATTLIST Workout\n startDate CDATA #REQUIRED>\n<!ATTLIST HeartRateVariability\n  ]\n]>\n<HealthData locale=\"en_GB\">\n\
         <ExportDate value=\"2026-01-01 10:00:00 +0100\"/>\n<Record type=\"HeartRate\" sourceName=\"a\u{b}b\" value=\"1\"/>\n{workouts}\n\
         <Record my attribute=\"1\"/>\n</HealthData>\n"
    )
}

pub fn example() -> String {
    export(&[OLD, NEW].concat())
}

fn workouts(elements: &str) -> Reading {
    read(export(elements).as_bytes())
}

#[test]
fn both_forms_are_read() {
    let reading = workouts(&[OLD, NEW].concat());
    assert!(sounds(&reading) && reading.refused.is_empty(), "{reading:?}");
    let [old, new] = &reading.workouts[..] else { panic!("{reading:?}") };
    assert_eq!(
        (old.start.to_string(), old.end.to_string()),
        ("2020-05-27T16:26:15Z".into(), "2020-05-27T17:57:18Z".into())
    );
    assert_eq!((old.activity_type.number(), old.active_millis), (7, Some(5_295_000)));
    assert_eq!((&old.key, old.utc_offset_seconds), (&None, None), "the offset is that of the export");
    assert_eq!(old.source.device.as_deref(), Some("Anna’s Apple Watch"));
    assert_eq!((old.metrics.distance_meters, old.metrics.energy_kcal), (Some(5234.0), Some(343)));
    assert_eq!((new.start.to_string(), new.active_millis), ("2025-07-14T15:39:21Z".into(), Some(3_000_000)));
    assert_eq!((new.activity_type.number(), new.utc_offset_seconds), (8, Some(7200)));
    let id = "0C822588-1111-4222-8333-444455556666".to_owned();
    assert_eq!(new.key, Some(Key { vendor: "healthkit-activity".into(), id }));
    assert_eq!(new.source.title.as_deref(), Some("Fitness+ with Cory & Co"));
    let metrics = Metrics {
        distance_meters: Some(10_900.0),
        energy_kcal: Some(500),
        average_heart_rate: Some(148),
        max_heart_rate: Some(171),
        ascent_meters: Some(373),
    };
    assert_eq!(new.metrics, metrics);
}

/// An export of another season prints other times for the same workouts.
#[test]
fn a_later_export_tells_the_same() {
    let summer = OLD.replace("17:26:15 +0100", "18:26:15 +0200").replace("18:57:18 +0100", "19:57:18 +0200");
    assert_eq!(workouts(&summer).workouts, workouts(OLD).workouts);
}

#[test]
fn words_and_metadata_make_the_type() {
    let number = |from: &str, to: &str| workouts(&NEW.replace(from, to)).workouts[0].activity_type.number();
    assert_eq!(number("HKIndoorWorkout\" value=\"0", "HKIndoorWorkout\" value=\"1"), 58);
    assert_eq!(number("TypeRunning", "TypeTraditionalStrengthTraining"), 80);
    let pool = NEW
        .replace("TypeRunning", "TypeSwimming")
        .replace("HKIndoorWorkout\" value=\"0", "HKSwimmingLocationType\" value=\"1");
    assert_eq!(workouts(&pool).workouts[0].activity_type.number(), 83);
    let unknown = workouts(&NEW.replace("TypeRunning", "TypeQuidditch")).workouts.remove(0);
    assert!(unknown.source.unknown_sport && unknown.activity_type.number() == 108);
    assert_eq!(unknown.source.sport.as_deref(), Some("Quidditch"));
}

#[test]
fn the_legs_of_a_multisport_are_workouts_and_its_transitions_are_not() {
    let leg = |sport: &str, from: u8, to: u8, id: u8| {
        format!(
            "<WorkoutActivity uuid='{id}' workoutActivityType='HKWorkoutActivityType{sport}' startDate='2025-07-14 {from:02}:00:00 +0000'
             endDate='2025-07-14 {to:02}:00:00 +0000' duration='50' durationUnit='min'><WorkoutStatistics
             type='HKQuantityTypeIdentifierDistanceCycling' sum='{id}' unit='mi'/></WorkoutActivity>"
        )
    };
    let triathlon = |legs: &str| {
        let tag = "<Workout workoutActivityType='HKWorkoutActivityTypeSwimBikeRun' startDate='2025-07-14 06:00:00 +0000' endDate='2025-07-14 11:00:00 +0000'>";
        workouts(&format!("{tag}{legs}</Workout>")).workouts
    };
    let legs =
        [leg("Swimming", 6, 7, 1), leg("Transition", 7, 8, 2), leg("Cycling", 8, 10, 3), leg("Running", 10, 11, 4)];
    let found = triathlon(&legs.concat());
    let told: Vec<_> = found
        .iter()
        .map(|leg| (leg.activity_type.number(), leg.duration().as_hours(), leg.key.as_ref().unwrap().id.as_str()))
        .collect();
    assert_eq!(told, [(82, 1, "1"), (1, 2, "3"), (8, 1, "4")]);
    assert_eq!(found[1].metrics.distance_meters, Some(4828.0));
    let untold = triathlon(&legs.concat().replace("workoutActivityType", "what"));
    assert_eq!((untold.len(), untold[0].activity_type.number(), &untold[0].key), (1, 108, &None));
}

#[test]
fn one_broken_workout_fails_no_other() {
    let earlier = NEW.replace("2025-07-14", "2025-07-13");
    let cut = &earlier[..earlier.find("<WorkoutEvent").unwrap() + 30];
    let without_end = OLD.replace("endDate", "ended");
    let reading = workouts(&[OLD, cut, &without_end, NEW].concat());
    assert_eq!(reading.workouts.len(), 3, "the one that is cut has told its times before: {reading:?}");
    assert_eq!(reading.refused.len(), 1);
    assert!(reading.refused[0].contains("byte"), "{:?}", reading.refused);
    assert!(sounds(&reading));
    let zero = workouts(&OLD.replace("endDate=\"2020-05-27 18:57:18", "endDate=\"2020-05-27 17:26:15"));
    assert!(matches!(zero.outcome(), Outcome::NoSession(_)), "{zero:?}");
    assert!(matches!(workouts("").outcome(), Outcome::NoSession(why) if why.contains("without workouts")));
}

#[test]
fn other_encodings_take_the_slower_way() {
    let text = export(OLD);
    let expected = read(text.as_bytes());
    let utf16: Vec<u8> = text.replace("UTF-8", "UTF-16").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(read(&[b"\xff\xfe".as_slice(), &utf16].concat()), expected);
    assert_eq!(read(&[b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat()), expected);
    let latin = text.replace("UTF-8", "windows-1252").replace('’', "\u{92}").replace('\u{a0}', " ");
    let latin: Vec<u8> = latin.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect();
    assert_eq!(read(&latin).workouts[0].source.device, expected.workouts[0].source.device);
}

#[test]
fn every_prefix_is_unfinished_and_tells_no_more() {
    let text = export(&[OLD, NEW].concat());
    for end in text.find("<HealthData").unwrap() + 12..text.trim_end().len() {
        let reading = read(&text.as_bytes()[..end]);
        assert!(matches!(reading.condition, Condition::Truncated(_)), "{end}: {reading:?}");
        assert!(reading.workouts.len() <= 2);
    }
    let half = read(&text.as_bytes()[..text.find("<MetadataEntry").unwrap()]);
    assert_eq!(half.workouts, workouts(OLD).workouts, "what is whole is kept");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Nothing panics, and no workout is nonsense, whatever happened to the file.
    #[test]
    fn mutilated_files_get_a_verdict(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..30)) {
        let mut bytes = export(&[OLD, NEW].concat()).into_bytes();
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        let reading = read(&bytes);
        reading.outcome();
        for workout in &reading.workouts {
            prop_assert!(workout.start < workout.end);
        }
    }
}
