//! What a session must satisfy before the server takes it.

use super::error::ApiError;
use crate::session::Session;
use jiff::Timestamp;

/// Bytes an id may have; the API documents no limit, and a URL has one.
const LONGEST_ID: usize = 1024;

/// Reads the body of an update of the session that the path names.
pub fn session(id: &str, body: &[u8]) -> Result<Session, ApiError> {
    let session: Session =
        serde_json::from_slice(body).map_err(|error| ApiError::invalid(format!("Invalid session: {error}")))?;
    if session.id != id {
        return Err(ApiError::invalid(format!("The id in the path is {id}, the one in the body {}.", session.id)));
    }
    if id.is_empty() || id.len() > LONGEST_ID {
        return Err(ApiError::invalid(format!("A session id has 1 to {LONGEST_ID} bytes.")));
    }
    if session.end_time_millis < session.start_time_millis {
        return Err(ApiError::invalid("endTimeMillis is before startTimeMillis."));
    }
    if session.active_time_millis.is_some_and(i64::is_negative) {
        return Err(ApiError::invalid("activeTimeMillis is negative."));
    }
    if session.known_activity_type().is_none() {
        return Err(ApiError::invalid(format!("Unknown activityType {}.", session.activity_type)));
    }
    for time in [session.start_time_millis, session.end_time_millis] {
        if Timestamp::from_millisecond(time).is_err() {
            return Err(ApiError::invalid(format!("{time} is not a time in milliseconds.")));
        }
    }
    if session.application.as_ref().is_none_or(|application| application.name.is_none()) {
        return Err(ApiError::invalid("application.name is missing."));
    }
    Ok(session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn sample() -> Value {
        json!({
            "id": "a", "name": "n", "startTimeMillis": 1000, "endTimeMillis": "2000", "activityType": 8,
            "application": {"name": "test"}, "version": 1, "lastModifiedToken": "ignored",
        })
    }

    #[test]
    fn numbers_and_strings_are_taken_and_unknown_members_ignored() {
        let session = session("a", sample().to_string().as_bytes()).unwrap();
        assert_eq!((session.start_time_millis, session.end_time_millis), (1000, 2000));
    }

    #[test]
    fn each_fault_is_named() {
        for (member, value, word) in [
            ("id", json!("b"), "path"),
            ("name", Value::Null, "name"),
            ("startTimeMillis", json!("soon"), "soon"),
            ("startTimeMillis", json!(1.5), "1.5"),
            ("startTimeMillis", json!(2001), "before"),
            ("endTimeMillis", json!(i64::MAX), "milliseconds"),
            ("activeTimeMillis", json!("-1"), "activeTimeMillis"),
            ("activityType", json!(6), "activityType"),
            ("application", json!({}), "application.name"),
        ] {
            let mut body = sample();
            body[member] = value;
            let error = format!("{:?}", session("a", body.to_string().as_bytes()).unwrap_err());
            assert!(error.contains(word), "{member}: {error}");
        }
        for body in ["", "[]", "{", "null"] {
            assert!(session("a", body.as_bytes()).is_err());
        }
    }
}
