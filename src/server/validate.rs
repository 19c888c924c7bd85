//! What a session must satisfy before the server takes it, and what a list request asks for.

use super::error::ApiError;
use crate::session::Session;
use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;

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

/// Which sessions a list request wants.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// RFC 3339 in the request, Unix milliseconds here.
    pub start_ms: Option<i64>,
    pub end_ms: Option<i64>,
    /// Only these, if any are named.
    pub activity_types: Vec<i64>,
}

impl Query {
    pub fn parse(query: &str) -> Result<Self, ApiError> {
        let mut parsed = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "startTime" => parsed.start_ms = Some(time(&name, &value)?),
                "endTime" => parsed.end_ms = Some(time(&name, &value)?),
                "activityType" => {
                    let number =
                        value.parse().map_err(|_| ApiError::invalid(format!("Invalid activityType {value}.")))?;
                    parsed.activity_types.push(number);
                }
                _ => {}
            }
        }
        Ok(parsed)
    }
}

fn time(name: &str, value: &str) -> Result<i64, ApiError> {
    // A plus that was not percent-encoded arrives as a blank.
    let text = value.replace(' ', "+");
    match text.parse::<Timestamp>() {
        Ok(time) => Ok(time.as_millisecond()),
        Err(_) if is_beyond(&text) => Ok(Timestamp::MAX.as_millisecond()),
        Err(_) => Err(ApiError::invalid(format!("Invalid {name} \"{value}\": not an RFC 3339 time."))),
    }
}

/// Whether it is a time in the last hours of the year 9999, which a timestamp does not reach: people mean "for ever".
fn is_beyond(text: &str) -> bool {
    Pieces::parse(text).is_ok_and(|pieces| {
        pieces.date().year() == 9999 && pieces.time().is_some() && pieces.to_numeric_offset().is_some()
    })
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

    #[test]
    fn queries() {
        let query = Query::parse("startTime=2014-04-01T00:00:00.000Z&endTime=2014-04-30T23:59:59.999%2B00:00");
        let expected =
            Query { start_ms: Some(1_396_310_400_000), end_ms: Some(1_398_902_399_999), activity_types: vec![] };
        assert_eq!(query.unwrap(), expected);
        assert_eq!(Query::parse("activityType=8&activityType=1&fields=x").unwrap().activity_types, [8, 1]);
        let end = Query::parse("endTime=9999-12-31T23:59:59Z").unwrap().end_ms;
        assert_eq!(end, Some(Timestamp::MAX.as_millisecond()));
        assert!(Query::parse("endTime=9999-12-31").is_err());
        assert!(Query::parse("startTime=yesterday").is_err());
        assert!(Query::parse("activityType=run").is_err());
    }
}
