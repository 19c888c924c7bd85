//! Writes small GPX and TCX files for tests and benchmarks.

use jiff::Timestamp;
use std::fmt::Write;

fn utc(seconds: i64) -> String {
    Timestamp::from_second(seconds).unwrap().to_string()
}

/// A GPX track of `points` points over `seconds`, with a heart rate and what else watches write.
pub fn gpx(start: i64, seconds: i64, points: i64, sport: &str) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<gpx version=\"1.1\" creator=\"Test\" \
         xmlns=\"http://www.topografix.com/GPX/1/1\" xmlns:gpxtpx=\"http://www.garmin.com/xmlschemas/TrackPointExtension/v1\">\n \
         <metadata><time>1999-01-01T00:00:00Z</time><link href=\"x\"><type>text/html</type></link></metadata>\n <trk>\n",
    );
    write!(text, "  <type>{sport}</type>\n  <trkseg>\n").unwrap();
    for index in 0..points {
        let time = utc(start + index * seconds / (points - 1).max(1));
        let (latitude, longitude) = (50_000_000 + index * 90, 8_000_000 + index * 70);
        write!(
            text,
            "   <trkpt lat=\"50.{:06}\" lon=\"8.{:06}\">\n    <ele>{}.2</ele>\n    <time>{time}</time>\n    <extensions>\n     \
             <gpxtpx:TrackPointExtension>\n      <gpxtpx:hr>{}</gpxtpx:hr>\n      <gpxtpx:cad>85</gpxtpx:cad>\n     \
             </gpxtpx:TrackPointExtension>\n    </extensions>\n   </trkpt>\n",
            latitude % 1_000_000,
            longitude % 1_000_000,
            100 + index % 50,
            120 + index % 40
        )
        .unwrap();
    }
    text.push_str("  </trkseg>\n </trk>\n</gpx>\n");
    text
}

/// A TCX activity of one lap with `points` points over `seconds`.
pub fn tcx(start: i64, seconds: i64, points: i64, sport: &str) -> String {
    let mut text = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<TrainingCenterDatabase \
         xmlns=\"http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2\">\n <Activities>\n",
    );
    let begin = utc(start);
    write!(
        text,
        "  <Activity Sport=\"{sport}\">\n   <Id>{begin}</Id>\n   <Lap StartTime=\"{begin}\">\n    \
         <TotalTimeSeconds>{seconds}.0</TotalTimeSeconds>\n    <DistanceMeters>10234.5</DistanceMeters>\n    \
         <Calories>612</Calories>\n    <AverageHeartRateBpm><Value>148</Value></AverageHeartRateBpm>\n    \
         <MaximumHeartRateBpm><Value>171</Value></MaximumHeartRateBpm>\n    <Intensity>Active</Intensity>\n    <Track>\n"
    )
    .unwrap();
    for index in 0..points {
        let time = utc(start + index * seconds / (points - 1).max(1));
        write!(
            text,
            "     <Trackpoint>\n      <Time>{time}</Time>\n      <Position>\n       \
             <LatitudeDegrees>50.{index:06}</LatitudeDegrees>\n       <LongitudeDegrees>8.{index:06}</LongitudeDegrees>\n      \
             </Position>\n      <AltitudeMeters>{}.2</AltitudeMeters>\n      <DistanceMeters>{index}.5</DistanceMeters>\n      \
             <HeartRateBpm>\n       <Value>{}</Value>\n      </HeartRateBpm>\n     </Trackpoint>\n",
            100 + index % 50,
            120 + index % 40
        )
        .unwrap();
    }
    text.push_str(
        "    </Track>\n   </Lap>\n   <Creator><Name>Test Watch</Name></Creator>\n  </Activity>\n </Activities>\n \
         <Author><Name>Test</Name><Build><Time>2001-01-01T00:00:00Z</Time></Build></Author>\n</TrainingCenterDatabase>\n",
    );
    text
}
