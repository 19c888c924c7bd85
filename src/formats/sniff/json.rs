//! Recognises JSON files by the names of their members.

use super::Kind;
use super::why::some_of;
use crate::formats::json::outline;
use crate::workout::Format;
use std::collections::HashSet;

/// Members that together prove a format, in the order in which they are tried. They stand in the first few hundred bytes
/// of real files; a list at the root stands for what it holds.
const PROOFS: &[(Format, &[&str])] = &[
    (Format::HealthAutoExport, &["data.workouts[]"]),
    // The metrics stand before the workouts and may be longer than the head.
    (Format::HealthAutoExport, &["data.metrics[]"]),
    (Format::GarminExport, &["summarizedActivitiesExport[]"]),
    (Format::Suunto, &["DeviceLog"]),
    (Format::Fitbit, &["logId", "activityTypeId"]),
    (Format::GoogleFit, &["fitnessActivity", "startTime", "endTime"]),
    (Format::Polar, &["exportVersion", "startTime", "stopTime"]),
    (Format::Polar, &["identifier.id", "startTime", "stopTime"]),
    (Format::Polar, &["exercises[].startTime", "exercises[].stopTime", "exercises[].sport"]),
    (Format::Nike, &["start_epoch_ms", "app_id"]),
    (Format::Nike, &["activities[].start_epoch_ms", "activities[].app_id"]),
    (Format::Runtastic, &["start_time", "sport_type_id"]),
    (Format::Runtastic, &["start_time", "start_time_timezone_offset"]),
    (Format::Sessions, &["startTimeMillis", "endTimeMillis"]),
    (Format::Sessions, &["session[].startTimeMillis", "session[].endTimeMillis"]),
    // A list without sessions, or one that begins with the deleted ones.
    (Format::Sessions, &["deletedSession[]"]),
    (Format::Sessions, &["session[]", "nextPageToken"]),
];

/// `text` is the beginning of a document, perhaps cut off.
pub fn kind(text: &str) -> Kind {
    proof(&outline(text)).map_or(Kind::Other("JSON"), |(format, _)| Kind::Known(*format))
}

fn proof(names: &HashSet<String>) -> Option<&'static (Format, &'static [&'static str])> {
    PROOFS.iter().find(|(_, proof)| proof.iter().all(|name| names.contains(*name)))
}

/// By what [`kind`] decides.
pub fn why(text: &str) -> String {
    let names = outline(text);
    if let Some((_, proof)) = proof(&names) {
        let members = if proof.len() == 1 { "member" } else { "members" };
        return format!("JSON with the {members} {}", proof.join(", "));
    }
    let mut names: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
    names.sort_unstable();
    match names.is_empty() {
        true => "JSON in whose beginning no member has a name".to_owned(),
        false => format!("JSON without the members of any known format; it has {}", some_of(names.into_iter())),
    }
}
