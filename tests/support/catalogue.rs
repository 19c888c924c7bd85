//! Whether what the log says is what the catalogue of events promises; and which events were seen at all.

use fitferry::events::{CATALOGUE, Event, Field, Kind};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;

/// What is wrong with a line of the log, if anything.
pub fn complaint(line: &Value) -> Option<String> {
    let name = line["event"].as_str()?;
    let level = line["level"].as_str().unwrap_or_default().to_lowercase();
    let of_name = |event: &&Event| event.name == name && event.level.as_str() == level;
    let Some(event) = CATALOGUE.iter().find(of_name) else {
        return Some(format!("the catalogue has no {name} at this level: {line}"));
    };
    note(event);
    if line["message"] != event.message {
        return Some(format!("{name} says something else in the catalogue: {line}"));
    }
    let own = ["timestamp", "level", "event", "message"];
    let fields = line.as_object()?.iter().filter(|(key, _)| !own.contains(&key.as_str()));
    let unknown = fields.clone().find(|(key, _)| event.fields.iter().all(|field| field.name != *key));
    let wrong = event.fields.iter().find(|field| !is_right(field, &line[field.name]));
    unknown
        .map(|(key, _)| format!("the catalogue knows no field {key}: {line}"))
        .or(wrong.map(|field| format!("{} is not {}: {line}", field.name, field.kind.as_str())))
}

fn is_right(field: &Field, value: &Value) -> bool {
    match field.kind {
        Kind::Maybe => value.is_null() || value.is_string(),
        Kind::Text | Kind::Path | Kind::Error => value.is_string(),
        Kind::Count | Kind::Total | Kind::Attempts | Kind::Seconds | Kind::Millis | Kind::Bytes => value.is_u64(),
        Kind::Revision => value.is_i64(),
        Kind::Time => value.as_str().is_some_and(|time| time.parse::<jiff::Timestamp>().is_ok()),
        Kind::Address => {
            value.as_str().is_some_and(|address| address.parse::<SocketAddr>().is_ok() || address.starts_with("unix:/"))
        }
    }
}

/// An event as a name for a file.
pub fn mark(event: &Event) -> String {
    format!("{}-{}", event.name, event.level.as_str())
}

/// Leaves a mark for whoever asks later, over all runs, which events there were.
fn note(event: &Event) {
    if let Some(folder) = std::env::var_os("EVENTS_SEEN") {
        std::fs::write(Path::new(&folder).join(mark(event)), "").unwrap();
    }
}
