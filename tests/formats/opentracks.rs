//! The KML reader: recordings of OpenTracks, old and new, and maps that are none.

use super::{read, sounds};
use crate::support::archive::Zip;
use fitferry::formats::{self, Condition, Options, Outcome};
use fitferry::workout::Key;
use std::io::Write;

/// As the app writes it: a marker, and one track of two segments. `P` stands for the prefix of old files.
pub fn kml(p: &str) -> String {
    let text = "<?xml version='1.0' encoding='UTF-8'?>
<kml xmlns='http://www.opengis.net/kml/2.3' xmlns:gx='http://www.google.com/kml/ext/2.2' xmlns:opentracks='http://opentracksapp.com/xmlschemas/v1'>
<Document><name><![CDATA[Round the lake]]></name><atom:generator><![CDATA[OpenTracks]]></atom:generator>
<Folder><name>Markers</name><Placemark><name>Bench</name><TimeStamp><when>2026-04-12T05:00:00+02:00</when></TimeStamp></Placemark></Folder>
<Placemark><name><![CDATA[Round the lake]]></name><description><![CDATA[with Anna & Ben]]></description><icon><![CDATA[RUN]]></icon>
<opentracks:trackid>2f170875-55d7-445d-b2b8-22a573c81dbc</opentracks:trackid>
<ExtendedData><Data name='type'><value><![CDATA[trail running]]></value></Data></ExtendedData>
<P:MultiTrack>
<P:Track><when>2026-04-12T08:30:15.5+02:00</when><P:coord>8.0 50.0 100.0</P:coord><when>2026-04-12T08:31:15+02:00</when><P:coord>8.0 50.001</P:coord>
<ExtendedData><SchemaData><P:SimpleArrayData name='speed'><P:value>1</P:value></P:SimpleArrayData>
<P:SimpleArrayData name='heart_rate'><P:value>120.0</P:value><P:value/></P:SimpleArrayData></SchemaData></ExtendedData></P:Track>
<P:Track><when>2026-04-12T09:30:15+02:00</when><P:coord/></P:Track>
</P:MultiTrack></Placemark></Document></kml>";
    text.replace("P:", p)
}

#[test]
fn a_placemark_with_a_track_is_a_workout() {
    let reading = read(kml("gx:").as_bytes());
    assert!(sounds(&reading), "{reading:?}");
    let workout = &reading.workouts[0];
    assert_eq!(reading.workouts.len(), 1);
    assert_eq!(
        (workout.start.to_string(), workout.end.to_string()),
        ("2026-04-12T06:30:15.5Z".into(), "2026-04-12T07:30:15Z".into())
    );
    assert_eq!(workout.utc_offset_seconds, Some(7200));
    assert_eq!(
        workout.key,
        Some(Key { vendor: "opentracks".into(), id: "2f170875-55d7-445d-b2b8-22a573c81dbc".into() })
    );
    assert_eq!((workout.activity_type.number(), workout.source.unknown_sport), (8, false));
    assert_eq!(workout.source.title.as_deref(), Some("Round the lake"));
    assert_eq!(workout.source.notes.as_deref(), Some("with Anna & Ben"));
    assert_eq!(workout.source.device.as_deref(), Some("OpenTracks"));
    assert_eq!((workout.metrics.distance_meters, workout.metrics.average_heart_rate), (Some(111.2), Some(120)));
    assert_eq!(read(kml("").as_bytes()).workouts, reading.workouts, "KML 2.3 has no prefix");
}

#[test]
fn words_of_other_languages_are_understood_by_their_icon() {
    let german = kml("").replace("trail running", "Geländelauf").replace("RUN", "MOUNTAIN_BIKE");
    let workout = read(german.as_bytes()).workouts.remove(0);
    assert_eq!((workout.activity_type.number(), workout.source.sport.as_deref()), (15, Some("Geländelauf")));
    let unknown = read(german.replace("MOUNTAIN_BIKE", "ROCKET").as_bytes()).workouts.remove(0);
    assert!(unknown.source.unknown_sport && unknown.activity_type.number() == 108);
    let dated = kml("").replace("Round the lake", "2026-04-12T08:30+02:00");
    assert_eq!(read(dated.as_bytes()).workouts[0].source.title, None);
}

#[test]
fn maps_hold_no_workout() {
    for body in [
        "",
        "<Document><Placemark><Point/></Placemark></Document>",
        "<Document><Placemark><Track/></Placemark></Document>",
    ] {
        let reading = read(format!("<kml>{body}</kml>").as_bytes());
        assert!(matches!(reading.outcome(), Outcome::NoSession(why) if why.contains("map")), "{reading:?}");
    }
}

#[test]
fn a_kmz_is_a_zip_with_a_kml() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&Zip::new().add("doc.kml", kml("")).add("images/1.jpg", "x").build()).unwrap();
    let reading = formats::read_whole(&file, &Options::default(), &mut |_| {}).unwrap();
    assert!(reading.is_complete());
    assert_eq!(reading.workouts[0].source.member.as_deref(), Some("doc.kml"));
}

#[test]
fn every_prefix_is_unfinished_and_keeps_its_points() {
    let text = kml("gx:");
    for end in text.find("<kml").unwrap() + 5..text.len() {
        let reading = read(&text.as_bytes()[..end]);
        assert!(matches!(reading.condition, Condition::Truncated(_)), "{end}: {reading:?}");
        assert!(reading.workouts.len() <= 1);
    }
}
