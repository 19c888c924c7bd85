//! The description of what is served, in the form that generic clients of Google's APIs read.
//!
//! Facts: the shape of the API's own discovery document, revision 20250819; the words are ours.

use serde_json::{Map, Value, json};
use std::sync::LazyLock;

/// The members of a schema: name, type, format if any, and what it is.
type Member = (&'static str, &'static str, &'static str, &'static str);

const SESSION: [Member; 9] = [
    ("id", "string", "", "Chosen by the client; one session of a user has it."),
    ("name", "string", "", "What people read."),
    ("description", "string", "", "More of that."),
    ("startTimeMillis", "string", "int64", "First instant, Unix milliseconds."),
    ("endTimeMillis", "string", "int64", "Last instant, Unix milliseconds."),
    ("modifiedTimeMillis", "string", "int64", "When it was last changed, Unix milliseconds; set by the server."),
    ("activeTimeMillis", "string", "int64", "Milliseconds without pauses."),
    ("activityType", "integer", "int32", "A number of the table of activity types."),
    ("application", "Application", "", "Who wrote it."),
];

const APPLICATION: [Member; 4] = [
    ("name", "string", "", "Needed when a session is put."),
    ("version", "string", "", "Of the application."),
    ("detailsUrl", "string", "", "Where one reads more about it."),
    ("packageName", "string", "", "Of an Android application."),
];

const LIST: [Member; 4] = [
    ("session", "[Session", "", "What was asked for; absent when empty."),
    ("deletedSession", "[Session", "", "With includeDeleted, what was deleted since the page token."),
    ("nextPageToken", "string", "", "Continues a list of changes, now or later; absent for a window."),
    ("hasMoreData", "boolean", "", "Never set."),
];

/// Whether any answer can have a member of this name.
pub fn is_member(name: &str) -> bool {
    SESSION.iter().chain(&APPLICATION).chain(&LIST).any(|(member, ..)| *member == name)
}

/// Stands for the server's address until somebody asks.
const ROOT: &str = "https://server.invalid/";

/// The document for a server that is reached under `host`, by this scheme. It is put together once: whoever asks for it
/// needs no token, and must not be able to keep us busy.
pub fn document(scheme: &str, host: &str) -> String {
    static DOCUMENT: LazyLock<String> = LazyLock::new(|| format!("{:#}", of_root(ROOT)));
    // As JSON, since a host is what the client says.
    let root = Value::from(format!("{scheme}://{host}/")).to_string();
    DOCUMENT.replace(ROOT, root.trim_matches('"'))
}

fn of_root(root: &str) -> Value {
    json!({
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "fitness:v1",
        "name": "fitness",
        "version": "v1",
        "revision": "20250819",
        "title": "Sessions API",
        "description": "The sessions part of the Fitness API, served by fitferry.",
        "ownerName": "fitferry",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "fitness/v1/users/",
        "basePath": "/fitness/v1/users/",
        "baseUrl": format!("{root}fitness/v1/users/"),
        "batchPath": "batch",
        "parameters": {
            "alt": parameter("string", "query", "Only json."),
            "fields": parameter("string", "query", "The members that the answer is to have."),
            "prettyPrint": {"type": "boolean", "location": "query", "default": "true", "description": "Line breaks and indentation."},
            "key": parameter("string", "query", "Ignored."),
            "quotaUser": parameter("string", "query", "Ignored."),
        },
        "schemas": {
            "Session": schema("Session", &SESSION),
            "Application": schema("Application", &APPLICATION),
            "ListSessionsResponse": schema("ListSessionsResponse", &LIST),
        },
        "resources": {"users": {"resources": {"sessions": {"methods": methods()}}}},
    })
}

fn methods() -> Value {
    let one = json!({
        "userId": parameter("string", "path", "Only me."),
        "sessionId": parameter("string", "path", "The session's id."),
    });
    let mut list = json!({
        "userId": parameter("string", "path", "Only me."),
        "startTime": parameter("string", "query", "RFC 3339: sessions that end after it."),
        "endTime": parameter("string", "query", "RFC 3339: sessions that start before it."),
        "pageToken": parameter("string", "query", "What changed after the answer that had it; ignored with a time."),
        "includeDeleted": parameter("boolean", "query", "Tell of deleted sessions too; needs both times absent."),
        "activityType": parameter("integer", "query", "Only sessions of these types."),
    });
    list["activityType"]["repeated"] = json!(true);
    list["activityType"]["format"] = json!("int32");
    json!({
        "update": method("update", "PUT", "{+userId}/sessions/{+sessionId}", &one, json!({
            "request": {"$ref": "Session"}, "response": {"$ref": "Session"},
        })),
        "delete": method("delete", "DELETE", "{+userId}/sessions/{+sessionId}", &one, json!({})),
        "list": method("list", "GET", "{+userId}/sessions", &list, json!({
            "response": {"$ref": "ListSessionsResponse"},
        })),
    })
}

fn method(name: &str, verb: &str, path: &str, parameters: &Value, types: Value) -> Value {
    let order: Vec<&str> = ["userId", "sessionId"].into_iter().filter(|name| parameters.get(name).is_some()).collect();
    let mut method = json!({
        "id": format!("fitness.users.sessions.{name}"),
        "httpMethod": verb,
        // Plain expansion, so that what is reserved in an id is percent-encoded.
        "path": path.replace('+', ""),
        "flatPath": path.replace('+', ""),
        "parameters": parameters,
        "parameterOrder": order,
    });
    if let (Some(method), Value::Object(types)) = (method.as_object_mut(), types) {
        method.extend(types);
    }
    method
}

fn parameter(kind: &str, location: &str, description: &str) -> Value {
    let mut parameter = json!({"type": kind, "location": location, "description": description});
    if location == "path" {
        parameter["required"] = json!(true);
    }
    parameter
}

fn schema(id: &str, members: &[Member]) -> Value {
    let properties: Map<String, Value> = members
        .iter()
        .map(|(name, kind, format, description)| {
            let mut property = match kind.strip_prefix('[') {
                Some(item) => json!({"type": "array", "items": {"$ref": item}}),
                None if kind.starts_with(char::is_uppercase) => json!({"$ref": kind}),
                None => json!({"type": kind}),
            };
            if !format.is_empty() {
                property["format"] = json!(format);
            }
            property["description"] = json!(description);
            ((*name).to_owned(), property)
        })
        .collect();
    json!({"id": id, "type": "object", "properties": properties})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Session;
    use std::collections::BTreeSet;

    #[test]
    fn the_document_has_the_address_that_was_asked() {
        for host in ["localhost:8730", "a\"b\\c\""] {
            let document: Value = serde_json::from_str(&document("http", host)).unwrap();
            assert_eq!(document, of_root(&format!("http://{host}/")));
        }
    }

    /// What is described is what is served: a session with every member has these and no others.
    #[test]
    fn the_schema_is_that_of_the_type() {
        let strings: Map<String, Value> =
            APPLICATION.iter().map(|(name, ..)| ((*name).to_owned(), json!("x"))).collect();
        let mut full: Map<String, Value> = SESSION
            .iter()
            .map(|(name, kind, format, _)| {
                let value = if *kind == "integer" || *format == "int64" { json!("1") } else { json!("x") };
                ((*name).to_owned(), value)
            })
            .collect();
        full.insert("application".to_owned(), Value::Object(strings.clone()));
        let session: Session = serde_json::from_value(Value::Object(full.clone())).unwrap();
        let written = serde_json::to_value(&session).unwrap();
        let names = |map: &Map<String, Value>| map.keys().cloned().collect::<BTreeSet<_>>();
        assert_eq!(names(written.as_object().unwrap()), names(&full));
        assert_eq!(names(written["application"].as_object().unwrap()), names(&strings));
        for (name, kind, format, _) in SESSION {
            let is_number = written[name].is_number();
            assert_eq!(is_number, kind == "integer", "{name}");
            assert!(format != "int64" || written[name].is_string(), "{name}");
        }
    }
}
