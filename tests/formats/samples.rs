//! A sample of every format, and of archives: what the property test mutilates, and what the fuzzers begin with.

use super::json::documents;
use super::{apple_health, opentracks, read, tables};
use crate::support::archive::{Zip, gzip, tar};
use crate::support::fit::{FitFile, Run};
use crate::support::xml;
use fitferry::workout::Format;

const START: i64 = 1_775_975_415;

/// Of each format at least one.
pub fn of_formats() -> Vec<(Format, Vec<u8>)> {
    let watch = Run { records: 5, ..Run::default() };
    let mut unfinished = FitFile::new();
    watch.file_id(&mut unfinished);
    watch.records(&mut unfinished);
    let mut samples = vec![
        (Format::Fit, watch.build()),
        (Format::Fit, [watch.build(), Run::at(START + 86_400).build()].concat()),
        (Format::Fit, unfinished.with_data_size(0)),
        (Format::Gpx, xml::gpx(START, 600, 5, "running").into_bytes()),
        (Format::Tcx, xml::tcx(START, 600, 5, "Running").into_bytes()),
        (Format::AppleHealth, apple_health::example().into_bytes()),
        (Format::OpenTracks, opentracks::kml("gx:").into_bytes()),
    ];
    samples.extend(documents().into_iter().map(|(format, text)| (format, text.into_bytes())));
    for table in tables::examples() {
        samples.push((read(table.as_bytes()).format.unwrap(), table.into_bytes()));
    }
    samples
}

/// Zip and tar, plain, packed and inside one another.
pub fn of_archives() -> Vec<Vec<u8>> {
    let run = Run { records: 2, ..Run::default() }.build();
    let walk = xml::gpx(START + 86_400, 60, 3, "walking");
    let inner = Zip::new().store("a.fit", &run).add("b.gpx.gz", gzip(&walk)).build();
    let tar = tar(&[("a.fit", &run), ("b.zip", &inner)]);
    let export = Zip::new().add("export.xml", apple_health::example()).add("workout-routes/1.gpx", &walk).build();
    vec![
        inner.clone(),
        Zip::new().add("c.zip", &inner).add("d.gpx", &walk).build(),
        gzip(&tar),
        tar,
        export,
        gzip(&run),
    ]
}
